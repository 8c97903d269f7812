"""Defended models next to the undefended one that stopped earlier, as a figure."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mia_core.display.plots import ringed, rings_in_words
from mia_core.display.svg import LINES, figure, style
from mia_core.measures.text import heading


def beside_stopping(
    summary: pd.DataFrame, epochs: pd.DataFrame, measure: str = "attack_accuracy", attack: str = "adversary1"
) -> tuple[Figure, str]:
    """Target accuracy against an attack's measure: the undefended model epoch by epoch, and each defended model.

    Thin lines are seeds, the thick line their mean at each recorded epoch, with the epoch at its side. A mark that
    another one hides becomes a ring around it.

    summary   of the defended models (`mia_core.studies.study.over_the_seeds`)
    epochs    see `mia_core.studies.early_stopping.epochs_table`
    """
    fig, axes = figure(height=4.4)
    alt = stopping_line(axes, epochs, measure, attack)
    parts, marks = [], {}
    for series, (_, row) in enumerate(summary.iterrows()):
        if row["defenses"] == "none":
            continue
        look = style(series)
        look |= {"linestyle": "", "markersize": 7, "markerfacecolor": "none" if series >= 6 else look["color"]}
        (marks[row["defenses"]],) = axes.plot(row["target_accuracy"], row[measure], label=row["defenses"], **look)
        parts.append(f"{row['defenses']} {row['target_accuracy']:.2f} / {row[measure]:.2f}")
    axes.set(xlabel="target accuracy (to the right: more useful)", ylabel=f"{heading(measure)} (down: safer)")
    hidden = ringed(list(marks.values()))
    fig.legend(loc="outside lower center", ncols=2)
    return fig, f"{alt} Defended models: {', '.join(parts)}." + rings_in_words([list(marks)[at] for at in hidden])


def stopping_line(axes: Axes, epochs: pd.DataFrame, measure: str, attack: str = "adversary1") -> str:
    """Draw the undefended model at its recorded epochs into `axes`; returns its part of the alt text."""
    rows = epochs[(epochs["attack"] == attack) & (epochs["defenses"] == "none")]
    for _, of_seed in rows.sort_values("epochs").groupby("seed"):
        axes.plot(of_seed["target_accuracy"], of_seed[measure], color=LINES, linewidth=0.6, alpha=0.45)
    mean = rows.groupby("epochs")[["target_accuracy", measure]].mean()
    axes.plot(mean["target_accuracy"], mean[measure], color=LINES, marker=".", label="undefended, by epoch")
    for epoch, point in mean.iterrows():
        axes.annotate(f"{epoch}", (point["target_accuracy"], point[measure]), (-3, 5), textcoords="offset points",
                      ha="right", fontsize=9)  # fmt: skip
    parts = [f"epoch {epoch} {point['target_accuracy']:.2f} / {point[measure]:.2f}" for epoch, point in mean.iterrows()]
    return f"Target accuracy / {heading(measure)} of the undefended model, means over seeds: {', '.join(parts)}."
