"""What attacks with one part a class share: which classes the shadow can speak for, and what is said of the others."""

import warnings

import numpy as np
from numpy.typing import NDArray

from mia_core.base.errors import ArrayError, MiaWarning


def classes_with_both(members: NDArray[np.bool_], labels: NDArray[np.int64], classes: int) -> NDArray[np.bool_]:
    """Whether each class has members as well as non-members, bool [classes], from `members` [N] and `labels` [N]."""
    inside, outside = (np.bincount(labels[side], minlength=classes) for side in (members, ~members))
    return (inside > 0) & (outside > 0)


def check_classes(posteriors: NDArray[np.float64], fitted: NDArray[np.bool_]) -> None:
    """Raises `ArrayError` where `posteriors` [N, K] have another number of classes than the shadow had."""
    if posteriors.shape[1] != len(fitted):
        raise ArrayError(f"posteriors: found {posteriors.shape[1]} classes; expected the {len(fitted)} of the shadow")


def warn_of_pooling(fitted: NDArray[np.bool_], labels: NDArray[np.int64]) -> None:
    """One `MiaWarning` for all rows whose class the shadow could not be `fitted` [K] for; none where there are none."""
    rows = np.bincount(labels, minlength=len(fitted))
    missing = np.flatnonzero(~fitted & (rows > 0))
    if len(missing):
        names = f"class{'es' * (len(missing) > 1)} {', '.join(map(str, missing))}"
        warnings.warn(
            f"{names}: {int(rows[missing].sum())} rows are judged by what was fitted on all classes together; "
            "the shadow lacks members or non-members of that class",
            MiaWarning,
            stacklevel=3,
        )
