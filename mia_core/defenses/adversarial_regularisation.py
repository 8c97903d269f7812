"""Adversarial regularisation (Nasr, Shokri and Houmansadr, CCS 2018): training against an attack that learns along."""

import itertools
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from mia_core.base.settings import Number, Whole
from mia_core.defenses.base import Defense, Stage, Steps, Training

if TYPE_CHECKING:
    import torch

UNITS, RATE = 64, 0.001


class AdversarialRegularisation(Defense):
    """min over f of L(f) + factor * max over h of (E log h(f(x), y) on members + E log(1 - h) on others) / 2.

    h, the attack, gets posteriors and label and says how likely the example is a member. Before each step of the
    classifier f on a batch it takes one of its own, on that batch and as many examples that neither f trains on nor
    anyone is judged on; then f descends on its loss + factor * mean log h over the batch. Each is left alone and in
    evaluation mode while the other one learns.

    The authors' code differs from their paper: h sees logits, and the others are the test set whose accuracy it
    reports. Here it is the paper's objective with a smaller h (two hidden layers of 64 units, Adam).

    Published for Purchase100: test accuracy from 80.1% to 76.5%, attack from 67.6% to 51.6% (quoted from memory).

    factor   at least 0
    warm_up  epochs at the beginning in which f descends on its loss alone and h learns already
    """

    name: ClassVar[str] = "adversarial-regularisation"
    stage: ClassVar[Stage] = "training"
    order: ClassVar[int] = 80
    strength: ClassVar[str] = "factor"
    doses: ClassVar[tuple[float, ...]] = (1.0, 3.0, 10.0)

    factor: Annotated[Number, Field(ge=0)] = 3.0
    warm_up: Annotated[Whole, Field(ge=0)] = 4

    def step(self, training: Training) -> Steps:
        import torch
        from torch.nn.functional import logsigmoid

        others, their_targets = training.outsiders()
        generator = training.random(self.name)
        attack = _attack(2 * their_targets.shape[1], generator).to(others.device)
        learner = torch.optim.Adam(attack.parameters(), lr=RATE)

        def evidence(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
            return attack(torch.cat([logits.softmax(1), targets], 1))[:, 0]  # the logit of h

        def step(images: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
            drawn = torch.randint(len(others), (len(images),), generator=generator).to(others.device)
            training.network.eval()
            with torch.no_grad():
                inside, outside = training.forward(images), training.forward(others[drawn])
            training.network.train()
            gain = logsigmoid(evidence(inside, targets)).mean()
            gain = gain + logsigmoid(-evidence(outside, their_targets[drawn])).mean()
            learner.zero_grad()
            (-gain / 2).backward()
            learner.step()

            logits = training.forward(images)
            loss = training.loss(logits, targets)
            if training.epoch > self.warm_up:
                loss = against(loss, evidence(logits, targets), self.factor)
            training.optimiser.zero_grad()
            loss.backward()
            training.optimiser.step()
            return logits.detach()

        return step


def against(loss: "torch.Tensor", evidence: "torch.Tensor", factor: float) -> "torch.Tensor":
    """loss + factor * mean log h on members, for the attack's logits [n] of h."""
    from torch.nn.functional import logsigmoid

    return loss + factor * logsigmoid(evidence).mean()


def _attack(inputs: int, generator: "torch.Generator") -> "torch.nn.Module":
    from torch import nn
    from torch.nn.utils import skip_init

    widths = [inputs, UNITS, UNITS, 1]
    layers: list[nn.Module] = []
    for before, after in itertools.pairwise(widths):
        layer = skip_init(nn.Linear, before, after)  # as `nn.Linear` would draw from PyTorch's global numbers
        nn.init.xavier_uniform_(layer.weight, generator=generator)
        nn.init.zeros_(layer.bias)
        layers += [layer, nn.ReLU()]
    return nn.Sequential(*layers[:-1])
