"""Whether defenses add up: what a combination does, against the sum of what its parts do alone, over paired seeds."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from mia_core.base.errors import SettingsError
from mia_core.defenses import combination, describe
from mia_core.measures.claims import CANNOT_TELL, NO_EFFECT, negligible
from mia_core.measures.counts import errors
from mia_core.measures.intervals import Interval
from mia_core.measures.paired import paired_tests
from mia_core.measures.text import p_in_words, signed


@dataclass(frozen=True)
class Interaction:
    """A combination against the sum of its parts, on one measure.

    expected    mean over seeds of none + the sum over parts of (part - none): what the parts would do if they added up
    measured    mean over seeds of the combination
    difference  measured - expected, with its interval over seeds, not corrected. For two parts this is the difference
                of differences: what the first does together with the second, minus what it does alone
    p           of the paired test, None for a single seed; adjusted: after Holm's correction over all combinations
    verdict     "above the sum" or "below the sum" where `adjusted` is at most alpha, else "no material effect" where
                they differ by less than `mia_core.measures.claims.negligible`, or "cannot be told"
    """

    defenses: str
    measure: str
    expected: float
    measured: float
    difference: Interval
    p: float | None
    adjusted: float | None
    seeds: int
    verdict: Literal["above the sum", "below the sum", "no material effect", "cannot be told"]


def interactions(
    table: pd.DataFrame, measure: str = "attack_accuracy", attack: str = "adversary1", alpha: float = 0.05
) -> list[Interaction]:
    """Test every combination of two or more defenses in a study's table whose parts, and none, are in it too.

    Seeds in which one of these was not measurable are left out. The scale is that of the measure: near a bound, such
    as an attack accuracy of one half, effects cannot add up, whatever the defenses do.
    Raises `SettingsError` for an alpha outside 0 ... 1, an unknown measure, or where nothing can be tested.
    """
    rows = table[table["attack"] == attack]
    if measure not in rows:
        raise SettingsError(f"interactions: the table has no measure {measure}")
    rows = rows.assign(error=errors(rows, measure))
    values = rows.pivot(index="seed", columns="defenses", values=measure).astype(float)
    known_by = rows.pivot(index="seed", columns="defenses", values="error")
    found = []
    for name in rows["defenses"].unique():
        parts = [describe((part,)) for part in combination(name)]
        if len(parts) < 2 or not {"none", *parts} <= set(values):
            continue
        known = values[["none", name, *parts]].dropna()
        if len(known):
            expected = known["none"] + sum(known[part] - known["none"] for part in parts)
            spread = known_by.loc[known.index]
            squares = spread[[name, *parts]].pow(2).sum(axis=1, skipna=False)
            squares += ((len(parts) - 1) * spread["none"]) ** 2
            found.append((name, expected.to_numpy(), known[name].to_numpy(), np.sqrt(squares).to_numpy()))
    if not found:
        raise SettingsError("interactions: expected none, single defenses and combinations of them, with a common seed")
    verdicts = {"higher": "above the sum", "lower": "below the sum", "same": NO_EFFECT, None: CANNOT_TELL}
    by_name = [measured - expected for _, expected, measured, _ in found]
    differences = paired_tests(by_name, alpha, [error for *_, error in found], negligible(measure))
    return [
        Interaction(
            name, measure, float(expected.mean()), float(measured.mean()), difference.difference, difference.p,
            difference.adjusted, difference.seeds, verdicts[difference.sign],
        )
        for (name, expected, measured, _), difference in zip(found, differences, strict=True)
    ]  # fmt: skip


def interactions_table(found: list[Interaction]) -> pd.DataFrame:
    """One row per combination: the sum of the parts, what was measured, their difference, corrected p, verdict."""
    return pd.DataFrame(
        {
            "defenses": one.defenses,
            "sum of the parts": one.expected,
            "measured": one.measured,
            "difference": signed(one.difference),
            "corrected p": p_in_words(one.adjusted),
            "verdict": one.verdict,
        }
        for one in found
    )


def in_words(found: Iterable[Interaction]) -> str:
    """What each combination does against the sum of its parts: "dropout+masking above the sum, +0.075 [...]; ..."."""
    return "; ".join(f"{one.defenses} {one.verdict}, {signed(one.difference)}" for one in found)


def agreement(found: Sequence[Interaction], other: Sequence[Interaction]) -> str:
    """For how many combinations two measures give the same verdict, in words: "3 of 4 combinations"."""
    verdicts = {one.defenses: one.verdict for one in other}
    same = sum(verdicts.get(one.defenses) == one.verdict for one in found)
    return f"{same} of {len(found)} combinations"
