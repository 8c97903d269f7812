"""How a cost grows with a size: the slope in the plane of logarithms, round by round. 1 is linear, 0 is flat."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from mia_core.base.errors import ArrayError
from mia_core.display.tables import verdicts_table
from mia_core.measures.claims import Claim, Verdict

if TYPE_CHECKING:
    import pandas as pd

CURVES = {
    "time, models": ("streamed", "models", "seconds"),
    "time, examples": ("streamed", "examples", "seconds"),
    "memory, models": ("streamed", "models", "megabytes"),
    "memory, examples": ("streamed", "examples", "megabytes"),
    "memory, models together": ("together", "models", "megabytes"),
}
"""Name of a curve -> (kind of rows, what varies, what is measured)."""

MARGIN, LINEAR, FLAT = 0.15, 1.0, 0.0
"""How far a slope may be from the one claimed, and the slopes that claims are about."""

GROWTH_CLAIMS: tuple[Claim, ...] = (
    Claim(
        f"Time grows linearly with models, to within {MARGIN}.",
        "this chapter", "exponent", "time, models", LINEAR, "same", MARGIN,
    ),
    Claim(
        f"Time grows at most linearly with examples, to within {MARGIN}.",
        "this chapter", "exponent", "time, examples", LINEAR + MARGIN, "lower",
    ),
    Claim(
        f"Memory does not grow with models, to within {MARGIN}.",
        "this chapter", "exponent", "memory, models", FLAT, "same", MARGIN,
    ),
    Claim(
        f"Memory grows at most linearly with examples, to within {MARGIN}.",
        "this chapter", "exponent", "memory, examples", LINEAR + MARGIN, "lower",
    ),
)  # fmt: skip
"""On `growth_table`, attack "none"."""


def exponent(sizes: Sequence[float], values: Sequence[float]) -> float:
    """The slope of log(values) over log(sizes), by least squares.

    Raises `ArrayError` for fewer than two different sizes or anything that is not above zero.
    """
    x, y = np.asarray(sizes, float), np.asarray(values, float)
    if x.shape != y.shape or len(set(x.tolist())) < 2 or not ((x > 0).all() and (y > 0).all()):
        raise ArrayError(f"growth: expected values above 0 of at least 2 sizes, found {list(sizes)}, {list(values)}")
    return float(np.polyfit(np.log(x), np.log(y), 1)[0])


def points(rows: Iterable[Mapping[str, Any]], curve: str, of_round: int) -> tuple[list[float], list[float]]:
    """Sizes, ascending, and values of one curve in one round; what does not vary is at its smallest."""
    kind, varied, measured = CURVES[curve]
    fixed = "examples" if varied == "models" else "models"
    own = [row for row in rows if row["kind"] == kind and row["round"] == of_round]
    least = min(row[fixed] for row in own)
    found = sorted((row[varied], row[measured]) for row in own if row[fixed] == least)
    return [size for size, _ in found], [value for _, value in found]


def exponents(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[float]]:
    """The exponent of every curve, one a round."""
    rounds = sorted({row["round"] for row in rows})
    return {curve: [exponent(*points(rows, curve, number)) for number in rounds] for curve in CURVES}


def growth_table(rows: Sequence[Mapping[str, Any]]) -> "pd.DataFrame":
    """Exponents in the form that `mia_core.measures.claims.judge` takes: a round is a seed and a curve stands for
    defenses."""
    import pandas as pd

    return pd.DataFrame(
        {"defenses": curve, "attack": "none", "seed": number, "exponent": value}
        for curve, values in exponents(rows).items()
        for number, value in enumerate(values)
    )


def growth_verdicts(verdicts: Iterable[Verdict]) -> "pd.DataFrame":
    """`mia_core.display.tables.verdicts_table` of verdicts on `GROWTH_CLAIMS`, with rounds in place of seeds.

    The difference is that of the slope to 1, or to 0 where the claim is that nothing grows, never to the edge of what
    the claim admits.
    """
    return verdicts_table([_from_slope(verdict) for verdict in verdicts], "round", evidence="fig-growth")


def _from_slope(verdict: Verdict) -> Verdict:
    if verdict.difference is None or verdict.claim.direction == "same":
        return verdict
    values = {name: getattr(verdict, name) for name in ("difference", "low", "high")}
    claim = replace(verdict.claim, margin=verdict.claim.margin - MARGIN)
    shifted = {name: None if value is None else value + MARGIN for name, value in values.items()}
    return replace(verdict, claim=claim, **shifted)


def mean_exponent(rows: Sequence[Mapping[str, Any]], curve: str) -> float:
    """The mean over rounds of the exponent of one curve."""
    return float(np.mean(exponents(rows)[curve]))
