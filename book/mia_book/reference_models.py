"""Studies with reference models that several chapters share, and what `judge` compares of them.

Units are pairs of complementary models (see `mia_core.studies.reference_summary.by_unit`). In the tables they stand in
the column "seed", and what a table compares stands in "defenses", so that `mia_core.measures.claims.judge` reads them.
"""

import warnings
from collections.abc import Sequence
from typing import Any

import pandas as pd

from mia_book.claims import side_by_side
from mia_core.base.errors import MiaWarning
from mia_core.data.canaries import MOST
from mia_core.data.dataset import Dataset
from mia_core.measures.metrics import level_column
from mia_core.store.runs import Store
from mia_core.studies.reference_rows import table
from mia_core.studies.reference_study import ReferenceStudy
from mia_core.studies.reference_summary import by_unit, strongest_rows
from mia_core.studies.settings import ReferenceSettings

ATTACKS = ("loss", "calibrated-loss", "rmia", "lira-own-variance", "lira", "t-lira")
"""Those that the chapters compare: the baseline without references, and five with them."""
DEFENSES = ("none", "dropout", "smoothing", "masking")
"""Masking works on stored outputs and costs no training."""
NEGATIVE = "smoothing(epsilon=-0.1)"
MEASURES = ("auc", level_column(0.01))


def planned_study(*planned: Any, **own: Any) -> ReferenceStudy:
    """The study of `shared_study` before any training: its models may be in the store or not. Arguments as there."""
    return _planned(*planned, **own)[0]


def shared_study(*planned: Any, every_epoch: bool = False, **own: Any) -> ReferenceStudy:
    """The trained study that the chapters share, looked at after the last epoch, or after every recorded one.

    planned, own  in this order, or by name: models (8), canaries (20), defenses (`DEFENSES`) and attacks (`ATTACKS`);
                  further settings of `mia_core.studies.settings.ReferenceSettings` by name
    Canaries are as many as asked for, or what a small pool admits. That they are more than a hundredth of it, which
    `mia_core.data.canaries.choose_canaries` warns of, is for the chapters to say. Raises what such a study raises.
    """
    study, clean = _planned(*planned, **own)
    study.train()
    return study if every_epoch else _quietly(study.settings.replace(record=()), study.store, clean)


def shared_table(defenses: str | Sequence[str], attacks: Sequence[str], **own: Any) -> pd.DataFrame:
    """The table of `shared_study` under these combinations and attacks, after the last epoch; `own` as there."""
    return table(shared_study(defenses=defenses, attacks=attacks, **own))


def by_attack(table: pd.DataFrame, defenses: str = "none", examples: str = "pool") -> pd.DataFrame:
    """Attacks side by side, one row per attack and unit: the attack stands in "defenses", the combination in "attack".

    table  of `mia_core.studies.reference_rows.table`, at one epoch
    """
    return side_by_side(by_unit(table[table["examples"] == examples]).rename(columns={"unit": "seed"}), defenses)


def by_strongest(table: pd.DataFrame, measure: str = "auc", examples: str = "pool") -> pd.DataFrame:
    """Every combination after the last epoch, under the attack that is the strongest on it, by its mean over units; one
    row per unit.

    The name of that attack stands in `named`, and "attack" is "strongest". The largest of many means is a little too
    large by chance.
    """
    last = table[(table["examples"] == examples) & (table["epochs"] == table["epochs"].max())]
    return strongest_rows(by_unit(last).rename(columns={"unit": "seed"}), measure).reset_index(drop=True)


def _planned(
    models: int = 8,
    canaries: int = 20,
    defenses: str | Sequence[str] = DEFENSES,
    attacks: Sequence[str] = ATTACKS,
    **own: Any,
) -> tuple[ReferenceStudy, Dataset]:
    """The study, and its data before canaries got their labels."""
    settings = ReferenceSettings(models=models, defenses=defenses, attacks=tuple(attacks), **own)
    plain = ReferenceStudy(settings)
    admitted = min(canaries, int(MOST * len(plain.pool)))
    return _quietly(settings.replace(canaries=admitted), plain.store, plain.dataset), plain.dataset


def _quietly(settings: ReferenceSettings, store: Store, clean: Dataset) -> ReferenceStudy:
    """Without the warning that canaries are many."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="canaries", category=MiaWarning)
        return ReferenceStudy(settings, store, clean)
