"""Tables of the chapters with reference models: by attack, by number of references, and by split where nothing leaks.

Units are pairs of complementary models (see `mia_core.studies.reference_summary.by_unit`). In the tables they stand in
the column "seed", and what a table compares stands in "defenses", so that `mia_core.measures.claims.judge` reads them.
"""

import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from mia_core.base.errors import MiaWarning
from mia_core.data.canaries import MOST
from mia_core.data.dataset import Dataset
from mia_core.display.tables import with_interval
from mia_core.measures.intervals import clopper_pearson, over_seeds
from mia_core.measures.metrics import auc, level_column
from mia_core.measures.text import NOT_MEASURABLE, heading
from mia_core.references import References
from mia_core.references.lira import LiraSettings, lira
from mia_core.studies.reference_rows import answers, attacked, check_references, judge_scores, kinds_of, table
from mia_core.studies.reference_study import DESIGNS, ReferenceStudy
from mia_core.studies.reference_summary import by_unit, strongest_rows
from mia_core.studies.settings import ReferenceSettings

if TYPE_CHECKING:
    import pandas as pd

ATTACKS = ("loss", "calibrated-loss", "rmia", "lira-own-variance", "lira", "t-lira")
"""Those that the chapters compare: the baseline without references, and five with them."""
DEFENSES = ("none", "dropout", "smoothing", "masking")
"""Masking works on stored outputs and costs no training."""
MEASURES = ("auc", level_column(0.01))
SPLITS = {"pairs": "complementary pairs", "random_halves": "independent coins", "exactly_half": "exactly half"}
"""How `by_split` calls the designs of `mia_core.studies.reference_study.DESIGNS`."""


def shared_study(
    models: int = 8,
    canaries: int = 20,
    defenses: Sequence[str] = DEFENSES,
    attacks: Sequence[str] = ATTACKS,
    every_epoch: bool = False,
    **own: Any,
) -> ReferenceStudy:
    """The trained study that the chapters share, looked at after the last epoch, or after every recorded one.

    models, defenses, attacks  as in `mia_core.studies.settings.ReferenceSettings`, of which `own` are
              further settings
    canaries  as many as asked for, or what a small pool admits. That they are more than a hundredth of it, which
              `mia_core.data.canaries.choose_canaries` warns of, is for the chapters to say
    Raises what such a study raises.
    """
    planned, clean = _planned(models, canaries, defenses, attacks, own)
    trained = planned.train()
    if every_epoch:
        return trained
    with _many_canaries():
        return ReferenceStudy(trained.settings.replace(record=()), trained.store, clean)


def planned_study(
    models: int = 8,
    canaries: int = 20,
    defenses: Sequence[str] = DEFENSES,
    attacks: Sequence[str] = ATTACKS,
    **own: Any,
) -> ReferenceStudy:
    """The study of `shared_study` before any training: its models may be in the store or not. Arguments as there."""
    return _planned(models, canaries, defenses, attacks, own)[0]


def shared_table(defenses: Sequence[str], attacks: Sequence[str], **own: Any) -> "pd.DataFrame":
    """The table of `shared_study` under these combinations and attacks, after the last epoch; `own` as there."""
    return table(shared_study(defenses=defenses, attacks=attacks, **own))


def mean_in_words(values: Iterable[float], digits: int = 3) -> str:
    """The mean over units of a measure in [0, 1] and its interval, cut to that range: "0.428 [0.401, 0.455]"."""
    known = [float(value) for value in values]
    if not known or any(value != value for value in known):
        return NOT_MEASURABLE
    found = over_seeds(known)
    bounds = (None, None) if found.low is None else (max(found.low, 0.0), min(found.high, 1.0))
    return with_interval(
        dict(zip(("value", "value_low", "value_high"), (found.mean, *bounds), strict=True)), "value", digits
    )


def share_in_words(share: float | None, of: int) -> str:
    """A share of `of` examples of one target in percent, with Clopper and Pearson's interval: "5.6% [4.0%, 7.6%]"."""
    if share is None:
        return NOT_MEASURABLE
    low, high = clopper_pearson(round(share * of), of)
    return f"{share:.1%} [{low:.1%}, {high:.1%}]"


def two_measures(units: "pd.DataFrame") -> "pd.DataFrame":
    """`MEASURES` of the attacks of `by_attack`, means over units with their intervals: a row an attack, as text."""
    import pandas as pd

    return pd.DataFrame(
        {"attack": attack} | {heading(name): mean_in_words(rows[name]) for name in MEASURES}
        for attack, rows in units.groupby("defenses", sort=False)
    )


