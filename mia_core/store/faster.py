"""The one place where `mia_core.fast` attaches, if it is there: all else trains and asks as the textbook does."""

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType

    from mia_core.model.network import Network
    from mia_core.model.train import Step


@cache
def step_class() -> "type[Step]":
    """What takes the steps of a training: the faster one where there is one."""
    try:
        from mia_core.fast.step import FastStep
    except ImportError:
        from mia_core.model.train import Step

        return Step
    return FastStep


def attached(network: "Network") -> "Network":
    """A trained network that is to be asked, with what computes the same in less time."""
    try:
        from mia_core.fast.step import attached
    except ImportError:
        return network
    return attached(network)


def stacked() -> "ModuleType | None":
    """What trains many models at once; None where it is not there, and they are trained one by one."""
    try:
        from mia_core.fast import stacked
    except ImportError:
        return None
    return stacked
