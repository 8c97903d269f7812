"""The settings of a study: those of its parts, and which defenses and seeds it crosses."""

from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, field_validator

from mia_core.attacks import AttackSettings
from mia_core.base.errors import SettingsError
from mia_core.base.messages import brief
from mia_core.base.settings import Whole, whole_number
from mia_core.data.load import DataSettings
from mia_core.defenses import combination, describe, split_combinations
from mia_core.model.recipe import Recipe

MOST_SEEDS = 1000


def _seeds(value: Any) -> Any:
    """A count N stands for the seeds 0 ... N-1; text with commas for the seeds it names."""
    if isinstance(value, str) and "," in value:
        value = [part for part in value.split(",") if part.strip()]
    if isinstance(value, list | tuple):
        return tuple(value)
    try:
        count = whole_number(value)
    except ValueError:
        raise ValueError(f"expected a number of seeds or a list of seeds, found {brief(value)}") from None
    if not 1 <= count <= MOST_SEEDS:
        raise ValueError(f"expected 1 to {MOST_SEEDS} seeds, found {brief(value)}")
    return tuple(range(count))


def _combinations(value: Any) -> Any:
    items = [value] if isinstance(value, str) else value
    if not isinstance(items, list | tuple) or not all(isinstance(item, str) for item in items):
        raise ValueError(f"expected combinations such as none or dropout+smoothing, found {brief(value)}")
    return tuple(word for item in items for word in split_combinations(item))


def _known_defenses(value: tuple[str, ...]) -> tuple[str, ...]:
    try:
        names = [describe(combination(word)) for word in value]
    except SettingsError as error:
        raise ValueError(str(error).removeprefix("defenses: ")) from None
    if not names or len(set(names)) < len(names):
        raise ValueError(f"expected at least one combination and each once, found {', '.join(names) or 'none'}")
    return tuple(names)


Combinations = Annotated[tuple[str, ...], BeforeValidator(_combinations), AfterValidator(_known_defenses)]


class StudySettings(DataSettings, Recipe, AttackSettings):
    """All settings of a study: those of the data, the recipe and the attacks, and these.

    seeds     a number N for the seeds 0 ... N-1, or a list of seeds; each draws its own split and trains its own models
    defenses  combinations such as "none" or "dropout+smoothing(epsilon=0.2)"; "all": the eight of the report
    part      examples in each of the four parts of the split; by default as many as fit, 10,520 for CIFAR-10
    """

    seeds: Annotated[tuple[Annotated[Whole, Field(ge=0, lt=2**32)], ...], BeforeValidator(_seeds)] = (0, 1, 2, 3, 4)
    defenses: Combinations = ("all",)
    part: Annotated[Whole, Field(ge=1)] | None = None

    @field_validator("seeds")
    @classmethod
    def _distinct_seeds(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if not value or len(set(value)) < len(value):
            raise ValueError(f"expected at least one seed and each once, found {list(value)}")
        return value
