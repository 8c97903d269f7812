"""Scores sorted into blocks of ties: the counts from which thresholds, ROC, AUC and intervals are all taken.

A threshold cannot part equal scores, so the block of ties, not the example, is the unit. Counting by whole blocks
makes every measure independent of the order of the rows.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Blocks:
    """B distinct scores, highest first, and how many members and non-members have each.

    thresholds: float64 [B], strictly falling; members, non_members: int64 [B].
    """

    thresholds: NDArray[np.float64]
    members: NDArray[np.int64]
    non_members: NDArray[np.int64]

    def cut(self, threshold: float) -> int:
        """Number of leading blocks whose score is at least `threshold`."""
        return int((self.thresholds >= threshold).sum())


def tie_blocks(scores: NDArray[np.float64], members: NDArray[np.bool_]) -> Blocks:
    """Blocks of checked `scores` [N] and `members` bool [N]."""
    thresholds, block = np.unique(scores, return_inverse=True)
    inside = np.bincount(block[members], minlength=len(thresholds))
    outside = np.bincount(block[~members], minlength=len(thresholds))
    return Blocks(thresholds[::-1], inside[::-1], outside[::-1])


def best_balanced_threshold(blocks: Blocks) -> float:
    """The score at which predicting "member" from there on has the highest balanced accuracy; the highest on ties."""
    true_rate = np.cumsum(blocks.members) / blocks.members.sum()
    false_rate = np.cumsum(blocks.non_members) / blocks.non_members.sum()
    return float(blocks.thresholds[np.argmax(true_rate - false_rate)])
