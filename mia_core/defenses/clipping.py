"""What the published code does under the name of confidence masking."""

from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from mia_core.base.settings import Number
from mia_core.defenses.base import Defense, Stage


class Clipping(Defense):
    """Clips posteriors from above and renormalises: what the published code does under the name of masking.

    The published code does it to members only; here it acts on all alike.

    maximum  in (0, 1]; with 1 nothing changes
    """

    name: ClassVar[str] = "clipping"
    stage: ClassVar[Stage] = "output"
    order: ClassVar[int] = 2

    maximum: Annotated[Number, Field(gt=0, le=1)] = 0.9

    @property
    def keeps_prediction(self) -> bool:
        """From one half on no second class can reach the maximum; below it two may tie."""
        return self.maximum >= 0.5

    def outputs(self, posteriors: np.ndarray) -> np.ndarray:
        clipped = np.minimum(posteriors, self.maximum)
        return clipped / clipped.sum(axis=-1, keepdims=True)
