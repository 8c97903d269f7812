"""Judges claims: a claim is a test on paired seeds with a stated threshold, and a verdict is what the run says."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from mia_core.errors import SettingsError
from mia_core.intervals import over_seeds

if TYPE_CHECKING:
    import pandas as pd

HOLDS, DOES_NOT_HOLD, CANNOT_TELL = "holds", "does not hold", "cannot be told"


@dataclass(frozen=True)
class Claim:
    """That `measure` under the defenses `of` is lower, higher or the same as under `than`.

    text       the claim in words; source: where it is made
    than       other defenses, or a fixed value such as 0.5, what guessing would give
    direction  "lower" or "higher" by more than `margin`, or the "same" to within `margin`
    margin     in the unit of the measure, at least 0
    """

    text: str
    source: str
    measure: str
    of: str
    than: str | float
    direction: Literal["lower", "higher", "same"]
    margin: float = 0.0


@dataclass(frozen=True)
class Verdict:
    """What the paired seeds say of a claim: the mean difference `of` - `than`, its t-interval, the number of seeds.

    No seeds and no difference where the measure was not measurable in any of them.
    """

    claim: Claim
    outcome: Literal["holds", "does not hold", "cannot be told"]
    difference: float | None
    low: float | None
    high: float | None
    seeds: int

    @property
    def holds(self) -> bool:
        """Whether the claim holds; a claim that cannot be told does not count as held."""
        return self.outcome == HOLDS


def judge(claim: Claim, table: "pd.DataFrame", attack: str = "adversary1", confidence: float = 0.95) -> Verdict:
    """Judge a claim on a study's table: differences within each seed, Student's t-interval over seeds.

    "lower" holds where the whole interval lies below -margin, does not hold where it lies above, and cannot be told
    where it straddles; "higher" likewise; "same" holds where it lies within the margin and does not where it lies
    outside. With a single seed there is no interval and nothing can be told, nor where the measure was not measurable.
    Raises `SettingsError` where the table lacks one of the two combinations, the attack or the measure.
    """
    rows = table[table["attack"] == attack]
    if claim.measure not in table.columns:
        raise SettingsError(f"claim: the table has no measure {claim.measure}")

    def by_seed(name: str) -> "pd.Series":
        values = rows[rows["defenses"] == name].set_index("seed")[claim.measure]
        if values.empty:
            known = ", ".join(rows["defenses"].unique())
            raise SettingsError(f"claim: the table has no {attack} on {name}; it has: {known or 'no such attack'}")
        return values.astype(float)

    than = by_seed(claim.than) if isinstance(claim.than, str) else claim.than
    differences = (by_seed(claim.of) - than).dropna()
    if differences.empty:
        return Verdict(claim, CANNOT_TELL, None, None, None, 0)
    found = over_seeds(differences.tolist(), confidence)
    outcome = _outcome(claim, found.low, found.high)
    return Verdict(claim, outcome, found.mean, found.low, found.high, len(differences))


def _outcome(
    claim: Claim, low: float | None, high: float | None
) -> Literal["holds", "does not hold", "cannot be told"]:
    if low is None or high is None:
        return CANNOT_TELL
    if claim.direction == "same":
        if -claim.margin <= low and high <= claim.margin:
            return HOLDS
        return DOES_NOT_HOLD if low > claim.margin or high < -claim.margin else CANNOT_TELL
    if claim.direction == "lower":
        low, high = -high, -low
    if low > claim.margin:
        return HOLDS
    return DOES_NOT_HOLD if high <= claim.margin else CANNOT_TELL
