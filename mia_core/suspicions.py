"""Warnings about arrays that are well-formed and yet hardly what their owner meant. Nothing is changed or refused."""

import warnings

import numpy as np
from numpy.typing import NDArray

from mia_core.errors import MiaWarning
from mia_core.inputs import SUM_TOLERANCE, Outputs

ENOUGH = 30
"""Fewer examples than this on a side show nothing that chance could not."""


def warn_if_implausible(outputs: Outputs) -> None:
    """Warns (`MiaWarning`) when logits look like posteriors, and when labels fit badly with the rest."""
    if outputs.logits is not None and _are_probabilities(outputs.logits):
        _warn(
            f"{outputs.source}: logits: every row is non-negative and sums to 1, as posteriors do; "
            "their softmax is nearly flat. Save posteriors under the name posteriors"
        )
    if outputs.correct is None or len(outputs.correct) < ENOUGH:
        return
    _warn_if_unrelated(outputs)
    _warn_if_inverted(outputs)


def warn_if_same(shadow: Outputs, target: Outputs) -> bool:
    """Warns (`MiaWarning`) when shadow and target hold the same rows of posteriors; returns whether they do.

    Compared by content, in any order and under any name: every class's sorted posteriors agree within the rounding of
    a float16 file. Where most rows are distinct, sharing half of them is enough. An attack that is fitted on the
    model that it attacks measures memory, not the risk of an unseen model.
    """
    if shadow.classes != target.classes:
        return False
    if len(shadow.members) == len(target.members):
        # Sorting each column by itself makes the comparison blind to the order of rows and stable under rounding.
        ours, theirs = (np.sort(side.posteriors, axis=0) for side in (shadow, target))
        if np.allclose(ours, theirs, rtol=1e-3, atol=1e-6):
            _warn(f"{shadow.source} and {target.source} hold the same rows: {_NOT_UNSEEN}")
            return True
    ours, theirs = (np.unique(_row_keys(side.posteriors)) for side in (shadow, target))
    smaller = min(len(shadow.members), len(target.members))
    distinct = min(len(ours), len(theirs))
    shared = len(np.intersect1d(ours, theirs, assume_unique=True))
    if distinct > 0.9 * smaller and shared > 0.5 * distinct:
        _warn(f"{shadow.source} and {target.source} share {shared} rows: {_NOT_UNSEEN}")
        return True
    return False


_NOT_UNSEEN = "shadow and target look like one model, so this is no attack on an unseen one"


def _row_keys(posteriors: NDArray[np.float64]) -> NDArray[np.float64]:
    """One number a row, equal for equal rows and hardly ever for others: float64 [N]."""
    weights = np.random.default_rng(0).uniform(1, 2, size=posteriors.shape[1])
    return (posteriors.astype(np.float32) * weights).sum(axis=1)


def _warn_if_unrelated(outputs: Outputs) -> None:
    predicted, labels = outputs.posteriors.argmax(axis=1), outputs.labels
    total, accuracy = len(predicted), float(outputs.correct.mean())
    # The accuracy expected if the labels were shuffled, which allows for classes of unequal size.
    shares = [np.bincount(values, minlength=outputs.classes) / total for values in (predicted, labels)]
    chance = float(shares[0] @ shares[1])
    if accuracy <= chance + 2 * np.sqrt(chance * (1 - chance) / total):
        _warn(
            f"{outputs.source}: labels agree with {accuracy:.3f} of the predictions, chance alone gives {chance:.3f}: "
            "are labels in the order of the rows, and is the model trained?"
        )


def _warn_if_inverted(outputs: Outputs) -> None:
    sides = [outputs.correct[outputs.members], outputs.correct[~outputs.members]]
    if min(len(side) for side in sides) < ENOUGH:
        return
    members, others = (float(side.mean()) for side in sides)
    error = np.sqrt(sum(side.var() / len(side) for side in sides))
    if others - members > 3 * error:
        _warn(
            f"{outputs.source}: members are classified worse ({members:.3f}) than non-members ({others:.3f}): "
            "is membership coded 1 = member?"
        )


def _are_probabilities(values: NDArray[np.float64]) -> bool:
    return bool(values.min() >= 0 and np.abs(values.sum(axis=1) - 1).max() <= SUM_TOLERANCE)


def _warn(message: str) -> None:
    warnings.warn(message, MiaWarning, stacklevel=4)
