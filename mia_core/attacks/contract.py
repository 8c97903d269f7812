"""What every attack on one shadow offers, and the record by which the rest of the package knows an attack."""

import importlib
import pkgutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from mia_core.measures.ranking import best_balanced_threshold, tie_blocks

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Labels = NDArray[np.int64]


class Attack:
    """An attack that compares one number of a posterior with a threshold. A subclass needs no more than a `score`;
    one that learns more from the shadow than the best threshold has a `fit` of its own.

    threshold       an example is called a member where its score is at least this
    threshold_from  "shadow", "random inputs", or "fixed" where nothing is to be chosen
    """

    threshold: float
    threshold_from: str = "shadow"

    def __init__(self, settings: Any = None) -> None:
        self.settings = settings

    def fit(self, posteriors: Floats, members: Flags, labels: Labels | None = None) -> Self:
        """Takes the threshold with the best balanced accuracy on a shadow's posteriors [N, K], members [N] and labels
        [N]."""
        self.threshold = best_balanced_threshold(tie_blocks(self.score(posteriors, labels), members))
        self.threshold_from = "shadow"
        return self

    def score(self, posteriors: Floats, labels: Labels | None = None) -> Floats:
        """One score for each row of a target's `posteriors` [N, K]: float64 [N], finite, higher = more likely a member.

        It depends on that row and its label alone, so equal rows get equal bits.
        """
        raise NotImplementedError


@dataclass(frozen=True)
class Record:
    """What help texts, tables, pages and tests know of an attack.

    name      by which it is asked for
    attack    what computes the scores
    compares  what it compares, in a few words
    source    whose it is: authors and year, as in the bibliography
    order     its place in lists and tables; without one, after all others
    """

    name: str
    attack: Callable[..., Any]
    compares: str
    source: str
    order: int = 1000


@dataclass(frozen=True, kw_only=True)
class ShadowRecord(Record):
    """The record of an attack that is fitted on one shadow; `attack` is its class, see `Attack`.

    needs_labels, fit_needs_labels  whether `score` and `fit` cannot do without labels
    reads     which of the settings k, features and classifier it reads
    by_class  whether it judges each class by itself, so that a shadow with other classes cannot help
    aliases   further names, for which the word "all" does not stand
    """

    needs_labels: bool = False
    fit_needs_labels: bool = False
    reads: tuple[str, ...] = ()
    by_class: bool = False
    aliases: tuple[str, ...] = ()


def discover(package: str, path: Iterable[str]) -> list[Any]:
    """The entries of `RECORDS` of every module in a folder, in their order.

    package, path  such as `mia_core.attacks` and its `__path__`
    Raises `ValueError` where two have the same name.
    """
    modules = [importlib.import_module(f"{package}.{found.name}") for found in pkgutil.iter_modules(path)]
    records = sorted((one for module in modules for one in getattr(module, "RECORDS", ())), key=lambda one: one.order)
    names = [one.name for one in records]
    if len(set(names)) < len(names):
        raise ValueError(f"{package}: expected one record for each name, found {', '.join(names)}")
    return records
