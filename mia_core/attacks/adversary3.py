"""ML-Leaks' adversary 3: no shadow and no training, one number of the posterior and a threshold from random inputs.

Salem et al. 2019, "ML-Leaks": inputs of random pixels are no members, so what the target says about them shows how
sure it is of things it never saw. Where only saved outputs are at hand, nothing can be asked any more, and the
threshold comes from a shadow instead; `threshold_from` says which it was.
"""

from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from mia_core.base.errors import SettingsError
from mia_core.gate.posteriors import entropy
from mia_core.measures.ranking import best_balanced_threshold, tie_blocks


class Adversary3:
    """Calls an example a member if its largest posterior is high."""

    needs_labels: ClassVar[bool] = False
    fit_needs_labels: ClassVar[bool] = False
    reads: ClassVar[tuple[str, ...]] = ()
    threshold: float
    threshold_from: str = "shadow"

    def __init__(self, settings: Any = None) -> None:
        pass

    def fit(
        self, posteriors: NDArray[np.float64], members: NDArray[np.bool_], labels: NDArray[np.int64] | None = None
    ) -> Self:
        """Takes the threshold with the best balanced accuracy on a shadow's `posteriors` [N, K] and `members` [N]."""
        self.threshold = best_balanced_threshold(tie_blocks(self.score(posteriors), members))
        self.threshold_from = "shadow"
        return self

    def fit_random(self, posteriors: NDArray[np.float64], percent: float = 10.0) -> Self:
        """Takes the threshold from `posteriors` [R, K] of the *target* for R random inputs, as the paper does.

        At most `percent` of them, from 0 to below 100, lie above it. The paper asks for 1,000 random inputs
        (`mia_core.studies.augmented.random_posteriors` asks about them) and finds values near 10 percent best.
        """
        if not 0 <= percent < 100:
            raise SettingsError(f"percent: expected 0 <= percent < 100, found {percent}")
        self.threshold = float(np.percentile(self.score(posteriors), 100 - percent, method="higher"))
        self.threshold_from = "random inputs"
        return self

    def score(self, posteriors: NDArray[np.float64], labels: NDArray[np.int64] | None = None) -> NDArray[np.float64]:
        """Largest value of each row of `posteriors` [N, K]: float64 [N]."""
        return posteriors.max(axis=1)


class Adversary3Deviation(Adversary3):
    """Calls an example a member if its posteriors are unequal."""

    def score(self, posteriors: NDArray[np.float64], labels: NDArray[np.int64] | None = None) -> NDArray[np.float64]:
        """Standard deviation of each row of `posteriors` [N, K]: float64 [N]."""
        return np.sort(posteriors, axis=1).std(axis=1)  # sorted: the order of the classes changes no digit


class Adversary3Entropy(Adversary3):
    """Calls an example a member if the entropy of its posterior is low."""

    def score(self, posteriors: NDArray[np.float64], labels: NDArray[np.int64] | None = None) -> NDArray[np.float64]:
        """Minus the entropy of each row of `posteriors` [N, K], in nats: float64 [N], -log K to 0."""
        return -entropy(posteriors)
