"""SELENA (Tang et al., USENIX Security 2022): a model distilled from networks' answers on examples they never saw."""

from typing import TYPE_CHECKING, Annotated, ClassVar, Self

import numpy as np
from pydantic import Field, model_validator

from mia_core.base.errors import DataError
from mia_core.base.settings import Whole
from mia_core.defenses.base import Defense, Fitting, Stage

if TYPE_CHECKING:
    import torch


class Selena(Defense):
    """Of K networks each example is kept from L, drawn by the job's seed; the model that is given out trains on all
    members, each with the mean of the posteriors of those L networks as its target.

    So nobody's target has seen its own label: what the model can learn of an example is what others say of it. The
    authors answer with the networks themselves first (Split-AI), choosing L of them for each query; these answers tell
    members apart, and are not given out here. Near-duplicates defeat it: what one example is kept from, its twin
    teaches (Aerni et al., CCS 2024: with mislabelled near-duplicates as canaries a TPR at 0.1% FPR of 52.7%, on
    ordinary canaries 6.8% against 13.4% undefended, at an accuracy of 93.1% against 94.5%).

    The authors take K = 25 and L = 10, a ResNet-18 and crops and flips, and lose at most 3.9 points of accuracy
    (abstract). The defaults here have the same L / K, and every network trains on 6 of 10 members: 7 trainings of one
    model.

    apart     L, from 0, which is no defense, to networks - 1
    networks  K, at least 2
    """

    name: ClassVar[str] = "selena"
    stage: ClassVar[Stage] = "training"
    order: ClassVar[int] = 97
    strength: ClassVar[str] = "apart"
    doses: ClassVar[tuple[float, ...]] = (2, 4, 6)

    apart: Annotated[Whole, Field(ge=0)] = 4
    networks: Annotated[Whole, Field(ge=2, le=100)] = 10

    @model_validator(mode="after")
    def _some_train(self) -> Self:
        if self.apart >= self.networks:
            raise ValueError(f"apart: expected fewer than the {self.networks} networks, found {self.apart}")
        return self

    def fit(self, fitting: Fitting) -> tuple["torch.nn.Module", dict[str, np.ndarray]]:
        import torch

        images, targets = fitting.images, fitting.targets
        order = torch.rand(len(images), self.networks, generator=fitting.random(self.name)).argsort(1)
        kept = kept_from(order[:, : self.apart], self.networks).to(images.device)
        totals = torch.zeros_like(targets)
        for part, absent in enumerate(kept, start=1):
            if absent.all():
                raise DataError(f"selena: network {part} has no example to train on; expected fewer or smaller parts")
            network = fitting.network(part)
            *_, _ = fitting.epochs(network, images[~absent], targets[~absent], part)
            if absent.any():
                totals[absent] += fitting.answers(network, images[absent]).softmax(1)
        model = fitting.model()
        *_, history = fitting.epochs(model, images, totals / self.apart)
        return model, history


def kept_from(chosen: "torch.Tensor", networks: int) -> "torch.Tensor":
    """Which network does not train on which example, bool [K, n], from the numbers of those networks, [n, L]."""
    import torch

    return (chosen[:, :, None] == torch.arange(networks)).any(1).T
