"""L1 regularisation: weights cost their size, so that many of them stay near zero."""

from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from mia_core.base.settings import Number
from mia_core.defenses.base import Defense, Stage

if TYPE_CHECKING:
    import torch


class L1(Defense):
    """Adds factor * sum(|w|) to the loss, whose subgradient is factor * sign(w), 0 at 0.

    Steps along a subgradient make weights small and none exactly zero. Biases and the layers of other defenses are
    exempt.

    factor  at least 0
    """

    name: ClassVar[str] = "l1"
    stage: ClassVar[Stage] = "training"
    order: ClassVar[int] = 61
    strength: ClassVar[str] = "factor"
    doses: ClassVar[tuple[float, ...]] = (0.00003, 0.0001, 0.0003)

    factor: Annotated[Number, Field(ge=0)] = 0.0001

    def penalty(self, weights: "list[torch.Tensor]") -> "torch.Tensor":
        return self.factor * sum(weight.abs().sum() for weight in weights)
