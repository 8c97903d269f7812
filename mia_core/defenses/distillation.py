"""Distillation for membership privacy, DMP (Shejwalkar and Houmansadr, AAAI 2021): a student that saw no member."""

from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np
from pydantic import Field

from mia_core.base.settings import Number
from mia_core.defenses.base import Defense, Fitting, Stage

if TYPE_CHECKING:
    import torch


class Distillation(Defense):
    """A teacher trains on the members; the model that is given out, its student, trains on other examples only, to
    minimise KL(softmax(teacher / T), softmax(student / T)), the mean over examples.

    The other examples are such as the model is not judged on either, at most as many as members, and of them those of
    which the teacher is surest, by the entropy of its answers. Their labels are not used. The student learns z / T, and
    its last layer is then multiplied by T: its answers are those at a temperature of one. Teacher and student differ in
    their initial weights and order of examples.

    The authors' code for Purchase has T = 1 and averages over examples and classes; it does not multiply by T squared.
    Published: on CIFAR-100 (DenseNet) an accuracy of 65.3% where the attack is right about 53.7%, against 33.6% for
    adversarial regularisation at that risk (abstract). Jagielski et al. (NeurIPS 2023, abstract) find that distillation
    alone protects little, and least where the student's examples resemble the teacher's; here both are of one data set.

    temperature  T, at least 0; at 0 there is no student, and the model trains on the members
    share        of the other examples that the student trains on, in (0, 1]
    """

    name: ClassVar[str] = "distillation"
    stage: ClassVar[Stage] = "training"
    order: ClassVar[int] = 96
    strength: ClassVar[str] = "temperature"
    doses: ClassVar[tuple[float, ...]] = (1.0, 2.0, 4.0)

    temperature: Annotated[Number, Field(ge=0, le=1000)] = 2.0
    share: Annotated[Number, Field(gt=0, le=1)] = 1.0

    def fit(self, fitting: Fitting) -> tuple["torch.nn.Module", dict[str, np.ndarray]]:
        import torch

        others, _ = fitting.outsiders()
        teacher = fitting.network(1)
        *_, _ = fitting.epochs(teacher, fitting.images, fitting.targets, part=1)
        said = fitting.answers(teacher, others)
        chosen = surest(said, self.share)
        student = fitting.model()
        *_, history = fitting.epochs(student, others[chosen], (said[chosen] / self.temperature).softmax(1))
        with torch.no_grad():
            for parameter in student.out.parameters():
                parameter *= self.temperature
        return student, history


def surest(logits: "torch.Tensor", share: float) -> "torch.Tensor":
    """Row numbers, ascending, of the share of `logits` [n, K] with the lowest entropy, at least one of them."""
    entropies = -(logits.softmax(1) * logits.log_softmax(1)).sum(1)
    return entropies.argsort(stable=True)[: max(1, round(share * len(logits)))].sort().values
