"""Attacks that compare one number of a posterior with a threshold from the shadow, global or one for each class.

Song and Mittal 2021, "Systematic Evaluation of Privacy Risks of Machine Learning Models": confidence, entropy
and modified entropy. Their scheme has a threshold for every class, because classes differ in how hard they
are; the versions with one threshold for all classes show what that is worth.
"""

from typing import Self

import numpy as np

from mia_core.attacks.adversary3 import Adversary3Entropy
from mia_core.attacks.classes import check_classes, classes_with_both
from mia_core.attacks.contract import Attack, Flags, Floats, Labels, ShadowRecord
from mia_core.gate.posteriors import modified_entropy
from mia_core.measures.ranking import best_balanced_threshold, tie_blocks


class TrueConfidence(Attack):
    """Calls an example a member if the posterior of its true class, p_y, is high."""

    def score(self, posteriors: Floats, labels: Labels) -> Floats:
        """p_y, float64 [N], 0 to 1."""
        return posteriors[np.arange(len(labels)), labels]


class ModifiedEntropy(Attack):
    """Calls an example a member if its modified entropy is low: a sure and right prediction."""

    def score(self, posteriors: Floats, labels: Labels) -> Floats:
        """Minus the modified entropy in nats, float64 [N], at most 0."""
        return -modified_entropy(posteriors, labels)


class PerClass:
    """Turns an attack with one threshold into one with a threshold for each class.

    A score is that attack's score minus the threshold of the example's class, so `threshold` is 0. A class without
    members or without non-members in the shadow takes the threshold of all classes together; scoring rows of it gives
    one `MiaWarning` that names the class and the number of rows.
    """

    threshold = 0.0

    def fit(self, posteriors: Floats, members: Flags, labels: Labels) -> Self:
        """Takes the thresholds from the shadow's posteriors [N, K], members [N] and labels [N]."""
        values = super().score(posteriors, labels)
        self.fitted = classes_with_both(members, labels, posteriors.shape[1])
        self.thresholds = np.full(len(self.fitted), best_balanced_threshold(tie_blocks(values, members)))
        for label in np.flatnonzero(self.fitted):
            rows = labels == label
            self.thresholds[label] = best_balanced_threshold(tie_blocks(values[rows], members[rows]))
        return self

    def score(self, posteriors: Floats, labels: Labels) -> Floats:
        """How far the other attack's score lies above the threshold of its class: float64 [N].

        Raises `ArrayError` where `posteriors` [N, K] have another number of classes than the shadow's.
        """
        check_classes(posteriors, labels, self.fitted)
        return super().score(posteriors, labels) - self.thresholds[labels]


class TrueConfidencePerClass(PerClass, TrueConfidence):
    """Confidence with a threshold for each class."""


class EntropyPerClass(PerClass, Adversary3Entropy):
    """Entropy with a threshold for each class."""


class ModifiedEntropyPerClass(PerClass, ModifiedEntropy):
    """Modified entropy with a threshold for each class: the attack that Song and Mittal recommend."""


def _record(order: int, name: str, attack: type[Attack], compares: str) -> ShadowRecord:
    return ShadowRecord(
        name, attack, compares, "Song and Mittal 2021", order=order,
        needs_labels=True, fit_needs_labels=True, by_class=issubclass(attack, PerClass),
    )  # fmt: skip


RECORDS = (
    _record(7, "modified-entropy", ModifiedEntropy, "modified entropy, one threshold for all examples"),
    _record(8, "true-confidence", TrueConfidence, "probability of the true class, likewise"),
    _record(9, "entropy-per-class", EntropyPerClass, "entropy, a threshold for each class"),
    _record(
        10, "modified-entropy-per-class", ModifiedEntropyPerClass,
        "modified entropy, a threshold for each class, from one shadow",
    ),
    _record(11, "true-confidence-per-class", TrueConfidencePerClass, "probability of the true class, likewise"),
)  # fmt: skip
