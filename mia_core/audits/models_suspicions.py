"""Warnings about a file of several models that is well-formed and yet hardly what its owner meant: one each a file."""

import hashlib
import warnings
from collections import Counter
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from mia_core.base.errors import MiaWarning
from mia_core.gate.arrays import Outputs
from mia_core.gate.suspicions import warn_if_implausible


def warn_of_models(models: Iterable[Outputs], source: str) -> None:
    """Warns (`MiaWarning`) once of whatever `warn_if_implausible` finds, naming the first model and in how many it is
    found; and of models that say the same of every example."""
    found: dict[str, list[str]] = {}
    said: Counter[bytes] = Counter()
    for outputs in models:
        said[_digest(outputs.posteriors)] += 1
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", MiaWarning)
            warn_if_implausible(outputs)
        for item in caught:
            message = str(item.message)
            # What differs between models stands before the last colon: their numbers and what was measured.
            found.setdefault(message.rpartition(": ")[2], []).append(message)
    for messages in found.values():
        _warn(f"{messages[0]} (so in {len(messages)} of {said.total()} models)")
    _warn_if_repeated(said, source)


def warn_of_statistics(values: NDArray[np.float64], source: str) -> None:
    """The same for models of which a statistic [M, N] is all that there is: only repetition shows there."""
    _warn_if_repeated(Counter(map(_digest, values)), source)


def _digest(values: NDArray[np.float64]) -> bytes:
    return hashlib.sha256(np.ascontiguousarray(values + 0.0).data).digest()  # + 0.0: no minus zero


def _warn_if_repeated(said: Counter[bytes], source: str) -> None:
    total, most = said.total(), max(said.values())
    if most > 1:
        which = f"all {total}" if most == total else f"{most} of {total}"
        _warn(f"{source}: {which} models say the same of every example: is one model saved several times?")


def _warn(message: str) -> None:
    warnings.warn(message, MiaWarning, stacklevel=3)
