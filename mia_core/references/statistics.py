"""The one number that an attack reads from a model's output for an example; higher = more like a member.

`mia_core.gate.posteriors.logit_statistic` is the first of them: log p_y - log(1 - p_y), nearly normal over models,
which is what LiRA assumes (Carlini et al. 2022).
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mia_core.gate.posteriors import log_posteriors, logit_statistic, softmax


def logit_of_posteriors(posteriors: ArrayLike, labels: ArrayLike) -> NDArray[np.float64]:
    """The logit statistic where only `posteriors` [..., N, K] are left, as behind an output defense: float64 [..., N].

    Zeros count as `mia_core.gate.posteriors.LOG_FLOOR`, so a masked posterior gives a finite value of at most +-69.1.
    """
    return logit_statistic(log_posteriors(posteriors), labels)


def hinge_statistic(logits: ArrayLike, labels: ArrayLike) -> NDArray[np.float64]:
    """z_y minus the largest other logit, from `logits` [..., N, K] and `labels` int [N]: float64 [..., N].

    Unlike the logit statistic it does not see how the other classes share what is left (Aerni et al. 2024; Carlini et
    al. 2022 call it the hinge loss). On log-posteriors it has the same value.
    """
    values = np.asarray(logits, dtype=np.float64)
    true = np.arange(values.shape[-1]) == np.asarray(labels)[..., None]
    return np.where(true, values, 0.0).sum(axis=-1) - np.where(true, -np.inf, values).max(axis=-1)


def true_probability(logits: ArrayLike, labels: ArrayLike, temperature: float = 1.0) -> NDArray[np.float64]:
    """p_y of `logits` [..., N, K] divided by `temperature`, for `labels` int [N]: float64 [..., N], 0 to 1.

    What RMIA, BASE and memorisation read.
    """
    posteriors = softmax(np.asarray(logits, dtype=np.float64) / temperature)
    index = np.broadcast_to(np.asarray(labels)[..., None], (*posteriors.shape[:-1], 1))
    return np.take_along_axis(posteriors, index, axis=-1)[..., 0]


def correctness(outputs: ArrayLike, labels: ArrayLike) -> NDArray[np.float64]:
    """1.0 where the first largest of `outputs` [..., N, K] (logits or posteriors) is the label, else 0.0: [..., N]."""
    return (np.asarray(outputs).argmax(axis=-1) == np.asarray(labels)).astype(np.float64)
