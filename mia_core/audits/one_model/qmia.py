"""Quantile regression: is this example's score high for what the model never saw, at this very input?

Bertran, Tang, Kearns, Morgenstern, Roth, Wu 2023, "Scalable Membership Inference Attacks via Quantile Regression": a
regression of the score on the input, fitted on non-members alone, gives each example a threshold of its own.

Three parts of the non-members serve three purposes: one is fitted on, one says where the cut lies, one is counted. An
implementation that counts what it was fitted on finds a leak in a model that has none.
"""

import numpy as np
from numpy.typing import NDArray

from mia_core.attacks.contract import Floats

QUANTILE = 0.9
"""Of the score among non-members. A larger one is nearer to the FPR in question and far harder to estimate."""
LEAST = 100
"""Fewest non-members to fit on: leaves hold 20 rows, so that with fewer than 40 the regression is a constant."""
MOST = 50_000
"""Most non-members to fit on, for time."""


def quantile_scores(
    statistic: Floats, features: Floats, members: NDArray[np.bool_], fold: NDArray[np.int64], seed: int = 0
) -> Floats:
    """Score of each example, float64 [N], 0 to 1: the share of non-members of another part that it exceeds, each
    measured from the quantile predicted for its own input.

    statistic  float64 [N], such as the logit of the true class; higher = more like a member
    features   float64 [N, D] of the inputs, the label among them
    fold       int [N]: examples of fold f are scored by a regression fitted on non-members of the folds other than f
               and f + 1, and ranked among the non-members of fold f + 1. At least three folds
    Raises `ValueError` where too few non-members are left to fit on.
    """
    from sklearn.ensemble import HistGradientBoostingRegressor

    folds = int(fold.max()) + 1
    scores = np.empty(len(statistic))
    for counted in range(folds):
        cut = (counted + 1) % folds
        rows = np.flatnonzero(~members & (fold != counted) & (fold != cut))
        if len(rows) < LEAST:
            raise ValueError(f"{len(rows)} non-members are left to fit on, at least {LEAST} are needed")
        rows = np.random.default_rng(seed).permutation(rows)[:MOST]
        # Half the default number of steps, each twice as long: about as strong on a forest's answers about digits.
        regression = HistGradientBoostingRegressor(
            loss="quantile", quantile=QUANTILE, max_iter=50, learning_rate=0.2, random_state=seed
        ).fit(features[rows], statistic[rows])
        ranked, among = np.flatnonzero(fold == counted), np.flatnonzero(~members & (fold == cut))
        above, others = (statistic[some] - regression.predict(features[some]) for some in (ranked, among))
        scores[ranked] = np.searchsorted(np.sort(others), above) / len(others)
    return scores
