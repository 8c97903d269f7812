"""Dropout (Srivastava et al. 2014), the report's model-stage defense: at the input pixels and the hidden layer."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field, model_validator

from mia_core.base.settings import Number, Switch
from mia_core.defenses.base import Defense, Stage

if TYPE_CHECKING:
    import torch


class Dropout(Defense):
    """Zeroes units with probability `rate` in training and scales the rest by 1 / (1 - rate).

    rate    in [0, 1)
    input   act on the standardised input pixels
    hidden  act after the hidden dense layer
    """

    name: ClassVar[str] = "dropout"
    stage: ClassVar[Stage] = "model"
    order: ClassVar[int] = 1
    strength: ClassVar[str] = "rate"
    doses: ClassVar[tuple[float, ...]] = (0.25, 0.5, 0.75)

    rate: Annotated[Number, Field(ge=0, lt=1)] = 0.5
    input: Switch = True
    hidden: Switch = True

    @model_validator(mode="after")
    def _acts_somewhere(self) -> "Dropout":
        if not (self.input or self.hidden):
            raise ValueError("input and hidden are both off, so it would do nothing; leave dropout out instead")
        return self

    def layers(self, generator: "torch.Generator", widths: Mapping[str, int]) -> dict[str, "torch.nn.Module"]:
        from mia_core.defenses.dropout.layer import Drop

        return {place: Drop(self.rate, generator) for place in ("input", "hidden") if getattr(self, place)}
