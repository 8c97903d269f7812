"""What a study with reference models shows over its targets: means, the strongest attack, defenses against stopping.

The targets of one study are references of each other and share one pool, so they are no independent repetitions. The
unit of every interval here is therefore a pair of complementary models (where the design has pairs), and an interval
tells how much the result varies with how the pool is halved and trained on, not with which data were drawn.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mia_core.base.errors import SettingsError
from mia_core.measures.intervals import over_seeds
from mia_core.measures.metrics import level_column
from mia_core.studies.early_stopping import held_against_stopping
from mia_core.studies.reference_rows import EVERY, LEVELS

if TYPE_CHECKING:
    import pandas as pd

MEASURES = (
    "target_train_accuracy",
    "target_accuracy",
    "auc",
    "balanced_accuracy",
    "recall_members",
    "recall_non_members",
    *(level_column(level) for level in LEVELS),
)
CASE = ("dataset", "defenses", "epochs", "attack", "examples", "references", "queries")
STRONGEST = "strongest"
"""The attack that is the strongest in its cell, as a name among attacks in `against_stopping`."""


def by_unit(table: "pd.DataFrame") -> "pd.DataFrame":
    """Means over the two targets of each pair, for every measure; in other designs each target is its own unit.

    Columns: those of `CASE`, unit ("seed/number", so that studies of several seeds can be put together), and
    `MEASURES`; a measure is missing where it is for one of the two.
    """
    rows = table[table["target"] != EVERY].copy()
    each = rows["target"].astype(int)
    number = each.where(rows["design"] != "pairs", each // 2)
    rows["unit"] = rows["seed"].astype(str) + "/" + number.astype(str)
    rows[list(MEASURES)] = rows[list(MEASURES)].astype(float)
    groups = rows.groupby([*CASE, "unit"], sort=False)[list(MEASURES)]
    return groups.mean().where(groups.count().eq(groups.size(), axis=0)).reset_index()


def over_targets(table: "pd.DataFrame", confidence: float = 0.95, measures: Sequence[str] = MEASURES) -> "pd.DataFrame":
    """Mean over units with Student's interval, and the range over targets: a row a case.

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
            columns = [name, *(f"{name}_{end}" for end in ("low", "high", "least", "most"))]
            if group[name].isna().any():
                row |= dict.fromkeys(columns)
                continue
            found = over_seeds(group[name].tolist(), confidence)
            bounds = (None, None) if found.low is None else (max(found.low, 0.0), min(found.high, 1.0))
            each = spread[case][name].astype(float)
            row |= dict(zip(columns, (found.mean, *bounds, each.min(), each.max()), strict=True))
        rows.append(row)
    return pd.DataFrame(rows)


def strongest(summary: "pd.DataFrame", measure: str) -> "pd.DataFrame":
    """Of `over_targets`, the row of the attack with the largest mean of `measure` in every cell: defenses, recorded
    epoch, kind of examples. The largest of many is a little too large by chance. Cells without a value are left out."""
    known = summary[summary[measure].notna()]
    cells = known.groupby(["dataset", "defenses", "epochs", "examples", "references", "queries"], sort=False)
    return known.loc[cells[measure].idxmax()].reset_index(drop=True)


def against_stopping(
    table: "pd.DataFrame",
    measures: Sequence[str] = ("auc", level_column(0.01), level_column(0.001)),
    examples: str = "pool",
    alpha: float = 0.05,
) -> "pd.DataFrame":
    """Every combination against the undefended models stopped as soon as they are as accurate, attack by attack.

    The undefended model i trained on what the defended model i trained on, so units are paired. Between recorded
    epochs the curve is a straight line; outside of it nothing can be told, see
    `mia_core.studies.early_stopping.at_accuracy`.
    Attack "strongest" sets the strongest attack on the defended models against the strongest on the stopped ones.
    A row an attack, combination and measure: difference (defended - stopped), low, high, p, adjusted (Holm, over the
    combinations), compared, above, below, verdict ("safer", "less safe", "cannot be told").
    Raises `SettingsError` for a table without undefended models at more than one epoch, or without such examples.
    """
    import pandas as pd

    units = by_unit(table[table["examples"] == examples]).rename(columns={"unit": "seed"})
    if units.empty:
        raise SettingsError(f"examples: the table has no rows of {examples}")
    if units[units["defenses"] == "none"]["epochs"].nunique() < 2:
        raise SettingsError("early stopping: expected rows of none at two recorded epochs or more; set epochs to 2")
    rows = []
    for measure in measures:
        judged = pd.concat([units, strongest_rows(units, measure)], ignore_index=True)
        last = judged[judged["epochs"] == judged["epochs"].max()]
        for attack in judged["attack"].unique():
            for held in held_against_stopping(last, judged, [measure], attack, alpha):
                known = held.difference
                rows.append(
                    {"attack": attack, "defenses": held.defenses, "measure": measure, "examples": examples}
                    | {"difference": known.mean if known else None}
                    | {"low": known.low if known else None, "high": known.high if known else None}
                    | {name: getattr(held, name) for name in ("p", "adjusted", "compared", "above", "below", "verdict")}
                )
    return pd.DataFrame(rows)


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
