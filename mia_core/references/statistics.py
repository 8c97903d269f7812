"""The one number that an attack reads from a model's output for an example; higher = more like a member.

`mia_core.gate.posteriors.logit_statistic` is the first of them: log p_y - log(1 - p_y), nearly normal over models,
which is what LiRA assumes (Carlini et al. 2022).
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from mia_core.attacks.contract import Floats
from mia_core.gate.posteriors import finite_logits, logit_statistic


def hinge_statistic(logits: ArrayLike, labels: ArrayLike) -> Floats:
    """z_y minus the largest other logit, from `logits` [..., N, K] and `labels` int [N]: float64 [..., N].

    Unlike the logit statistic it does not see how the other classes share what is left (Aerni et al. 2024; Carlini et
    al. 2022 call it the hinge loss). On log-posteriors it has the same value.
    """
    values = finite_logits(logits)
    true = np.arange(values.shape[-1]) == np.asarray(labels)[..., None]
    return np.where(true, values, 0.0).sum(axis=-1) - np.where(true, -np.inf, values).max(axis=-1)


def log_likelihood(logits: ArrayLike, labels: ArrayLike) -> Floats:
    """log p_y, minus the loss, in nats, for the same arguments: by way of the logit statistic, which keeps its digits
    where p_y rounds to 1."""
    return -np.logaddexp(0, -logit_statistic(logits, labels))


def correctness(outputs: ArrayLike, labels: ArrayLike) -> Floats:
    """1.0 where the first largest of `outputs` [..., N, K] (logits or posteriors) is the label, else 0.0: [..., N]."""
    return (np.asarray(outputs).argmax(axis=-1) == np.asarray(labels)).astype(np.float64)


STATISTICS: dict[str, Callable[[ArrayLike, ArrayLike], Floats]] = {
    "logit": logit_statistic,
    "hinge": hinge_statistic,
    "log-likelihood": log_likelihood,
    "probability": lambda logits, labels: np.exp(log_likelihood(logits, labels)),
    "correctness": correctness,
}
"""Name -> statistic of outputs [..., N, K] for labels [N]."""
