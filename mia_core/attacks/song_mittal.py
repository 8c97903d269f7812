"""Attacks that compare one number of a posterior with a threshold from the shadow, global or one a class.

Song and Mittal 2021, "Systematic Evaluation of Privacy Risks of Machine Learning Models": confidence, entropy
and modified entropy. Their scheme has a threshold for every class, because classes differ in how hard they
are; the versions with one threshold for all classes show what that is worth.
"""

from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from mia_core.attacks.classes import check_classes, classes_with_both, warn_of_pooling
from mia_core.gate.posteriors import entropy, modified_entropy
from mia_core.measures.ranking import best_balanced_threshold, tie_blocks


class TrueConfidence:
    """Calls an example a member if the posterior of its true class, p_y, is high."""

    needs_labels: ClassVar[bool] = True
    fit_needs_labels: ClassVar[bool] = True
    reads: ClassVar[tuple[str, ...]] = ()
    threshold: float
    threshold_from: str = "shadow"

    def __init__(self, settings: Any = None) -> None:
        pass

    def fit(
        self, posteriors: NDArray[np.float64], members: NDArray[np.bool_], labels: NDArray[np.int64] | None
    ) -> Self:
        """Takes the threshold with the best balanced accuracy on the shadow's posteriors [N, K] and members [N]."""
        self.threshold = best_balanced_threshold(tie_blocks(self.statistic(posteriors, labels), members))
        return self

    def score(self, posteriors: NDArray[np.float64], labels: NDArray[np.int64] | None) -> NDArray[np.float64]:
        """The statistic of each row of `posteriors` [N, K]: float64 [N]."""
        return self.statistic(posteriors, labels)

    def statistic(self, posteriors: NDArray[np.float64], labels: NDArray[np.int64]) -> NDArray[np.float64]:
        """p_y, float64 [N], 0 to 1."""
        return posteriors[np.arange(len(labels)), labels]


class Entropy(TrueConfidence):
    """Calls an example a member if its posterior has a low entropy; the label is not read."""

    needs_labels: ClassVar[bool] = False
    fit_needs_labels: ClassVar[bool] = False

    def statistic(self, posteriors: NDArray[np.float64], labels: NDArray[np.int64] | None) -> NDArray[np.float64]:
        """Minus the entropy in nats, float64 [N], -log K to 0."""
        return -entropy(posteriors)


class ModifiedEntropy(TrueConfidence):
    """Calls an example a member if its modified entropy is low: a sure and right prediction."""

    def statistic(self, posteriors: NDArray[np.float64], labels: NDArray[np.int64]) -> NDArray[np.float64]:
        """Minus the modified entropy in nats, float64 [N], at most 0."""
        return -modified_entropy(posteriors, labels)


class PerClass:
    """Turns one of the attacks above into one with a threshold for each class.

    A score is the statistic minus the threshold of the example's class, so `threshold` is 0. A class without members
    or without non-members in the shadow takes the threshold of all classes together; scoring rows of it gives one
    `MiaWarning` that names the class and the number of rows.
    """

    needs_labels: ClassVar[bool] = True
    fit_needs_labels: ClassVar[bool] = True

    def fit(self, posteriors: NDArray[np.float64], members: NDArray[np.bool_], labels: NDArray[np.int64]) -> Self:
        """Takes the thresholds from the shadow's posteriors [N, K], members [N] and labels [N]."""
        pooled = super().fit(posteriors, members, labels).threshold
        values = self.statistic(posteriors, labels)
        self.fitted = classes_with_both(members, labels, posteriors.shape[1])
        self.thresholds = np.full(len(self.fitted), pooled)
        for label in np.flatnonzero(self.fitted):
            rows = labels == label
            self.thresholds[label] = best_balanced_threshold(tie_blocks(values[rows], members[rows]))
        self.threshold = 0.0
        return self

    def score(self, posteriors: NDArray[np.float64], labels: NDArray[np.int64]) -> NDArray[np.float64]:
        """How far the statistic lies above the threshold of its class: float64 [N].

        Raises `ArrayError` where `posteriors` [N, K] have another number of classes than the shadow's.
        """
        check_classes(posteriors, self.fitted)
        warn_of_pooling(self.fitted, labels)
        return self.statistic(posteriors, labels) - self.thresholds[labels]


class TrueConfidencePerClass(PerClass, TrueConfidence):
    """Confidence with a threshold for each class."""


class EntropyPerClass(PerClass, Entropy):
    """Entropy with a threshold for each class."""


class ModifiedEntropyPerClass(PerClass, ModifiedEntropy):
    """Modified entropy with a threshold for each class: the attack that Song and Mittal recommend."""
