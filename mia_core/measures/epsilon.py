"""Lower bounds on the epsilon of (epsilon, delta)-differential privacy from an attack that succeeded.

With probability at least 1 - alpha the training's true epsilon is no smaller than the bound, so a bound of 0 says
nothing and a positive one refutes any promise below it. Five of them, which differ in what they assume:

`epsilon_at_threshold`   a threshold fixed before the scores were seen
`epsilon_any_threshold`  the best threshold, paid for by a Bonferroni correction
`epsilon_gaussian`       the same, and that the trade-off between errors is that of a Gaussian mechanism
`epsilon_one_run`        a number of right guesses in one training (Steinke et al. 2023)
`epsilon_one_run_fdp`    the same under a Gaussian trade-off (Mahloujifar et al. 2024)

The first three count members and non-members as independent trials, which takes a training for each, or canaries
that do not influence each other; the last two are proved for many examples of a single training, each in or out by
an independent fair coin. All results are finite and at least 0.
"""

import math
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mia_core.base.errors import SettingsError
from mia_core.gate.arrays import check_scores
from mia_core.measures.ranking import Blocks, tie_blocks

DELTA = 1e-5
"""The delta of the bounds that need one above 0, the usual choice for tens of thousands of examples."""
TRIALS = "members and non-members are independent trials"
COINS = "each example was trained on by a fair coin of its own"
GAUSSIAN = "errors trade off as for a Gaussian mechanism"
Correction = Literal["thresholds", "hull"]
"""By what alpha is divided where the best of several thresholds is taken.

"thresholds": by the number of distinct scores. Between two neighbouring non-members' scores an error rate's bound is
worst just above the lower one, so their number bounds the chance that any fails; the same holds for members.
"hull": by the number of corners of the concave hull of the ROC only, as published code does. The corners are chosen
by looking at the scores, so nothing guarantees the bound; it is larger.
"""


def epsilon_at_threshold(scores: Any, members: Any, threshold: float, alpha: float = 0.05, delta: float = 0.0) -> float:
    """Bound at one `threshold` (score >= threshold is called a member), chosen without these scores.

    Clopper–Pearson limits of FPR and FNR at alpha / 2 each, put into TPR <= e^epsilon FPR + delta and, for free, into
    the same inequality for non-members (Nasr et al. 2021, "Adversary Instantiation").
    """
    return _at_threshold(tie_blocks(*check_scores(scores, members)), threshold, alpha, delta)


def _at_threshold(blocks: Blocks, threshold: float, alpha: float, delta: float) -> float:
    _check(alpha, delta)
    cut = blocks.cut(threshold)
    taken = np.array([[blocks.members[:cut].sum(), blocks.non_members[:cut].sum()]])
    fpr, fnr = _error_limits(taken, int(blocks.members.sum()), int(blocks.non_members.sum()), alpha)
    return _from_error_limits(fpr, fnr, delta)


def epsilon_any_threshold(
    scores: Any, members: Any, alpha: float = 0.05, delta: float = 0.0, correction: Correction = "thresholds"
) -> float:
    """Bound at the threshold that gives the largest one, alpha divided as `correction` says."""
    _check(alpha, delta)
    blocks = tie_blocks(*check_scores(scores, members))
    return _from_error_limits(*_limits_anywhere(blocks, alpha, correction), delta)


def epsilon_gaussian(
    scores: Any, members: Any, alpha: float = 0.05, delta: float = DELTA, correction: Correction = "thresholds"
) -> float:
    """Bound under Gaussian differential privacy: mu from the best threshold, then epsilon at `delta` from mu.

    mu >= Phi^-1(1 - FPR) - Phi^-1(FNR) with both rates at their limits (Dong, Roth, Su 2022, "Gaussian Differential
    Privacy"; used for auditing by Nasr et al. 2023, "Tight Auditing"). `delta` must be above 0: below any other, no
    epsilon is enough for a Gaussian mechanism.
    """
    _check(alpha, delta, positive=True)
    return _gaussian(*_limits_anywhere(tie_blocks(*check_scores(scores, members)), alpha, correction), delta)


def _gaussian(fpr: NDArray[np.float64], fnr: NDArray[np.float64], delta: float) -> float:
    from scipy.special import ndtri

    inside = (fpr < 1) & (fnr < 1)
    mu = float(np.max(-ndtri(fpr[inside]) - ndtri(fnr[inside]), initial=0.0))
    return epsilon_of_mu(mu, delta)


