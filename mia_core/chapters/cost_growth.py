"""How a cost grows with a size: the slope in the plane of logarithms, round by round. 1 is linear, 0 is flat."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mia_core.claims import Claim
from mia_core.errors import ArrayError

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

MARGIN = 0.15

GROWTH_CLAIMS: tuple[Claim, ...] = (
    Claim("Time grows linearly with models.", "this chapter", "exponent", "time, models", 1.0, "same", MARGIN),
    Claim("Time grows at most linearly with examples.", "this chapter", "exponent", "time, examples", 1.0 + MARGIN,
          "lower"),
    Claim("Memory does not grow with models.", "this chapter", "exponent", "memory, models", 0.0, "same", MARGIN),
    Claim("Memory grows at most linearly with examples.", "this chapter", "exponent", "memory, examples",
          1.0 + MARGIN, "lower"),
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
    """Exponents in the form that `mia_core.claims.judge` takes: a round is a seed and a curve stands for defenses."""
    import pandas as pd

    return pd.DataFrame(
        {"defenses": curve, "attack": "none", "seed": number, "exponent": value}
        for curve, values in exponents(rows).items()
        for number, value in enumerate(values)
    )


def mean_exponent(rows: Sequence[Mapping[str, Any]], curve: str) -> float:
    """The mean over rounds of the exponent of one curve."""
    return float(np.mean(exponents(rows)[curve]))
