"""Of "The report under test": Table I against itself and against measurements."""

from collections.abc import Sequence

import pandas as pd
from matplotlib.figure import Figure

from mia_book.claims import HERE
from mia_book.paper import (
    CODE,
    ROUNDING,
    SAME,
    TABLE_I,
)
from mia_book.report_arrays import AS_PUBLISHED, DEFENDED, HINDERED, PUBLISHED_EPSILON, UNDEFENDED, means
from mia_book.wording import mean_in_words, two_lines
from mia_core.display.svg import LINES, TEXT, figure, style
from mia_core.measures.claims import Claim
from mia_core.measures.text import heading, number

OTHERS = ("recall_members", "recall_non_members", "generalisation_gap", "shadow_accuracy")
"""What a study measures besides the accuracies of target and attack."""


def code_table() -> pd.DataFrame:
    """Where the report's text and its published code part, one row each."""
    return pd.DataFrame(CODE, columns=["item", "the report's text", "the published code", "what follows"])


def groups_in_words(groups: Sequence[Sequence[str]]) -> str:
    """Groups of rows that are alike, as "(none, masking), (dropout)"."""
    return ", ".join(f"({', '.join(group)})" for group in groups)


def apart(summary: pd.DataFrame) -> dict[str, float]:
    """By how much the attack accuracy of each combination that a study measured differs from the printed one.

    summary  see `mia_core.studies.study.over_the_seeds`
    """
    measured = summary.set_index("defenses")["attack_accuracy"]
    return {name: abs(measured[name] - TABLE_I[name].attack_accuracy) for name in TABLE_I if name in measured.index}


def explanation_values(arrays: pd.DataFrame, explained: pd.DataFrame) -> dict[str, str]:
    """What the text quotes of the attack on the author's arrays, by name.

    arrays     see `mia_book.report_arrays.smoothing_table`
    explained  see `mia_book.report_arrays.explanations`
    """
    mean = means(arrays)
    values = {"published-epsilon": f"{PUBLISHED_EPSILON:g}"}
    for state, epsilon in (("plain", 0.0), ("smoothed", PUBLISHED_EPSILON)):
        values[f"accuracy-{state}"] = number(mean.loc[epsilon, "attack_accuracy"])
        values[f"auc-{state}"] = number(mean.loc[epsilon, "auc"])
    for name, label in (("defended", DEFENDED), ("undefended", UNDEFENDED), ("hindered", HINDERED)):
        rows = explained.loc[explained["closest"] == label, "row of Table I"]
        values[f"closest-{name}"] = ", ".join(rows) or "none"
    return values


def hindered_table(rows: pd.DataFrame) -> pd.DataFrame:
    """Means over seeds of the attack with smoothed labels of its own, with their intervals: one row per epsilon.

    rows  a smoothing, called "ε = 0.1", in "defenses", and columns of `mia_core.measures.metrics.measure`
    """
    names = ("attack_accuracy", "recall_members", "recall_non_members", "auc")
    return pd.DataFrame(
        {"labels": name} | {heading(column): mean_in_words(group[column]) for column in names}
        for name, group in rows.groupby("defenses", sort=False)
    )


_HINDERED = {"of": f"ε = {PUBLISHED_EPSILON:g}", "than": "ε = 0"}
HINDERED_CLAIMS: tuple[Claim, ...] = (
    Claim("Smoothing its own labels lowers the attack's accuracy.",
        HERE, "attack_accuracy", **_HINDERED, direction="lower"),
    Claim(f"Smoothing its own labels leaves the AUC as it is, to within {SAME}.",
        HERE, "auc", **_HINDERED, direction="same", margin=SAME),
)  # fmt: skip
"""On the rows of `hindered_table`, attack adversary1."""


def identity_plot(identity: pd.DataFrame) -> tuple[Figure, str]:
    """Printed balanced accuracy against the mean of the printed recalls, row by row; bars are what rounding allows.

    identity  see `mia_book.table_one.identity_table`
    """
    fig, axes = figure(height=3.9)
    rows = identity.iloc[::-1].reset_index(drop=True)
    for series, (column, label) in enumerate(
        (("balanced_accuracy", "balanced accuracy"), ("mean_of_recalls", "mean of the recalls"))
    ):
        look = style(series)
        axes.errorbar(
            rows[column], [row + 0.16 * (1 - 2 * series) for row in rows.index], xerr=ROUNDING, linestyle="",
            color=look["color"], marker=look["marker"], markersize=5, capsize=3, elinewidth=2,
            markerfacecolor=look["color"] if series == 0 else "none", label=label,
        )  # fmt: skip
    for row in rows.index[~rows["possible"]]:
        axes.axhspan(row - 0.42, row + 0.42, color=LINES, alpha=0.12, linewidth=0)
    axes.set_yticks(rows.index, [two_lines(name) for name in rows["defenses"]])
    axes.set(xlabel="share, as printed", ylim=(-0.6, len(rows) - 0.4))
    fig.legend(loc="outside lower center", ncols=2)
    parts = [
        f"{row['defenses']} {row['balanced_accuracy']:.2f} / {row['mean_of_recalls']:.3f}"
        + ("" if row["possible"] else " (cannot be)")
        for _, row in identity.iterrows()
    ]
    return fig, f"Printed balanced accuracy / mean of the printed recalls: {'; '.join(parts)}."


