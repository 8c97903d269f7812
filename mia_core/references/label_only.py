"""Membership from hard labels alone: which of several queries of an example a model gets right, against references.

Aerni, Zhang, Tramèr 2024, "Evaluations of Machine Learning Privacy Defenses are Misleading", their adapted attack on
defenses that hide posteriors. For every example a small logistic regression learns from the references which pattern
of correct answers speaks of having trained on that example.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from mia_core.attacks.contract import Flags, Floats
from mia_core.references.outputs import References
from mia_core.references.record import ReferenceRecord, reading
from mia_core.references.summaries import Side


def label_only(references: References, c: float = 1.0) -> Floats:
    """Probability of membership of each example, float64 [N], 0 to 1.

    references  whose statistics [M, N, Q] say for each of Q queries (the example itself and augmented ones) whether
                the model's class is the label, 1.0 or 0.0 (`statistics.correctness`)
    c           inverse weight of the squared coefficients (the intercept is free), as in scikit-learn

    The base rate among references is learned as well, so leaving out the target without its complementary partner
    gives the answer away, turned around; with both left out the two sides are balanced. An example without IN or OUT
    references takes the average score of the others. Raises `ArrayError` where no example has both.
    """
    inside, outside = references.counts()
    scores = np.zeros(references.examples)
    target = _features(references, [references.target], slice(None))[:, 0]
    both = (inside > 0) & (outside > 0)
    for columns in references.columns():
        chosen = both[columns]
        if not chosen.any():
            continue
        features = _features(references, references.rows, columns)[chosen]
        weights = fit_logistic(features, references.inside(columns).T[chosen], c)
        margins = np.zeros(len(chosen))
        margins[chosen] = (target[columns][chosen] * weights).sum(axis=1)
        scores[columns] = expit(margins)
    return Side("IN" if inside.max() == 0 else "OUT", np.minimum(inside, outside), scores, scores).filled(scores)


def fit_logistic(features: Floats, targets: Flags, c: float = 1.0) -> Floats:
    """n logistic regressions at once: `features` [n, R, P], the last of them the constant, `targets` bool [n, R].

    Minimises |w|^2 / 2 + c * sum of log-losses, the last weight not counted in |w|, by Newton's method with halved
    steps where the loss would rise: float64 [n, P]. Both targets must occur in each.
    """
    signs = np.where(targets, 1.0, -1.0)
    penalty = np.append(np.ones(features.shape[2] - 1), 0.0)

    def loss(weights: Floats) -> Floats:
        margins = signs * (features * weights[:, None]).sum(axis=2)
        return (penalty * weights**2).sum(axis=1) / 2 + c * np.logaddexp(0, -margins).sum(axis=1)

    weights = np.zeros((len(features), features.shape[2]))
    current = loss(weights)
    for _ in range(100):
        odds = expit(-signs * (features * weights[:, None]).sum(axis=2))
        gradient = penalty * weights - c * ((signs * odds)[:, :, None] * features).sum(axis=1)
        weighted = (odds * (1 - odds))[:, :, None] * features
        curvature = c * np.einsum("nrp,nrq->npq", weighted, features) + np.diag(penalty)
        step = np.linalg.solve(curvature, gradient[:, :, None])[:, :, 0]
        for _ in range(30):
            after = loss(weights - step)
            worse = after > current + 1e-12 * np.abs(current)
            if not worse.any():
                break
            step[worse] /= 2
        weights, current = weights - step, after
        if np.abs(step).max() < 1e-10:
            break
    return weights


def _features(references: References, rows: NDArray[np.intp] | list[int], columns: slice) -> Floats:
    """Correctness [n, rows, Q + 1] of a block of examples, the last column the constant 1."""
    values = np.asarray(references.statistics[rows, columns], dtype=np.float64)
    values = values if values.ndim == 3 else values[:, :, None]
    return np.concatenate([values, np.ones((*values.shape[:2], 1))], axis=2).transpose(1, 0, 2)


RECORDS = (
    ReferenceRecord(
        "label-only", reading("correctness", label_only),
        "whether answers are right, against how the references answer", "Aerni et al. 2024",
        order=23, needs=("classes",),
    ),
)  # fmt: skip
