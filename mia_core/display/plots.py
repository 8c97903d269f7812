"""The book's figures: each takes outputs or a study's table and gives a Matplotlib figure and its alt text.

The alt text is computed from what is plotted, so that the two cannot disagree.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from mia_core.display.svg import PAPER, TEXT, figure, style
from mia_core.measures.metrics import most_false_positives, roc
from mia_core.measures.text import NOT_MEASURABLE, heading, number
from mia_core.studies.columns import COLUMNS

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    from mia_core.gate.arrays import Outputs

_RANGES = {"share in [0, 1]": (0.0, 1.0), "difference in [-1, 1]": (-1.0, 1.0)}

# Nearly, as white itself is the page's own colour in a drawing, and black is left out of it.
BLACK, WHITE = "#000001", "#fffffe"

NEAR = 6.0
"""Marks whose centres are fewer points apart than this hide one another."""


def limits(measure: str) -> tuple[float, float]:
    """What a measure of a study's table cannot leave, low and high; infinite for what is no such measure.

    The t-interval of few seeds can leave it, and is cut to it where it is drawn.
    """
    kind, _ = COLUMNS.get(measure, ("", ""))
    return _RANGES.get(kind, (-np.inf, np.inf))


def sides(members: np.ndarray) -> dict[str, np.ndarray]:
    """Members and non-members by name, as masks [N], in the order of their series.

    In every figure that tells the two apart, members are series 0 of `mia_core.display.svg.style`, blue, filled, round
    marks on a solid line, and non-members series 1, orange, hatched, square marks on a dashed line.
    """
    return {"members": members, "non-members": ~members}


def confidence_histogram(outputs: "Outputs", bins: int = 20) -> tuple["Figure", str]:
    """Largest posterior of members and of non-members, as shares of each, on one axis from 1/K to 1."""
    top = outputs.posteriors.max(axis=1)
    edges = np.linspace(1 / outputs.classes, 1, bins + 1)
    fig, axes = figure(height=3.0)
    shares = {}
    for series, (name, side) in enumerate(sides(outputs.members).items()):
        weights = np.full(side.sum(), 1 / side.sum())
        counts, *_ = axes.hist(top[side], edges, weights=weights, label=name, **style(series, fill=True))
        shares[name] = counts[-1]
    axes.set(xlabel="largest posterior", ylabel="share of examples", xlim=(edges[0], 1))
    axes.legend(loc="upper left")
    alt = (
        f"Two histograms of the largest posterior. In the last bin, above {edges[-2]:.2f}, lie "
        f"{shares['members']:.0%} of the members and {shares['non-members']:.0%} of the non-members."
    )
    return fig, alt


def attackers_view(outputs: "Outputs", shown: int = 300) -> tuple["Figure", str]:
    """Largest against second posterior of up to `shown` members and as many non-members, the first of each."""
    fig, axes = figure(height=3.4)
    ordered = np.sort(outputs.posteriors, axis=1)[:, ::-1]
    parts = []
    for series, (name, side) in enumerate(sides(outputs.members).items()):
        points = ordered[side][:shown]
        look = style(series)
        # Hollow below and small on top, so that neither side hides the other where both are many.
        hollow = {"fillstyle": "none", "markersize": 5.5} if series else {"markersize": 3, "zorder": 3}
        axes.plot(points[:, 0], points[:, 1], linestyle="", marker=look["marker"], color=look["color"], alpha=0.6,
                  label=name, **hollow)  # fmt: skip
        parts.append(f"{name} at a median of {np.median(points[:, 0]):.2f} and {np.median(points[:, 1]):.2f}")
    axes.set(xlabel="largest posterior", ylabel="second largest posterior")
    axes.legend(loc="upper right")
    return fig, f"Scatter of the largest against the second largest posterior: {'; '.join(parts)}."


def roc_over_seeds(curves: dict[str, list[tuple[np.ndarray, np.ndarray]]]) -> tuple["Figure", str]:
    """ROC on two logarithmic axes: the median TPR over seeds at each FPR, its range shaded, and guessing as a line.

    The axes start at the FPR of one accused non-member: below it nothing can be measured.

    curves  name -> one (scores [N], members [N]) per seed
    """
    fig, axes = figure(height=3.6)
    most = max(int((~np.asarray(members, bool)).sum()) for seeds in curves.values() for _, members in seeds)
    lowest = 1 / max(most, 2)  # a logarithmic axis needs a width
    grid = np.geomspace(lowest, 1, 200)
    axes.plot(grid, grid, label="guessing", **_line(5))
    parts = []
    for series, (name, seeds) in enumerate(curves.items()):
        found = np.stack([_tpr_on(grid, scores, members) for scores, members in seeds])
        middle = np.median(found, axis=0)
        axes.fill_between(grid, found.min(0), found.max(0), color=style(series)["color"], alpha=0.18, linewidth=0)
        axes.plot(grid, middle, label=name, **_line(series))
        at = {level: _median_tpr(seeds, level) for level in (0.01, 0.1)}
        parts.append(f"{name}: TPR {at[0.1]} at 10% FPR and {at[0.01]} at 1%")
    axes.set(xscale="log", yscale="log", xlim=(lowest, 1), ylim=(lowest, 1))
    axes.minorticks_off()  # eight marks a decade, each placed several times, take longer than all else in the figure
    axes.set(xlabel="false-positive rate (FPR)", ylabel="true-positive rate (TPR)")
    axes.legend(loc="lower right")
    return fig, (
        f"ROC curves on logarithmic axes from an FPR of {lowest:.2g}, one of {most:,} non-members; medians over seeds. "
        f"{'; '.join(parts)}. Guessing is the diagonal."
    )


def privacy_utility(summary: "pd.DataFrame", measure: str = "attack_accuracy") -> tuple["Figure", str]:
    """Each combination's target accuracy against what the attack reaches, with intervals over seeds.

    summary  of one data set and attack (see `mia_core.studies.study.over_the_seeds`). Down and right is better for the
             defender
    A mark that another one hides becomes a ring around it.
    """
    fig, axes = figure(height=4.2)
    parts, marks = [], []
    for series, (_, row) in enumerate(summary.iterrows()):
        x, y = row["target_accuracy"], row[measure]
        look = style(series)
        bars = axes.errorbar(
            x, y, xerr=_arms(row, "target_accuracy"), yerr=_arms(row, measure), color=look["color"],
            marker=look["marker"], linestyle="", capsize=2, elinewidth=1, label=row["defenses"],
            markerfacecolor="none" if series >= 6 else look["color"], markersize=7,
        )  # fmt: skip
        marks.append(bars.lines[0])
        parts.append(f"{row['defenses']} {x:.2f} / {y:.2f}")
    axes.axhline(0.5, color=style(5)["color"], linewidth=1, linestyle=":")
    axes.set(xlabel="target accuracy (to the right: more useful)", ylabel=f"{heading(measure)} (down: safer)")
    rings = rings_in_words([summary["defenses"].tolist()[place] for place in ringed(marks)])
    fig.legend(loc="outside lower center", ncols=2)
    return fig, f"Target accuracy / {heading(measure)} of each combination: {', '.join(parts)}; guessing is 0.5.{rings}"


def heat_map(
    table: "pd.DataFrame",
    rows: str,
    columns: str,
    value: str,
    *,
    words: str = "",
    limits: tuple[float | None, float | None] = (None, None),
    digits: int = 3,
) -> tuple["Figure", str]:
    """A grid of means, such as attack by defense: a cell each, darker for larger; the largest of a column in bold.

    table   one row per cell, or several, of which the mean is shown; missing values are left out
    rows, columns, value  the table's columns that name the rows and columns of the grid, in order of appearance, and
            that hold the numbers
    words   what the numbers are, by default the heading of `value`
    limits  the values with the lightest and the darkest colour, by default the least and the largest in the grid
    digits  decimals

    Fills and the text in them are the same on light and dark pages, with a contrast of at least 4.5.
    """
    import seaborn

    order = {name: list(dict.fromkeys(table[name])) for name in (rows, columns)}
    means = table.assign(**{value: table[value].astype(float)}).groupby([rows, columns])[value].mean()
    grid = means.unstack(columns).reindex(index=order[rows], columns=order[columns])
    if means.isna().all():
        limits = (0, 1)  # any: there is nothing to colour
    fig, axes = figure(width=2.2 + 0.5 * grid.shape[1], height=0.9 + 0.27 * grid.shape[0])
    axes.grid(False)
    seaborn.heatmap(
        grid, ax=axes, cmap="Blues", cbar=False, vmin=limits[0], vmax=limits[1], linewidths=1, linecolor=PAPER,
        xticklabels=True, yticklabels=True,
    )  # fmt: skip
    largest = {name: column.idxmax() for name, column in grid.items() if column.notna().any()}
    # One colour per known cell, in reading order.
    fills = iter(axes.collections[0].to_rgba(grid.to_numpy()[grid.notna().to_numpy()]))
    for y, (row, cells) in enumerate(grid.iterrows()):
        for x, (column, mean) in enumerate(cells.items()):
            text, look = "–", {"color": TEXT}
            if mean == mean:
                best = largest[column] == row
                text = number(mean, digits)
                look = {"color": _readable_on(next(fills)), "fontweight": "bold" if best else "normal"}
            axes.text(x + 0.5, y + 0.5, text, ha="center", va="center", fontsize=8.5, **look)
    axes.set(xlabel="", ylabel="")
    axes.tick_params(length=0)
    axes.set_xticklabels(axes.get_xticklabels(), rotation=35, ha="right", rotation_mode="anchor")
    axes.set_yticklabels(axes.get_yticklabels(), rotation=0)
    alt = f"Grid of {words or heading(value)}, {grid.shape[0]} rows ({rows}) by {grid.shape[1]} columns ({columns})."
    if largest:
        told = [f"{column} {number(grid.loc[row, column], digits)} ({row})" for column, row in largest.items()]
        least = number(np.nanmin(grid.to_numpy()), digits)
        alt += f" Largest of each column: {', '.join(told)}. Least of all: {least}."
    unknown = int(grid.isna().to_numpy().sum())
    return fig, alt + (f" {NOT_MEASURABLE[0].upper()}{NOT_MEASURABLE[1:]}: {unknown} cells." if unknown else "")


def _readable_on(fill: np.ndarray) -> str:
    """Black or white, whichever stands out more on this colour (RGBA), by the contrast of WCAG."""
    part = fill[:3]
    linear = np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)
    return BLACK if linear @ [0.2126, 0.7152, 0.0722] > 0.179 else WHITE


def ringed(marks: "Sequence[Line2D]", size: float = 13) -> list[int]:
    """Make rings of all marks, single points in the order of drawing, that a later one hides; returns their places."""
    for mark in marks[:1]:
        mark.axes.autoscale_view()  # the limits of the plot are otherwise found when it is drawn
    points = [mark.axes.transData.transform(mark.get_xydata()[0]) for mark in marks]
    near = NEAR / 72 * marks[0].figure.dpi if marks else 0.0
    hidden = [
        place
        for place, point in enumerate(points)
        if any(np.hypot(*(point - later)) < near for later in points[place + 1 :])
    ]
    for place in hidden:
        marks[place].set(markerfacecolor="none", markersize=size)
    return hidden


def rings_in_words(rings: Sequence[str]) -> str:
    """The end of an alt text that names the marks that became rings."""
    return f" Rings with another mark inside: {', '.join(rings)}." if rings else ""


def _line(series: int) -> dict:
    look = style(series)
    return {"color": look["color"], "linestyle": look["linestyle"]}


def _arms(row: "pd.Series", name: str) -> list[list[float]] | None:
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    if low is None or low != low:
        return None
    return [[row[name] - low], [high - row[name]]]


def _median_tpr(seeds: list[tuple[np.ndarray, np.ndarray]], level: float) -> str:
    """The median over seeds at one FPR, as text; not measurable where a seed has too few non-members for it."""
    fewest = min(int((~np.asarray(members, bool)).sum()) for _, members in seeds)
    if most_false_positives(fewest, level) is None:
        return NOT_MEASURABLE
    return f"{np.median([_tpr_on(np.array([level]), scores, members)[0] for scores, members in seeds]):.3f}"


def _tpr_on(grid: np.ndarray, scores: np.ndarray, members: np.ndarray) -> np.ndarray:
    """The largest TPR of a real threshold whose FPR does not exceed each value of the grid."""
    curve = roc(scores, members)
    return curve.tpr[np.searchsorted(curve.fpr, grid + 1e-12, side="right") - 1]
