"""Defended models next to the undefended one that stopped earlier, as a figure."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mia_core.display.svg import LINES, figure, style
from mia_core.measures.text import heading

CLOSE, LINE = 0.07, 0.045
"""As shares of the axes: points this close have one label; the height of a line of text."""


def beside_stopping(
    summary: pd.DataFrame, epochs: pd.DataFrame, measure: str = "attack_accuracy", attack: str = "adversary1"
) -> tuple[Figure, str]:
    """Target accuracy against an attack's measure: the undefended model epoch by epoch, and each defended model.

    Thin lines are seeds, the thick line their mean at each recorded epoch, with the epoch at its side. Every mark has
    its name at the right edge; marks that lie on each other share one.

    summary   of the defended models (`mia_core.studies.study.over_the_seeds`), intervals as arms
    epochs    see `mia_core.studies.early_stopping.epochs_table`
    """
    fig, axes = figure(height=4.2)
    alt, look = stopping_line(axes, epochs, measure, attack), style(1)
    defended = summary[summary["defenses"] != "none"]
    for _, row in defended.iterrows():
        bars = {f"{side}err": _arms(row, name) for side, name in (("x", "target_accuracy"), ("y", measure))}
        axes.errorbar(row["target_accuracy"], row[measure], **bars, color=look["color"], marker=look["marker"],
                      linestyle="", markersize=6, elinewidth=0.8)  # fmt: skip
    axes.set(xlabel="target accuracy (to the right: more useful)", ylabel=f"{heading(measure)} (down: safer)")
    axes.margins(0.08)
    points = {row["defenses"]: (row["target_accuracy"], row[measure]) for _, row in defended.iterrows()}
    names_at_the_edge(axes, points, look["color"])
    parts = [f"{name} {x:.2f} / {y:.2f}" for name, (x, y) in points.items()]
    return fig, f"{alt} Defended models: {', '.join(parts)}."


def names_at_the_edge(axes: Axes, points: dict[str, tuple[float, float]], color: str, line: float = LINE) -> None:
    """Write the names of points at the right edge, each at a thin line to its point; close points share a line.

    points  name -> place, in the units of the data. The names keep their distance from each other.
    line    the height of a line of text, as a share of the axes
    """
    axes.autoscale_view()
    groups: list[tuple[list[str], np.ndarray]] = []
    for name, place in points.items():
        at = axes.transAxes.inverted().transform(axes.transData.transform(place))
        near = [group for group in groups if np.hypot(*(group[1] - at)) < CLOSE]
        if near:
            near[0][0].append(name)
        else:
            groups.append(([name], at))
    groups.sort(key=lambda group: group[1][1])
    halves, free, middles = [line * len(names) / 2 for names, _ in groups], 0.0, []
    for (_, at), half in zip(groups, halves, strict=True):
        middles.append(max(at[1], free + half))
        free = middles[-1] + half + 0.6 * line
    most = max(1.0, sum(2 * half + 0.6 * line for half in halves))  # what rises above the axes goes down again
    for place in reversed(range(len(groups))):
        middles[place] = min(middles[place], most - halves[place])
        most = middles[place] - halves[place] - 0.6 * line
    for (names, at), middle in zip(groups, middles, strict=True):
        axes.annotate("\n".join(names), at, (1.03, middle), xycoords="axes fraction", textcoords="axes fraction",
                      va="center", fontsize=9, color=color, annotation_clip=False, 
                      arrowprops={"arrowstyle": "-", "color": LINES, "linewidth": 0.6, "shrinkB": 4})  # fmt: skip


def _arms(row: pd.Series, name: str) -> list[list[float]] | None:
    low, high = row.get(f"{name}_low"), row.get(f"{name}_high")
    if low is None or low != low:
        return None
    return [[max(row[name] - low, 0)], [max(high - row[name], 0)]]


def stopping_line(axes: Axes, epochs: pd.DataFrame, measure: str, attack: str = "adversary1") -> str:
    """Draw the undefended model at its recorded epochs into `axes`; returns its part of the alt text."""
    rows = epochs[(epochs["attack"] == attack) & (epochs["defenses"] == "none")]
    for _, of_seed in rows.sort_values("epochs").groupby("seed"):
        axes.plot(of_seed["target_accuracy"], of_seed[measure], color=LINES, linewidth=0.6, alpha=0.45)
    mean = rows.groupby("epochs")[["target_accuracy", measure]].mean()
    axes.plot(mean["target_accuracy"], mean[measure], color=LINES, marker=".", label="undefended, by epoch")
    for epoch, point in mean.iterrows():
        axes.annotate(f"{epoch}", (point["target_accuracy"], point[measure]), (4, -11), textcoords="offset points",
                      fontsize=9)  # fmt: skip
    parts = [f"epoch {epoch} {point['target_accuracy']:.2f} / {point[measure]:.2f}" for epoch, point in mean.iterrows()]
    return f"Target accuracy / {heading(measure)} of the undefended model, means over seeds: {', '.join(parts)}."
