"""Laplace noise on the posteriors, fixed for each query."""

from typing import ClassVar

import numpy as np

from mia_core.defenses.gaussian_noise import GaussianNoise


class LaplaceNoise(GaussianNoise):
    """As `mia_core.defenses.gaussian_noise.GaussianNoise`, with noise from the Laplace distribution, whose tails are
    heavier: most answers change less than under Gaussian noise of the same deviation, and some much more.

    It is the noise of the Laplace mechanism, but no such mechanism: the posteriors' sensitivity to one training example
    is not bounded by any `scale`, so no epsilon follows from it.

    scale       mean absolute noise, 0 to 10, 1/sqrt(2) of its standard deviation
    keep_label  whether the predicted class stays
    key         secret, below 2**32
    """

    name: ClassVar[str] = "laplace-noise"
    order: ClassVar[int] = -1

    def _quantile(self, share: np.ndarray) -> np.ndarray:
        away = share - 0.5
        return -np.sign(away) * np.log1p(-2 * np.abs(away))
