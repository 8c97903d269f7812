"""Mixup (Zhang et al., ICLR 2018): each image is mixed with another one, and so are their labels."""

from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np
from pydantic import Field

from mia_core.base.settings import Number
from mia_core.defenses.base import Defense, Stage, Training

if TYPE_CHECKING:
    import torch


class Mixup(Defense):
    """Trains on share * image + (1 - share) * another image of the batch, and on their labels mixed alike.

    One share for each batch, drawn from Beta(alpha, alpha). Cross-entropy is linear in the distribution it compares
    with, so mixed labels give the mixture of the two losses.

    Kaya and Dumitras (ICML 2021) vary alpha from 0.1 to 256 and report that augmentation tuned for accuracy does not
    lower the risk, and that protection costs accuracy (abstract and their configuration).

    alpha  at least 0; small values mix little, 1 draws every share alike, and large ones mix half and half
    """

    name: ClassVar[str] = "mixup"
    stage: ClassVar[Stage] = "training"
    order: ClassVar[int] = 32
    strength: ClassVar[str] = "alpha"
    doses: ClassVar[tuple[float, ...]] = (0.2, 1.0, 16.0)

    alpha: Annotated[Number, Field(ge=0)] = 1.0

    def batch(
        self, images: "torch.Tensor", targets: "torch.Tensor", training: Training
    ) -> tuple["torch.Tensor", "torch.Tensor"]:
        import torch

        generator = training.random(self.name)
        seed = int(torch.randint(2**62, (1,), generator=generator))  # PyTorch draws no Beta from a generator
        share = float(np.random.default_rng(seed).beta(self.alpha, self.alpha))
        others = torch.randperm(len(images), generator=generator).to(images.device)
        return mixed(images, images[others], share), mixed(targets, targets[others], share)


def mixed(one: "torch.Tensor", other: "torch.Tensor", share: float) -> "torch.Tensor":
    """share * one + (1 - share) * other."""
    return share * one + (1 - share) * other
