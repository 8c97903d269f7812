"""LiRA, the likelihood-ratio attack: is the target's output likelier under IN than under OUT reference models?

Carlini, Chien, Nasr, Song, Terzis, Tramèr 2022, "Membership Inference Attacks From First Principles", online and
offline.
"""

import math
from typing import Literal

import numpy as np
from scipy.special import log_ndtr

from mia_core.attacks.contract import Floats
from mia_core.base.settings import Settings
from mia_core.references.outputs import References
from mia_core.references.record import ReferenceRecord, reading
from mia_core.references.summaries import SPREAD_FLOOR, Side, summarise


class LiraSettings(Settings):
    """The choices on which published implementations differ.

    form      "online": log density under IN minus log density under OUT. "offline_tail": log of the probability that
              an OUT model's statistic lies below the target's, as in the paper (1 - Pr[Z > z]). "offline_density":
              minus the log density under OUT, as in the published code, which also calls an example a member for a
              statistic far *below* that of OUT models: known by name, not recommended.
    variance  "fixed": one for all examples of a side; with fewer than about 64 references this is the better choice,
              and no default study has more. "example": each example's own.
    pooled    how the fixed one is formed. "residuals": from deviations from each example's own mean. "raw": from all
              values together, as the published code does; it holds the differences between examples too, which the
              centres have already accounted for, and so makes every density too wide.
    centre    "mean", as the paper writes it, the most precise for normal values; or "median", as in the published code,
              which withstands a single odd model.
    divisor   "n-1", unbiased also with three references a side; or "n", as in the published code.
    """

    form: Literal["online", "offline_tail", "offline_density"] = "online"
    variance: Literal["fixed", "example"] = "fixed"
    pooled: Literal["residuals", "raw"] = "residuals"
    centre: Literal["mean", "median"] = "mean"
    divisor: Literal["n-1", "n"] = "n-1"


def lira(references: References, settings: LiraSettings | None = None) -> Floats:
    """LiRA's scores, float64 [N]; with Q queries the mean of the queries' scores, as in the published code.

    The statistic should be near normal over models: the logit or the hinge statistic. "online" scores are in nats,
    above 0 where IN is likelier. "offline_tail" scores are logarithms of a probability, at most 0, and tell values
    apart up to 37 standard deviations above the centre.

    An example without references on a side takes the average centre of the other examples there, and with fewer than
    two the average standard deviation (published code does the same for centres). Where no example has two, the
    spread is that of all raw values. Raises `ArrayError` where a side that is needed is empty for all examples.
    """
    settings = settings or LiraSettings()
    scores = np.zeros(references.examples)
    for query in range(references.queries):
        sides = summarise(references, query, median=settings.centre == "median")
        scores += _score(references.of_target(query), *sides, settings)
    return scores / references.queries


def _score(statistic: Floats, inside: Side, outside: Side, settings: LiraSettings) -> Floats:
    centre, spread = _normal(outside, settings)
    if settings.form == "offline_tail":
        return log_ndtr((statistic - centre) / spread)
    surprise = -_log_density(statistic, centre, spread)
    if settings.form == "offline_density":
        return surprise
    return _log_density(statistic, *_normal(inside, settings)) + surprise


def _normal(side: Side, settings: LiraSettings) -> tuple[Floats, Floats]:
    """Centre and standard deviation, float64 [N] each, for one side."""
    centre = side.filled(side.mean if side.median is None else side.median)
    ddof = 1 if settings.divisor == "n-1" else 0
    enough = side.count >= 2
    if (settings.pooled == "raw" and settings.variance == "fixed") or not enough.any():
        spread = np.full_like(centre, math.sqrt(side.raw_variance(ddof)))
    elif settings.variance == "fixed":
        degrees = int((side.count - ddof)[side.count > 0].sum())
        spread = np.full_like(centre, math.sqrt(math.fsum(side.squares) / degrees))
    else:
        spread = side.filled(np.sqrt(side.squares / np.maximum(side.count - ddof, 1)), needed=2)
    return centre, np.maximum(spread, SPREAD_FLOOR)


def _log_density(values: Floats, centre: Floats, spread: Floats) -> Floats:
    return -0.5 * ((values - centre) / spread) ** 2 - np.log(spread) - 0.5 * math.log(2 * math.pi)


def _record(order: int, name: str, compares: str, statistic: str = "logit", **settings: str) -> ReferenceRecord:
    attack, own = reading(statistic, lira, LiraSettings(**settings)), LiraSettings if name == "lira" else None
    return ReferenceRecord(name, attack, compares, "Carlini et al. 2022", order=order, settings=own)


_TAIL = {"form": "offline_tail"}
RECORDS = (
    _record(11, "lira", "LiRA, one variance for all examples"),
    _record(12, "lira-own-variance", "LiRA, each example's own variance", variance="example"),
    _record(13, "lira-hinge", "LiRA on the lead of the true class's logit over the next", "hinge"),
    _record(14, "lira-offline", "LiRA with OUT references only: how unlikely so high an answer is", **_TAIL),
    _record(15, "lira-offline-own-variance", "the same, each example's own variance", variance="example", **_TAIL),
)
