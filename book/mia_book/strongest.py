"""Every defense under every attack, at low false-positive rates, and held against stopping earlier.

All functions take tables of a study with reference models (`mia_core.studies.reference_rows.table`), live or recorded.
Intervals are over pairs of complementary models, see `mia_core.studies.reference_summary`.
"""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mia_book.combination_plots import stopping_line
from mia_book.reference_tables import spelt
from mia_book.sweep_plots import dots
from mia_core.display.svg import figure, style
from mia_core.display.tables import with_interval
from mia_core.measures.intervals import Interval
from mia_core.measures.metrics import level_column
from mia_core.measures.text import NOT_MEASURABLE
from mia_core.studies.early_stopping import Held, against_stopping, held_table, in_words
from mia_core.studies.reference_rows import EVERY
from mia_core.studies.reference_summary import STRONGEST, by_unit, over_targets, strongest_rows

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

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


def named(defenses: str) -> str:
    """A combination as a sentence or a head has it: "smoothing (ε = −0.1)" for "smoothing(epsilon=-0.1)"."""
    return re.sub(r"\(epsilon=(-?)([\d.]+)\)", lambda found: f" (ε = {'−' if found[1] else ''}{found[2]})", defenses)


def measured(table: "pd.DataFrame") -> dict[str, str]:
    """Those of `HEADS` that the table has any value of for single targets: column -> words."""
    single = table[table["target"] != EVERY]
    return {measure: words for measure, words in HEADS.items() if single[measure].notna().any()}


def attack_grid(
    table: "pd.DataFrame", measure: str = LOW, examples: str = "pool", defenses: Sequence[str] | None = None
) -> "pd.DataFrame":
    """A row an attack, a column a combination: the mean of `measure` after the last epoch, with its interval.

    The largest mean of each combination has `MARK` behind it. An attack that sees nothing says so.
    defenses  combinations in the order of the columns, headed as `named` has them; by default all of the table
    """
    import pandas as pd

    cells = over_targets(_last(table, examples), measures=[measure]).set_index(["attack", "defenses"])
    blind = _blind(_last(table, examples))
    names = [name for name in defenses or table["defenses"].unique() if name in set(table["defenses"])]
    best = cells[measure].astype(float).groupby("defenses").idxmax().to_dict() if cells[measure].notna().any() else {}
    rows = []
    for attack in table["attack"].unique():
        row = {"attack": attack}
        for name in names:
            cell = (attack, name)
            text = "sees nothing" if cell in blind else with_interval(cells.loc[cell], measure)
            value, gap, interval = text.partition(" ")
            row[named(name)] = f"{value} {MARK}{gap}{interval}" if best.get(name) == cell else text
        rows.append(row)
    return pd.DataFrame(rows)


def strongest_table(table: "pd.DataFrame", measures: Sequence[str] = (LOW, LOWEST, "auc")) -> "pd.DataFrame":
    """A row a combination: accuracy after the last epoch, and for each measure the attack with the largest mean."""
    import pandas as pd

    cells = over_targets(_last(table, "pool"), measures=["target_accuracy", *measures])
    rows = []
    for name, group in cells.groupby("defenses", sort=False):
        row = {"defenses": named(name), "target accuracy": with_interval(group.iloc[0], "target_accuracy")}
        for measure in measures:
            known = group[group[measure].notna()].astype({measure: float})
            if known.empty:
                row[HEADS[measure]] = NOT_MEASURABLE
                continue
            best = known.loc[known[measure].idxmax()]
            row[HEADS[measure]] = f"{best['attack']} {with_interval(best, measure)}"
        rows.append(row)
    return pd.DataFrame(rows)


def strongest_in_words(table: "pd.DataFrame", measure: str = LOW) -> str:
    """The strongest attack of each combination after the last epoch: "LiRA on none; BASE on dropout"."""
    best = strongest_rows(by_unit(_last(table, "pool")), measure).groupby("defenses", sort=False)["named"].first()
    return "; ".join(f"{spelt(attack)} on {named(name)}" for name, attack in best.items()) or NOT_MEASURABLE


