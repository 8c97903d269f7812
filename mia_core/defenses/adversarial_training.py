"""Adversarial training, on images altered a little so that the network errs: FGSM (Goodfellow et al. 2015) and PGD
(Madry et al. 2018)."""

from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from mia_core.base.settings import Number, Whole
from mia_core.defenses.base import Defense, Stage, Training

if TYPE_CHECKING:
    import torch

PIXEL = 255
REACH = 2.5
"""With several steps, how far they go together, in units of epsilon: Madry et al.'s ten steps of 2/255 for 8/255."""


class AdversarialTraining(Defense):
    """Moves every pixel by up to `epsilon` in the direction that raises the loss, and trains on that image.

    One step (FGSM) moves each pixel by epsilon. Several (PGD) start at a random place, and after each the image is put
    back to within epsilon of where it was. Pixels stay within their range. The network is asked in evaluation mode.

    Song, Shokri and Mittal (CCS 2019; results printed in their repository) report that it raises the risk: on CIFAR-10
    a model trained naturally has 95.0% accuracy and its attack 57.4%, one trained with PGD (epsilon 8/255, 10 steps)
    87.3% and 74.9%.

    epsilon  as a share of the pixel range, 0 to 1; 8/255 is about 0.03
    steps    1 is FGSM, more are PGD
    """

    name: ClassVar[str] = "adversarial-training"
    stage: ClassVar[Stage] = "training"
    of_images: ClassVar[bool] = True
    order: ClassVar[int] = 31
    strength: ClassVar[str] = "epsilon"
    doses: ClassVar[tuple[float, ...]] = (0.01, 0.03, 0.06)

    epsilon: Annotated[Number, Field(ge=0, le=1)] = 0.03
    steps: Annotated[Whole, Field(ge=1, le=100)] = 1

    def batch(
        self, images: "torch.Tensor", targets: "torch.Tensor", training: Training
    ) -> tuple["torch.Tensor", "torch.Tensor"]:
        import torch
        from torch.nn import functional as F

        network = training.network
        # In units of the standardised image, pixel by pixel.
        least, most = -network.mean / network.scale, (PIXEL - network.mean) / network.scale
        radius = self.epsilon * PIXEL / network.scale
        length = radius if self.steps == 1 else REACH * radius / self.steps
        x = images
        if self.steps > 1:
            draw = torch.rand(images.shape, generator=training.random(self.name)).to(images.device)
            x = (images + (2 * draw - 1) * radius).clamp(least, most)
        network.eval()
        for _ in range(self.steps):
            x = x.detach().requires_grad_()
            loss = F.cross_entropy(training.forward(x), targets)
            (gradient,) = torch.autograd.grad(loss, x)
            x = x.detach() + length * gradient.sign()
            x = torch.clamp(torch.clamp(x, images - radius, images + radius), least, most)
        network.train()
        return x, targets
