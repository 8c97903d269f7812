"""The lower bounds on epsilon that scores give, as rows of a report, each with alpha, delta and what it assumes."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mia_core.measures.epsilon import (
    COINS,
    DELTA,
    GAUSSIAN,
    TRIALS,
    best_guesses,
    epsilon_any_threshold,
    epsilon_at_threshold,
    epsilon_gaussian,
    epsilon_one_run,
    epsilon_one_run_fdp,
)

GUESSES = 4
"""The one-run bounds guess a share of 1 / GUESSES of the examples, fixed before any score is seen."""


def epsilon_bounds(
    scores: NDArray[np.float64], members: NDArray[np.bool_], threshold: float | None, confidence: float
) -> list[dict[str, Any]]:
    """Every bound of `mia_core.measures.epsilon` on checked `scores` [N] and `members` [N]: a list of dicts.

    Keys: bound, epsilon (at least 0; None with a `reason` where undefined), alpha (1 - confidence), delta, assumes.
    The bound at the attack's own `threshold` is left out where there is none. A bound above 0 from one model attacked
    once is evidence about its training only under what it assumes.
    """
    alpha = round(1 - confidence, 12)
    examples = len(members)

    def row(bound: str, assumes: str, delta: float, value: Any) -> dict[str, Any]:
        found = {"bound": bound, "epsilon": None, "alpha": alpha, "delta": delta, "assumes": assumes, "reason": None}
        if alpha >= 0.5:
            return found | {"reason": "a confidence of at most 0.5 bounds nothing"}
        return found | {"epsilon": float(value())}

    made, correct = best_guesses(scores, members, examples // GUESSES)
    at = [] if threshold is None else [("at the attack's threshold", threshold)]
    return [
        *(
            row(name, TRIALS, 0.0, lambda cut=cut: epsilon_at_threshold(scores, members, cut, alpha))
            for name, cut in at
        ),
        row("any threshold", TRIALS, 0.0, lambda: epsilon_any_threshold(scores, members, alpha)),
        row(
            "any threshold, Gaussian",
            f"{TRIALS}; {GAUSSIAN}",
            DELTA,
            lambda: epsilon_gaussian(scores, members, alpha, DELTA),
        ),
        row("one run", COINS, DELTA, lambda: epsilon_one_run(examples, made, correct, alpha, DELTA)),
        row(
            "one run, Gaussian",
            f"{COINS}; {GAUSSIAN}",
            DELTA,
            lambda: epsilon_one_run_fdp(examples, made, correct, alpha, DELTA),
        ),
    ]
