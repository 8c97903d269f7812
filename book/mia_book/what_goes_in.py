"""Of "What goes in": tables that describe the package, made from the code that enforces what they say."""

import re
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from mia_core.base.errors import MiaError
from mia_core.base.settings import Settings
from mia_core.studies.columns import COLUMNS


def settings_reference(group: type[Settings]) -> pd.DataFrame:
    """Every setting of a group with default, limits and meaning, from its fields and docstrings."""
    meanings = {}
    for part in reversed(group.__mro__):
        meanings |= _listed(part.__doc__ or "")
    rows = []
    for name, field in group.model_fields.items():
        default = field.default
        shown = ", ".join(map(str, default)) if isinstance(default, tuple) else str(default)
        limits = ", ".join(text for item in field.metadata if (text := _limit(item)))
        choices = re.findall(r"'([^']+)'", str(field.annotation)) if "Literal" in str(field.annotation) else []
        rows.append([name, shown, limits or ", ".join(choices), meanings.get(name, "")])
    return pd.DataFrame(rows, columns=["setting", "default", "allowed", "meaning"])


def columns_reference(columns: Mapping[str, tuple[str, str]] = COLUMNS) -> pd.DataFrame:
    """The columns of a table with kind and meaning.

    columns  such as `mia_core.studies.columns.COLUMNS`, those of a study, or
             `mia_core.studies.columns.REFERENCE_COLUMNS`
    """
    return pd.DataFrame([[name, *words] for name, words in columns.items()], columns=["column", "kind", "meaning"])


def refusals(cases: dict[str, Callable[[], Any]]) -> pd.DataFrame:
    """What the package answers to inputs: each case is called, and its error, warning or acceptance written down."""
    rows = []
    for words, call in cases.items():
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                call()
                answer = f"taken, with a warning: {caught[0].message}" if caught else "taken"
            except MiaError as error:
                answer = f"refused: {error}"
        rows.append([words, answer])
    return pd.DataFrame(rows, columns=["input", "answer"])


def array_cases() -> dict[str, Callable[[], Any]]:
    """Small arrays of every kind that people bring, for `refusals`."""
    from mia_core.gate.outputs import check_outputs

    good = np.tile([[0.7, 0.2, 0.1], [0.1, 0.6, 0.3]], (10, 1))
    members, labels = np.arange(20) < 10, np.arange(20) % 2
    nan = good.copy()
    nan[3, 1] = np.nan

    def case(posteriors: Any = good, members: Any = members, labels: Any = None) -> Callable[[], Any]:
        return lambda: check_outputs(posteriors=posteriors, members=members, labels=labels, source="target.npz")

    return {
        "posteriors [N, K] whose rows sum to 1, members true or false": case(),
        "members as 1 and 0 of any number type, in a column": case(members=members.astype(np.int32)[:, None]),
        "labels as whole numbers, in a column, or one-hot": case(labels=np.eye(3)[labels]),
        "logits or percents under the name posteriors": case(100 * good),
        "a value that is no number": case(nan),
        "members coded 1 and 2": case(members=1 + members),
        "members only": case(members=np.ones(20)),
        "labels outside 0 ... K - 1": case(labels=labels + 5),
        "fewer members than rows": case(members=members[:-1]),
        "one column": case(good[:, :1]),
    }


def _listed(docstring: str) -> dict[str, str]:
    """Names and meanings from the lines "name  meaning" of a docstring, continuation lines included."""
    found: dict[str, str] = {}
    name = None
    for line in docstring.splitlines():
        if match := re.match(r" {4}(\w+)  +(\S.*)", line):
            name = match[1]
            found[name] = match[2]
        elif name and re.match(r" {8,}\S", line):
            found[name] += " " + line.strip()
        else:
            name = None
    return found


def _limit(item: Any) -> str:
    signs = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}
    return ", ".join(
        f"{words} {getattr(item, sign):g}" for sign, words in signs.items() if getattr(item, sign, None) is not None
    )
