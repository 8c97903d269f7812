"""The step of a training on one batch, written as in a textbook, and what defenses do in it."""

from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional as F

from mia_core.defenses import Combination, having
from mia_core.model.network import Network, decayed
from mia_core.model.recipe import Recipe


class Step:
    """A step of training on one batch: forward pass, mean cross-entropy, backward pass, Adam (Kingma and Ba 2015).

    The recipe's l2 * sum(w**2) over weights, not biases, has the gradient 2 * l2 * w: that of a weight decay of 2 * l2.

    defenses    whose hooks `batch`, `loss`, `penalty` and `step` are called (see `mia_core.defenses.base.Training`,
                which this is)
    named_seed  of what a defense draws, by the name that it gives
    outsiders   see `mia_core.defenses.base.Training.outsiders`
    """

    def __init__(
        self,
        network: Network,
        recipe: Recipe,
        defenses: Combination = (),
        named_seed: Callable[[str], int] = lambda name: 0,
        outsiders: Callable[[], tuple[torch.Tensor, torch.Tensor]] | None = None,
    ) -> None:
        self.network, self.recipe = network, recipe
        self.epoch, self.epochs, self.batch_size = 1, recipe.epochs, recipe.batch_size
        self.named_seed, self._generators = named_seed, dict[str, torch.Generator]()
        self.weights, _ = decayed(network.named_parameters())
        self.outsiders = outsiders
        self.changing, self.penalties = having(defenses, "batch"), having(defenses, "penalty")
        self.own_loss = having(defenses, "loss")
        self.optimiser = self.make_optimiser()
        own = having(defenses, "step")
        self.own_step = own[0].step(self) if own else None

    def make_optimiser(self) -> Any:
        """Adam with the recipe's learning rate and l2."""
        weights, others = decayed(self.network.named_parameters())
        groups = [{"params": weights, "weight_decay": 2 * self.recipe.l2}, {"params": others}]
        return torch.optim.Adam(groups, lr=self.recipe.learning_rate)

    def changed(self, images: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The batch as defenses leave it."""
        for defense in self.changing:
            images, targets = defense.batch(images, targets, self)
        return images, targets

    def __call__(self, images: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Logits float32 [n, K] before the step, for standardised images [n, C, H, W] and distributions [n, K]."""
        if self.own_step is not None:
            return self.own_step(images, targets)
        logits = self.forward(images)
        loss = self.loss(logits, targets)
        self.optimiser.zero_grad()
        loss.backward()
        self.optimiser.step()
        return logits.detach()

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits float32 [n, K], computed in the recipe's precision."""
        half = self.recipe.precision == "bfloat16"
        with torch.autocast(images.device.type, torch.bfloat16, enabled=half):
            return self.network.body(images).float()

    def loss(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Mean cross-entropy, or what a defense puts in its place, and the defenses' penalties; not the recipe's l2."""
        own = self.own_loss[0].loss(logits, targets, self.epoch) if self.own_loss else F.cross_entropy(logits, targets)
        for defense in self.penalties:
            own = own + defense.penalty(self.weights)
        return own

    def random(self, name: str) -> torch.Generator:
        """Random numbers of that name, on the CPU: the same generator whenever it is asked for."""
        if name not in self._generators:
            self._generators[name] = torch.Generator().manual_seed(self.named_seed(name))
        return self._generators[name]
