"""Judges claims: a claim is a test on paired seeds with a stated threshold, and a verdict is what the run says."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from mia_core.base.errors import SettingsError
from mia_core.measures.intervals import over_seeds
from mia_core.measures.paired import holm, p_value

if TYPE_CHECKING:
    import pandas as pd

HOLDS, DOES_NOT_HOLD, CANNOT_TELL = "holds", "does not hold", "cannot be told"
Outcome = Literal["holds", "does not hold", "cannot be told"]


@dataclass(frozen=True)
class Claim:
    """That `measure` under the defenses `of` is lower, higher or the same as under `than`.

    text       the claim in words; source: where it is made
    than       other defenses, or a fixed value such as 0.5, what guessing would give
    direction  "lower" or "higher" by more than `margin`, or the "same" to within `margin`
    margin     in the unit of the measure
    """

    text: str
    source: str
    measure: str
    of: str
    than: str | float
    direction: Literal["lower", "higher", "same"]
    margin: float = 0.0

    @property
    def threshold(self) -> str:
        """Where the interval of the difference must lie for the claim to hold, in words: "holds below -0.01"."""
        if self.direction == "same":
            return f"holds within {0 - self.margin:+g} to {self.margin:+g}"
        return f"holds below {0 - self.margin:+g}" if self.direction == "lower" else f"holds above {self.margin:+g}"


@dataclass(frozen=True)
class Verdict:
    """What the paired seeds say of a claim: the mean difference `of` - `than`, its t-interval, the number of seeds.

    No seeds and no difference where the measure was not measurable in any of them.
    """

    claim: Claim
    outcome: Outcome
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
    Raises `SettingsError` where the table lacks one of the two combinations, the attack or the measure, or has a seed
    twice.
    """
    rows = table[table["attack"] == attack]
    if claim.measure not in table.columns:
        raise SettingsError(f"claim: the table has no measure {claim.measure}")

    def by_seed(name: str) -> "pd.Series":
        values = rows[rows["defenses"] == name].set_index("seed")[claim.measure]
        if not values.index.is_unique:
            raise SettingsError(f"claim: the table has several rows of {attack} on {name} for one seed")
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


def corrected(verdicts: Sequence[Verdict], confidence: float = 0.95) -> list[Verdict]:
    """The verdicts of one family of comparisons after Holm's correction: what it does not bear out cannot be told.

    confidence  that of the verdicts' intervals. With it a family says something false of a claim no more often than
                1 - `confidence`; the intervals stay as they are. A single verdict is not changed

    The p-value behind a verdict is that at which its interval would just touch the threshold.
    """
    adjusted = holm([_p_value(verdict, confidence) for verdict in verdicts])
    return [
        replace(verdict, outcome=verdict.outcome if p <= 1 - confidence else CANNOT_TELL)
        for verdict, p in zip(verdicts, adjusted, strict=True)
    ]


def _p_value(verdict: Verdict, confidence: float) -> float:
    from scipy.special import stdtrit

    if verdict.difference is None or verdict.low is None or verdict.high is None:
        return 1.0
    margin, mean = verdict.claim.margin, verdict.difference
    distance = {"same": margin - abs(mean), "lower": mean + margin, "higher": mean - margin}[verdict.claim.direction]
    half = (verdict.high - verdict.low) / 2
    if half == 0:  # without any spread, the mean alone decides
        return 0.0
    return p_value(distance, half / stdtrit(verdict.seeds - 1, (1 + confidence) / 2), verdict.seeds)


def _outcome(claim: Claim, low: float | None, high: float | None) -> Outcome:
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
