"""A binary classifier on a few features whose scores depend on a row's features alone, to the last bit."""

import warnings
from typing import Literal, Self

import numpy as np

from mia_core.attacks.contract import Flags, Floats

RIDGE = 1e-6
"""Weight of |w|^2 / 2 next to the mean log-loss of the logistic regression: as good as none, yet it makes the solution
unique where features are collinear or the sides separable, so that any solver arrives at it. The report's attack
model has the same weight decay. On the report's arrays 1e-9 moves accuracy by 0.001 and AUC by 0.0013."""
NO_SPREAD = 1e-12
"""A feature whose standard deviation is below this is constant up to rounding and is left unscaled."""
MANY_COLUMNS = 2000
"""With more than this many columns the regression is solved by gradients alone: each step of Newton's method solves for
all pairs of them, which takes minutes and gigabytes."""


class Classifier:
    """Logistic regression or a network with one hidden layer, by default of 64 units, on standardised features."""

    def __init__(self, kind: Literal["logistic", "network"] = "logistic", seed: int = 0, units: int = 64) -> None:
        self.kind, self.seed, self.units = kind, seed, units

    def fit(self, features: Floats, members: Flags) -> Self:
        """Fits on `features` [N, F] of members and non-members, both present."""
        # A fixed order of rows makes the fit the same, to the bit, for the same rows in any order.
        order = np.lexsort((members, *features.T))
        features, members = features[order], members[order]
        self.centre = features.mean(axis=0)
        spread = features.std(axis=0)
        self.spread = np.where(spread > NO_SPREAD, spread, 1.0)
        with warnings.catch_warnings():
            # The network trains for a fixed number of epochs, and the regression may change its solver on the way:
            # scikit-learn remarks on both.
            warnings.simplefilter("ignore")
            self.layers = self._layers((features - self.centre) / self.spread, members)
        return self

    def log_odds(self, features: Floats) -> Floats:
        """Log-odds of membership of each row of `features` [N, F]: float64 [N].

        Column by column instead of as a matrix product, whose rounding depends on a row's position.
        """
        values = list(((features - self.centre) / self.spread).T)
        for weights, biases in self.layers[:-1]:
            units = zip(weights.T, biases, strict=True)
            values = [np.maximum(_weigh(values, column, bias), 0) for column, bias in units]
        weights, biases = self.layers[-1]
        return _weigh(values, weights[:, 0], biases[0])

    def _layers(self, features: Floats, members: Flags) -> list[tuple[Floats, Floats]]:
        """Weights [inputs, outputs] and biases [outputs] of each layer; between layers a rectifier."""
        if self.kind == "logistic":
            return [_logistic(features, members)]
        from sklearn.neural_network import MLPClassifier

        model = MLPClassifier((self.units,), learning_rate_init=0.01, max_iter=50, random_state=self.seed)
        model.fit(features, members)
        return list(zip(model.coefs_, model.intercepts_, strict=True))


def _logistic(features: Floats, members: Flags) -> tuple[Floats, Floats]:
    """Weights [F, 1] and bias [1] of a logistic regression on `features` [N, F] with the penalty `RIDGE`.

    With more columns than rows it is fitted on N coordinates of each row instead: the penalty lets no weights leave the
    space that the rows span, and turning that space changes neither products nor lengths, so the solution is the same.
    """
    from sklearn.linear_model import LogisticRegression

    if features.shape[1] > len(features):
        axes, coordinates = np.linalg.qr(features.T)
        weights, bias = _logistic(coordinates.T, members)
        return axes @ weights, bias
    solver = "newton-cholesky" if features.shape[1] <= MANY_COLUMNS else "lbfgs"
    model = LogisticRegression(C=1 / (RIDGE * len(features)), solver=solver, tol=1e-8, max_iter=1000)
    model.fit(features, members)
    return model.coef_.T, model.intercept_


def _weigh(values: list[Floats], weights: Floats, bias: np.float64) -> Floats:
    """bias + sum of weight times value, each value an array [N]."""
    total = np.full_like(values[0], bias)
    for value, weight in zip(values, weights, strict=True):
        total += weight * value
    return total
