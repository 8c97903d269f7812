"""Pruning: the smallest weights are set to zero, and what is left is trained on."""

from typing import Annotated, ClassVar

from pydantic import Field

from mia_core.base.settings import Number
from mia_core.defenses.base import Defense, Stage, Training


class Pruning(Defense):
    """After half of the epochs sets a `share` of each layer's weights to zero, the smallest ones, for good.

    By `torch.nn.utils.prune.l1_unstructured`; the share is rounded to a number of weights. The other half of the
    epochs trains the remaining weights on the same examples. Layers that other defenses put in are left alone.

    Wang et al. (IJCAI 2021, abstract) report an attack accuracy lower by up to 13.6 points; Yuan and Zhang (USENIX
    Security 2022, abstract) that training on the same examples after pruning raises the risk.

    share  of the weights, in [0, 1)
    """

    name: ClassVar[str] = "pruning"
    stage: ClassVar[Stage] = "training"
    order: ClassVar[int] = 70
    strength: ClassVar[str] = "share"
    doses: ClassVar[tuple[float, ...]] = (0.3, 0.6, 0.9)

    share: Annotated[Number, Field(ge=0, lt=1)] = 0.6

    def epoch_ended(self, training: Training) -> None:
        from torch.nn import Conv2d, Linear
        from torch.nn.utils import prune

        found = [module for module in training.network.children() if isinstance(module, Conv2d | Linear)]
        if training.epoch == max(1, training.epochs // 2):
            for module in found:
                # Told in C order, as PyTorch cannot flatten the weights of a convolution whose channels are last.
                prune.l1_unstructured(module, "weight", self.share, module.weight.detach().contiguous())
        if training.epoch == training.epochs:  # the mask becomes part of the weights
            for module in found:
                prune.remove(module, "weight")
