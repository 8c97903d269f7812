"""Attack-P: how an example ranks among population examples under the target model itself, without references.

Ye, Maddi, Murakonda, Bindschaedler, Shokri 2022, "Enhanced Membership Inference Attacks against Machine Learning
Models" (attack P).
"""

import numpy as np
from numpy.typing import NDArray

from mia_core.base.errors import ArrayError


def attack_p(statistic: NDArray[np.float64], population: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of the population that the target treats no better than the example: float64 [N], 0 to 1.

    statistic   [N] of the target, higher = more like a member, such as log p_y (minus the loss)
    population  [Z] of the target on examples that no model trained on
    The score rises with the statistic, so its ROC is that of the loss itself, coarsened by ties; what the population
    adds is a threshold for a chosen FPR: calling members where the score is above 1 - FPR.
    Raises `ArrayError` for an empty population.
    """
    if len(population) == 0:
        raise ArrayError("population: found no example; expected at least one")
    ordered = np.sort(population)
    return np.searchsorted(ordered, statistic, side="right") / len(ordered)
