"""Warnings about arrays that are well-formed and yet hardly what their owner meant. Nothing is changed or refused."""

import warnings

import numpy as np
from numpy.typing import NDArray

from mia_core.base.errors import MiaWarning
from mia_core.gate.arrays import SUM_TOLERANCE, Outputs

ENOUGH = 30
"""Fewer examples than this on a side show nothing that chance could not."""


def warn_if_implausible(outputs: Outputs) -> None:
    """Warns (`MiaWarning`) when logits look like posteriors, when all rows are the same, and when labels fit badly."""
    if outputs.logits is not None and _are_probabilities(outputs.logits):
        _warn(
            f"{outputs.source}: logits: every row is non-negative and sums to 1, as posteriors do; "
            "their softmax is nearly flat. Save posteriors under the name posteriors"
        )
    if len(outputs.posteriors) > 1 and (outputs.posteriors == outputs.posteriors[0]).all():
        _warn(f"{outputs.source}: posteriors: all rows are the same, so nothing can be learned from them")
    if outputs.correct is None or len(outputs.correct) < ENOUGH:
        return
    _warn_if_unrelated(outputs)
    _warn_if_inverted(outputs)


def warn_if_same(shadow: Outputs, target: Outputs) -> bool:
    """Warns (`MiaWarning`) when shadow and target hold the same rows of posteriors; returns whether they do.

    Compared by content, in any order and under any name, with room for the rounding of a file: a row is found again
    where the nearest row of the other side is far nearer than the second nearest. Half of the rows are enough. An
    attack that is fitted on the model that it attacks measures memory, not the risk of an unseen model.
    """
    if shadow.classes != target.classes:
        return False
    fewer, more = sorted((shadow.posteriors, target.posteriors), key=len)
    share = 1.0 if _same_rows(fewer, more) else _found_again(fewer, more)
    if share > 0.95 and len(fewer) == len(more):
        _warn(f"{shadow.source} and {target.source} hold the same rows: {_NOT_UNSEEN}")
    elif share > 0.5:
        _warn(f"{shadow.source} and {target.source} share about {share * len(fewer):.0f} rows: {_NOT_UNSEEN}")
    return share > 0.5


_NOT_UNSEEN = "shadow and target look like one model, so this is no attack on an unseen one"
_SAMPLE = 300
_NEAR = 5e-3
"""A row within a fifth of this may be the same row saved otherwise, unless another is within all of it."""
_FAR_NEARER = 0.2


def _same_rows(ours: NDArray[np.float64], theirs: NDArray[np.float64]) -> bool:
    """Whether the same rows stand there equally often, read as float32. Answers that are bare classes may do so by
    chance, in any order but one."""
    if len(ours) != len(theirs):
        return False
    # Rows of two models already differ in how often each largest value occurs, which is soon seen.
    if not np.array_equal(*(np.sort(side.max(axis=1).astype(np.float32)) for side in (ours, theirs))):
        return False
    ours_as_read, theirs_as_read = (np.sort(_row_hashes(side, np.float32)) for side in (ours, theirs))
    if len(np.unique(ours_as_read)) <= ours.shape[1]:
        return np.array_equal(ours, theirs)
    return np.array_equal(ours_as_read, theirs_as_read)


def _found_again(fewer: NDArray[np.float64], more: NDArray[np.float64]) -> float:
    """Share of the rows of `fewer` [N, K] that `more` [N', K] holds too, by a sample; 0 where few rows can tell.

    Where rows repeat within one side, as coarsely rounded ones do, they would be found in any other by chance.
    """
    from scipy.spatial.distance import cdist

    if len(more) < 2 or len(np.unique(_row_hashes(fewer, np.float64))) < 0.9 * len(fewer):
        return 0.0
    chosen = fewer[np.random.default_rng(0).permutation(len(fewer))[:_SAMPLE]]
    nearest, second = np.full((2, len(chosen)), np.inf)
    surest = chosen.argmax(axis=1)
    for column in np.unique(surest):
        values = np.ascontiguousarray(more[:, column])
        for place in np.flatnonzero(surest == column):
            # No row is nearer than its value in one column, so most are ruled out by that.
            near = more[np.abs(values - chosen[place, column]) <= _NEAR]
            distances = cdist(chosen[place, None], near, "chebyshev")[0]
            nearest[place], second[place] = np.sort(np.append(distances, [np.inf, np.inf]))[:2]
    telling = second > 1e-9
    found = nearest[telling] <= np.minimum(_FAR_NEARER * _NEAR, _FAR_NEARER * second[telling])
    return float(found.mean()) if len(found) >= min(ENOUGH, len(chosen)) else 0.0


def _row_hashes(values: NDArray[np.float64], kind: type[np.floating]) -> NDArray[np.int64]:
    """A number for each row of `values` [N, K], read as `kind`: the same for equal rows, and hardly for others."""
    return np.array([hash((row.astype(kind) + 0.0).tobytes()) for row in values])  # + 0.0: no minus zero


def _warn_if_unrelated(outputs: Outputs) -> None:
    predicted, labels = outputs.posteriors.argmax(axis=1), outputs.labels
    if (labels == labels[0]).all():
        return  # shuffled, such labels are what they were
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
