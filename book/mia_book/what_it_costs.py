"""Of "What it costs": growth, recorded benchmarks, and what a budget of minutes buys."""

import math
import statistics
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from mia_book.claims import HERE
from mia_core.base.errors import ArrayError, DataError, MiaWarning, SettingsError
from mia_core.base.files import reason
from mia_core.base.sealed import unsealed
from mia_core.display.svg import figure, style
from mia_core.display.tables import verdicts_table
from mia_core.measures.claims import Claim, Verdict
from mia_core.measures.text import Measured, number
from mia_core.studies.recorded import results_dir

FORMAT = 1
"""Of the records."""
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
RESOLVED = 0.01
"""What a slope is known to where rounds agree: sizes read to 2% at both ends of a factor of sixty move it by less."""
GROWTH_CLAIMS: tuple[Claim, ...] = (
    Claim(f"Time grows linearly with models, to within {MARGIN}.",
        HERE, "exponent", "time, models", LINEAR, "same", MARGIN),
    Claim(f"Time grows at most linearly with examples, to within {MARGIN}.",
        HERE, "exponent", "time, examples", LINEAR + MARGIN, "lower"),
    Claim(f"Memory does not grow with models, to within {MARGIN}.",
        HERE, "exponent", "memory, models", FLAT, "same", MARGIN),
    Claim(f"Memory grows at most linearly with examples, to within {MARGIN}.",
        HERE, "exponent", "memory, examples", LINEAR + MARGIN, "lower"),
)  # fmt: skip
"""On `growth_table`, attack "none"."""


def read(name: str) -> dict[str, Any]:
    """A recorded benchmark: what `make bench` wrote. Raises `DataError` for one that is missing, damaged
    or altered; warns (`MiaWarning`) of one without a digest, as older versions wrote."""
    path = results_dir() / "benchmarks" / f"{name}.json"
    try:
        found, checked = unsealed(path.read_text(encoding="utf-8"))
        if (found.get("format"), found.get("name")) != (FORMAT, name) or not isinstance(found.get("results"), dict):
            raise ValueError(f"expected format {FORMAT}, its name and results")
    except (OSError, ValueError) as error:
        raise DataError(
            f"{path}: no recorded benchmark, or damaged ({reason(error)}); `make bench` makes them all"
        ) from None
    if not checked:
        warnings.warn(f"{path}: has no digest, so nothing can tell whether it is as written", MiaWarning, stacklevel=2)
    return found


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
    """The exponent of every curve, one per round."""
    rounds = sorted({row["round"] for row in rows})
    return {curve: [exponent(*points(rows, curve, number)) for number in rounds] for curve in CURVES}


