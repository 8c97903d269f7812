"""What attacks that judge each class by itself share: which classes a shadow can speak for, what of the others."""

import warnings

import numpy as np

from mia_core.attacks.contract import Flags, Floats, Labels
from mia_core.base.errors import ArrayError, MiaWarning


def classes_with_both(members: Flags, labels: Labels, classes: int) -> Flags:
    """Whether each class has members as well as non-members, bool [classes], from `members` [N] and `labels` [N]."""
    inside, outside = (np.bincount(labels[side], minlength=classes) for side in (members, ~members))
    return (inside > 0) & (outside > 0)


def check_classes(posteriors: Floats, labels: Labels, fitted: Flags) -> None:
    """Raises `ArrayError` where `posteriors` [N, K] have another number of classes than the shadow's `fitted` [K].

    One `MiaWarning` for all rows whose class, by their `labels` [N], the shadow could not be fitted for.
    """
    if posteriors.shape[1] != len(fitted):
        raise ArrayError(f"posteriors: found {posteriors.shape[1]} classes; expected the {len(fitted)} of the shadow")
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