def label_smoothing_plot(table: pd.DataFrame) -> tuple[Figure, str]:
    """What the attack reaches on the author's arrays against the smoothing of its own labels, next to Table I.

    Lines are means over seeds, small marks the seeds, large open marks what Table I prints for none (at 0) and for
    dropout with smoothing (at 0.1): the row of smoothing itself has one of the exchanged cells.

    table  see `mia_book.report_arrays.smoothing_table`
    """
    fig, axes = figure(height=3.8)
    rows, mean, parts = table[table["trained"] == AS_PUBLISHED], means(table), []
    measures = (("auc", "AUC"), ("attack_accuracy", "accuracy"), ("recall_non_members", "recall of non-members"))
    for series, (column, label) in enumerate(measures):
        look = style(series)
        axes.plot(mean.index, mean[column], color=look["color"], linestyle=look["linestyle"], label=label)
        axes.plot(rows["epsilon"], rows[column], linestyle="", marker=look["marker"], color=look["color"], markersize=4)
        values = ", ".join(f"{value:.2f} at {epsilon:g}" for epsilon, value in mean[column].items())
        parts.append(f"{label} {values}")
        for name, epsilon in (("none", 0.0), ("dropout+smoothing", PUBLISHED_EPSILON)):
            if column != "auc":
                axes.plot(epsilon, getattr(TABLE_I[name], column), linestyle="", marker=look["marker"], markersize=12,
                          markerfacecolor="none", color=look["color"])  # fmt: skip
    axes.plot([], [], linestyle="", marker="o", markersize=12, markerfacecolor="none", color=LINES, label="printed")
    axes.set(xlabel="smoothing ε of the attack model's labels", ylabel="share, or AUC")
    fig.legend(loc="outside lower center", ncols=2)
    printed = [
        f"{name} {TABLE_I[name].attack_accuracy:.2f} and {TABLE_I[name].recall_non_members:.2f}"
        for name in ("none", "dropout+smoothing")
    ]
    return fig, (
        f"On the author's undefended arrays, means over seeds: {'; '.join(parts)}. Printed accuracy and recall of "
        f"non-members: {'; '.join(printed)}."
    )


def printed_and_measured(summary: pd.DataFrame) -> tuple[Figure, str]:
    """Target and attack accuracy of each combination: where Table I prints it (open) and where a study measured it
    (filled, with its interval), joined by a line.

    summary  of a study (`mia_core.studies.study.over_the_seeds`)
    """
    rows = summary[summary["defenses"].isin(list(TABLE_I))].iloc[::-1].reset_index(drop=True)
    fig, panels = figure(columns=2, height=4.2, sharey=True)
    own, parts = style(0), []
    for axes, name in zip(panels, ("target_accuracy", "attack_accuracy"), strict=True):
        printed = [getattr(TABLE_I[defenses], name) for defenses in rows["defenses"]]
        axes.hlines(rows.index, printed, rows[name], color=LINES, linewidth=1)
        bounds = rows[[f"{name}_low", f"{name}_high"]].astype(float).to_numpy().T
        spread = abs(bounds - rows[name].to_numpy()).clip(min=0)
        looks = {"linestyle": "", "color": own["color"], "marker": "o", "markersize": 7}
        axes.errorbar(rows[name], rows.index, xerr=spread, elinewidth=2, label="recorded run", **looks)
        axes.plot(printed, rows.index, markerfacecolor="none", label="Table I", **looks | {"color": TEXT})
        axes.set(xlabel=heading(name), ylim=(-0.6, len(rows) - 0.4))
    panels[0].set_yticks(rows.index, [two_lines(name) for name in rows["defenses"]])
    fig.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    for _, row in rows.iloc[::-1].iterrows():
        printed = TABLE_I[row["defenses"]]
        parts.append(
            f"{row['defenses']} printed {printed.target_accuracy:.2f} / {printed.attack_accuracy:.2f}, "
            f"measured {row['target_accuracy']:.2f} / {row['attack_accuracy']:.2f}"
        )
    return fig, f"Target accuracy / attack accuracy: {'; '.join(parts)}."
