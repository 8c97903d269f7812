"""Saved outputs and saved scores as tables, .csv or .parquet, by the names of their columns."""

import io
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mia_core.base.errors import ArrayError
from mia_core.base.files import content_of, reason
from mia_core.base.messages import one_line
from mia_core.gate.arrays import Outputs
from mia_core.gate.outputs import check_outputs

if TYPE_CHECKING:
    import pandas as pd

ENDINGS = (".csv", ".parquet")
MEMBER, LABEL = ("member", "members"), ("label", "labels")
VALUES = {"posteriors": r"(?:p|prob|posterior)_(.+)", "logits": r"logit_(.+)"}


def read_table(path: str | os.PathLike[str], content: bytes | None = None, **of_csv: Any) -> "pd.DataFrame":
    """The table at `path`. Raises `ArrayError`, one line, for what is none.

    content  of the file where it was read already; of_csv: how `pandas.read_csv` reads a .csv file
    """
    import pandas as pd

    source = one_line(os.fspath(path))
    try:
        file = io.BytesIO(content_of(os.path.expanduser(path)) if content is None else content)
        return pd.read_parquet(file) if Path(path).suffix.lower() == ".parquet" else pd.read_csv(file, **of_csv)
    except ImportError:
        raise ArrayError(f"{source}: a .parquet file needs pyarrow (pip install pyarrow), or save it as .csv") from None
    except Exception as error:  # pandas raises many kinds of error on damaged files
        raise ArrayError(f"{source}: cannot be read: {reason(error)}") from None


def outputs_of_table(path: str | os.PathLike[str]) -> Outputs:
    """The outputs of one model, one row per example.

    Columns: member (1 or 0); for each class p_NAME (also prob_NAME, posterior_NAME) or logit_NAME, in the order of the
    classes; optionally label, a NAME or its place from 0. Other columns are ignored with a note.
    """
    table, source = read_table(path), one_line(os.fspath(path))
    names = {str(name).strip(): name for name in table.columns}
    found = {role: [name for name in names if re.fullmatch(form, name)] for role, form in VALUES.items()}
    member = next((name for name in MEMBER if name in names), None)
    role = next((role for role, columns in found.items() if columns), None)
    if member is None or role is None:
        shown = one_line(", ".join(names), 200) or "no columns"
        raise ArrayError(f"{source}: found {shown}; expected member, and p_NAME or logit_NAME for each class")
    classes = [re.fullmatch(VALUES[role], name)[1] for name in found[role]]
    label = next((name for name in LABEL if name in names), None)
    used = [member, *found[role], *([] if label is None else [label])]
    ignored = [name for name in names if name not in used]
    return check_outputs(
        members=table[names[member]].to_numpy(),
        labels=None if label is None else _coded(table[names[label]], classes, source),
        source=source,
        names={"members": member} | ({} if label is None else {"labels": label}),
        notes=(f"ignored columns: {one_line(', '.join(ignored), 100)}",) if ignored else (),
        **{role: table[[names[name] for name in found[role]]].to_numpy()},
    )


def scores_of_table(path: str | os.PathLike[str]) -> tuple[list[Any], Any, Any]:
    """Scores of a file that `mia attack`, `mia attack-models` or `mia audit` wrote: sets of scores [N] each, membership
    [N] and, where the file says it, which rows are to be judged [N] or None."""
    table, source = read_table(path), one_line(os.fspath(path))
    member = next((name for name in MEMBER if name in table.columns), None)
    scores = [name for name in table.columns if name not in (*MEMBER, "row", "judged", "rank", "found")]
    if member is None or not scores:
        shown = one_line(", ".join(map(str, table.columns)), 200)
        raise ArrayError(f"{source}: found {shown}; expected member and at least one column of scores")
    judged = table["judged"].to_numpy() if "judged" in table.columns else None
    return [table[name].to_numpy() for name in scores], table[member].to_numpy(), judged


def _coded(column: "pd.Series", classes: list[str], source: str) -> Any:
    """Labels as places of classes: names of the columns where they are names, else numbers as they are."""
    if column.dtype.kind in "iufb" and not set(column.astype(str)) <= set(classes):
        return column.to_numpy()
    place = {name: i for i, name in enumerate(classes)}
    unknown = [name for name in column.astype(str).unique() if name not in place]
    if unknown:
        known = one_line(", ".join(classes), 100)
        raise ArrayError(f"{source}: label: found {one_line(unknown[0], 60)}; expected one of {known}")
    return np.array([place[name] for name in column.astype(str)], dtype=np.int64)