def order_kept(table: "pd.DataFrame", measures: tuple[str, str] = (LOW, LOWEST)) -> str:
    """Spearman's rank correlation between the means of all attacks by two measures: "0.92 on none; 0.88 on dropout"."""
    cells = over_targets(_last(table, "pool"), measures=measures)
    parts = []
    for name, group in cells.groupby("defenses", sort=False):
        known = group[list(measures)].astype(float).dropna()
        order = known[measures[0]].corr(known[measures[1]], method="spearman") if len(known) > 1 else float("nan")
        parts += [f"{order:.2f} on {named(name)}"] if order == order else []
    return "; ".join(parts) or NOT_MEASURABLE


def weak_and_strong(table: "pd.DataFrame", measure: str = LOW) -> tuple["Figure", str]:
    """Each combination under the report's own attack and under that with the largest mean, after the last epoch."""
    import pandas as pd

    units = by_unit(_last(table, "pool"))
    both = [units[units["attack"] == REPORTS_OWN].assign(attack="the report's attack")]
    both += [strongest_rows(units, measure).assign(attack="largest mean of all attacks")]
    both = [part.assign(defenses=part["defenses"].map(named)) for part in both]
    guess = {"auc": 0.5, LOW: 0.01, LOWEST: 0.001}[measure]
    return dots(pd.concat(both, ignore_index=True), measure, HEADS[measure], guess=guess)


def beside_stopping(table: "pd.DataFrame", measure: str = LOW) -> tuple["Figure", str]:
    """Target accuracy against what the strongest attack reaches: the undefended model epoch by epoch, and the defended
    ones. Thin lines are pairs of models, the thick one their mean. Raises `SettingsError` as `against_stopping`."""
    units = by_unit(table[table["examples"] == "pool"]).rename(columns={"unit": "seed"})
    units = strongest_rows(units, measure)
    fig, axes = figure(height=4.4)
    alt = stopping_line(axes, units, measure, STRONGEST, of="strongest attack's " + HEADS[measure])
    alt = alt.replace("means over seeds", "means over pairs of models")
    last = units[units["epochs"] == units["epochs"].max()]
    parts = []
    for series, (name, group) in enumerate(last.groupby("defenses", sort=False)):
        if name == "none":
            continue
        accuracy, risk = group["target_accuracy"].mean(), group[measure].mean()
        look = style(series)
        look |= {"linestyle": "", "markersize": 7, "markerfacecolor": "none" if series >= 6 else look["color"]}
        axes.plot(accuracy, risk, label=named(name), **look)
        parts.append(f"{named(name)} {accuracy:.2f} / {risk:.3f}")
    axes.set(xlabel="target accuracy (to the right: more useful)", ylabel=f"{HEADS[measure]} (down: safer)")
    fig.legend(loc="outside lower center", ncols=2)
    return fig, f"{alt} Defended models: {', '.join(parts)}."


def stopping_table(
    table: "pd.DataFrame", measures: Sequence[str] = ("auc", LOW), attack: str = STRONGEST, examples: str = "pool"
) -> "pd.DataFrame":
    """Each combination minus the undefended model stopped when it is as accurate, a row a combination.

    As `mia_core.studies.early_stopping.held_table`, with pairs of models in place of seeds.
    """
    found = held_table(_held(table, measures, attack, examples)).rename(columns={"seeds": "pairs"})
    return found.assign(defenses=found["defenses"].map(named))


def stopping_in_words(table: "pd.DataFrame", measure: str = LOW, examples: str = "pool") -> str:
    """The verdicts under the strongest attack: "safer: dropout; less safe: none of them; cannot be told: smoothing"."""
    return named(in_words(_held(table, (measure,), STRONGEST, examples), measure))


