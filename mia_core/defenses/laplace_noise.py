"""Laplace noise on the posteriors, fixed for each query."""

from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from mia_core.base.settings import Number, Switch, Whole
from mia_core.defenses.base import Defense, Stage
from mia_core.defenses.per_query import noisy, uniforms


class LaplaceNoise(Defense):
    """As `mia_core.defenses.gaussian_noise.GaussianNoise`, with noise from the Laplace distribution, whose tails are
    heavier: most answers change less than under Gaussian noise of the same deviation, and some much more.

    It is the noise of the Laplace mechanism, but no such mechanism: the posteriors' sensitivity to one training example
    is not bounded by any `scale`, so no epsilon follows from it.

    scale       mean absolute noise, 0 to 10, 1/sqrt(2) of its standard deviation
    keep_label  whether the predicted class stays
    key         secret, below 2**32
    """

    name: ClassVar[str] = "laplace-noise"
    stage: ClassVar[Stage] = "output"
    order: ClassVar[int] = -1
    strength: ClassVar[str] = "scale"
    doses: ClassVar[tuple[float, ...]] = (0.05, 0.1, 0.2)

    scale: Annotated[Number, Field(ge=0, le=10)] = 0.1
    keep_label: Switch = True
    key: Annotated[Whole, Field(ge=0, lt=2**32)] = 0

    @property
    def keeps_prediction(self) -> bool:
        """As it is set; without noise it is kept anyway."""
        return self.keep_label or not self.acts

    def outputs(self, posteriors: np.ndarray) -> np.ndarray:
        away = uniforms(posteriors, self.key, posteriors.shape[-1]) - 0.5
        noise = -self.scale * np.sign(away) * np.log1p(-2 * np.abs(away))
        return noisy(posteriors, noise, self.keep_label)
