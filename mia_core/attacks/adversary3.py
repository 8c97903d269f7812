"""ML-Leaks' adversary 3: no shadow and no training, one number of the posterior and a threshold from random inputs.

Salem et al. 2019, "ML-Leaks", section V: inputs of random pixels are no members, so what the target says about them
shows how sure it is of things it never saw.
"""

from typing import Annotated, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from mia_core.posteriors import entropy
from mia_core.settings import Number, Settings


class Adversary3Settings(Settings):
    """statistic  "largest" posterior, standard "deviation" of the posterior, or minus its "entropy"
    percent       share of the random inputs that the threshold calls members, in percent; the paper looks for the
                  best value and finds it near 10
    """

    statistic: Literal["largest", "deviation", "entropy"] = "largest"
    percent: Annotated[Number, Field(ge=0, lt=100)] = 10.0


class Adversary3:
    """An attack that is fitted on the target's own answers to random inputs, instead of on a shadow."""

    needs_labels: ClassVar[bool] = False
    fit_needs_labels: ClassVar[bool] = False
    threshold: float

    def __init__(self, settings: Adversary3Settings | None = None) -> None:
        self.settings = settings or Adversary3Settings()

    def fit(
        self,
        posteriors: NDArray[np.float64],
        members: NDArray[np.bool_] | None = None,
        labels: NDArray[np.int64] | None = None,
    ) -> Self:
        """Takes the threshold from `posteriors` [R, K] of the *target* for R random inputs (the paper has 1,000).

        At most the chosen percentage of them lies above it. The other arguments are not used.
        """
        values = self.score(posteriors)
        self.threshold = float(np.percentile(values, 100 - self.settings.percent, method="higher"))
        return self

    def score(self, posteriors: NDArray[np.float64], labels: NDArray[np.int64] | None = None) -> NDArray[np.float64]:
        """The statistic of each row of `posteriors` [N, K], float64 [N]; larger = a surer prediction."""
        if self.settings.statistic == "largest":
            return posteriors.max(axis=1)
        if self.settings.statistic == "deviation":
            return np.sort(posteriors, axis=1).std(axis=1)  # sorted: the order of the classes changes no digit
        return -entropy(posteriors)
