"""ML-Leaks' adversary 3: no shadow and no training, one number of the posterior and a threshold from random inputs.

Salem et al. 2019, "ML-Leaks": inputs of random pixels are no members, so what the target says about them shows how
sure it is of things it never saw. Where only saved outputs are at hand, nothing can be asked any more, and the
threshold comes from a shadow instead; `threshold_from` says which it was.
"""

from typing import Self

import numpy as np

from mia_core.attacks.contract import Attack, Floats, Labels, ShadowRecord
from mia_core.base.errors import SettingsError
from mia_core.gate.posteriors import entropy, over_rows


class Adversary3(Attack):
    """Calls an example a member if its largest posterior is high."""

    def fit_random(self, posteriors: Floats, percent: float = 10.0) -> Self:
        """Takes the threshold from `posteriors` [R, K] of the *target* for R random inputs, as the paper does.

        At most `percent` of them, from 0 to below 100, lie above it. The paper asks for 1,000 random inputs
        (`mia_core.studies.augmented.random_posteriors` asks about them) and finds values near 10 percent best.
        """
        if not 0 <= percent < 100:
            raise SettingsError(f"percent: expected 0 <= percent < 100, found {percent}")
        self.threshold = float(np.percentile(self.score(posteriors), 100 - percent, method="higher"))
        self.threshold_from = "random inputs"
        return self

    def score(self, posteriors: Floats, labels: Labels | None = None) -> Floats:
        """Largest value of each row of `posteriors` [N, K]: float64 [N]."""
        return posteriors.max(axis=1)


class Adversary3Deviation(Adversary3):
    """Calls an example a member if its posteriors are unequal."""

    def score(self, posteriors: Floats, labels: Labels | None = None) -> Floats:
        """Standard deviation of each row of `posteriors` [N, K]: float64 [N]."""
        # sorted: the order of the classes changes no digit
        return over_rows(lambda rows: np.sort(rows, axis=1).std(axis=1), posteriors)


class Adversary3Entropy(Adversary3):
    """Calls an example a member if the entropy of its posterior is low; the label is not read."""

    def score(self, posteriors: Floats, labels: Labels | None = None) -> Floats:
        """Minus the entropy of each row of `posteriors` [N, K], in nats: float64 [N], -log K to 0."""
        return -entropy(posteriors)


RECORDS = tuple(
    ShadowRecord(name, attack, words, "Salem et al. 2019", order=order, aliases=(alias,))
    for order, name, alias, attack, words in (
        (4, "confidence", "adversary3", Adversary3, "largest posterior, one threshold for all examples"),
        (5, "deviation", "adversary3-deviation", Adversary3Deviation, "standard deviation of the posteriors, likewise"),
        (6, "entropy", "adversary3-entropy", Adversary3Entropy, "entropy of the posteriors, likewise"),
    )
)
