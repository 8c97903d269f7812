"""Label smoothing, the report's training-stage defense, in the two conventions in use."""

from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from mia_core.base.settings import Number
from mia_core.defenses.base import Defense, Stage


class LabelSmoothing(Defense):
    """Takes a share `epsilon` of the true class and spreads it.

    epsilon     in [-1, 1). Negative values ask for more than full confidence (Struppek et al. 2023): at the limit
                of -1 the true class weighs 2 and the others together -1. Above (K-1)/K ("others") the true class
                is no longer the largest.
    convention  "others": 1 - epsilon on the true class, epsilon / (K - 1) on each other one (the report's text and
                code); "uniform": mixture with the uniform distribution over all K classes (Szegedy et al. 2016,
                section 7, and PyTorch's `label_smoothing`). "others" with epsilon equals "uniform" with
                epsilon * K / (K - 1).
    """

    name: ClassVar[str] = "smoothing"
    stage: ClassVar[Stage] = "training"
    order: ClassVar[int] = 1
    strength: ClassVar[str] = "epsilon"
    doses: ClassVar[tuple[float, ...]] = (0.05, 0.1, 0.3)

    epsilon: Annotated[Number, Field(ge=-1, lt=1)] = 0.1
    convention: Literal["others", "uniform"] = "others"

    def targets(self, targets: np.ndarray) -> np.ndarray:
        classes = targets.shape[-1]
        if self.convention == "uniform":
            return (1 - self.epsilon) * targets + self.epsilon / classes
        return (1 - self.epsilon) * targets + self.epsilon * (1 - targets) / (classes - 1)
