"""The settings of a study with reference models: those of its data and recipe, and how the models share a pool."""

from typing import Annotated, Literal

from pydantic import Field, field_validator

from mia_core.base.messages import nearest, one_line
from mia_core.base.settings import Listed, Number, Whole
from mia_core.data.load import DataSettings
from mia_core.model.recipe import Recipe
from mia_core.studies.settings import Combinations

MOST_MODELS = 1024


class ReferenceSettings(DataSettings, Recipe):
    """All settings of a study with reference models: those of the data and of the recipe, and these.

    models      models of each combination, an even number of at least 4; each is the target once, attacked with the
                others (in pairs: without its partner) as references
    defenses    combinations such as "none" or "dropout+smoothing(epsilon=0.2)"; "all": the eight of the report
    part        examples that each model trains on, half of the pool; by default a quarter of the data, 10,520 for
                CIFAR-10
    population  examples beside the pool, on which no model trains; by default 10,000 or what is left
    canaries    examples of the pool that get a wrong label, for the worst case; more than about 1% of the
                pool shape the models, and a warning says so
    design      "pairs" (complementary pairs), "random_halves" (independent coins), or "exactly_half" (biased, known
                by name so that the bias can be shown); see `mia_core.data.splits.pairs` and `mia_core.data.splits`
    seed        of the pool, the canaries, the members and all that is random in the trainings
    attacks     names of attacks (see `mia_core.references.REFERENCE_ATTACKS`), or "all"
    queries     what each model is asked about an example: "plain", the image itself, and copies of it (see
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