def by_attack(table: "pd.DataFrame", defenses: str = "none", examples: str = "pool") -> "pd.DataFrame":
    """Attacks side by side, a row an attack and unit: the attack stands in "defenses", the combination in "attack".

    table  of `mia_core.studies.reference_rows.table`, at one epoch
    """
    units = _units(table[table["examples"] == examples])
    units = units[units["defenses"] == defenses]
    return units.assign(defenses=units["attack"], attack=defenses).reset_index(drop=True)


def by_references(
    study: ReferenceStudy, numbers: Sequence[int] | None = None, attacks: Sequence[str] = ATTACKS[1:]
) -> "pd.DataFrame":
    """Attacks on the undefended models, given ever more references: `value` is their number, a row a pair of targets.

    numbers  even ones; by default 2, 4, ... up to all there are. In "defenses" stands "NUMBER references"
    Raises `SettingsError` for a number that there is not.
    """
    import pandas as pd

    found, ordinary = answers(study, ()), kinds_of(study)["pool"]
    rows = []
    for number in numbers or range(2, study.settings.models - 1, 2):
        check_references(study, number)
        for attack in attacks:
            made = attacked(study, attack, found, number)
            both = zip(made.scores[:, ordinary], made.members[:, ordinary], strict=True)
            each = [judge_scores(scores, members, None) for scores, members in both]
            for unit in range(len(each) // 2):
                pair = each[2 * unit : 2 * unit + 2]
                row = {"attack": attack, "defenses": f"{number} references", "value": number, "seed": unit}
                rows.append(row | {name: _mean([one[name] for one in pair]) for name in MEASURES})
    return pd.DataFrame(rows)


def by_strongest(table: "pd.DataFrame", measure: str = "auc", examples: str = "pool") -> "pd.DataFrame":
    """Every combination after the last epoch, under the attack that is the strongest on it, by its mean over units; a
    row a unit.

    The name of that attack stands in `named`, and "attack" is "strongest". The largest of many means is a little too
    large by chance.
    """
    last = table[(table["examples"] == examples) & (table["epochs"] == table["epochs"].max())]
    return strongest_rows(_units(last), measure).reset_index(drop=True)


def by_split(
    models: Sequence[int] = (4, 8, 16), examples: int = 5_000, seeds: int = 10, designs: Sequence[str] = tuple(DESIGNS)
) -> "pd.DataFrame":
    """What LiRA reaches where there is nothing to find: AUC on noise, a row a design, number of models and seed.

    Every model's statistic of every example is an independent normal number, so no output depends on membership and
    any AUC but one half comes from the split. LiRA as published (median, a variance an example), target 0, without its
    partner in pairs. "attack" holds the design as `SPLITS` calls it, `value` the number of models, "defenses" "NUMBER
    models".
    """
    import pandas as pd

    rows = []
    for design in designs:
        for number in models:
            for seed in range(seeds):
                members = DESIGNS[design](examples, number, seed).members
                generator = np.random.default_rng(np.random.SeedSequence([seed, number, *design.encode()]))
                noise = generator.standard_normal(members.shape)
                seen = References(noise, members, 0, 1 if design == "pairs" else None)
                scores = lira(seen, LiraSettings(variance="example", centre="median"))
                rows.append(
                    {"attack": SPLITS[design], "defenses": f"{number} models", "value": number, "seed": seed}
                    | {"auc": auc(scores, members[0])}
                )
    return pd.DataFrame(rows)


@contextmanager
def _many_canaries() -> Iterator[None]:
    """Without the warning that canaries are many: that is for the chapters to say."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="canaries", category=MiaWarning)
        yield


def _planned(
    models: int, canaries: int, defenses: Sequence[str], attacks: Sequence[str], own: dict[str, Any]
) -> tuple[ReferenceStudy, Dataset]:
    """The study of `planned_study`, and its data before canaries got their labels."""
    settings = ReferenceSettings(models=models, defenses=tuple(defenses), attacks=tuple(attacks), **own)
    plain = ReferenceStudy(settings)
    admitted = min(canaries, int(MOST * len(plain.pool)))
    with _many_canaries():
        return ReferenceStudy(settings.replace(canaries=admitted), plain.store, plain.dataset), plain.dataset


def _units(table: "pd.DataFrame") -> "pd.DataFrame":
    return by_unit(table).rename(columns={"unit": "seed"})


def _mean(values: list[float | None]) -> float | None:
    return None if None in values else sum(values) / len(values)
