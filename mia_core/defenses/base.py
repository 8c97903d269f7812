"""What a defense is: a frozen group of settings with one hook for each stage, all of which do nothing by default.

The pipeline calls every hook of every defense and never asks which defense it has.
"""

from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from mia_core.base.settings import Settings

if TYPE_CHECKING:
    import torch

Stage = Literal["model", "training", "output"]


class Defense(Settings):
    """A defense acts at one stage: in the model, in the training, or on the output.

    Only the first two shape the weights; an output-stage defense never needs a new training.

    name   as it is written in a combination
    order  its place among the defenses of its stage, lowest first: in that order they are named and applied
    keeps_prediction  whether an output-stage defense leaves the predicted class of every answer as it is, whatever the
           posteriors: what depends on the class alone is then the same by construction
    """

    name: ClassVar[str]
    stage: ClassVar[Stage]
    order: ClassVar[int] = 100
    keeps_prediction: ClassVar[bool] = False

    @property
    def shapes_weights(self) -> bool:
        """Whether this defense needs a model of its own to be trained."""
        return self.stage != "output"

    def layers(self, generator: "torch.Generator") -> dict[str, "torch.nn.Module"]:
        """Model stage: layers to insert at the positions "input" and "hidden", drawing noise from `generator`."""
        return {}

    def targets(self, targets: np.ndarray) -> np.ndarray:
        """Training stage: the label distributions [n, K] that the loss compares with, from those before."""
        return targets

    def outputs(self, posteriors: np.ndarray) -> np.ndarray:
        """Output stage: the posteriors [..., K] that anyone outside gets to see."""
        return posteriors

    def __str__(self) -> str:
        """The defense's name, with those settings that differ from their defaults."""
        changed = [
            f"{key}={getattr(self, key)}"
            for key, field in type(self).model_fields.items()
            if getattr(self, key) != field.default
        ]
        return self.name + (f"({','.join(changed)})" if changed else "")
