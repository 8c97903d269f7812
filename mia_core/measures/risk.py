"""What an attack's rates mean for people, and how far attacks agree.

Precision at a prior, TNR at low FNR, and how much of what is found is found again (over seeds, by another attack).
"""

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mia_core.base.errors import ArrayError, SettingsError
from mia_core.gate.arrays import check_scores
from mia_core.measures.metrics import low_fpr
from mia_core.measures.ranking import Blocks, tie_blocks

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
    return low_fnr(tie_blocks(*check_scores(scores, members)), level)


def low_fnr(blocks: Blocks, level: float) -> LowFnr:
    """`tnr_at_fnr` on blocks that are already counted."""
    mirrored = Blocks(-blocks.thresholds[::-1], blocks.non_members[::-1], blocks.members[::-1])
    found = low_fpr(mirrored, level)
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
    pairs = [_jaccard(first, second) for first, second in itertools.combinations(sets, 2)]
    known = [value for value in pairs if value is not None]
    return Overlap(
        int(sets.any(axis=0).sum()),
        int(sets.all(axis=0).sum()),
        sum(known) / len(known) if known else None,
        tuple(int(size) for size in sets.sum(axis=1)),
    )


def _jaccard(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> float | None:
    """|both| / |either| of two sets bool [N], 0 to 1; None where both are empty."""
    either = int((first | second).sum())
    return int((first & second).sum()) / either if either else None
