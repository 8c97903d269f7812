"""Every defense under every attack at low false-positive rates: tables of studies with reference models."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from mia_book.wording import named, spelt
from mia_core.display.plots import heat_map
from mia_core.display.tables import with_interval
from mia_core.measures.metrics import level_column
from mia_core.measures.text import NOT_MEASURABLE, around
from mia_core.studies.reference_rows import EVERY
from mia_core.studies.reference_summary import by_unit, over_targets, strongest_rows

LOW, LOWEST = level_column(0.01), level_column(0.001)
HEADS = {"auc": "AUC", LOW: "TPR at 1% FPR", LOWEST: "TPR at 0.1% FPR", level_column(0.0001): "TPR at 0.01% FPR"}
REPORTS_OWN = "adversary1"
GRID = (
    "gap", "adversary1", "adversary1-logs", "modified-entropy-per-class", "loss", "calibrated-loss", "rmia", "lira",
    "t-lira", "label-only",
)  # fmt: skip
"""One of each kind of attacker, from the labels alone to reference models: the rows of the chapters' grids."""
MARK = "◆"
"""Stands behind the largest mean of a column, before its interval."""


def measured(table: pd.DataFrame) -> dict[str, str]:
    """Those of `HEADS` that the table has any value of for single targets: column -> words."""
    single = table[table["target"] != EVERY]
    return {measure: words for measure, words in HEADS.items() if single[measure].notna().any()}


def attack_grid(table: pd.DataFrame, measure: str = LOW, examples: str = "pool") -> pd.DataFrame:
    """One row per attack, one column per combination: the mean of `measure` after the last epoch, with its interval.

    The largest mean of each combination has `MARK` behind it. An attack that sees nothing says so.
    """
    last = at_the_end(table, examples)
    cells = over_targets(last, measures=[measure]).set_index(["attack", "defenses"])
    blind = last.groupby(["attack", "defenses"])["distinct_scores"].max() <= 1  # every example gets the same score
    best = cells[measure].astype(float).groupby("defenses").idxmax().to_dict() if cells[measure].notna().any() else {}
    rows = []
    for attack in table["attack"].unique():
        row = {"attack": attack}
        for name in table["defenses"].unique():
            cell = (attack, name)
            text = "sees nothing" if blind[cell] else with_interval(cells.loc[cell], measure)
            value, gap, interval = text.partition(" ")
            row[named(name)] = around(text, f"{value} {MARK}{gap}{interval}") if best.get(name) == cell else text
        rows.append(row)
    return pd.DataFrame(rows)


def heat(table: pd.DataFrame, measure: str = LOW) -> tuple[Figure, str]:
    """The means of `attack_grid` as a heat map: a row per attack, a column per combination."""
    last = at_the_end(table)
    last = last[last["target"] != EVERY]
    shown = last.assign(defenses=last["defenses"].map(named))
    return heat_map(shown, "attack", "defenses", measure, words=HEADS[measure])


def strongest_table(table: pd.DataFrame, measures: Sequence[str] = (LOW, LOWEST, "auc")) -> pd.DataFrame:
    """One row per combination: accuracy after the last epoch, and for each measure the attack with the largest mean."""
    cells = over_targets(at_the_end(table), measures=["target_accuracy", *measures])
    rows = []
    for name, group in cells.groupby("defenses", sort=False):
        row = {"defenses": named(name), "target accuracy": with_interval(group.iloc[0], "target_accuracy")}
        for measure in measures:
            known = group[group[measure].notna()].astype({measure: float})
            if known.empty:
                row[HEADS[measure]] = NOT_MEASURABLE
                continue
            best = known.loc[known[measure].idxmax()]
            shown = with_interval(best, measure)
            row[HEADS[measure]] = around(shown, f"{best['attack']} {shown}")
        rows.append(row)
    return pd.DataFrame(rows)


def strongest_in_words(table: pd.DataFrame, measure: str = LOW) -> str:
    """The strongest attack of each combination after the last epoch: "LiRA on none; BASE on dropout"."""
    best = strongest_rows(by_unit(at_the_end(table)), measure).groupby("defenses", sort=False)["named"].first()
    return "; ".join(f"{spelt(attack)} on {named(name)}" for name, attack in best.items()) or NOT_MEASURABLE


def recorded_words(parts: Sequence[dict[str, Any]]) -> str:
    """What a recorded study is, from its provenance: "18 models of each combination, trained on 2026-11-26".

    Its parts may have been trained in the precision that was faster where they were.
    """
    models = sorted({part["settings"]["models"] for part in parts})
    days = sorted({part["models_made"][end][:10] for part in parts for end in ("first", "last")})
    when = days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"
    epochs, canaries = parts[0]["settings"]["epochs"], parts[0]["settings"]["canaries"]
    count = " or ".join(map(str, models))
    trained: dict[str, list[str]] = {}
    for part in parts:
        trained.setdefault(part["recipe_used"]["precision"], []).extend(part["settings"]["defenses"])
    how = "; ".join(f"in {precision}: {', '.join(map(named, names))}" for precision, names in trained.items())
    how = f" in {next(iter(trained))}" if len(trained) == 1 else f" ({how})"
    return f"{count} models of each combination, {epochs} epochs, {canaries} canaries, trained on {when}{how}"


def at_the_end(table: pd.DataFrame, examples: str = "pool") -> pd.DataFrame:
    """The rows after the last epoch, on one kind of examples."""
    return table[(table["examples"] == examples) & (table["epochs"] == table["epochs"].max())]


def refuted(bounds: pd.DataFrame, attack: str = "t-lira") -> pd.DataFrame:
    """What guesses of the canaries' coins refute, one row per combination: the bound from one run, see
    `mia_core.studies.privacy.privacy_table`, whose table this takes.

    guesses, right: means over targets; the columns of bounds: the largest ε below which every promise is refuted, on
    average over the targets, and for all of them together
    """
    chosen = bounds[(bounds["bound"] == "one run") & (bounds["attack"] == attack)]
    one, over = chosen[chosen["target"] != EVERY], chosen[chosen["target"] == EVERY].set_index("defenses")
    means = one.groupby("defenses", sort=False)[["guesses", "correct", "epsilon"]].mean()
    means = means.rename(columns={"correct": "right", "epsilon": "refutes any ε below"})
    table = means.assign(**{"over all targets, any below": over["epsilon"]}).reset_index()
    return table.assign(defenses=table["defenses"].map(named))
