"""How well scores tell members from non-members: ROC, AUC, TPR at low FPR, accuracies and recalls.

Scores [N], higher = more likely a member; members [N], 1 = member. TPR is the share of members at or above a
threshold, FPR that of non-members. Every point is one that a real threshold reaches; nothing is interpolated
(low-FPR reading: Carlini et al. 2022, "Membership Inference Attacks From First Principles").
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mia_core.base.errors import SettingsError
from mia_core.gate.arrays import check_scores
from mia_core.measures.ranking import Blocks, tie_blocks

LEVELS = (0.01, 0.001)
"""FPR levels of the columns that every table has."""


@dataclass(frozen=True, eq=False)
class Roc:
    """B + 1 points from (0, 0) to (1, 1), one after each block of ties.

    thresholds: float64 [B + 1], the first infinite (nobody is called a member); fpr, tpr: float64 [B + 1].
    """

    thresholds: NDArray[np.float64]
    fpr: NDArray[np.float64]
    tpr: NDArray[np.float64]


@dataclass(frozen=True)
class LowFpr:
    """The largest TPR of a real threshold whose FPR does not exceed `level`.

    tpr, fpr (realised), true_positives, false_positives, threshold; all None with a `reason` where not measurable.
    threshold alone is None where only the threshold above every score stays within the level.
    """

    level: float
    tpr: float | None = None
    fpr: float | None = None
    true_positives: int | None = None
    false_positives: int | None = None
    threshold: float | None = None
    reason: str | None = None


def roc(scores: Any, members: Any) -> Roc:
    """ROC by whole blocks of ties. Raises `ArrayError` through the gate."""
    blocks = _blocks(scores, members)
    rates = [np.concatenate([[0], np.cumsum(counts)]) / counts.sum() for counts in (blocks.non_members, blocks.members)]
    return Roc(np.concatenate([[np.inf], blocks.thresholds]), *rates)


def auc(scores: Any, members: Any) -> float:
    """Probability that a random member scores above a random non-member, ties counting half; from exact counts."""
    blocks = _blocks(scores, members)
    return wins(blocks) / (2 * int(blocks.members.sum()) * int(blocks.non_members.sum()))


def tpr_at_fpr(scores: Any, members: Any, level: float) -> LowFpr:
    """Largest TPR with FPR <= `level` (0 <= level < 1); not measurable below one non-member (see `LowFpr`)."""
    return low_fpr(_blocks(scores, members), level)


def measure(scores: Any, members: Any, threshold: float, levels: tuple[float, ...] = LEVELS) -> dict[str, float | None]:
    """All measures of one attack as columns of a table.

    attack_accuracy, balanced_accuracy, recall_members, recall_non_members at the attack's own `threshold`
    (score >= threshold is called a member), auc, and one `tpr_at_fpr_<level>` per level (None: not measurable).
    """
    blocks = _blocks(scores, members)
    values = from_blocks(blocks, blocks.cut(threshold), levels)
    return {name: None if value is None else float(value) for name, value in values.items()}


def level_column(level: float) -> str:
    """Name of the column for one FPR level: 0.001 gives tpr_at_fpr_0.001."""
    return f"tpr_at_fpr_{np.format_float_positional(level, trim='-')}"


def level_of(column: str) -> float | None:
    """The FPR level of such a column; None for any other."""
    level = re.fullmatch(r"tpr_at_fpr_([\d.]+)", column)
    return float(level[1]) if level else None


def most_false_positives(non_members: int, level: float) -> int | None:
    """How many of `non_members` may be called members at FPR `level`; None where not even one may be measured.

    With fewer than 1/level non-members no threshold has an FPR between 0 and the level. Level 0 is always measurable.
    """
    if not 0 <= level < 1:
        raise SettingsError(f"level: expected an FPR in 0 <= level < 1, found {level}")
    allowed = math.floor(Fraction(str(float(level))) * non_members)  # in decimals: 0.29 of 100 is 29, not 28.99...
    return None if allowed < 1 and level > 0 else allowed


def low_fpr(blocks: Blocks, level: float) -> LowFpr:
    """`tpr_at_fpr` on blocks that are already counted."""
    total = int(blocks.non_members.sum())
    allowed = most_false_positives(total, level)
    if allowed is None:
        needed = math.ceil(1 / Fraction(str(float(level))))
        return LowFpr(level, reason=f"not measurable: {total} non-members, at least {needed} needed")
    false = np.cumsum(blocks.non_members)
    taken = int((false <= allowed).sum())
    positives, falses = int(blocks.members[:taken].sum()), int(blocks.non_members[:taken].sum())
    threshold = float(blocks.thresholds[taken - 1]) if taken else None
    return LowFpr(level, positives / int(blocks.members.sum()), falses / total, positives, falses, threshold)


def from_blocks(blocks: Blocks, cut: int, levels: tuple[float, ...]) -> dict[str, Any]:
    """The columns of `measure` from counted `blocks`, of which `cut` are at or above the attack's threshold."""
    return rates(
        blocks.members.sum(),
        blocks.non_members.sum(),
        blocks.members[:cut].sum(),
        blocks.non_members[:cut].sum(),
        wins(blocks),
        {level: low_fpr(blocks, level).true_positives for level in levels},
    )


def rates(inside: Any, outside: Any, true: Any, false: Any, wins: Any, reached: Mapping[float, Any]) -> dict[str, Any]:
    """The columns of `measure` from counts: whole numbers, or int64 [R] of as many bootstrap replicates.

    inside, outside  members and non-members
    true, false      those of them at or above the attack's threshold
    wins             see `wins`
    reached          true positives at each FPR level; None where it is not measurable
    """
    rejected = outside - false
    return {
        "attack_accuracy": (true + rejected) / (inside + outside),
        "balanced_accuracy": (true * outside + rejected * inside) / (2 * inside * outside),
        "recall_members": true / inside,
        "recall_non_members": rejected / outside,
        "auc": wins / (2 * inside * outside),
        **{level_column(level): None if count is None else count / inside for level, count in reached.items()},
    }


def wins(blocks: Blocks) -> int:
    """Twice the number of pairs of a member and a non-member with a lower score; with an equal one, once."""
    below = blocks.non_members.sum() - np.cumsum(blocks.non_members)
    return int((blocks.members * (2 * below + blocks.non_members)).sum())


def _blocks(scores: Any, members: Any) -> Blocks:
    return tie_blocks(*check_scores(scores, members))
