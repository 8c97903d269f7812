"""The settings of both kinds of study: those of their parts, and what each of them crosses."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, field_validator

from mia_core.attacks import AttackSettings
from mia_core.base.errors import SettingsError
from mia_core.base.messages import brief, nearest, one_line
from mia_core.base.settings import Listed, Number, Whole, whole_number
from mia_core.data.load import DataSettings
from mia_core.defenses import combination, describe, split_combinations
from mia_core.model.recipe import Recipe

MOST_SEEDS, MOST_MODELS = 1000, 1024


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


class ReferenceSettings(DataSettings, Recipe):
    """All settings of a study with reference models: those of the data and of the recipe, and these.

    models      models of each combination, an even number of at least 4; each is the target once, attacked with the
                others (in pairs: without its partner) as references
    defenses    combinations such as "none" or "dropout+smoothing(epsilon=0.2)"; "all": the eight of the report
    part        examples that each model trains on, half of the pool; by default a quarter of the data, 10,520 for
                CIFAR-10
    population  examples outside the pool, on which no model trains; by default 10,000 or what is left
    canaries    examples of the pool that get a wrong label, for the worst case; more than about 1% of the
                pool shape the models, and a warning says so
    design      "pairs" (complementary pairs), "random_halves" (independent coins), or "exactly_half" (biased, known
                by name so that the bias can be shown); see `mia_core.data.splits.pairs` and `mia_core.data.splits`
    seed        of the pool, the canaries, the members and all that is random in the trainings
    attacks     names of attacks (see `mia_core.references.REFERENCE_ATTACKS`), or "all"
    queries     what each model is asked about an example: "plain", itself, and copies of an image (see
                `mia_core.studies.queries.QUERIES`)
    confidence  of the intervals, in (0, 1)
    """

    models: Annotated[Whole, Field(ge=4, le=MOST_MODELS)] = 8
    defenses: Combinations = ("all",)
    part: Annotated[Whole, Field(ge=1)] | None = None
    population: Annotated[Whole, Field(ge=0)] | None = None
    canaries: Annotated[Whole, Field(ge=0)] = 0
    design: Literal["pairs", "random_halves", "exactly_half"] = "pairs"
    seed: Annotated[Whole, Field(ge=0, lt=2**32)] = 0
    attacks: Annotated[tuple[str, ...], Listed] = ("all",)
    queries: Annotated[tuple[Literal["plain", "flip", "left", "right", "up", "down"], ...], Listed] = ("plain",)
    confidence: Annotated[Number, Field(gt=0, lt=1)] = 0.95

    @field_validator("models")
    @classmethod
    def _even(cls, value: int) -> int:
        if value % 2:
            raise ValueError(f"expected an even number, found {value}")
        return value

    @field_validator("attacks")
    @classmethod
    def _known_attacks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        from mia_core.references import REFERENCE_ATTACKS

        names = tuple(
            dict.fromkeys(name for word in value for name in (REFERENCE_ATTACKS if word == "all" else [word]))
        )
        for name in names:
            if name not in REFERENCE_ATTACKS:
                raise ValueError(f"unknown attack {one_line(name, 60)}; {nearest(name, ['all', *REFERENCE_ATTACKS])}")
        if not names:
            raise ValueError("expected at least one attack, found none")
        return names

    @field_validator("queries")
    @classmethod
    def _distinct_queries(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value or len(set(value)) < len(value):
            raise ValueError(f"expected at least one query and each once, found {', '.join(value) or 'none'}")
        return value
