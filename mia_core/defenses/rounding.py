"""Two more output-stage defenses: answers with fewer digits, and answers without any posterior."""

from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from mia_core.base.settings import Whole
from mia_core.defenses.base import Defense, Stage


class Rounding(Defense):
    """Rounds posteriors to a few decimals and renormalises (a mitigation that Shokri et al. 2017 try).

    Keeps the predicted class: where another class rounds to the same value, the predicted one gets one step more. A
    service that rounds until the classes tie would answer another class than the model does.

    digits  behind the point, 0 ... 6; with 0 hardly more than the predicted class is left
    """

    name: ClassVar[str] = "rounding"
    stage: ClassVar[Stage] = "output"
    order: ClassVar[int] = 3
    keeps_prediction: ClassVar[bool] = True

    digits: Annotated[Whole, Field(ge=0, le=6)] = 1

    def outputs(self, posteriors: np.ndarray) -> np.ndarray:
        predicted = posteriors.argmax(axis=-1)[..., None]
        # Whole steps instead of decimals: their sum is exact, so rows of the same steps stay equal to the last bit.
        steps = np.rint(posteriors * 10**self.digits).astype(np.int64)
        largest = np.take_along_axis(steps, predicted, axis=-1)
        tied = (steps == largest).sum(axis=-1, keepdims=True) > 1
        np.put_along_axis(steps, predicted, largest + tied, axis=-1)
        return steps / steps.sum(axis=-1, keepdims=True)
