"""What a study with reference models shows over its targets: means, and the strongest attack.

The targets of one study are references of each other and share one pool, so they are no independent repetitions. The
unit of every interval here is therefore a pair of complementary models (where the design has pairs), and an interval
tells how much the result varies with how the pool is halved and trained on, not with which data were drawn.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mia_core.measures.counts import errors
from mia_core.measures.metrics import level_column
from mia_core.studies.columns import REFERENCE_LEVELS
from mia_core.studies.reference_rows import EVERY
from mia_core.studies.study import mean_columns

if TYPE_CHECKING:
    import pandas as pd

MEASURES = (
    "target_train_accuracy",
    "target_accuracy",
    "auc",
    "balanced_accuracy",
    "recall_members",
    "recall_non_members",
    *(level_column(level) for level in REFERENCE_LEVELS),
)
CASE = ("dataset", "defenses", "epochs", "attack", "examples", "references", "queries")
STRONGEST = "strongest"
"""The attack that is the strongest in its cell, as a name among attacks in `strongest_rows`."""


def by_unit(table: "pd.DataFrame") -> "pd.DataFrame":
    """Means over the two targets of each pair, for every measure; in other designs each target is its own unit.

    Columns: those of `CASE`, unit ("seed/number", so that studies of several seeds can be put together), `MEASURES`,
    and MEASURE_error for each, what the examples' counts tell of it (see `mia_core.measures.counts.errors`); a measure
    is missing where it is for one of the two.
    """
    rows = table[table["target"] != EVERY].copy()
    each = rows["target"].astype(int)
    number = each.where(rows["design"] != "pairs", each // 2)
    rows["unit"] = rows["seed"].astype(str) + "/" + number.astype(str)
    rows[list(MEASURES)] = rows[list(MEASURES)].astype(float)
    variances = [f"{name}_error" for name in MEASURES]
    rows[variances] = np.stack([errors(rows, name) ** 2 for name in MEASURES], axis=1)
    # Accuracies leave canaries out, and in a row of canaries these are all that is counted.
    rows.loc[rows["examples"] == "canaries", variances[:2]] = np.nan
    groups = rows.groupby([*CASE, "unit"], sort=False)[[*MEASURES, *variances]]
    size = groups.size()
    units = groups.mean().where(groups.count().eq(size, axis=0))
    units[variances] = np.sqrt(units[variances].div(size, axis=0))
    return units.reset_index()


def over_targets(table: "pd.DataFrame", confidence: float = 0.95, measures: Sequence[str] = MEASURES) -> "pd.DataFrame":
    """Mean over units with its interval, and the range over targets: one row per case.

    Columns: those of `CASE`, units and targets (their numbers), and measure, measure_low, measure_high,
    measure_least, measure_most for each of `measures`; missing where not measurable for every target.
    """
    import pandas as pd

    targets = table[table["target"] != EVERY]
    spread = {case: group for case, group in targets.groupby(list(CASE), sort=False)}
    rows = []
    for case, group in by_unit(table).groupby(list(CASE), sort=False):
        row: dict[str, Any] = dict(zip(CASE, case, strict=True))
        row |= {"units": len(group), "targets": len(spread[case])}
        for name in measures:
            row |= mean_columns(group, name, confidence)
            each, known = spread[case][name].astype(float), row[name] is not None
            row |= {f"{name}_least": each.min() if known else None, f"{name}_most": each.max() if known else None}
        rows.append(row)
    return pd.DataFrame(rows)


def strongest(summary: "pd.DataFrame", measure: str) -> "pd.DataFrame":
    """Of `over_targets`, the row of the attack with the largest mean of `measure` in every cell: defenses, recorded
    epoch, kind of examples. The largest of many is a little too large by chance. Cells without a value are left out."""
    known = summary[summary[measure].notna()]
    cells = known.groupby(["dataset", "defenses", "epochs", "examples", "references", "queries"], sort=False)
    return known.loc[cells[measure].idxmax()].reset_index(drop=True)


def strongest_rows(units: "pd.DataFrame", measure: str) -> "pd.DataFrame":
    """Of rows by unit, those of the attack with the largest mean in each cell of combination and recorded epoch.

    Its name stands in "named", and "attack" is `STRONGEST`. A cell in which nothing was measured is left out.
    """
    means = units.groupby(["defenses", "epochs", "attack"], sort=False)[measure].mean()
    best = {
        (defenses, epochs): attack
        for defenses, epochs, attack in means.dropna().groupby(["defenses", "epochs"], sort=False).idxmax()
    }
    named = [best.get(cell) for cell in zip(units["defenses"], units["epochs"], strict=True)]
    chosen = units[units["attack"] == named]
    return chosen.assign(named=chosen["attack"], attack=STRONGEST)
