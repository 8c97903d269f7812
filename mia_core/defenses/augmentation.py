"""Data augmentation as it is usual for pictures: random crops, and mirror images where they keep their class."""

from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from mia_core.base.settings import Switch, Whole
from mia_core.defenses.base import Defense, Stage, Training

if TYPE_CHECKING:
    import torch


class Augmentation(Defense):
    """Shows each image moved by up to `pad` pixels in each direction, and mirrored half of the time.

    Moved is: surrounded by `pad` pixels of black and cropped to its size at a random place. On 32x32 pixels a pad of 4
    with mirror images is the usual choice for CIFAR-10.

    Kaya and Dumitras (ICML 2021, abstract): augmentation tuned for accuracy does not lower the risk. Yu et al. (AAAI
    2021, abstract): an attack that asks about augmented copies too has an accuracy of 70.1% instead of 61.9% on a model
    of CIFAR-10; the attacker who adapts asks about the same kind of copies.

    pad   pixels; 0 moves nothing
    flip  show mirror images too; leave it off where they are of another class, as of digits
    """

    name: ClassVar[str] = "augmentation"
    stage: ClassVar[Stage] = "training"
    of_images: ClassVar[bool] = True
    order: ClassVar[int] = 30
    strength: ClassVar[str] = "pad"
    doses: ClassVar[tuple[float, ...]] = (1, 2, 4)

    pad: Annotated[Whole, Field(ge=0, le=100)] = 2
    flip: Switch = False

    @property
    def acts(self) -> bool:
        return self.flip or super().acts

    def batch(
        self, images: "torch.Tensor", targets: "torch.Tensor", training: Training
    ) -> tuple["torch.Tensor", "torch.Tensor"]:
        import torch

        count, generator = len(images), training.random(self.name)
        down, across = torch.randint(2 * self.pad + 1, (2, count), generator=generator).to(images.device)
        mirrored = torch.rand(count, generator=generator) < (0.5 if self.flip else 0.0)
        # What black is in the standardised image.
        black = -training.network.mean / training.network.scale
        images = moved(images, black, self.pad, down, across)
        return torch.where(mirrored.to(images.device)[:, None, None, None], images.flip(3), images), targets


def moved(
    images: "torch.Tensor", around: "torch.Tensor", pad: int, down: "torch.Tensor", across: "torch.Tensor"
) -> "torch.Tensor":
    """Each of the images [n, C, H, W] cropped to its size, the crop beginning `down` and `across` [n] pixels into the
    image that has `pad` pixels around it; pixels outside are those of `around` [C, H, W] in their new place."""
    import torch

    height, width = images.shape[2:]
    rows = torch.arange(height, device=images.device) + down[:, None] - pad  # [n, H], of the image before
    columns = torch.arange(width, device=images.device) + across[:, None] - pad
    inside = ((rows >= 0) & (rows < height))[:, :, None] & ((columns >= 0) & (columns < width))[:, None, :]
    example = torch.arange(len(images), device=images.device)[:, None, None]
    found = images.permute(0, 2, 3, 1)[
        example, rows.clamp(0, height - 1)[:, :, None], columns.clamp(0, width - 1)[:, None, :]
    ]
    return torch.where(inside[:, None], found.permute(0, 3, 1, 2), around)
