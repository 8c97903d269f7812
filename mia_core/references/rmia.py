"""RMIA and BASE: the target's probability for an example against the average of the references' probabilities.

Zarifzadeh, Liu, Shokri 2024, "Low-Cost High-Power Membership Inference Attacks" (RMIA); Lassila, Östman, Ngo, Graell i
Amat 2025, "Practical Bayes-Optimal Membership Inference Attacks" (BASE). RMIA ranks an example's ratio among those of Z
population examples. The rank rises with the ratio for every gamma, so it cannot order examples better, only worse:
all ratios beyond the population's largest tie at 1, just where low false-positive rates are read. Draw the ROC from
`log_ratio` or `base`.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from pydantic import Field

from mia_core.attacks.contract import Floats
from mia_core.base.errors import ArrayError, DataError
from mia_core.base.settings import Number, Settings
from mia_core.gate.posteriors import LOG_FLOOR, log_posteriors
from mia_core.references.outputs import References
from mia_core.references.record import ReferenceRecord, reading
from mia_core.references.summaries import summarise

if TYPE_CHECKING:
    from mia_core.references.answers import View


class RmiaSettings(Settings):
    """form        "online": normalise by the mean of all references, IN and OUT (equally many in complementary pairs,
                   the paper's average of the two). "offline": by OUT references only, with the coefficient a.
    a              offline: p(x) = (1 + a)/2 * mean OUT + (1 - a)/2 stands in for the missing IN references, for the
                   example and the population alike (the paper's equation for offline attacks; 0.3 is its value for
                   CIFAR-10)
    gamma          how many times larger than a population example's a ratio must be to win; 1: any larger one
    comparison     "strict" (>, as in published code: a tie with the population is no evidence) or "at_least" (the
                   paper's text)
    """

    form: Literal["online", "offline"] = "online"
    a: Annotated[Number, Field(ge=0, le=1)] = 0.3
    gamma: Annotated[Number, Field(gt=0)] = 1.0
    comparison: Literal["strict", "at_least"] = "strict"


class BaseSettings(Settings):
    """form "online" or "offline" as for RMIA; c: offline, the power of the mean over OUT references. c = 1 compares
    with OUT models as they are; the published code's 0.33 rests on tuning."""

    form: Literal["online", "offline"] = "online"
    c: Annotated[Number, Field(ge=0, le=1)] = 1.0


def base(references: References, settings: BaseSettings | None = None) -> Floats:
    """BASE: log p - c log(mean of the references' p), float64 [N], in nats; with Q queries the mean over queries.

    The statistics are probabilities of the true class. Online, c is 1 and this is the logarithm of RMIA's ratio. An
    example without OUT references takes the average mean of the others (offline). Raises `ArrayError` for statistics
    outside 0 ... 1.
    """
    settings = settings or BaseSettings()
    power = 1.0 if settings.form == "online" else settings.c
    return _over_queries(
        references, lambda p, normaliser: log_posteriors(p) - power * np.log(normaliser), settings.form
    )


def log_ratio(references: References, settings: RmiaSettings | None = None) -> Floats:
    """The logarithm of RMIA's ratio p / p(x), float64 [N]: what RMIA's ROC is to be drawn from."""
    return np.log(ratio(references, settings))


def ratio(references: References, settings: RmiaSettings | None = None) -> Floats:
    """RMIA's likelihood ratio of each example, p under the target over p(x): float64 [N], positive.

    Statistics as for `base`, with its fallback; probabilities below `LOG_FLOOR` count as that; with Q queries the
    mean over queries.
    """
    settings = settings or RmiaSettings()
    a = 1.0 if settings.form == "online" else settings.a
    return _over_queries(
        references, lambda p, mean: np.maximum(p, LOG_FLOOR) / ((1 + a) / 2 * mean + (1 - a) / 2), settings.form
    )


def rmia(references: References, population: References, settings: RmiaSettings | None = None) -> Floats:
    """RMIA's score: the share of the population whose ratio the example's beats, float64 [N], 0 to 1.

    population  the same target and references on Z examples that no model trained on (`outputs.held_out`)
    Raises `ArrayError` for a population with members of a reference.
    """
    settings = settings or RmiaSettings()
    if population.counts()[0].any():
        raise ArrayError(
            f"population: found {int((population.counts()[0] > 0).sum())} examples that a reference trained on; "
            "expected examples that no model trained on"
        )
    return rank(ratio(references, settings), ratio(population, settings), settings.gamma, settings.comparison)


def rank(
    ratios: Floats,
    population: Floats,
    gamma: float = 1.0,
    comparison: Literal["strict", "at_least"] = "strict",
) -> Floats:
    """Share of `population` [Z] with ratio / population > gamma (or >= gamma), for `ratios` [N]: float64 [N].

    Exactly the pairwise comparison, quotients rounded as there, in O((N + Z) log Z) time and O(N + Z) memory.
    Raises `ArrayError` for an empty population.
    """
    if len(population) == 0:
        raise ArrayError("population: found no example; expected at least one")
    limits = np.sort(_largest_losing(population, gamma, np.greater if comparison == "strict" else np.greater_equal))
    return np.searchsorted(limits, ratios) / len(population)


def _largest_losing(population: Floats, gamma: float, wins: np.ufunc) -> Floats:
    """For each of `population` [Z] the largest number whose rounded quotient with it does not win against gamma.

    gamma * population is that number up to a rounding or two, which are undone step by step.
    """
    limits = gamma * population
    while (winning := wins(limits / population, gamma)).any():
        limits = np.where(winning, np.nextafter(limits, 0), limits)
    while not (winning := wins((higher := np.nextafter(limits, np.inf)) / population, gamma)).all():
        limits = np.where(winning, limits, higher)
    return limits


def _over_queries(
    references: References,
    score: Callable[[Floats, Floats], Floats],
    form: Literal["online", "offline"],
) -> Floats:
    """Mean over queries of `score(p of the target, mean p of the references)`, both float64 [N]."""
    total = np.zeros(references.examples)
    for query in range(references.queries):
        inside, outside = summarise(references, query)
        if form == "online":
            number = inside.count + outside.count
            mean = (inside.count * inside.mean + outside.count * outside.mean) / number
        else:
            mean = outside.filled(outside.mean)
        target = references.of_target(query)
        if min(target.min(), mean.min()) < 0 or max(target.max(), mean.max()) > 1 + 1e-6:
            raise ArrayError("statistics: found values outside 0 to 1; expected probabilities of the true class")
        total += score(target, np.maximum(mean, LOG_FLOOR))
    return total / references.queries


def _rank(view: "View") -> Floats:
    population = view.population("probability")
    if population is None:
        raise DataError("population: rmia-rank needs examples that no model trains on, found none")
    return rmia(view.pool("probability"), population)


_ZARIFZADEH, _LASSILA = "Zarifzadeh et al. 2024", "Lassila et al. 2025"
RECORDS = (
    ReferenceRecord(
        "base", reading("probability", base),
        "log-probability minus the logarithm of the references' mean probability", _LASSILA,
        order=18, settings=BaseSettings,
    ),
    ReferenceRecord(
        "base-offline", reading("probability", base, BaseSettings(form="offline")),
        "the same with OUT references only", _LASSILA, order=19,
    ),
    ReferenceRecord(
        "rmia", reading("probability", log_ratio),
        "probability divided by the references' mean; online the same ratio as base", _ZARIFZADEH,
        order=20, settings=RmiaSettings,
    ),
    ReferenceRecord(
        "rmia-offline", reading("probability", log_ratio, RmiaSettings(form="offline")),
        "the same with OUT references, from which the mean is estimated", _ZARIFZADEH, order=21,
    ),
    ReferenceRecord(
        "rmia-rank", _rank, "RMIA's score: rank of that ratio among examples of no model", _ZARIFZADEH,
        order=22, needs=("population",),
    ),
)  # fmt: skip
