"""An ensemble: several networks on the same examples, whose posteriors are averaged."""

from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np
from pydantic import Field

from mia_core.base.settings import Whole
from mia_core.defenses.base import Defense, Fitting, Stage

if TYPE_CHECKING:
    import torch


class Ensemble(Defense):
    """The mean of the posteriors of several networks, which differ in initial weights, noise and order of examples.

    Averaging posteriors is not averaging logits: networks that are sure of different classes leave both likely. Rezaei
    et al. (arXiv 2105.05381, abstract) find that ensembles raise both the accuracy and the attack: it is ordinary good
    practice and no protection, to be measured like one.

    networks  how many, from 0, which is a model as without it, to 100
    """

    name: ClassVar[str] = "ensemble"
    stage: ClassVar[Stage] = "model"
    order: ClassVar[int] = 10
    strength: ClassVar[str] = "networks"
    doses: ClassVar[tuple[float, ...]] = (2, 4, 8)

    networks: Annotated[Whole, Field(ge=0, le=100)] = 4

    def several(self, classes: int) -> tuple[int, "torch.nn.Module"]:
        from mia_core.defenses.ensemble.mean import Mean

        return self.networks, Mean()

    def fit(self, fitting: Fitting) -> tuple["torch.nn.Module", dict[str, np.ndarray]]:
        model = fitting.model()
        found = []
        for part, network in enumerate(model.parts):
            *_, history = fitting.epochs(network, fitting.images, fitting.targets, part)
            found.append(history)
        return model, {name: np.mean([history[name] for history in found], axis=0) for name in found[0]}
