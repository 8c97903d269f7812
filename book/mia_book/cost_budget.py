"""What a budget of minutes buys: seeds of the report's study first, then reference models."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mia_core.base.errors import SettingsError

if TYPE_CHECKING:
    import pandas as pd

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


def first_with_enough(minutes: Iterable[float], seconds_a_model: float, cores: int = 1) -> float | None:
    """The smallest of several budgets that buys all the seeds that `suggest` ever spends on; None where none does."""
    enough = (budget for budget in sorted(minutes) if suggest(budget, seconds_a_model, cores).seeds == ENOUGH_SEEDS)
    return next(enough, None)


def enough_in_words(minutes: Iterable[float], seconds_a_model: float, cores: int = 1) -> str:
    """`first_with_enough` as the end of a sentence: "10 seeds first fit into the budget of 30 minutes"."""
    found = first_with_enough(minutes, seconds_a_model, cores)
    if found is None:
        return f"none of these budgets has room for {ENOUGH_SEEDS} seeds"
    return f"{ENOUGH_SEEDS} seeds first fit into the budget of {found:g} minute{'' if found == 1 else 's'}"


def budget_table(minutes: Iterable[float], seconds_a_model: float, cores: int = 1) -> "pd.DataFrame":
    """`suggest` for several budgets, a row each."""
    import pandas as pd

    rows: list[dict[str, Any]] = []
    for budget in minutes:
        found = suggest(budget, seconds_a_model, cores)
        rows.append({
            "minutes": f"{budget:g}",
            "seeds": found.seeds,
            "interval ± (in SD)": "none" if found.half_width is None else f"{found.half_width:.1f}",
            "reference models": found.references,
            "minutes used": f"{found.used:.1f}",
        })  # fmt: skip
    return pd.DataFrame(rows)