def apart_in_words(table: "pd.DataFrame", attack: str = REPORTS_OWN, measure: str = LOW) -> str:
    """Which verdicts against an earlier stop `attack` alone would change: "the same on masking; another on dropout
    (safer instead of cannot be told)"."""
    whole, alone = (_held(table, (measure,), one, "pool") for one in (STRONGEST, attack))
    verdicts = {one.defenses: one.verdict for one in alone}
    rows = [one for one in whole if one.defenses != "none"]
    alike = [named(one.defenses) for one in rows if verdicts[one.defenses] == one.verdict]
    other = [
        f"{named(one.defenses)} ({verdicts[one.defenses]} instead of {one.verdict})"
        for one in rows
        if verdicts[one.defenses] != one.verdict
    ]
    return f"the same on {', '.join(alike) or 'none of them'}; another on {', '.join(other) or 'none of them'}"


def without_threshold(table: "pd.DataFrame", measure: str = LOW) -> str:
    """The attacks that find nobody at this level on any undefended target, since every threshold of theirs accuses more
    non-members: "gap, label-only". Scores with few values jump from accusing nobody to accusing too many."""
    last = _last(table, "pool")
    rows = last[(last["defenses"] == "none") & (last["target"] != EVERY) & last[measure].notna()]
    accused = rows[measure.replace("tpr_at_fpr", "fpr_at")]
    most = rows.assign(reached=rows[measure] + accused).groupby("attack", sort=False)["reached"].max()
    return ", ".join(most.index[most == 0]) or "none of them"


def worst_case(table: "pd.DataFrame", measures: Sequence[str] = ("auc", LOW)) -> "pd.DataFrame":
    """Average beside worst case, a row a combination: the strongest attack on ordinary examples and on canaries.

    One target has too few canaries for a low FPR, so those of all targets are put together, under one threshold. Their
    TPR has Clopper and Pearson's interval, as if they were independent, which they are not quite.
    """
    import pandas as pd

    ordinary = strongest_table(table, measures).set_index("defenses")
    last = table[table["epochs"] == table["epochs"].max()]
    together = last[(last["examples"] == "canaries") & (last["target"] == EVERY)]
    rows = []
    for name in table["defenses"].unique():
        row = {"defenses": named(name)}
        for measure in measures:
            row[f"{HEADS[measure]}, ordinary"] = ordinary.loc[named(name), HEADS[measure]]
            known = together[(together["defenses"] == name) & together[measure].notna()].astype({measure: float})
            text = NOT_MEASURABLE
            if len(known):
                best = known.loc[known[measure].idxmax()]
                bounds = "" if measure == "auc" else f" [{best[f'{measure}_low']:.3f}, {best[f'{measure}_high']:.3f}]"
                text = f"{best['attack']} {best[measure]:.3f}{bounds}"
            row[f"{HEADS[measure]}, canaries"] = text
        rows.append(row)
    return pd.DataFrame(rows)


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


def _held(table: "pd.DataFrame", measures: Sequence[str], attack: str, examples: str) -> list[Held]:
    found = against_stopping(table, measures, examples)
    alike = ("defenses", "measure", "p", "adjusted", "compared", "above", "below", "verdict")
    return [
        Held(difference=_interval(row), **{name: row[name] for name in alike})
        for row in found[found["attack"] == attack].to_dict("records")
    ]


def _interval(row: dict[str, Any]) -> Interval | None:
    mean, low, high = (None if row[name] != row[name] else row[name] for name in ("difference", "low", "high"))
    return None if mean is None else Interval(mean, low, high)


def _last(table: "pd.DataFrame", examples: str) -> "pd.DataFrame":
    return table[(table["examples"] == examples) & (table["epochs"] == table["epochs"].max())]


def _blind(table: "pd.DataFrame") -> set[tuple[str, str]]:
    """Attacks that give every example of every target the same score, with the combination: (attack, defenses)."""
    alone = table.groupby(["attack", "defenses"])["distinct_scores"].max()
    return {cell for cell, most in alone.items() if most <= 1}
