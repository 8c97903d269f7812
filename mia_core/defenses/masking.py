"""Confidence masking, the report's output-stage defense, and what the published code does under that name."""

from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from mia_core.base.settings import Whole
from mia_core.defenses.base import Defense, Stage


class TopKMasking(Defense):
    """Keeps the k largest posteriors, sets the others to zero and renormalises (the report, section II-B).

    Keeps the predicted class. Between exactly equal posteriors the lower class index is kept, as arg-max decides.

    k  at least 1; with k of K or more nothing changes
    """

    name: ClassVar[str] = "masking"
    stage: ClassVar[Stage] = "output"
    order: ClassVar[int] = 1
    keeps_prediction: ClassVar[bool] = True

    k: Annotated[Whole, Field(ge=1)] = 3

    def outputs(self, posteriors: np.ndarray) -> np.ndarray:
        if self.k >= posteriors.shape[-1]:
            return posteriors  # renormalising would change their last digits
        order = np.argsort(-posteriors, axis=-1, kind="stable")
        masked = posteriors.copy()
        np.put_along_axis(masked, order[..., self.k :], 0.0, axis=-1)
        return masked / masked.sum(axis=-1, keepdims=True)