def growth_table(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Exponents in the form that `mia_core.measures.claims.judge` takes: a round is a seed and a curve stands for
    defenses."""
    return pd.DataFrame(
        {"defenses": curve, "attack": "none", "seed": number, "exponent": value, "exponent_error": RESOLVED}
        for curve, values in exponents(rows).items()
        for number, value in enumerate(values)
    )


def growth_verdicts(verdicts: Iterable[Verdict]) -> pd.DataFrame:
    """`mia_core.display.tables.verdicts_table` of verdicts on `GROWTH_CLAIMS`, with rounds in place of seeds.

    The difference is that of the slope to 1, or to 0 where the claim is that nothing grows, never to the edge of what
    the claim admits.
    """
    shown = []
    for one in verdicts:
        if one.difference is not None and one.claim.direction != "same":
            values = {name: getattr(one, name) for name in ("difference", "low", "high")}
            shifted = {name: None if value is None else value + MARGIN for name, value in values.items()}
            one = replace(one, claim=replace(one.claim, margin=one.claim.margin - MARGIN), **shifted)
        shown.append(one)
    return verdicts_table(shown, "round", evidence="fig-growth")


def mean_exponent(rows: Sequence[Mapping[str, Any]], curve: str) -> float:
    """The mean over rounds of the exponent of one curve."""
    return float(np.mean(exponents(rows)[curve]))


TRAININGS_A_SEED = 8  # target and shadow under the four combinations of dropout and smoothing; masking trains nothing
FEWEST_SEEDS, ENOUGH_SEEDS, MOST_REFERENCES = 2, 10, 256


@dataclass(frozen=True)
class Suggestion:
    """seeds of the study and reference models for one target that fit into `minutes`.

    half_width  of the 95% interval over the seeds, in standard deviations between seeds; None for fewer than 2 seeds
    used        minutes that these trainings take
    """

    minutes: float
    seeds: int
    references: int
    half_width: float | None
    used: float


def suggest(minutes: float, seconds_a_model: float, cores: int = 1) -> Suggestion:
    """Spend a budget: up to 10 seeds from one half of it, and complementary pairs of reference models from the rest.

    minutes          of the wall clock, on a machine that does nothing else
    seconds_a_model  that one core needs for one training; `cores` of them train side by side
    Where half the budget does not pay for 2 seeds, the whole goes to seeds: a single seed has no interval. Reference
    models come in pairs, one that saw an example and one that did not; 256 are the most that is suggested.
    Raises `SettingsError` unless all three are above zero.
    """
    if not (minutes > 0 and seconds_a_model > 0 and cores >= 1):
        raise SettingsError(
            f"budget: expected minutes and seconds above 0 and at least 1 core, found {minutes} minutes, "
            f"{seconds_a_model} seconds, {cores} cores"
        )
    trainings = int(60 * minutes * cores / seconds_a_model)
    seeds = min(trainings // 2 // TRAININGS_A_SEED, ENOUGH_SEEDS)
    if seeds < FEWEST_SEEDS:
        seeds = min(trainings // TRAININGS_A_SEED, FEWEST_SEEDS)
    left = trainings - seeds * TRAININGS_A_SEED
    references = min(left // 2 * 2, MOST_REFERENCES) if seeds >= FEWEST_SEEDS else 0
    used = (seeds * TRAININGS_A_SEED + references) * seconds_a_model / cores / 60
    return Suggestion(minutes, seeds, references, half_width(seeds), used)


def half_width(seeds: int, confidence: float = 0.95) -> float | None:
    """Half of Student's t-interval over `seeds` values, in standard deviations between them; None below 2 seeds."""
    from scipy.special import stdtrit

    if seeds < FEWEST_SEEDS:
        return None
    return float(stdtrit(seeds - 1, (1 + confidence) / 2)) / seeds**0.5


RUNS = {"one model": 1, "one seed of a study": TRAININGS_A_SEED, "a study of five seeds": 5 * TRAININGS_A_SEED,
        "16 reference models": 16, "256 reference models": 256}  # fmt: skip
"""What a reader may want to run -> trainings. A study is that of the report's eight combinations."""


def cost(trainings: int, seconds_a_model: float, cores: int = 1, price: float = 1.0) -> tuple[float, float]:
    """Seconds of the wall clock that trainings take, and what they cost.

    cores  train side by side, each one model at a time; the last round may leave some idle
    price  of an hour of the machine
    Raises `SettingsError` where seconds or cores are not above zero or the price is below.
    """
    if not (seconds_a_model > 0 and cores >= 1 and price >= 0):
        raise SettingsError(
            f"cost: expected seconds above 0, at least 1 core and no price below 0, found {seconds_a_model} seconds, "
            f"{cores} cores, {price}"
        )
    wall = math.ceil(trainings / cores) * seconds_a_model
    return wall, wall / 3600 * price


def cost_table(seconds_a_model: Mapping[str, float], cores: int = 1, price: float = 1.0) -> pd.DataFrame:
    """`cost` of every one of `RUNS`, one row each.

    seconds_a_model  kind of data -> seconds that one core needs for one training
    """
    rows = []
    for run, trainings in RUNS.items():
        row: dict[str, Any] = {"run": run, "trainings": trainings}
        for data, each in seconds_a_model.items():
            wall, money = cost(trainings, each, cores, price)
            row |= {f"{data}: time": duration(wall), f"{data}: price": amount(money)}
        rows.append(row)
    return pd.DataFrame(rows)


def duration(value: float) -> str:
    """Seconds in the unit in which they read well: "0.73 s", "12 s", "4.9 min", "2.6 h"."""
    for unit, size in (("h", 3600), ("min", 60)):
        if value >= 1.5 * size:
            return f"{seconds(value / size)} {unit}"
    return f"{seconds(value)} s"


def amount(value: float) -> str:
    """A sum of money: two decimals, and four below a hundredth."""
    return f"{value:.4f}" if 0 < value < 0.01 else f"{value:,.2f}"


def enough_in_words(minutes: Iterable[float], seconds_a_model: float, cores: int = 1) -> str:
    """The smallest of several budgets that buys all the seeds that `suggest` ever spends on, as the end of a sentence:
    "10 seeds first fit into the budget of 30 minutes"."""
    for found in sorted(minutes):
        if suggest(found, seconds_a_model, cores).seeds == ENOUGH_SEEDS:
            return f"{ENOUGH_SEEDS} seeds first fit into the budget of {found:g} minute{'' if found == 1 else 's'}"
    return f"none of these budgets has room for {ENOUGH_SEEDS} seeds"


def budget_table(minutes: Iterable[float], seconds_a_model: float, cores: int = 1, price: float = 1.0) -> pd.DataFrame:
    """`suggest` for several budgets, one row each, and what they cost at a `price` of an hour."""
    rows: list[dict[str, Any]] = []
    for budget in minutes:
        found = suggest(budget, seconds_a_model, cores)
        rows.append({
            "budget": duration(60 * budget),
            "seeds": found.seeds,
            "interval ± (in SD)": "none" if found.half_width is None else number(found.half_width, 1),
            "reference models": found.references,
            "time used": duration(60 * found.used),
            "price": amount(found.used / 60 * price),
        })  # fmt: skip
    return pd.DataFrame(rows)


def growth_figure(rows: Sequence[Mapping[str, Any]]) -> tuple[Figure, str]:
    """Time and memory as multiples of the smallest point, over the size as a multiple of the smallest; log axes.

    rows  of the benchmark of growth; lines are medians over its rounds
    """
    fig, ax = figure(height=4.2)
    rounds = sorted({row["round"] for row in rows})
    found, parts, ends = exponents(rows), [], []
    for place, curve in enumerate(CURVES):
        per_round = [points(rows, curve, number) for number in rounds]
        sizes = [size / per_round[0][0][0] for size in per_round[0][0]]
        values = [statistics.median(column) for column in zip(*(values for _, values in per_round), strict=True)]
        multiples = [value / values[0] for value in values]
        slope = statistics.mean(found[curve])
        ax.plot(sizes, multiples, label=f"{curve} ({slope:.2f})", **style(place))
        slope = round(slope, 2) + 0.0  # no "-0.00"
        parts.append(f"{curve} {slope:.2f}, to {multiples[-1]:.1f} times at {sizes[-1]:g} times the size")
        ends.append(sizes[-1])
    line = style(5)
    ax.plot([1, max(ends)], [1, max(ends)], color=line["color"], linewidth=1, linestyle=line["linestyle"])
    ax.set(xscale="log", yscale="log", xlabel="size, in multiples of the smallest")
    ax.set_ylabel("cost, in multiples of the smallest")
    fig.legend(loc="outside lower center", ncols=2)
    return fig, f"Lines on logarithmic axes, with the slope of each: {'; '.join(parts)}. A thin line has slope 1."


def chosen(epoch: Mapping[str, Any]) -> Mapping[str, Any]:
    """What was measured in the precision that `auto` chooses on the machine of a benchmark of one epoch."""
    return epoch["results"]["precisions"][epoch["results"]["chosen"]]


def seconds(value: float) -> str:
    """Seconds with two significant digits, as text."""
    text = f"{value:.0f}" if value >= 10 else f"{value:.2g}"
    return Measured(text, float(text))
