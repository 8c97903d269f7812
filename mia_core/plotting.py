"""The book's figures: each takes outputs or a study's table and gives a Matplotlib figure and its alt text.

The alt text is computed from what is plotted, so that the two cannot disagree.
"""

from typing import TYPE_CHECKING

import numpy as np

from mia_core.metrics import roc
from mia_core.svg import figure, style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from mia_core.inputs import Outputs

LOWEST_RATE = 1e-4


def confidence_histogram(outputs: "Outputs", bins: int = 20) -> tuple["Figure", str]:
    """Largest posterior of members and of non-members, as shares of each, on one axis from 1/K to 1."""
    top = outputs.posteriors.max(axis=1)
    edges = np.linspace(1 / outputs.classes, 1, bins + 1)
    fig, axes = figure(height=3.0)
    shares = {}
    for series, (name, side) in enumerate((("members", outputs.members), ("non-members", ~outputs.members))):
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
    for series, (name, side) in enumerate((("members", outputs.members), ("non-members", ~outputs.members))):
        points = ordered[side][:shown]
        look = style(series)
        axes.plot(points[:, 0], points[:, 1], linestyle="", marker=look["marker"], color=look["color"], alpha=0.45,
                  markersize=4, label=name)  # fmt: skip
        parts.append(f"{name} at a median of {np.median(points[:, 0]):.2f} and {np.median(points[:, 1]):.2f}")
    axes.set(xlabel="largest posterior", ylabel="second largest posterior")
    axes.legend(loc="upper right")
    return fig, f"Scatter of the largest against the second largest posterior: {'; '.join(parts)}."


def roc_over_seeds(curves: dict[str, list[tuple[np.ndarray, np.ndarray]]]) -> tuple["Figure", str]:
    """ROC on two logarithmic axes: the median TPR over seeds at each FPR, its range shaded, and guessing as a line.

    curves  name -> one (scores [N], members [N]) a seed
    """
    fig, axes = figure(height=3.6)
    grid = np.logspace(np.log10(LOWEST_RATE), 0, 200)
    axes.plot(grid, grid, label="guessing", **_line(5))
    parts = []
    for series, (name, seeds) in enumerate(curves.items()):
        found = np.stack([_tpr_on(grid, scores, members) for scores, members in seeds])
        middle = np.median(found, axis=0)
        axes.fill_between(grid, found.min(0), found.max(0), color=style(series)["color"], alpha=0.18, linewidth=0)
        axes.plot(grid, middle, label=name, **_line(series))
        at = {level: middle[np.searchsorted(grid, level * 0.999)] for level in (0.01, 0.1)}
        parts.append(f"{name}: TPR {at[0.1]:.3f} at 10% FPR and {at[0.01]:.3f} at 1%")
    axes.set(xscale="log", yscale="log", xlim=(LOWEST_RATE, 1), ylim=(LOWEST_RATE, 1))
    axes.set(xlabel="false-positive rate (FPR)", ylabel="true-positive rate (TPR)")
    axes.legend(loc="lower right")
    return fig, f"ROC curves on logarithmic axes, medians over seeds. {'; '.join(parts)}. Guessing is the diagonal."


def privacy_utility(summary: "pd.DataFrame", measure: str = "attack_accuracy") -> tuple["Figure", str]:
    """Each combination's target accuracy against what the attack reaches, with intervals over seeds.

    summary  of one data set and attack (see `mia_core.study.over_the_seeds`). Down and right is better for the defender
    """
    fig, axes = figure(height=4.2)
    parts = []
    for series, (_, row) in enumerate(summary.iterrows()):
        x, y = row["target_accuracy"], row[measure]
        look = style(series)
        axes.errorbar(
            x, y, xerr=_arms(row, "target_accuracy"), yerr=_arms(row, measure), color=look["color"],
            marker=look["marker"], linestyle="", capsize=2, elinewidth=1, label=row["defenses"],
            markerfacecolor="none" if series >= 6 else look["color"], markersize=7,
        )  # fmt: skip
        parts.append(f"{row['defenses']} {x:.2f} / {y:.2f}")
    axes.axhline(0.5, color=style(5)["color"], linewidth=1, linestyle=":")
    axes.set(xlabel="target accuracy (to the right: more useful)", ylabel=f"{measure.replace('_', ' ')} (down: safer)")
    fig.legend(loc="outside lower center", ncols=2)
    return (
        fig,
        f"Target accuracy / {measure.replace('_', ' ')} of each combination: {', '.join(parts)}; guessing is 0.5.",
    )


def _line(series: int) -> dict:
    look = style(series)
    return {"color": look["color"], "linestyle": look["linestyle"]}


def _arms(row: "pd.Series", name: str) -> list[list[float]] | None:
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    if low is None or low != low:
        return None
    return [[row[name] - low], [high - row[name]]]


def _tpr_on(grid: np.ndarray, scores: np.ndarray, members: np.ndarray) -> np.ndarray:
    """The largest TPR of a real threshold whose FPR does not exceed each value of the grid."""
    curve = roc(scores, members)
    return curve.tpr[np.searchsorted(curve.fpr, grid + 1e-12, side="right") - 1]
