"""ML-Leaks' adversary 1: a binary classifier on the largest posteriors, fitted on one shadow model's outputs.

Salem et al. 2019, "ML-Leaks: Model and Data Independent Membership Inference Attacks and Defenses on Machine
Learning Models", section III: one shadow model, three sorted posteriors, a network with one hidden layer of 64 units.
"""

import warnings
from typing import Annotated, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from mia_core.attacks.features import Scale, largest
from mia_core.errors import ArrayError
from mia_core.settings import Settings, Whole

RIDGE = 1e-6
"""Weight of |w|^2 / 2 beside the mean log-loss of the logistic regression: as good as none, yet it makes the solution
unique where features are collinear or the sides separable, so that any solver arrives at it. The report's attack
model has the same weight decay. On the report's arrays 1e-9 moves accuracy by 0.001 and AUC by 0.0013."""
NO_SPREAD = 1e-12
"""A feature whose standard deviation is below this is constant up to rounding and is left unscaled."""


class Adversary1Settings(Settings):
    """What adversary 1 sees and how it decides.

    k            how many of the largest posteriors are seen; with fewer classes, all of them
    features     on which scale: "posteriors" or "logs"
    classifier   "logistic" regression, or ML-Leaks' "network" with 64 hidden units
    attack_seed  of the network's initial weights and batches, and of the bootstrap
    """

    k: Annotated[Whole, Field(ge=1)] = 3
    features: Scale = "posteriors"
    classifier: Literal["logistic", "network"] = "logistic"
    attack_seed: Annotated[Whole, Field(ge=0, lt=2**32)] = 0


class Adversary1:
    """Scores are log-odds of membership, so `threshold` is 0, a probability of one half."""

    needs_labels: ClassVar[bool] = False
    fit_needs_labels: ClassVar[bool] = False
    threshold: float = 0.0

    def __init__(self, settings: Adversary1Settings | None = None) -> None:
        self.settings = settings or Adversary1Settings()

    def fit(
        self, posteriors: NDArray[np.float64], members: NDArray[np.bool_], labels: NDArray[np.int64] | None = None
    ) -> Self:
        """Fits the classifier on a shadow's posteriors [N, K] and members [N]; the labels are not used."""
        features = largest(posteriors, self.settings.k, self.settings.features)
        # A fixed order of rows makes the fit the same, to the bit, for the same rows in any order.
        order = np.lexsort((members, *features.T))
        features, members = features[order], members[order]
        self.centre = features.mean(axis=0)
        spread = features.std(axis=0)
        self.spread = np.where(spread > NO_SPREAD, spread, 1.0)
        standard = (features - self.centre) / self.spread
        with warnings.catch_warnings():
            # The network trains for a fixed number of epochs, and the regression may change its solver on the way:
            # scikit-learn remarks on both.
            warnings.simplefilter("ignore")
            fit = _fit_logistic if self.settings.classifier == "logistic" else _fit_network
            self.layers = fit(standard, members, self.settings.attack_seed)
        return self

    def score(self, posteriors: NDArray[np.float64], labels: NDArray[np.int64] | None = None) -> NDArray[np.float64]:
        """Log-odds of membership for each row of `posteriors` [N, K]: float64 [N].

        Computed column by column instead of as a matrix product, whose rounding depends on a row's position: equal
        rows get equal bits. Raises `ArrayError` where K leaves fewer features than the fit had.
        """
        features = largest(posteriors, self.settings.k, self.settings.features)
        if features.shape[1] != len(self.centre):
            raise ArrayError(
                f"posteriors: found {features.shape[1]} largest values a row; "
                f"expected the {len(self.centre)} that the attack was fitted on"
            )
        values = list(((features - self.centre) / self.spread).T)
        for weights, biases in self.layers[:-1]:
            units = zip(weights.T, biases, strict=True)
            values = [np.maximum(_weigh(values, column, bias), 0) for column, bias in units]
        weights, biases = self.layers[-1]
        return _weigh(values, weights[:, 0], biases[0])


Layers = list[tuple[NDArray[np.float64], NDArray[np.float64]]]
"""Weights [inputs, outputs] and biases [outputs] of each layer; between layers a rectifier."""


def _fit_logistic(features: NDArray[np.float64], members: NDArray[np.bool_], seed: int) -> Layers:
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=1 / (RIDGE * len(features)), solver="newton-cholesky", tol=1e-8, max_iter=1000).fit(
        features, members
    )
    return [(model.coef_.T, model.intercept_)]


def _fit_network(features: NDArray[np.float64], members: NDArray[np.bool_], seed: int) -> Layers:
    from sklearn.neural_network import MLPClassifier

    model = MLPClassifier(hidden_layer_sizes=(64,), learning_rate_init=0.01, max_iter=50, random_state=seed).fit(
        features, members
    )
    return list(zip(model.coefs_, model.intercepts_, strict=True))


def _weigh(values: list[NDArray[np.float64]], weights: NDArray[np.float64], bias: np.float64) -> NDArray[np.float64]:
    """bias + sum of weight times value, each value an array [N]."""
    total = np.full_like(values[0], bias)
    for value, weight in zip(values, weights, strict=True):
        total += weight * value
    return total
