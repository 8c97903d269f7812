"""Several attacks on the same examples: which of them finds more than the best of as many guesses would.

Westfall and Young 1993, "Resampling-Based Multiple Testing", the single-step max-T: membership is permuted, and each
attack's result is held against the best result that any attack has on the permuted membership. This keeps the
correlation between attacks, which Bonferroni's correction ignores.
"""

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from mia_core.attacks.contract import Flags, Floats
from mia_core.measures.metrics import most_false_positives

PERMUTATIONS = 999
AT_ONCE = 2**22
"""Numbers of permuted membership that are held at a time."""


@dataclass(frozen=True)
class Permuted:
    """What max-T says of one statistic of one attack.

    value     the statistic itself
    p         chance of so large a value of any of the statistics, if membership had nothing to do with the scores
    z         how many standard deviations of its own permuted values it lies above their mean
    """

    value: float
    p: float
    z: float


def max_t(
    scores: Mapping[str, Floats],
    members: Flags,
    strata: NDArray[np.int64] | None = None,
    level: float | None = 0.01,
    permutations: int = PERMUTATIONS,
    seed: int = 0,
) -> dict[tuple[str, str], Permuted]:
    """For each attack and statistic ("auc" and, unless `level` is None, "tpr", the TPR at that FPR), its max-T p-value.

    scores  by attack, float64 [N], higher = more likely a member; members: bool [N]
    strata  int [N]: membership is only exchanged within equal values, as between the examples of one fold, whose scores
            were made by the same fitted attack
    A p-value is at least 1 / (`permutations` + 1). Where there are no more memberships than that in all, each is tried
    once. Each statistic is standardised by its own permuted values first, so that one with few different values, such
    as that of the gap attack, counts no less than others.
    """
    parts = [_Aucs(list(scores.values()), members)]
    names = [(name, "auc") for name in scores]
    if level is not None and most_false_positives(int((~members).sum()), level):
        parts += [_Tpr(values, members, level) for values in scores.values()]
        names += [(name, "tpr") for name in scores]
    every = strata is None and math.comb(len(members), int(members.sum())) <= permutations + 1
    drawn = _every(members) if every else _permuted(members, strata, permutations, seed)
    rows = [np.column_stack([part(some) for part in parts]) for some in (members[None], *drawn)]
    found = np.concatenate(rows)
    centre, spread = found.mean(axis=0), found.std(axis=0)
    z = (found - centre) / np.where(spread > 0, spread, 1)
    largest = z.max(axis=1)
    p = (largest[:, None] >= z[0] - 1e-12).mean(axis=0)
    return {name: Permuted(float(found[0, i]), float(p[i]), float(z[0, i])) for i, name in enumerate(names)}


class _Aucs:
    """AUCs [P, A] of memberships [P, N] by midranks (Mann and Whitney 1947), which are the same for every membership.

    Midranks are multiples of one half, so that their sums are exact, in whatever order a product adds them.
    """

    def __init__(self, scores: Sequence[Floats], members: Flags) -> None:
        self.ranks = np.column_stack([rankdata(values) for values in scores])
        inside = int(members.sum())
        self.least, self.pairs = inside * (inside + 1) / 2, inside * (len(members) - inside)

    def __call__(self, members: Flags) -> Floats:
        return (members.astype(np.float64) @ self.ranks - self.least) / self.pairs


class _Tpr:
    """Largest TPRs [P] of thresholds, whole blocks of ties, whose FPR is at most `level`, of memberships [P, N]."""

    def __init__(self, scores: Floats, members: Flags, level: float) -> None:
        self.order = np.argsort(-scores, kind="stable")
        self.last = np.append(np.diff(scores[self.order]) != 0, True)  # of each block of ties
        self.inside = int(members.sum())
        self.allowed = most_false_positives(len(members) - self.inside, level)

    def __call__(self, members: Flags) -> Floats:
        # Rarely do more than a few times the allowed number of rows have to be looked at.
        looked_at = 8 * (self.allowed + 8)
        while True:
            top = members[:, self.order[:looked_at]]
            within = np.cumsum(~top, axis=1) <= self.allowed
            if looked_at >= members.shape[1] or not within[:, -1].any():
                break
            looked_at *= 4
        # The last end of a block of ties within the allowed number, and the members up to there.
        ends = np.where(within & self.last[: top.shape[1]], np.arange(1, top.shape[1] + 1), 0).max(axis=1)
        reached = np.cumsum(top, axis=1)[np.arange(len(top)), np.maximum(ends - 1, 0)]
        return np.where(ends > 0, reached, 0) / self.inside


def _every(members: Flags) -> Iterator[Flags]:
    """Every membership with as many members but the given one, which is counted already."""
    for inside in itertools.combinations(range(len(members)), int(members.sum())):
        drawn = np.zeros((1, len(members)), dtype=bool)
        drawn[0, list(inside)] = True
        if (drawn[0] != members).any():
            yield drawn


def _permuted(members: Flags, strata: NDArray[np.int64] | None, permutations: int, seed: int) -> Iterator[Flags]:
    random = np.random.default_rng(seed)
    groups = [np.arange(len(members))]
    if strata is not None:
        groups = [np.flatnonzero(strata == value) for value in np.unique(strata)]
    for start in range(0, permutations, step := max(1, AT_ONCE // len(members))):
        drawn = np.empty((min(step, permutations - start), len(members)), dtype=bool)
        for group in groups:
            drawn[:, group] = random.permuted(np.broadcast_to(members[group], (len(drawn), len(group))), axis=1)
        yield drawn
