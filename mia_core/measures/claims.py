"""Judges claims: a claim is a test on paired seeds with a stated threshold, and a verdict is what the run says."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from mia_core.base.errors import SettingsError
from mia_core.defenses import same_predictions
from mia_core.measures.counts import errors
from mia_core.measures.intervals import over_seeds
from mia_core.measures.metrics import level_of
from mia_core.measures.paired import holm, p_value

if TYPE_CHECKING:
    import pandas as pd

HOLDS, DOES_NOT_HOLD, NO_EFFECT, CANNOT_TELL = "holds", "does not hold", "no material effect", "cannot be told"
Outcome = Literal["holds", "does not hold", "no material effect", "cannot be told"]
OUTCOMES: tuple[Outcome, ...] = (HOLDS, DOES_NOT_HOLD, NO_EFFECT, CANNOT_TELL)
NEGLIGIBLE = 0.01
"""A difference of accuracies, recalls or AUCs up to this is not material: one example in a hundred. Of a TPR at an FPR
it is half of that FPR, half of what guessing finds."""
OF_CLASSES = ("target_train_accuracy", "target_accuracy", "generalisation_gap", "shadow_accuracy")
"""Measures of the predicted classes alone."""
READ_CLASSES = ("gap", "label-only")
"""Attacks that read the predicted class and nothing else."""


def negligible(measure: str) -> float | None:
    """The largest difference of a measure that is not material; None where none is stated, as of what is no share."""
    level = level_of(measure)
    if level:
        return level / 2
    shares = ("attack_accuracy", "balanced_accuracy", "recall_members", "recall_non_members", "auc", *OF_CLASSES)
    return NEGLIGIBLE if measure in shares else None


@dataclass(frozen=True)
class Claim:
    """That `measure` under the defenses `of` is lower, higher or the same as under `than`.

    text       the claim in words; source: where it is made
    than       other defenses, or a fixed value such as 0.5, what guessing would give
    direction  "lower" or "higher" by more than `margin`, or the "same" to within `margin`
    margin     in the unit of the measure
    material   how large a difference must be to matter, in the same unit; by default that of `negligible`
    """

    text: str
    source: str
    measure: str
    of: str
    than: str | float
    direction: Literal["lower", "higher", "same"]
    margin: float = 0.0
    material: float | None = None

    @property
    def equivalence(self) -> float | None:
        """Differences up to this have no material effect; None for claims that two sides are the same, which state
        their own margin, and where none is known for the measure."""
        if self.direction == "same":
            return None
        return negligible(self.measure) if self.material is None else self.material

    @property
    def thresholds(self) -> tuple[float, ...]:
        """All values at which the outcome may turn, and 0."""
        sizes = {0.0, self.margin, self.equivalence or 0.0}
        return tuple(sorted({sign * size for size in sizes for sign in (-1, 1)}))

    @property
    def threshold(self) -> str:
        """Where the interval of the difference must lie for an outcome, in words: "holds below -0.01; no material
        effect within -0.01 to +0.01"."""
        if self.direction == "same":
            return f"holds within {0 - self.margin:+g} to {self.margin:+g}"
        side = f"holds below {0 - self.margin:+g}" if self.direction == "lower" else f"holds above {self.margin:+g}"
        within = self.equivalence
        return side if within is None else f"{side}; no material effect within {-within:+g} to {within:+g}"


@dataclass(frozen=True)
class Verdict:
    """What the paired seeds say of a claim: the mean difference `of` - `than`, its interval, the number of seeds.

    No seeds and no difference where the measure was not measurable in any of them.
    certain  why no chance is in the difference, such as "by construction"; empty where there is some
    """

    claim: Claim
    outcome: Outcome
    difference: float | None
    low: float | None
    high: float | None
    seeds: int
    certain: str = ""

    @property
    def holds(self) -> bool:
        """Whether the claim holds; a claim that cannot be told does not count as held."""
        return self.outcome == HOLDS


def judge(
    claim: Claim, table: "pd.DataFrame", attack: str = "adversary1", confidence: float = 0.95, certain: str = ""
) -> Verdict:
    """Judge a claim on a study's table: differences within each seed, and their interval over seeds (`over_seeds`).

    "lower" holds where the whole interval lies below -margin and does not hold where it lies above; "higher" likewise;
    "same" holds where it lies within the margin and does not where it lies outside. Where an interval straddles, the
    claim has no material effect if all of it lies within `Claim.equivalence` of 0, else it cannot be told. This is the
    test of two one-sided tests (Schuirmann 1987) with the interval that is shown, of confidence 1 - alpha; that of
    1 - 2 alpha, which would do, says it more often. With a single seed there is no interval and nothing can be told,
    nor where the measure was not measurable.

    What depends on the predicted classes alone is certain where both sides answer the same ones by construction.
    certain  why no chance is in the table's values at all, such as "as printed"
    Raises `SettingsError` where the table lacks one of the two combinations, the attack or the measure, or has a seed
    twice.
    """
    rows = table[table["attack"] == attack]
    if claim.measure not in table.columns:
        raise SettingsError(f"claim: the table has no measure {claim.measure}")

    def by_seed(name: str) -> "pd.DataFrame":
        chosen = rows[rows["defenses"] == name]
        values = chosen.set_index("seed")[[claim.measure]].set_axis(["value"], axis=1).astype(float)
        if not values.index.is_unique:
            raise SettingsError(f"claim: the table has several rows of {attack} on {name} for one seed")
        if values.empty:
            known = ", ".join(rows["defenses"].unique())
            raise SettingsError(f"claim: the table has no {attack} on {name}; it has: {known or 'no such attack'}")
        return values.assign(error=errors(chosen, claim.measure))

    paired = isinstance(claim.than, str)
    than = by_seed(claim.than) if paired else by_seed(claim.of).assign(value=claim.than, error=0.0)
    of = by_seed(claim.of)
    differences = (of["value"] - than["value"]).dropna()
    if differences.empty:
        return Verdict(claim, CANNOT_TELL, None, None, None, 0)
    if paired and not differences.any() and _of_same_classes(claim, attack):
        certain = "by construction"
    if certain:
        mean = float(differences.mean())
        return Verdict(claim, _outcome(claim, mean, mean), mean, mean, mean, len(differences), certain)
    spread = np.hypot(of["error"], than["error"]).loc[differences.index]
    found = over_seeds(differences, confidence, spread, paired)
    outcome = _outcome(claim, found.low, found.high)
    return Verdict(claim, outcome, found.mean, found.low, found.high, len(differences))


def _of_same_classes(claim: Claim, attack: str) -> bool:
    return (claim.measure in OF_CLASSES or attack in READ_CLASSES) and same_predictions(claim.of, str(claim.than))


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
    if verdict.certain:
        return 0.0
    if verdict.difference is None or verdict.low is None or verdict.high is None:
        return 1.0
    margin, mean = verdict.claim.margin, verdict.difference
    distance = {"same": margin - abs(mean), "lower": mean + margin, "higher": mean - margin}[verdict.claim.direction]
    if verdict.outcome == NO_EFFECT:
        distance = verdict.claim.equivalence - abs(mean)
    return p_value(distance, (verdict.high - verdict.low) / 2, verdict.seeds, confidence)


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
    if high <= claim.margin:
        return DOES_NOT_HOLD
    within = claim.equivalence
    return NO_EFFECT if within is not None and -within <= low and high <= within else CANNOT_TELL
