"""What a study with reference models says to someone who has to choose: no defense, an earlier stop, or a defense."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from mia_core.measures.counts import mean_over
from mia_core.measures.metrics import level_column
from mia_core.studies.early_stopping import ACCURACY, ALLOWED, recommended, under_the_strongest
from mia_core.studies.reference_rows import EVERY
from mia_core.studies.reference_summary import by_unit

LEAK = level_column(0.01)
CAUTIOUS = 2 * ALLOWED
"""What someone may pay in accuracy who wants to leak less than the recommended stop does."""


def options(table: pd.DataFrame, within: Sequence[float] = (ALLOWED, CAUTIOUS), measure: str = LEAK) -> pd.DataFrame:
    """One row per choice: the undefended model trained to the end, stopped earlier, and each defense.

    table   of `mia_core.studies.reference_rows.table`, with undefended models at several recorded epochs
    within  how far below the best validation accuracy a stop may be: the earliest epoch within it is taken
            (`mia_core.studies.early_stopping.recommended`), that of most units. An epoch that is there already is left
            out

    Columns: defenses, epochs, within (missing but for stops), and with bounds NAME_low and NAME_high each
    target_accuracy, `measure` (of the ordinary examples, under the attack that is strongest on the other units), and
    canaries: the largest value over attacks on the canaries of all targets together, with Clopper and Pearson's
    interval; missing where there are none.
    Raises `SettingsError` as `mia_core.studies.early_stopping.choices`.
    """
    units = by_unit(table[table["examples"] == "pool"])
    last = int(table["epochs"].max())
    cells: list[tuple[str, int, float | None]] = [("none", last, None)]
    for allowed in within:
        epoch = int(recommended(units, measure, allowed)["stop"].mode()[0])
        cells += [("none", epoch, allowed)] if epoch not in {known for _, known, _ in cells} else []
    cells += [(name, last, None) for name in table["defenses"].unique() if name != "none"]
    rows = under_the_strongest(units, measure).groupby(["defenses", "epochs"])
    every = table[(table["examples"] == "canaries") & (table["target"] == EVERY) & table[measure].notna()]
    found = []
    for name, epoch, allowed in cells:
        row: dict[str, Any] = {"defenses": name, "epochs": epoch, "within": allowed}
        for column in (ACCURACY, measure):
            row |= _with_bounds(column, mean_over(rows.get_group((name, epoch)), column).cut())
        row |= dict.fromkeys(("canaries", "canaries_low", "canaries_high"))
        canaries = every[(every["defenses"] == name) & (every["epochs"] == epoch)]
        if len(canaries):
            best = canaries.loc[canaries[measure].astype(float).idxmax()]
            row |= {f"canaries{end}": float(best[f"{measure}{end}"]) for end in ("", "_low", "_high")}
        found.append(row)
    return pd.DataFrame(found)


def path(table: pd.DataFrame, measure: str = LEAK) -> pd.DataFrame:
    """The undefended model by recorded epoch: epochs, target_accuracy and `measure`, as in `options`."""
    rows = under_the_strongest(by_unit(table[table["examples"] == "pool"]), measure)
    stops = rows[rows["defenses"] == "none"]
    return stops.groupby("epochs")[[ACCURACY, measure]].mean().reset_index()


def _with_bounds(name: str, found: Any) -> dict[str, float | None]:
    return {name: found.mean, f"{name}_low": found.low, f"{name}_high": found.high}
