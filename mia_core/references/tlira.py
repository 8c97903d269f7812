"""t-LiRA: LiRA with the predictive density of a few references, whose variances lend each other strength.

With n references the next value follows Student's t, not the normal with the variance put in. How far each example's
own variance is to be trusted is learned from how much variances differ over examples, so nothing switches between a
fixed and a per-example variance. This book's own; akin to BaVarIA-t (Brännvall 2026, arXiv 2603.11799), with another
prior: that of the moderated t of Smyth 2004, "Linear models and empirical Bayes methods", and a flat mean.
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import digamma, gammaln, log_ndtr, polygamma, stdtr

from mia_core.attacks.contract import Floats
from mia_core.base.settings import Settings
from mia_core.references.outputs import References
from mia_core.references.record import ReferenceRecord, reading
from mia_core.references.summaries import SPREAD_FLOOR, Side, exact_mean, summarise


class TLiraSettings(Settings):
    """form "online": log density under IN minus under OUT; "offline": log of the probability that an OUT model's
    statistic lies below the target's."""

    form: Literal["online", "offline"] = "online"


@dataclass(frozen=True)
class Prior:
    """An example's variance before it is seen: `variance` (s0 squared), worth `degrees` (d0) degrees of freedom,
    infinite where the examples' variances differ no more than chance would have it."""

    degrees: float
    variance: float


def tlira(references: References, settings: TLiraSettings | None = None) -> Floats:
    """t-LiRA's scores, float64 [N]; with Q queries the mean over queries. "online" in nats, "offline" at most 0.

    An example with one reference on a side has the prior's variance; one with none takes the average centre of the
    other examples, with the spread of those centres added to the variance. Raises `ArrayError` where a side that is
    needed is empty for all examples.
    """
    online = (settings or TLiraSettings()).form == "online"
    scores = np.zeros(references.examples)
    for query in range(references.queries):
        statistic = references.of_target(query)
        inside, outside = summarise(references, query)
        if online:
            scores += _log_density(*_standardised(statistic, inside)) - _log_density(*_standardised(statistic, outside))
        else:
            scores += _log_distribution(*_standardised(statistic, outside)[:2])
    return scores / references.queries


def fit_prior(side: Side) -> Prior:
    """The prior by moments of e = log s2 - psi(d/2) + log(d/2) over examples, d = n - 1 (Smyth 2004).

    Examples with one reference or with equal values say nothing about it. With fewer than two that do, the prior is
    certain (d0 infinite) of the one variance found, or of the variance of all raw values.
    """
    degrees = side.count - 1
    telling = (degrees > 0) & (side.squares > degrees * SPREAD_FLOOR**2)
    half = degrees[telling] / 2
    if len(half) == 0:
        return Prior(math.inf, max(side.raw_variance(), SPREAD_FLOOR**2))
    logs = np.log(side.squares[telling] / degrees[telling]) - digamma(half) + np.log(half)
    mean = exact_mean(logs)
    if len(half) == 1:
        return Prior(math.inf, math.exp(mean))
    excess = math.fsum((logs - mean) ** 2) / (len(logs) - 1) - exact_mean(polygamma(1, half))
    if excess <= 0:
        return Prior(math.inf, math.exp(mean))
    prior = float(trigamma_inverse(np.array(excess)))
    return Prior(2 * prior, math.exp(mean + digamma(prior) - math.log(prior)))


def trigamma_inverse(values: Floats) -> Floats:
    """x with trigamma(x) = value, for `values` [...] > 0: float64 [...].

    Newton's method on 1 / trigamma, which is convex and nearly linear, from 1/2 + 1/value: it rises to the answer
    without overshooting (Smyth 2004).
    """
    values = np.asarray(values, dtype=np.float64)
    with np.errstate(divide="ignore"):
        x = np.where(values > 1e7, 1 / np.sqrt(values), np.where(values < 1e-6, 1 / values, 0.5 + 1 / values))
    between = (values >= 1e-6) & (values <= 1e7)  # outside, the limiting forms are exact to eight digits
    for _ in range(50):
        trigamma = polygamma(1, x)
        step = np.where(between, trigamma * (1 - trigamma / values) / polygamma(2, x), 0.0)
        x = x + step
        if np.all(np.abs(step) <= 1e-12 * x):
            break
    return x


def _standardised(statistic: Floats, side: Side) -> tuple[Floats, Floats, Floats]:
    """Student's t of the target's statistic, its degrees of freedom and its scale, float64 [N] each."""
    prior = fit_prior(side)
    own = np.maximum(side.count - 1, 0)
    if math.isinf(prior.degrees):
        variance = np.full(len(own), prior.variance)
    else:
        variance = (prior.degrees * prior.variance + side.squares) / (prior.degrees + own)
    known = side.count > 0
    centre = side.filled(side.mean)
    variance = variance * (1 + 1 / np.maximum(side.count, 1))
    if not known.all():
        between = math.fsum((side.mean[known] - exact_mean(side.mean[known])) ** 2) / known.sum()
        variance = np.where(known, variance, prior.variance + between)
    scale = np.maximum(np.sqrt(variance), SPREAD_FLOOR)
    return (statistic - centre) / scale, prior.degrees + own, scale


def _log_density(t: Floats, degrees: Floats, scale: Floats) -> Floats:
    if np.isinf(degrees).all():
        return -0.5 * t**2 - 0.5 * math.log(2 * math.pi) - np.log(scale)
    constant = gammaln((degrees + 1) / 2) - gammaln(degrees / 2) - 0.5 * np.log(degrees * math.pi)
    return constant - (degrees + 1) / 2 * np.log1p(t**2 / degrees) - np.log(scale)


def _log_distribution(t: Floats, degrees: Floats) -> Floats:
    """log of Student's distribution function at `t`, with all digits in both tails: ties at the top would cost the
    low false-positive rates."""
    if np.isinf(degrees).all():
        return log_ndtr(t)
    tail = stdtr(degrees, -np.abs(t))
    return np.where(t > 0, np.log1p(-tail), np.log(np.maximum(tail, np.finfo(float).tiny)))


RECORDS = (
    ReferenceRecord(
        "t-lira", reading("logit", tlira), "LiRA with Student's t and a variance that examples share in part",
        "this book", order=16, settings=TLiraSettings,
    ),
    ReferenceRecord(
        "t-lira-offline", reading("logit", tlira, TLiraSettings(form="offline")),
        "the same with OUT references only", "this book", order=17,
    ),
)  # fmt: skip
