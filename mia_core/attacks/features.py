"""What adversary 1 sees of a posterior: its k largest values, without the classes they belong to."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mia_core.gate.posteriors import log_posteriors

Scale = Literal["posteriors", "logs"]


def largest(posteriors: NDArray[np.float64], k: int, scale: Scale = "posteriors") -> NDArray[np.float64]:
    """The `k` largest of each row of `posteriors` [N, K], highest first: float64 [N, min(k, K)].

    scale "logs" takes natural logarithms with the floor of `mia_core.gate.posteriors.LOG_FLOOR`: near 1 and near 0 they
    spread what probabilities squeeze together. Three sorted values are the choice of ML-Leaks (Salem et al. 2019)
    and of the report.
    """
    ordered = np.sort(posteriors, axis=1)[:, ::-1][:, :k]
    return log_posteriors(ordered) if scale == "logs" else np.ascontiguousarray(ordered)