def epsilon_one_run(m: int, guesses: int, correct: int, alpha: float = 0.05, delta: float = DELTA) -> float:
    """Bound from `correct` of `guesses` about `m` examples of one training (Steinke, Nasr, Jagielski 2023,
    "Privacy Auditing with One (1) Training Run").

    Each of the m examples was in by a fair coin; the attack guessed "in" or "out" for as many as it liked and
    abstained from the others. The number of guesses must be fixed before the answers are known (`best_guesses`).
    """
    _check_counts(m, guesses, correct)
    _check(alpha, delta)
    from scipy.special import expit
    from scipy.stats import binom

    def p_value(epsilon: float) -> float:
        # Right guesses under pure epsilon are at most Binomial(guesses, e^epsilon / (1 + e^epsilon)); delta may shift
        # that by i with probability 2 m delta / i, at the worst i.
        accuracy = expit(epsilon)
        tail = float(binom.sf(correct - 1, guesses, accuracy))
        if delta == 0 or correct == 0:
            return tail
        shifts = np.arange(1, correct + 1)
        gained = binom.sf(correct - 1 - shifts, guesses, accuracy) - tail
        return tail + 2 * m * delta * max(float(np.max(gained / shifts)), 0.0)

    return _largest_positive(lambda epsilon: alpha - p_value(epsilon))


def epsilon_one_run_fdp(m: int, guesses: int, correct: int, alpha: float = 0.05, delta: float = DELTA) -> float:
    """Bound from the same counts under a Gaussian trade-off curve (Mahloujifar, Melis, Chaudhuri 2024, "Auditing
    f-Differential Privacy in One Run", their recursion for guesses with abstention).

    Tighter than `epsilon_one_run` where the training adds Gaussian noise. `delta` must be above 0.
    """
    _check_counts(m, guesses, correct)
    _check(alpha, delta, positive=True)
    from scipy.special import ndtr, ndtri

    def refuted(epsilon: float) -> float:
        mu = mu_of_epsilon(epsilon, delta)
        # Suppose the claim leaves probability alpha for this many right guesses. Going down from there, the trade-off
        # curve limits what one right guess fewer can add to the shares of m guessed rightly and wrongly. Where they
        # end above the share of guesses that was made, the claim is refuted.
        right, wrong = alpha * correct / m, alpha * (guesses - correct) / m
        for i in range(correct - 1, -1, -1):
            allowed = float(ndtr(ndtri(right) - mu))
            if allowed <= wrong:
                break
            right, wrong = min(right + i / (guesses - i) * (allowed - wrong), 1.0), allowed
        return right + wrong - guesses / m

    return _largest_positive(refuted) if correct else 0.0


def best_guesses(scores: Any, members: Any, guesses: int) -> tuple[int, int]:
    """At most `guesses` guesses, "in" for the highest scores and "out" for as many of the lowest: (made, correct).

    Half for each end (one more for "in" where odd), in whole blocks of equal scores from the outside inwards, so that
    no order of rows decides: fewer are made where a block does not fit.
    """
    return _best_guesses(tie_blocks(*check_scores(scores, members)), guesses)


