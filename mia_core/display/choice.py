"""The book's first figure: what a model gives away against how accurate it is, stopped earlier or defended."""

from typing import TYPE_CHECKING

from mia_core.display.svg import figure, style
from mia_core.measures.text import heading, number, percent

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

APART = 16.0
"""Points of a figure by which two marks differ in height if their names can both stand over them."""


def leak_against_accuracy(
    path: "pd.DataFrame", defended: "pd.DataFrame", measure: str, recommended: int | None = None, *, height: float = 4.0
) -> tuple["Figure", str]:
    """Target accuracy against `measure`, on a logarithmic axis: undefended by epoch as a line, defenses as points.

    Each mark has its name beside it. Epochs far less accurate than every defense lie left of the picture, so that the
    others have room; the alt text has them all.

    path         columns epochs, target_accuracy and `measure`, one row per recorded epoch
    defended     columns defenses, target_accuracy and `measure`, and NAME_low and NAME_high for intervals
    recommended  the epoch that is marked as the one to stop at
    """
    fig, axes = figure(width=6.0, height=height)
    look, other = style(0), style(1)
    line = path.sort_values("epochs")
    most = max(line["target_accuracy"].max(), defended["target_accuracy"].max())
    least = defended["target_accuracy"].min()
    left = max(line["target_accuracy"].min(), least - 0.6 * (most - least) - 0.04) if len(defended) else 0.0
    axes.plot(line["target_accuracy"], line[measure], color=look["color"], marker="o", markersize=5)
    for epoch, x, y in line[["epochs", "target_accuracy", measure]].itertuples(index=False, name=None):
        here = epoch == recommended
        if here:
            axes.plot(x, y, "o", color=look["color"], markersize=13, markerfacecolor="none")
        axes.annotate(f"epoch {epoch:.0f}" + (": stop here" if here else ""), (x, y), (10, -4), color=look["color"],
                      textcoords="offset points", fontsize=10, fontweight="bold" if here else "normal")  # fmt: skip
    for _, row in defended.iterrows():
        arms = {
            f"{side}err": [[max(row[name] - row[f"{name}_low"], 0)], [max(row[f"{name}_high"] - row[name], 0)]]
            for side, name in (("x", "target_accuracy"), ("y", measure))
            if row.get(f"{name}_low") is not None and row[f"{name}_low"] == row[f"{name}_low"]
        }
        axes.errorbar(row["target_accuracy"], row[measure], **arms, color=other["color"], marker="s", markersize=6,
                      linestyle="", elinewidth=1)  # fmt: skip
    axes.set(yscale="log", xlabel="target accuracy (to the right: more useful)")
    axes.set_ylabel(f"members found, {heading(measure)}\n(down: safer)")
    seen = line[line["target_accuracy"] >= left][measure]
    _room(axes, (left, most), [*seen, *defended[measure]])
    for (_, row), below in zip(defended.iterrows(), _below(axes, defended, measure), strict=True):
        axes.annotate(row["defenses"], (row["target_accuracy"], row[measure]), (-8, -13 if below else 3), ha="right",
                      textcoords="offset points", color=other["color"], fontsize=10)  # fmt: skip
    stops = "; ".join(
        f"epoch {row['epochs']:.0f} {number(row['target_accuracy'])} / {number(row[measure])}"
        for _, row in line.iterrows()
    )
    marks = "; ".join(
        f"{row['defenses']} {number(row['target_accuracy'])} / {number(row[measure])}" for _, row in defended.iterrows()
    )
    alt = f"Target accuracy / {heading(measure)}. Undefended, by epoch: {stops}. With a defense: {marks}."
    return fig, alt + (f" The recommended stop is epoch {recommended}." if recommended is not None else "")


def _room(axes: "Axes", width: tuple[float, float], values: list[float]) -> None:
    """Ticks in percent, and space for the names at both sides of what lies within `width`."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    low, high = max(0.75 * min(values), 5e-4), min(1.4 * max(values), 1.1)
    marks = [mark for mark in (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1) if low <= mark <= high]
    axes.yaxis.set_major_locator(FixedLocator(marks))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: percent(value, 0 if value >= 0.01 else 1)))
    axes.yaxis.set_minor_locator(NullLocator())
    left, right = width
    axes.set(ylim=(low, high), xlim=(left - 0.25 * (right - left), right + 0.35 * (right - left)))


def _below(axes: "Axes", defended: "pd.DataFrame", measure: str) -> list[bool]:
    """Whether the name of each mark goes under its height instead of over it: where a neighbour is just above."""
    points = axes.transData.transform(defended[["target_accuracy", measure]].to_numpy(dtype=float))
    points = points * 72 / axes.figure.dpi
    return [
        any(0 < other_y - y < APART and abs(other_x - x) < 3 * APART for other_x, other_y in points) for x, y in points
    ]
