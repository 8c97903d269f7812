"""Weight decay, also called L2 regularisation: large weights cost something."""

from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from mia_core.base.settings import Number
from mia_core.defenses.base import Defense, Stage

if TYPE_CHECKING:
    import torch


class WeightDecay(Defense):
    """Adds factor / 2 * sum(w**2) to the loss, which adds factor * w to the gradient of each weight w.

    The convention of PyTorch's `weight_decay`; Keras's l2 and the recipe's are half of it. Biases and the layers of
    other defenses are exempt. Adam divides the gradient by its size, this part included, so it is not the decoupled
    decay of AdamW.

    Choquette-Choo et al. (ICML 2021) write that strong L2 regularisation and differential privacy are the only defenses
    that withstand their label-only attacks (abstract).

    factor  at least 0
    """

    name: ClassVar[str] = "weight-decay"
    stage: ClassVar[Stage] = "training"
    order: ClassVar[int] = 60
    strength: ClassVar[str] = "factor"
    doses: ClassVar[tuple[float, ...]] = (0.0003, 0.001, 0.003)

    factor: Annotated[Number, Field(ge=0)] = 0.001

    def penalty(self, weights: "list[torch.Tensor]") -> "torch.Tensor":
        return self.factor / 2 * sum((weight**2).sum() for weight in weights)
