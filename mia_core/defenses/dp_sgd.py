"""DP-SGD (Abadi et al., CCS 2016): every example's gradient is clipped, and their sum is drowned in noise."""

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np
from pydantic import Field

from mia_core.base.errors import MiaWarning
from mia_core.base.settings import Number
from mia_core.defenses.base import Defense, Stage, Steps, Training

if TYPE_CHECKING:
    import torch

TOGETHER = 64
"""Examples whose gradients are held at once: 43 MiB of the report's CNN on CIFAR-10."""


class DPSGD(Defense):
    """Algorithm 1 of Abadi et al.: (sum of the examples' gradients, each cut to the length `clip`, + N(0, (noise *
    clip)^2)) / B, on batches to which every example belongs with probability B / n, independently (Poisson), where B is
    the recipe's batch size and so the expected one. An epoch has n / B steps, rounded.

    What comes out goes to the recipe's optimiser, Adam in place of plain descent: what is done with a private gradient
    costs no privacy. Gradients are computed in float32 one by one (`torch.func.vmap`), which other implementations
    agree with. Pixels are standardised by the same constants for every model, since the members' mean and deviation
    would be published without noise. It stands by itself: mixup, batch normalisation and the like tie examples
    together, and then no example has a gradient of its own to clip.

    The epsilon it promises is that of Opacus's accountant (Mironov's Renyi DP of the subsampled Gaussian), for
    adding or removing one example; replacing one costs up to twice as much. Fewer orders of Renyi's divergence make it
    larger, never wrong. The noise is drawn in floating point from a seed, so that a study can be repeated: whoever
    publishes a model would draw it from a secret source.

    De et al. (2022, abstract) reach 81.4% on CIFAR-10 at epsilon 8. Aerni et al. (CCS 2024) run it where it promises
    next to nothing and still protects, with a WRN-16-4, group normalisation, 8 augmentations for each example and an
    average of weights, which are not here: medium (noise 0.2, epsilon in the thousands), high (0.00625) and very high
    utility (0.003125) have accuracies of 88.3, 91.1 and 91.9% against 94.5% undefended, and a TPR at 0.1% FPR on the
    strongest canaries of 2.7, 9.5 and 63.2% against 100%.

    noise  standard deviation of the noise on the sum, as a multiple of `clip`, at least 0. At 0 nothing is done, and
           nothing is clipped either
    clip   C, largest length of one example's gradient, above 0
    """

    name: ClassVar[str] = "dp-sgd"
    stage: ClassVar[Stage] = "training"
    order: ClassVar[int] = 95
    strength: ClassVar[str] = "noise"
    doses: ClassVar[tuple[float, ...]] = (0.01, 0.2, 1.0)
    by_itself: ClassVar[bool] = True

    noise: Annotated[Number, Field(ge=0, le=1000)] = 0.2
    clip: Annotated[Number, Field(gt=0, le=1000)] = 1.0

    def standardisation(self, mean: np.ndarray, scale: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return np.full_like(mean, 127.5), np.full_like(scale, 63.75)

    def sample(self, shuffled: "torch.Tensor", size: int, training: Training) -> "list[torch.Tensor]":
        import torch

        rate, steps = plan(len(shuffled), size)
        generator = training.random(f"{self.name} batches")
        drawn = [torch.rand(len(shuffled), generator=generator) < rate for _ in range(steps)]
        return [shuffled[one.to(shuffled.device)] for one in drawn]

    def step(self, training: Training) -> Steps:
        import torch
        from torch.func import functional_call, grad, vmap
        from torch.nn.functional import cross_entropy

        class Body(torch.nn.Module):
            """The network from standardised images on, as `functional_call` wants it."""

            def __init__(self) -> None:
                super().__init__()
                self.network = training.network

            def forward(self, images: torch.Tensor) -> torch.Tensor:
                return self.network.body(images)

        body = Body()
        parameters = dict(body.named_parameters())
        generator = training.random(f"{self.name} noise")

        def loss(values: dict[str, torch.Tensor], image: torch.Tensor, target: torch.Tensor):
            logits = functional_call(body, values, (image[None],)).float()
            return cross_entropy(logits, target[None]), logits[0]

        one_by_one = vmap(grad(loss, has_aux=True), in_dims=(None, 0, 0))

        def step(images: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
            values = {name: value.detach() for name, value in parameters.items()}
            sums = [torch.zeros_like(value) for value in values.values()]
            logits = [targets[:0]]
            for some, wanted in zip(images.split(TOGETHER), targets.split(TOGETHER), strict=True):
                if len(some):  # a batch may be empty: then the step is noise alone
                    gradients, said = one_by_one(values, some, wanted)
                    logits.append(said.detach())
                    sums = [a + b for a, b in zip(sums, clipped_sum(list(gradients.values()), self.clip), strict=True)]
            for parameter, total in zip(parameters.values(), sums, strict=True):
                drawn = torch.randn(total.shape, generator=generator).to(total.device)
                parameter.grad = (total + self.noise * self.clip * drawn) / training.batch_size
            training.optimiser.step()
            return torch.cat(logits)

        return step

    def promised_epsilon(self, examples: int, batch_size: int, epochs: int, delta: float) -> float | None:
        """By `epsilon`; None with a `MiaWarning` where Opacus is not installed."""
        if not self.acts:
            return None
        rate, steps = plan(examples, batch_size)
        try:
            return epsilon(self.noise, rate, steps * epochs, delta)
        except ImportError:
            warnings.warn("dp-sgd: its epsilon needs Opacus: pip install 'mia-core[dp]'", MiaWarning, stacklevel=2)
            return None


def plan(examples: int, batch_size: int) -> tuple[float, int]:
    """With which probability an example is in a batch, and how many batches an epoch has."""
    return min(1.0, batch_size / examples), max(1, round(examples / batch_size))


def clipped_sum(gradients: "Sequence[torch.Tensor]", clip: float) -> "list[torch.Tensor]":
    """Sums over n examples of `gradients`, [n, ...] for each parameter, each example's scaled down to a length of at
    most `clip` over all parameters together."""
    squares = sum(part.reshape(len(part), -1).square().sum(1) for part in gradients)
    factors = (clip / squares.sqrt().clamp(min=1e-12)).clamp(max=1)
    return [(part * factors.reshape(-1, *[1] * (part.ndim - 1))).sum(0) for part in gradients]


def epsilon(noise: float, rate: float, steps: int, delta: float = 1e-5) -> float:
    """The epsilon at `delta` of so many steps with Poisson batches of this `rate`, by Opacus's Renyi accountant.

    Raises `ImportError` without Opacus.
    """
    from opacus.accountants import RDPAccountant

    accountant = RDPAccountant()
    accountant.history = [(noise, rate, steps)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that the largest or smallest order is the best one: it holds all the same
        return float(accountant.get_epsilon(delta))
