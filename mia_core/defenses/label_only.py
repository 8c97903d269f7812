"""An output-stage defense that gives out the class alone."""

from typing import ClassVar

import numpy as np

from mia_core.defenses.base import Defense, Stage


class LabelOnly(Defense):
    """Keeps the predicted class and nothing else, written as a posterior of one: masking with k = 1."""

    name: ClassVar[str] = "label-only"
    stage: ClassVar[Stage] = "output"
    order: ClassVar[int] = 4
    keeps_prediction: ClassVar[bool] = True

    def outputs(self, posteriors: np.ndarray) -> np.ndarray:
        return np.eye(posteriors.shape[-1])[posteriors.argmax(axis=-1)]
