"""The attack model of the report's published code, trained as that code trains it: many at once, in NumPy.

One softmax layer on the three largest posteriors: Adam with learning rate 0.01, batches of 10, 50 epochs, a weight
decay of 1e-6, Glorot's initial weights. Written anew from that description.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from mia_core.base.errors import ArrayError, SettingsError

LEARNING_RATE, BATCH, EPOCHS, DECAY = 0.01, 10, 50, 1e-6
FIRST, SECOND, TINY = 0.9, 0.999, 1e-8
"""Adam's constants (Kingma and Ba 2015)."""


@dataclass
class ReportAttacks:
    """R attack models, one for each pair of a smoothing and a seed; all see the same examples.

    epsilons  [R] smoothing of the membership labels: the right class gets 1 - epsilon, the other epsilon
    seeds     [R] of initial weights and of the order of batches
    """

    epsilons: Sequence[float]
    seeds: Sequence[int]
    epochs: int = EPOCHS

    def __post_init__(self) -> None:
        if len(self.epsilons) != len(self.seeds) or not self.seeds:
            raise SettingsError(
                f"report attacks: expected a seed for each epsilon, found {len(self.epsilons)} epsilons "
                f"and {len(self.seeds)} seeds"
            )
        for epsilon in self.epsilons:
            if not 0 <= epsilon < 0.5:
                raise SettingsError(f"epsilon: expected 0 <= epsilon < 0.5, found {epsilon}")

    def fit(self, features: NDArray[np.float64], members: NDArray[np.bool_]) -> Self:
        """Train on `features` [N, F] of members and non-members; N is at least one batch of 10."""
        count, width = features.shape
        if count < BATCH:
            raise ArrayError(f"features: found {count} examples; expected at least a batch of {BATCH}")
        random = [np.random.default_rng(seed) for seed in self.seeds]
        bound = np.sqrt(6 / (width + 2))
        # [R, 2, F + 1]: the two classes' weights, and last the bias, the weight of a feature that is always 1.
        weights = np.stack([np.hstack([r.uniform(-bound, bound, (2, width)), np.zeros((2, 1))]) for r in random])
        decay = np.append(np.full(width, 2 * DECAY), 0.0)
        sides = np.array([[-1.0], [1.0]])
        inputs = np.hstack([features, np.ones((count, 1))])
        epsilons = np.asarray(self.epsilons)[:, None]
        labels = np.where(members, 1 - epsilons, epsilons)
        runs, batches = np.arange(len(random))[:, None], count // BATCH
        mean, square, step = np.zeros_like(weights), np.zeros_like(weights), 0
        for _ in range(self.epochs):
            order = np.stack([r.permutation(count)[: batches * BATCH] for r in random])
            seen_then = inputs[order].reshape(len(random), batches, BATCH, -1).swapaxes(0, 1)
            wanted_then = labels[runs, order].reshape(len(random), batches, 1, BATCH).swapaxes(0, 1)
            for seen, wanted in zip(seen_then, wanted_then, strict=True):
                odds = seen @ (weights[:, 1] - weights[:, 0])[..., None]
                error = 1 / (1 + np.exp(-odds.swapaxes(1, 2))) - wanted
                # The softmax of two classes: what one side's weights gain the other's lose.
                gradient = sides * (error @ seen) / BATCH + decay * weights
                step += 1
                mean = FIRST * mean + (1 - FIRST) * gradient
                square = SECOND * square + (1 - SECOND) * gradient**2
                rate = LEARNING_RATE * np.sqrt(1 - SECOND**step) / (1 - FIRST**step)
                weights = weights - rate * mean / (np.sqrt(square) + TINY)
        self.weights = weights
        return self

    def scores(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """Log-odds of membership of each row of `features` [N, F] under each model: float64 [R, N]."""
        inputs = np.hstack([features, np.ones((len(features), 1))])
        return (self.weights[:, 1] - self.weights[:, 0]) @ inputs.T
