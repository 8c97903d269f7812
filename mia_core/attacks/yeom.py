"""Attacks that need no classifier: what any stronger attack has to beat."""

import math
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from mia_core.gate.posteriors import log_posteriors


class Gap:
    """Calls an example a member if it is classified correctly (Yeom et al. 2018, "Privacy Risk in
    Machine Learning: Analyzing the Connection to Overfitting").

    Needs hard labels only. Its balanced accuracy is one half plus half the gap between train and test accuracy.
    Scores are 1 (correct) and 0, threshold 0.5.
    """

    needs_labels: ClassVar[bool] = True
    fit_needs_labels: ClassVar[bool] = False
    reads: ClassVar[tuple[str, ...]] = ()
    threshold: float = 0.5
    threshold_from: str = "fixed"

    def __init__(self, settings: Any = None) -> None:
        pass

    def fit(
        self, posteriors: NDArray[np.float64], members: NDArray[np.bool_], labels: NDArray[np.int64] | None = None
    ) -> Self:
        """Nothing to fit."""
        return self

    def score(self, posteriors: NDArray[np.float64], labels: NDArray[np.int64]) -> NDArray[np.float64]:
        """1.0 where the most probable class of `posteriors` [N, K] is the label [N], else 0.0."""
        return (posteriors.argmax(axis=1) == labels).astype(np.float64)


class Loss:
    """Calls an example a member if its loss is at most the mean loss of the shadow's members (Yeom et al. 2018, with
    the shadow's mean training loss in the place of the target's).

    Scores are minus the cross-entropy, log p_y, in nats, with the floor of `mia_core.gate.posteriors.LOG_FLOOR`.
    """

    needs_labels: ClassVar[bool] = True
    fit_needs_labels: ClassVar[bool] = True
    reads: ClassVar[tuple[str, ...]] = ()
    threshold: float
    threshold_from: str = "shadow"

    def __init__(self, settings: Any = None) -> None:
        pass

    def fit(self, posteriors: NDArray[np.float64], members: NDArray[np.bool_], labels: NDArray[np.int64]) -> Self:
        """Takes the threshold from the shadow's members."""
        scores = self.score(posteriors, labels)[members]
        self.threshold = math.fsum(scores) / len(scores)  # exact, so the rows' order does not matter
        return self

    def score(self, posteriors: NDArray[np.float64], labels: NDArray[np.int64]) -> NDArray[np.float64]:
        """log p_y of each row of `posteriors` [N, K] for its label [N]: float64 [N], at most 0."""
        return log_posteriors(posteriors[np.arange(len(labels)), labels])
