"""Model stacking, the second defense of ML-Leaks (Salem et al., NDSS 2019): no part of the model sees all members."""

from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np
from pydantic import Field

from mia_core.base.errors import DataError
from mia_core.base.settings import Number
from mia_core.defenses.base import Defense, Fitting, Stage

if TYPE_CHECKING:
    import torch


class Stacking(Defense):
    """Two networks and a combiner, logistic regression on the posteriors of both, train on three disjoint parts of the
    members.

    Quoted from memory: the authors' code does not have it. Here both first models are the recipe's network, each with
    initial weights of its own. A member of the combiner's part is known to a model with few weights only, and a member
    of a network's part is one of those that the combiner learned to trust it on. The price is that every network learns
    from fewer members: stopping earlier and a smaller training set are its rivals.

    share  of the members that train the combiner, from 0, which is a model as without it, to below 1; each network
           trains on half of the others
    """

    name: ClassVar[str] = "stacking"
    stage: ClassVar[Stage] = "model"
    order: ClassVar[int] = 11
    strength: ClassVar[str] = "share"
    doses: ClassVar[tuple[float, ...]] = (0.1, 1 / 3, 0.6)
    uses: ClassVar[tuple[str, ...]] = ("mia_core.defenses.logistic",)

    share: Annotated[Number, Field(ge=0, lt=1)] = 1 / 3

    def several(self, classes: int) -> tuple[int, "torch.nn.Module"]:
        from mia_core.defenses.stacking.combiner import Combiner

        return 2, Combiner(2, classes)

    def fit(self, fitting: Fitting) -> tuple["torch.nn.Module", dict[str, np.ndarray]]:
        import torch

        images, targets, model = fitting.images, fitting.targets, fitting.model()
        *parts, last = thirds(torch.randperm(len(images), generator=fitting.random(self.name)), self.share)
        if not all(map(len, (*parts, last))):
            raise DataError(f"stacking: found {len(images)} members; expected enough for three parts")
        found = []
        for part, (network, rows) in enumerate(zip(model.parts, parts, strict=True)):
            *_, history = fitting.epochs(network, images[rows], targets[rows], part)
            found.append(history)
        said = torch.stack([fitting.answers(network, images[last]) for network in model.parts], 1)
        model.combine.learn(said, targets[last])
        return model, {name: np.mean([history[name] for history in found], axis=0) for name in found[0]}


def thirds(order: "torch.Tensor", share: float) -> "tuple[torch.Tensor, torch.Tensor, torch.Tensor]":
    """Three disjoint parts of `order`: of two networks, equal but for one, and of the combiner, this share."""
    first = round((1 - share) * len(order))
    return order[: first // 2], order[first // 2 : first], order[first:]
