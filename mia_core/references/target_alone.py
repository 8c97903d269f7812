"""Attacks without references: what the target itself says of an example, alone or ranked among a population."""

from typing import TYPE_CHECKING

import numpy as np

from mia_core.attacks import ATTACKS
from mia_core.attacks.contract import Floats
from mia_core.attacks.yeom import Gap
from mia_core.base.errors import ArrayError
from mia_core.references.record import ReferenceRecord

if TYPE_CHECKING:
    from mia_core.references.answers import View


def attack_p(statistic: Floats, population: Floats) -> Floats:
    """Share of the population that the target treats no better than the example: float64 [N], 0 to 1.

    statistic   [N] of the target, higher = more like a member, such as log p_y (minus the loss)
    population  [Z] of the target on examples that no model trained on
    Attack P of Ye, Maddi, Murakonda, Bindschaedler, Shokri 2022, "Enhanced Membership Inference Attacks against Machine
    Learning Models". The score rises with the statistic, so its ROC is that of the loss itself, coarsened by ties; what
    the population adds is a threshold for a chosen FPR: calling members where the score is above 1 - FPR.
    Raises `ArrayError` for an empty population.
    """
    if len(population) == 0:
        raise ArrayError("population: found no example; expected at least one")
    ordered = np.sort(population)
    return np.searchsorted(ordered, statistic, side="right") / len(ordered)


def _rank(view: "View") -> Floats:
    return attack_p(view.of_target("log-likelihood"), view.of_target("log-likelihood", population=True))


RECORDS = (
    ReferenceRecord(
        "gap", lambda view: view.of_target("correctness"), ATTACKS["gap"].compares, ATTACKS["gap"].source,
        order=1, threshold=Gap.threshold, needs=("classes",),
    ),
    ReferenceRecord(
        "loss", lambda view: view.of_target("log-likelihood"), ATTACKS["loss"].compares, ATTACKS["loss"].source, order=7
    ),
    ReferenceRecord(
        "attack-p", _rank, "rank of the loss among examples that no model trained on", "Ye et al. 2022",
        order=8, needs=("population",),
    ),
)  # fmt: skip
