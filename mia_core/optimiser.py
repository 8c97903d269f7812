"""Adam with PyTorch's own fused kernel, called for all weights at once and with little around it."""

from collections.abc import Iterable

import torch
from torch.optim.adam import adam

from mia_core.recipe import Recipe

BETAS = (0.9, 0.999)
EPSILON = 1e-8


class Adam:
    """Adam (Kingma and Ba 2015) with the recipe's learning rate; its l2 acts on parameters named "...weight".

    The computation is that of `torch.optim.Adam`, which spends several times the kernel's own time around it where
    models are small, and imports PyTorch's compiler for nothing, 1.6 seconds in every process that trains. Adam acts
    on each number by itself, so one optimiser over stacked models is an optimiser a model.
    """

    def __init__(self, parameters: Iterable[tuple[str, torch.Tensor]], recipe: Recipe) -> None:
        named = list(parameters)
        self.learning_rate = recipe.learning_rate
        # The gradient of l2 * sum(w**2) is 2 * l2 * w, which is what a weight decay adds.
        decays = {True: 2 * recipe.l2, False: 0.0}
        self._groups = [
            _Group([p for name, p in named if name.endswith("weight") == decayed], decay)
            for decayed, decay in decays.items()
        ]

    @torch.no_grad()
    def step(self) -> None:
        """One step along the parameters' gradients, which are then forgotten; every parameter has one."""
        for group in self._groups:
            gradients = [parameter.grad for parameter in group.parameters]
            adam(
                group.parameters,
                gradients,
                group.means,
                group.squares,
                [],
                group.steps,
                fused=True,
                amsgrad=False,
                beta1=BETAS[0],
                beta2=BETAS[1],
                lr=self.learning_rate,
                weight_decay=group.decay,
                eps=EPSILON,
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
        self.steps = [torch.zeros((), device=p.device) for p in parameters]
