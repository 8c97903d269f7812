"""The one place where `mia_core.fast` attaches, if it is there: all else trains and asks as the textbook does."""

from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mia_core.model.network import Network
    from mia_core.model.recipe import Recipe
    from mia_core.model.train import Step


def step_class() -> "type[Step]":
    """What takes the steps of a training: the faster one where there is one."""
    from mia_core.model.train import Step

    return Step if _step() is None else _step().FastStep


def attached(network: "Network") -> "Network":
    """A trained network that is to be asked, with what computes the same in less time."""
    return network if _step() is None else _step().attached(network)


def sources(recipe: "Recipe", shape: tuple[int, ...]) -> list[str]:
    """The modules of `mia_core.fast` that compute a training on examples of this shape with this recipe here."""
    return [] if _step() is None else _step().sources(recipe, shape)


def stacked() -> ModuleType | None:
    """What trains many models at once; None where it is not there, and they are trained one by one."""
    try:
        from mia_core.fast import stacked
    except ModuleNotFoundError:
        return None
    return stacked


def _step() -> ModuleType | None:
    try:
        from mia_core.fast import step
    except ModuleNotFoundError:
        return None
    return step