def _best_guesses(blocks: Blocks, guesses: int) -> tuple[int, int]:
    sizes = blocks.members + blocks.non_members
    if not 0 <= guesses <= sizes.sum():
        raise SettingsError(f"guesses: expected 0 to {int(sizes.sum())}, found {guesses}")
    high = int((np.cumsum(sizes) <= (guesses + 1) // 2).sum())
    low = min(int((np.cumsum(sizes[::-1]) <= guesses // 2).sum()), len(sizes) - high)
    start = len(sizes) - low
    made = int(sizes[:high].sum() + sizes[start:].sum())
    return made, int(blocks.members[:high].sum() + blocks.non_members[start:].sum())


def every_bound(
    blocks: Blocks,
    threshold: float | None,
    guesses: int,
    alpha: float = 0.05,
    delta: float = DELTA,
    likelier: float = 1.0,
) -> list[dict[str, Any]]:
    """All five bounds on scores that are counted into blocks, with what each assumes: a list of dicts.

    threshold  chosen without these scores; None: without the bound that needs one
    guesses    how many of the examples the bounds from one run guess about, fixed before any score is seen
    likelier   how much likelier than with independent fair coins an outcome of the coins may be: alpha of the bounds
               from one run is divided by it
    Keys: bound, epsilon, delta, assumes, guesses, correct (None where nothing is guessed).
    """
    _check(alpha, delta, positive=True)
    made, correct = _best_guesses(blocks, guesses)
    examples = int(blocks.members.sum() + blocks.non_members.sum())
    counts, run = {"guesses": made, "correct": correct}, (examples, made, correct, alpha / likelier, delta)
    limits = _limits_anywhere(blocks, alpha, "thresholds")
    found = [
        ("any threshold", _from_error_limits(*limits, 0.0), 0.0, TRIALS, {}),
        ("any threshold, Gaussian", _gaussian(*limits, delta), delta, f"{TRIALS}; {GAUSSIAN}", {}),
        ("one run", epsilon_one_run(*run), delta, COINS, counts),
        ("one run, Gaussian", epsilon_one_run_fdp(*run), delta, f"{COINS}; {GAUSSIAN}", counts),
    ]
    if threshold is not None:
        fixed = _at_threshold(blocks, threshold, alpha, 0.0)
        found.insert(0, ("at the attack's threshold", fixed, 0.0, TRIALS, {}))
    return [
        {"bound": bound, "epsilon": float(epsilon), "delta": at, "assumes": assumes, "guesses": None, "correct": None}
        | more
        for bound, epsilon, at, assumes, more in found
    ]


def epsilon_of_mu(mu: float, delta: float) -> float:
    """The epsilon for which a mu-Gaussian mechanism is (epsilon, `delta`)-private (Dong et al. 2022, corollary 1)."""
    return _largest_positive(lambda epsilon: delta_of_mu(mu, epsilon) - delta) if mu > 0 else 0.0


def mu_of_epsilon(epsilon: float, delta: float) -> float:
    """The mu for which a Gaussian mechanism is (`epsilon`, `delta`)-private: the inverse of `epsilon_of_mu`."""
    from scipy.optimize import brentq

    low, high = 1e-12, 1.0
    while delta_of_mu(low, epsilon) > delta:
        low /= 16
    while delta_of_mu(high, epsilon) < delta:
        high *= 2
    return float(brentq(lambda mu: delta_of_mu(mu, epsilon) - delta, low, high, xtol=low / 10, rtol=1e-13))


def delta_of_mu(mu: float, epsilon: float) -> float:
    """Phi(mu/2 - epsilon/mu) - e^epsilon Phi(-mu/2 - epsilon/mu): the delta that a mu-Gaussian mechanism needs."""
    from scipy.special import log_ndtr, ndtr

    return float(ndtr(mu / 2 - epsilon / mu) - math.exp(epsilon + log_ndtr(-mu / 2 - epsilon / mu)))


def _limits_anywhere(
    blocks: Blocks, alpha: float, correction: Correction
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    taken = np.zeros((len(blocks.thresholds) + 1, 2), dtype=np.int64)
    taken[1:] = np.cumsum(np.stack([blocks.members, blocks.non_members], axis=1), axis=0)
    thresholds = len(blocks.thresholds)
    if correction == "hull":
        taken = taken[_concave_hull(taken)]
        thresholds = len(taken)
    # No point below the hull gives a larger bound by much, but all are looked at: they have been paid for.
    return _error_limits(taken, int(taken[-1, 0]), int(taken[-1, 1]), alpha / thresholds)


def _error_limits(
    taken: NDArray[np.int64], members: int, non_members: int, alpha: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Upper Clopper–Pearson limits, at alpha / 2 each, of FPR and FNR for rows (true positives, false positives)."""
    return _upper(taken[:, 1], non_members, alpha / 2), _upper(members - taken[:, 0], members, alpha / 2)


def _upper(count: NDArray[np.int64], trials: int, alpha: float) -> NDArray[np.float64]:
    from scipy.special import betainccinv

    counts, place = np.unique(count, return_inverse=True)  # neighbouring thresholds share one of their two counts
    limits = np.where(counts < trials, betainccinv(counts + 1.0, np.maximum(trials - counts, 1), alpha), 1.0)
    return limits[place]


def _from_error_limits(fpr: NDArray[np.float64], fnr: NDArray[np.float64], delta: float) -> float:
    best = 0.0
    for false, missed in ((fpr, fnr), (fnr, fpr)):
        found = 1 - missed - delta
        if (found > 0).any():
            best = max(best, float(np.max(np.log(found[found > 0] / false[found > 0]))))
    return best


def _concave_hull(taken: NDArray[np.int64]) -> list[int]:
    """Rows of `taken` (true, false positives, both rising) that are corners of the hull above the ROC, both ends
    included."""
    hull: list[int] = []
    points = taken.tolist()
    for i, (true, false) in enumerate(points):
        while len(hull) >= 2:
            (true0, false0), (true1, false1) = points[hull[-2]], points[hull[-1]]
            if (true1 - true0) * (false - false1) > (true - true1) * (false1 - false0):
                break
            hull.pop()
        hull.append(i)
    return hull


def _largest_positive(falling: Callable[[float], float]) -> float:
    """The largest epsilon at which the function `falling` is still positive; 0 where it never is."""
    from scipy.optimize import brentq

    if falling(0.0) <= 0:
        return 0.0
    low, high = 0.0, 1.0
    while falling(high) > 0:
        low, high = high, 2 * high
    return float(brentq(falling, low, high, xtol=1e-9))


def _check(alpha: float, delta: float, positive: bool = False) -> None:
    if not 0 < alpha < 0.5:
        raise SettingsError(f"alpha: expected a number between 0 and 0.5, found {alpha}")
    if not (0 < delta < 1 if positive else 0 <= delta < 1):
        raise SettingsError(f"delta: expected {'0 <' if positive else '0 <='} delta < 1, found {delta}")


def _check_counts(m: int, guesses: int, correct: int) -> None:
    if not (0 <= correct <= guesses <= m and m >= 1):
        raise SettingsError(
            f"counts: expected 0 <= correct <= guesses <= m and m >= 1, found {correct}, {guesses} and {m}"
        )
