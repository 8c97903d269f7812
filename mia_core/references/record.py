"""The record of an attack with reference models, and how one on `References` becomes one on a target's `View`."""

from collections.abc import Callable
from dataclasses import dataclass

from mia_core.attacks.contract import Floats, Record
from mia_core.base.settings import Settings


@dataclass(frozen=True, kw_only=True)
class ReferenceRecord(Record):
    """The record of an attack with reference models.

    attack       function of a target's `mia_core.references.answers.View`: scores float64 [P] of the pool's examples,
                 higher = more likely a member. Where it has `settings`, they may be its second argument
    settings     class of the settings that can be chosen on the command line; None: there are none
    threshold    with which it comes, such as log-odds of 0, so that nothing is left to choose; None: one is chosen on
                 a reference
    needs        any of "population" (examples that no model trains on), "shadow" (a reference to be fitted on, which
                 needs two references of its own next to the target's partner), "classes" (outputs with labels, where
                 a mere statistic of them will not do)
    """

    settings: type[Settings] | None = None
    threshold: float | None = None
    needs: tuple[str, ...] = ()


def reading(statistic: str, attack: Callable[..., Floats], *settings: Settings) -> Callable[..., Floats]:
    """`attack` on the pool's `References` with a statistic of `mia_core.references.statistics.STATISTICS`.

    settings  with which it is called unless others are chosen
    """
    return lambda view, *chosen: attack(view.pool(statistic), *(chosen or settings))
