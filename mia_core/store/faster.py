"""The one place where `mia_core.fast` attaches, if it is there: all else trains and asks as the textbook does."""

from types import ModuleType
from typing import TYPE_CHECKING

from mia_core.defenses import Combination, having
from mia_core.defenses.base import HOOKS

if TYPE_CHECKING:
    from mia_core.model.network import Network
    from mia_core.model.recipe import Recipe
    from mia_core.model.step import Step


def step_class(defenses: Combination = ()) -> "type[Step]":
    """What takes the steps of a training: the faster one where there is one that knows all hooks of the defenses."""
    from mia_core.model.step import Step

    return _step().FastStep if _knows(_step(), defenses) else Step


def attached(network: "Network") -> "Network":
    """A trained network that is to be asked, with what computes the same in less time."""
    return network if _step() is None else _step().attached(network)


def sources(recipe: "Recipe", shape: tuple[int, int, int], defenses: Combination) -> list[str]:
    """The modules of `mia_core.fast` that compute a training on images [C, H, W] with this recipe on this machine."""
    return _step().sources(recipe, shape) if _knows(_step(), defenses) else []


def stacked(defenses: Combination = ()) -> ModuleType | None:
    """What trains many models at once; None where it is not there or does not know all hooks of the defenses, and they
    are trained one by one."""
    try:
        from mia_core.fast import stacked
    except ModuleNotFoundError:
        return None
    return stacked if _knows(stacked, defenses) and stacked.takes(defenses) else None


def _knows(fast: ModuleType | None, defenses: Combination) -> bool:
    return fast is not None and not having(defenses, *(hook for hook in HOOKS if hook not in fast.KNOWN))


def _step() -> ModuleType | None:
    try:
        from mia_core.fast import step
    except ModuleNotFoundError:
        return None
    return step
