"""Attacks that need no classifier: what any stronger attack has to beat.

Yeom et al. 2018, "Privacy Risk in Machine Learning: Analyzing the Connection to Overfitting".
"""

import math
from typing import Self

import numpy as np

from mia_core.attacks.contract import Attack, Flags, Floats, Labels, ShadowRecord
from mia_core.gate.posteriors import log_posteriors


class Gap(Attack):
    """Calls an example a member if it is classified correctly.

    Needs hard labels only. Its balanced accuracy is one half plus half the gap between train and test accuracy.
    Scores are 1 (correct) and 0, threshold 0.5.
    """

    threshold = 0.5
    threshold_from = "fixed"

    def fit(self, posteriors: Floats, members: Flags, labels: Labels | None = None) -> Self:
        """Nothing to fit."""
        return self

    def score(self, posteriors: Floats, labels: Labels) -> Floats:
        """1.0 where the most probable class of `posteriors` [N, K] is the label [N], else 0.0."""
        return (posteriors.argmax(axis=1) == labels).astype(np.float64)


class Loss(Attack):
    """Calls an example a member if its loss is at most the mean loss of the shadow's members (Yeom et al., with the
    shadow's mean training loss in the place of the target's).

    Scores are minus the cross-entropy, log p_y, in nats, with the floor of `mia_core.gate.posteriors.LOG_FLOOR`.
    """

    def fit(self, posteriors: Floats, members: Flags, labels: Labels) -> Self:
        """Takes the threshold from the shadow's members."""
        scores = self.score(posteriors, labels)[members]
        self.threshold = math.fsum(scores) / len(scores)  # exact, so the rows' order does not matter
        return self

    def score(self, posteriors: Floats, labels: Labels) -> Floats:
        """log p_y of each row of `posteriors` [N, K] for its label [N]: float64 [N], at most 0."""
        return log_posteriors(posteriors[np.arange(len(labels)), labels])


RECORDS = (
    ShadowRecord(
        "gap", Gap, "whether the model classifies the example correctly", "Yeom et al. 2018", order=2, needs_labels=True
    ),
    ShadowRecord(
        "loss", Loss, "probability of the true class, one threshold for all examples", "Yeom et al. 2018",
        order=3, needs_labels=True, fit_needs_labels=True,
    ),
)  # fmt: skip
