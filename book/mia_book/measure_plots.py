"""Figures of the chapter "Measuring an attack": ROC with the attack's own threshold, the surest first, intervals.

Each function gives a figure and its alt text, computed from what is plotted.
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mia_book.measure_tables import Scored
from mia_core.display.plots import limits, roc_over_seeds
from mia_core.display.svg import figure, style
from mia_core.measures.intervals import over_seeds
from mia_core.measures.ranking import tie_blocks
from mia_core.measures.text import heading

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


def roc_with_thresholds(scored: dict[str, Scored], table: "pd.DataFrame") -> tuple["Figure", str]:
    """`mia_core.display.plots.roc_over_seeds`, and on each curve a mark where the attack's own threshold lies.

    table  of the same attacks, their names in the column `defenses`; a mark is the mean over seeds
    """
    fig, alt = roc_over_seeds(scored)
    (axes,) = fig.axes
    marks = []
    for series, name in enumerate(scored):
        rows = table[table["defenses"] == name]
        fpr, tpr = 1 - rows["recall_non_members"].mean(), rows["recall_members"].mean()
        look = style(series)
        hollow = {"markerfacecolor": "none", "markeredgewidth": 1.5, "clip_on": False}
        axes.plot(
            fpr, tpr, linestyle="", marker=look["marker"], color=look["color"], markersize=7 + 3 * series, **hollow
        )
        marks.append(f"{name} at {fpr:.2f} / {tpr:.2f}")
    return fig, f"{alt} Marks show the attack's own thresholds, FPR / TPR: {', '.join(marks)}."


def surest_first(scored: dict[str, Scored]) -> tuple["Figure", str]:
    """The share of members among the examples that an attack is surest of, against how many it names.

    Median over seeds, their range shaded. Blocks of equal scores are named whole.
    """
    fig, axes = figure(height=3.4)
    most = min(len(members) for seeds in scored.values() for _, members in seeds)
    counts = np.unique(np.geomspace(1, most, 60).round().astype(int))
    parts = []
    for series, (name, seeds) in enumerate(scored.items()):
        shares = np.stack([share_of_members(scores, members, counts) for scores, members in seeds])
        known = ~np.isnan(shares).any(axis=0)
        x, found = counts[known], shares[:, known]
        middle, look = np.median(found, axis=0), style(series)
        axes.fill_between(x, found.min(0), found.max(0), color=look["color"], alpha=0.18, linewidth=0)
        axes.plot(x, middle, label=name, color=look["color"], linestyle=look["linestyle"])
        tenth = int(np.searchsorted(x, most / 10))
        parts.append(f"{name}: {middle[0]:.2f} among the first {x[0]}, {middle[tenth]:.2f} among the first {x[tenth]}")
    base = np.mean([members.mean() for seeds in scored.values() for _, members in seeds])
    axes.axhline(base, label="guessing", color=style(5)["color"], linestyle=style(5)["linestyle"])
    axes.set(xscale="log", xlabel="examples named, surest first", ylabel="share who are members", ylim=(0, 1.02))
    axes.legend(loc="lower right")
    return fig, f"Share of members among the examples named first, medians over seeds. {'; '.join(parts)}."


def share_of_members(
    scores: NDArray[np.float64], members: NDArray[np.bool_], counts: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Share of members among the at most n highest scores, for each n of `counts`: float64, NaN where no whole block of
    ties fits."""
    blocks = tie_blocks(scores, members)
    true = np.concatenate([[0], np.cumsum(blocks.members)])
    named = np.concatenate([[0], np.cumsum(blocks.members + blocks.non_members)])
    fits = np.searchsorted(named, counts, side="right") - 1
    return np.where(named[fits] > 0, true[fits] / np.maximum(named[fits], 1), np.nan)


def seeds_and_mean(table: "pd.DataFrame", measure: str) -> tuple["Figure", str]:
    """A measure of one attack: each seed with its interval over examples, and the mean with that over seeds."""
    rows, words = table.reset_index(drop=True), heading(measure)
    mean, (least, most) = over_seeds(rows[measure].tolist()), limits(measure)
    fig, axes = figure(height=1.2 + 0.26 * len(rows))
    for place, row in rows.iterrows():
        low, high = row[f"{measure}_low"], row[f"{measure}_high"]
        axes.errorbar(
            row[measure], place, xerr=[[row[measure] - low], [high - row[measure]]], color=style(0)["color"],
            marker="o", capsize=3, elinewidth=1.2,
        )  # fmt: skip
    low, high = (None, None) if mean.low is None else (max(mean.low, least), min(mean.high, most))
    arms = None if low is None else [[mean.mean - low], [high - mean.mean]]
    axes.errorbar(mean.mean, len(rows), xerr=arms, color=style(1)["color"], marker="D", capsize=3, elinewidth=2)
    axes.set_yticks(range(len(rows) + 1), [*(f"seed {seed}" for seed in rows["seed"]), "mean"])
    axes.invert_yaxis()
    axes.set(xlabel=words)
    bounds = "" if low is None else f", interval over seeds {low:.3f} to {high:.3f}"
    width = (rows[f"{measure}_high"] - rows[f"{measure}_low"]).mean()
    return fig, (
        f"{words[0].upper()}{words[1:]} of {len(rows)} seeds, from {rows[measure].min():.3f} to "
        f"{rows[measure].max():.3f}, each with an interval over examples of a mean width of {width:.3f}; mean "
        f"{mean.mean:.3f}{bounds}."
    )
