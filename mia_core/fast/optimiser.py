"""Adam with PyTorch's own fused kernel, called for all weights at once and with little around it."""

from collections.abc import Iterable

import torch

from mia_core.model.network import decayed
from mia_core.model.recipe import Recipe

BETAS = (0.9, 0.999)
EPSILON = 1e-8


class Adam:
    """Adam (Kingma and Ba 2015) with the recipe's learning rate; its l2 acts on weights (`decayed`).

    The computation is that of `torch.optim.Adam`, which spends several times the kernel's own time around it where
    models are small, and imports PyTorch's compiler for nothing, more than a second in every process that trains.
    Adam acts on each number by itself, so one optimiser over stacked models is one optimiser per model.
    """

    def __init__(self, parameters: Iterable[tuple[str, torch.Tensor]], recipe: Recipe) -> None:
        self.learning_rate = recipe.learning_rate
        # The gradient of l2 * sum(w**2) is 2 * l2 * w, which is what a weight decay adds.
        weights, others = decayed(parameters)
        self._groups = [_Group(part, decay) for part, decay in ((weights, 2 * recipe.l2), (others, 0.0)) if part]

    @torch.no_grad()
    def step(self) -> None:
        """One step along the parameters' gradients, which are then forgotten; every parameter has one."""
        for group in self._groups:
            group.step.add_(1)
            torch._fused_adam_(
                group.parameters,
                [parameter.grad for parameter in group.parameters],
                group.means,
                group.squares,
                [],
                [group.step] * len(group.parameters),
                lr=self.learning_rate,
                beta1=BETAS[0],
                beta2=BETAS[1],
                weight_decay=group.decay,
                eps=EPSILON,
                amsgrad=False,
                maximize=False,
            )
            for parameter in group.parameters:
                parameter.grad = None


class _Group:
    """Parameters of one weight decay, and Adam's running means of their gradients and squared gradients."""

    def __init__(self, parameters: list[torch.Tensor], decay: float) -> None:
        self.parameters, self.decay = parameters, decay
        self.means = [torch.zeros_like(p, memory_format=torch.preserve_format) for p in parameters]
        self.squares = [torch.zeros_like(p, memory_format=torch.preserve_format) for p in parameters]
        self.step = torch.zeros((), device=parameters[0].device)
