"""MemGuard (Jia et al., CCS 2019): noise on the posteriors that turns a membership classifier's guess around."""

from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np
from pydantic import Field

from mia_core.base.settings import Number, Whole
from mia_core.defenses.base import Defense, Fitting, Stage

if TYPE_CHECKING:
    import torch


class MemGuard(Defense):
    """The defender fits a membership classifier of his own, and answers with noise that leaves it in the dark.

    1. For each answer, the smallest noise found that moves the classifier across one half and keeps the class that is
       predicted (`mia_core.defenses.memguard.noise`).
    2. It is added with the probability min(1, `budget` / its length), the sum of absolute values, and only where the
       classifier is then less sure; so the expected distortion is at most `budget`. One draw per query, fixed by a
       secret key (`mia_core.defenses.per_query`): asking twice tells nothing more.

    The classifier is logistic regression on sorted posteriors (theirs is a network), fitted after the training on all
    members and on as many examples that the model neither trains nor is judged on, each side with the same weight. The
    network itself is the undefended one, to the bit, and so are its classes: an attack that reads right and wrong
    classes or asks for labels alone finds what it found before. The classifier is kept with the model; so this changes
    answers only and still stands among the trainings.

    The authors report an attack accuracy on Location30 of 0.50, 0.52, 0.55, 0.62, 0.69 and 0.73 for a budget of 1, 0.7,
    0.5, 0.3, 0.1 and 0 (README), with an attack that is trained on an undefended shadow. In this book the shadow is
    defended like the target, by a classifier of its own. Choquette-Choo et al. (ICML 2021, abstract) break it by labels
    alone; Song and Mittal (USENIX Security 2021) by thresholds for each class that know the true one (from memory).

    budget  largest expected sum of absolute changes to an answer, at least 0; more than 2 is no limit
    key     secret, below 2**32
    """

    name: ClassVar[str] = "memguard"
    stage: ClassVar[Stage] = "training"
    order: ClassVar[int] = 98
    strength: ClassVar[str] = "budget"
    doses: ClassVar[tuple[float, ...]] = (0.1, 0.5, 1.0)
    uses: ClassVar[tuple[str, ...]] = ("mia_core.defenses.logistic", "mia_core.defenses.per_query")

    budget: Annotated[Number, Field(ge=0, le=2)] = 0.5
    key: Annotated[Whole, Field(ge=0, lt=2**32)] = 0

    def several(self, classes: int) -> tuple[int, "torch.nn.Module"]:
        from mia_core.defenses.memguard.guard import Guard

        return 1, Guard(classes, self.budget, self.key)

    def fit(self, fitting: Fitting) -> tuple["torch.nn.Module", dict[str, np.ndarray]]:
        others, _ = fitting.outsiders()
        model = fitting.model()
        network = model.parts[0]
        *_, history = fitting.epochs(network, fitting.images, fitting.targets)
        model.combine.learn(fitting.answers(network, fitting.images), fitting.answers(network, others))
        return model, history
