"""Batch normalisation (Ioffe and Szegedy 2015), which ties the examples of a batch together."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from mia_core.base.settings import Whole
from mia_core.defenses.base import Defense, Stage

if TYPE_CHECKING:
    import torch


class BatchNorm(Defense):
    """Normalises what a layer gives over the batch before it is made non-linear, then scales and shifts it anew.

    In training by the batch's own mean and (biased) variance; when the model is asked, by running means of both
    (momentum 0.1, unbiased variance), so that answers do not depend on what else is asked. We know of no paper that
    evaluates it as a defense; it is here as ordinary practice. The gradient of one example depends on the others, which
    rules it out where gradients are clipped one by one, as for differential privacy.

    after  of how many layers, counted from the input: 1 is the first convolution, 2 both, 3 the dense layer too. A
           network of fewer layers has all of them normalised
    """

    name: ClassVar[str] = "batch-norm"
    stage: ClassVar[Stage] = "model"
    order: ClassVar[int] = 2
    strength: ClassVar[str] = "after"
    doses: ClassVar[tuple[float, ...]] = (1, 2, 3)

    after: Annotated[Whole, Field(ge=0, le=3)] = 2

    def layers(self, generator: "torch.Generator", widths: Mapping[str, int]) -> dict[str, "torch.nn.Module"]:
        from torch.nn import BatchNorm1d, BatchNorm2d

        places = [place for place in ("conv1", "conv2", "dense") if place in widths][: self.after]
        return {place: (BatchNorm1d if place == "dense" else BatchNorm2d)(widths[place]) for place in places}
