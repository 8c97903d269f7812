"""An output-stage defense that flattens the posteriors."""

from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from mia_core.base.settings import Number
from mia_core.defenses.base import Defense, Stage
from mia_core.defenses.per_query import with_class_of


class Temperature(Defense):
    """Divides the logits by a temperature: softmax(z / T), which is p^(1/T) renormalised (a mitigation that Shokri et
    al. 2017 try).

    Keeps the predicted class, and hides nothing: whoever knows or guesses T raises the answers to its power and has the
    posteriors back, and an attack that is fitted on a shadow behind the same temperature need not even know it. What
    changes is the scale on which a threshold from elsewhere is read.

    added  T - 1, what is added to the temperature of a softmax, 0 to 1000
    """

    name: ClassVar[str] = "temperature"
    stage: ClassVar[Stage] = "output"
    order: ClassVar[int] = -4
    strength: ClassVar[str] = "added"
    doses: ClassVar[tuple[float, ...]] = (1.0, 4.0, 19.0)
    keeps_prediction: ClassVar[bool] = True

    added: Annotated[Number, Field(ge=0, le=1000)] = 4.0

    def outputs(self, posteriors: np.ndarray) -> np.ndarray:
        flat = posteriors ** (1 / (1 + self.added))
        # Two posteriors that differ by a rounding may become equal, and then the lower class would win.
        return with_class_of(posteriors, flat / flat.sum(axis=-1, keepdims=True))
