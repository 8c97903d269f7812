"""Membership from hard labels alone: how many altered copies of a picture a model still gets right.

Choquette-Choo, Tramèr, Carlini, Papernot 2021, "Label-Only Membership Inference Attacks". A member lies far from the
decision boundary, so small shifts and noise do not change its class. It reads answers to altered copies, which saved
outputs do not hold, so it has no name on the command line.
"""

from typing import Self

from mia_core.attacks.contract import Flags, Floats
from mia_core.measures.ranking import best_balanced_threshold, tie_blocks


class AugmentedLabels:
    """Calls an example a member if a large enough share of its copies is classified right.

    The threshold is the shadow's best for balanced accuracy. The paper trains a small network on the whole pattern of
    right and wrong copies for its attack by augmentation, which also learns that some copies tell more than others;
    the share is the simplest score of that kind and takes Q + 1 values for Q copies. It reads nothing but classes, so
    no defense that keeps the most probable class can change it.
    """

    threshold: float
    threshold_from: str = "shadow"

    def fit(self, right: Floats, members: Flags) -> Self:
        """Takes the threshold from a shadow: `right` [N, Q], 1.0 where the copy's class is right, and `members` [N]."""
        self.threshold = best_balanced_threshold(tie_blocks(self.score(right), members))
        return self

    def score(self, right: Floats) -> Floats:
        """Share of the Q copies classified right, for `right` [N, Q]: float64 [N], 0 to 1."""
        return right.sum(axis=1) / right.shape[1]
