"""What an attack's rates mean for people, and whether differences between attacks or defenses can be told.

Precision at a prior, TNR at low FNR, how much of what is found is found again (over seeds, by another attack), and
paired comparisons over seeds with Holm's correction.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mia_core.errors import ArrayError, SettingsError
from mia_core.inputs import check_scores
from mia_core.intervals import Interval, over_seeds
from mia_core.metrics import tpr_at_fpr

PRIORS = (0.5, 0.1, 0.01)
"""Shares of members among the candidates for which precision is shown."""


def precision_at(prior: float, tpr: float, fpr: float) -> float | None:
    """Probability that an example called a member is one, where a share `prior` of candidates are members.

    prior TPR / (prior TPR + (1 - prior) FPR); None where nobody is called a member (Jayaraman et al. 2021, "Revisiting
    Membership Inference Under Realistic Assumptions", PPV). Raises `SettingsError` for a number outside 0 ... 1.
    """
    for name, value in (("prior", prior), ("tpr", tpr), ("fpr", fpr)):
        if not 0 <= value <= 1:
            raise SettingsError(f"{name}: expected 0 to 1, found {value}")
    called = prior * tpr + (1 - prior) * fpr
    return prior * tpr / called if called > 0 else None


@dataclass(frozen=True)
class LowFnr:
    """The largest TNR of a real threshold whose FNR does not exceed `level`: who is surely *not* a member.

    tnr, fnr (realised), true_negatives, false_negatives, threshold (a score at or below it is called a non-member);
    all None with a `reason` where not measurable. threshold alone is None where nobody is called a non-member.
    """

    level: float
    tnr: float | None = None
    fnr: float | None = None
    true_negatives: int | None = None
    false_negatives: int | None = None
    threshold: float | None = None
    reason: str | None = None


def tnr_at_fnr(scores: Any, members: Any, level: float) -> LowFnr:
    """`metrics.tpr_at_fpr` with the two sides exchanged: same rule, whole blocks of ties, nothing interpolated."""
    values, inside = check_scores(scores, members)
    found = tpr_at_fpr(-values, ~inside, level)
    if found.reason is not None:
        return LowFnr(level, reason=found.reason.replace("non-members", "members"))
    threshold = None if found.threshold is None else -found.threshold
    return LowFnr(level, found.tpr, found.fpr, found.true_positives, found.false_positives, threshold)


@dataclass(frozen=True)
class Overlap:
    """How far S sets of examples agree.

    coverage  number of examples in at least one set; core: in all of them
    jaccard   mean over pairs of sets of |both| / |either|; None for a single set or where all pairs are empty
    sizes     number of examples in each set
    """

    coverage: int
    core: int
    jaccard: float | None
    sizes: tuple[int, ...]


def overlap(found: Any) -> Overlap:
    """Overlap of the sets in `found`, bool [S, N]: row s marks the true positives of seed or attack s.

    The rows must judge the same examples with the same membership: the same target attacked by several attacks, or
    one split trained with several seeds. A pair of empty sets is left out of the mean. (Wang et al. 2025, "Membership
    Inference Attacks as Privacy Tools: Reliability, Disparity and Ensemble", coverage and stability.) Raises
    `ArrayError` for another type or shape.
    """
    sets = np.asarray(found)
    if sets.dtype != bool or sets.ndim != 2 or len(sets) == 0:
        raise ArrayError(f"true positives: found {sets.dtype} {sets.shape}; expected bool [S, N], S at least 1")
    pairs = [jaccard(first, second) for first, second in itertools.combinations(sets, 2)]
    known = [value for value in pairs if value is not None]
    return Overlap(
        int(sets.any(axis=0).sum()),
        int(sets.all(axis=0).sum()),
        sum(known) / len(known) if known else None,
        tuple(int(size) for size in sets.sum(axis=1)),
    )


def jaccard(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> float | None:
    """|both| / |either| of two sets bool [N], 0 to 1; None where both are empty."""
    either = int((first | second).sum())
    return int((first & second).sum()) / either if either else None


@dataclass(frozen=True)
class Comparison:
    """`first` against `second` on the same seeds.

    difference  mean of first - second with Student's interval, not corrected; p: of the paired t-test, None for a
                single seed; adjusted: p after Holm's correction over all comparisons made together
    verdict     "higher" or "lower" (first than second) where `adjusted` is at most alpha, else "cannot be told"
    """

    first: str
    second: str
    difference: Interval
    p: float | None
    adjusted: float | None
    verdict: Literal["higher", "lower", "cannot be told"]


def compare(values: Mapping[str, Sequence[float]], alpha: float = 0.05, against: str | None = None) -> list[Comparison]:
    """Paired comparisons over seeds, all pairs in order or every name `against` one of them.

    values  name of an attack or defense -> its measure for each seed, the seeds in the same order for all
    Raises `SettingsError` for an alpha outside 0 ... 1 or an unknown name, `ArrayError` for lists of different length.
    """
    if not 0 < alpha < 1:
        raise SettingsError(f"alpha: expected a number between 0 and 1, found {alpha}")
    if against is not None and against not in values:
        raise SettingsError(f"against: unknown {against!r}; known: {', '.join(values)}")
    lengths = {name: len(seeds) for name, seeds in values.items()}
    if len(set(lengths.values())) > 1:
        raise ArrayError(f"values over seeds: found {lengths}; expected the same seeds for all")
    chosen = itertools.combinations(values, 2) if against is None else ((n, against) for n in values if n != against)
    made = []
    for first, second in chosen:
        differences = np.asarray(values[first], dtype=np.float64) - np.asarray(values[second], dtype=np.float64)
        made.append((first, second, over_seeds(differences, 1 - alpha), paired_p(differences)))
    tested = [p for *_, p in made if p is not None]
    adjusted = iter(holm(tested))
    results = []
    for first, second, difference, p in made:
        corrected = None if p is None else next(adjusted)
        told = corrected is not None and corrected <= alpha
        verdict = "cannot be told" if not told else "higher" if difference.mean > 0 else "lower"
        results.append(Comparison(first, second, difference, p, corrected, verdict))
    return results


def paired_p(differences: Sequence[float] | NDArray[np.float64]) -> float | None:
    """Two-sided p of Student's paired t-test for `differences` over seeds; None for fewer than two, 1 if all are 0."""
    from scipy.special import stdtr

    values = np.sort(np.asarray(differences, dtype=np.float64))
    if len(values) < 2:
        return None
    mean, error = values.mean(), values.std(ddof=1) / np.sqrt(len(values))
    if error == 0:
        return 1.0 if mean == 0 else 0.0
    return float(2 * stdtr(len(values) - 1, -abs(mean / error)))


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's adjusted p-values, in the given order: reject where at most alpha, and the chance of even one wrong
    rejection among all is at most alpha, however the tests depend on each other (Holm 1979)."""
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted.tolist()
