"""Gaussian noise on the posteriors, fixed for each query."""

from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from mia_core.base.settings import Number, Switch, Whole
from mia_core.defenses.base import Defense, Stage
from mia_core.defenses.per_query import noisy, uniforms


class GaussianNoise(Defense):
    """Adds normal noise to every posterior, cuts what is negative and renormalises.

    The plainest noise there is, beside that of MemGuard (Jia et al. 2019), which is aimed at an attack. Drawn anew for
    every call it would be removed by asking often and averaging, so it is fixed for each query by a secret key (see
    `mia_core.defenses.per_query`). What remains is what an attacker can average over queries that differ, such as
    shifted copies of an image. The key is a setting here, so that a study can be repeated; no attack reads it, and
    a service would keep it to itself. Noise is no differential privacy: that limits what one example changes in the
    training, and this leaves the weights as they are.

    scale       standard deviation, 0 to 10
    keep_label  the predicted class stays, in exchange for the larger value that noise gave to another one: the model
                is as accurate as before, and attacks on labels alone find as much. Without, accuracy falls
    key         secret, below 2**32
    """

    name: ClassVar[str] = "gaussian-noise"
    stage: ClassVar[Stage] = "output"
    order: ClassVar[int] = -2
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
        noise = self.scale * self._quantile(uniforms(posteriors, self.key, posteriors.shape[-1]))
        return noisy(posteriors, noise, self.keep_label)

    def _quantile(self, share: np.ndarray) -> np.ndarray:
        """The value below which this share of the noise of scale 1 lies."""
        from scipy.special import ndtri

        return ndtri(share)
