"""Figures of "Reference-model attacks": how surprising a model's answer is for this one example.

Each takes a target's `mia_core.references.answers.View`; alt texts are computed from what is drawn.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mia_book.sweep_plots import knob_curves
from mia_core.base.errors import ArrayError
from mia_core.display.svg import figure, style
from mia_core.measures.metrics import low_fpr
from mia_core.measures.ranking import tie_blocks
from mia_core.references.calibrated_loss import difficulty_calibrated
from mia_core.references.summaries import summarise
from mia_core.references.tlira import tlira

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from mia_core.references.answers import View

STATISTIC = "logit"
XLABEL = "logit of the true class, log p/(1 - p)"


@dataclass(frozen=True)
class Twins:
    """A member and a non-member for which a target answers nearly alike: columns of the pool; shown `of` all such."""

    member: int
    other: int
    of: int


def find_twins(view: "View", chosen: NDArray[np.bool_], near: float = 0.1) -> Twins:
    """Of all members and their nearest non-members by the target's statistic, the pair that t-LiRA tells apart best.

    chosen  bool [P], the examples to look at
    near    how far apart they may answer, in standard deviations of the statistic over the examples
    Raises `ArrayError` where no member has a non-member that near.
    """
    references = view.pool(STATISTIC)
    statistic, scores = references.of_target(), tlira(references)
    members = np.flatnonzero(view.membership() & chosen)
    others = np.flatnonzero(~view.membership() & chosen)
    if not len(members) or not len(others):
        raise ArrayError(f"twins: found {len(members)} members and {len(others)} non-members; expected some of both")
    apart = np.abs(statistic[members][:, None] - statistic[others][None])
    nearest = apart.argmin(axis=1)
    close = apart.min(axis=1) <= near * statistic[chosen].std()
    if not close.any():
        raise ArrayError(f"twins: found no member and non-member within {near} standard deviations")
    gain = np.where(close, scores[members] - scores[others[nearest]], -np.inf)
    best = int(gain.argmax())
    return Twins(int(members[best]), int(others[nearest[best]]), int(close.sum()))


def twins(view: "View", found: Twins) -> tuple["Figure", str]:
    """For both examples of `find_twins`: the target's statistic, those of IN and OUT references, normal curves."""
    references = view.pool(STATISTIC)
    target, scores, sides = references.of_target(), tlira(references), summarise(references, 0)
    values, inside = references.values(slice(None)), references.inside(slice(None))
    spreads = [float(np.sqrt(side.squares.sum() / max(1, int((side.count - 1).clip(0).sum())))) for side in sides]
    columns = [found.member, found.other]
    drawn = np.concatenate([values[:, columns].ravel(), target[columns]])
    reach = 1.2 * max(spreads)
    grid = np.linspace(drawn.min() - reach, drawn.max() + reach, 300)
    fig, axes = figure(2, height=2.2, sharex=True)
    parts = []
    for ax, column, kind in zip(axes, columns, ("a member", "a non-member"), strict=True):
        means = []
        for place, (name, side, spread) in enumerate(zip(("IN", "OUT"), sides, spreads, strict=True)):
            mine = values[inside[:, column] == (name == "IN"), column]
            _side(ax, place, name, mine, float(side.mean[column]), spread, grid)
            means.append(f"mean of {name} {side.mean[column]:.1f}")
        ax.axvline(target[column], label="target", color=style(2)["color"], linestyle="--")
        ax.set_title(f"{kind}: t-LiRA {scores[column]:+.1f} nats", loc="left")
        ax.set(ylabel="density", ylim=(-0.18, 1.1), yticks=[])
        parts.append(f"{kind}: target {target[column]:.1f}, {', '.join(means)}, t-LiRA {scores[column]:+.1f} nats")
    axes[-1].set_xlabel(XLABEL)
    handles, labels = axes[0].get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside lower center", ncols=3)
    return fig, f"Normal curves of IN and OUT references and a line for the target. {'; '.join(parts)}."


def thresholds_in_one_picture(
    view: "View", chosen: NDArray[np.bool_], level: float = 0.05
) -> tuple["Figure", str, dict[str, float | None]]:
    """Each example's statistic under the target against its mean over OUT references, with two thresholds as lines.

    A threshold on the target's own statistic, such as the loss, is level; one on the difference, the calibrated
    statistic, rises. Both accuse at most a share `level` of the non-members. Also returns the share of members above
    each line, "level" and "rising"; None and no line where there are too few non-members.
    """
    references = view.pool(STATISTIC)
    inside = view.membership()
    y, x = references.of_target(), summarise(references, 0)[1].mean
    fig, ax = figure(height=4.0)
    for series, (name, side) in enumerate((("non-members", ~inside & chosen), ("members", inside & chosen))):
        look = style(series)
        ax.plot(x[side], y[side], linestyle="", marker=look["marker"], color=look["color"], alpha=0.5, markersize=3.5,
                label=name, markerfacecolor="none")  # fmt: skip
    shares: dict[str, float | None] = {}
    ends = np.array([x[chosen].min(), x[chosen].max()])
    for series, (name, scores) in enumerate((("level", y), ("rising", difficulty_calibrated(references))), 2):
        cut = low_fpr(tie_blocks(scores[chosen], inside[chosen]), level)
        shares[name] = cut.tpr
        if cut.threshold is not None:
            height = cut.threshold + (ends if name == "rising" else 0 * ends)
            look = style(series)
            words = "on the output" if name == "level" else "on the difference"
            ax.plot(ends, height, color=look["color"], linestyle=look["linestyle"], label=words)
    ax.set(xlabel="mean logit of OUT references", ylabel="logit of the target")
    fig.legend(loc="outside lower center", ncols=2)
    parts = [
        f"{share:.0%} of the members lie above the {name} line" for name, share in shares.items() if share is not None
    ]
    alt = f"Scatter of the target's logit against the mean of OUT references. At {level:.0%} FPR {' and '.join(parts)}."
    return fig, alt if parts else alt.rpartition(" At ")[0], shares


def over_references(
    table: "pd.DataFrame", measures: Sequence[str] = ("auc", "tpr_at_fpr_0.01")
) -> tuple["Figure", str]:
    """Attacks against the number of reference models, a panel a measure, one legend below both.

    table  of `mia_book.reference_sweeps.by_references`
    """
    fig, alt = knob_curves(table, measures, "reference models")
    for ax in fig.axes:
        if ax.get_legend():
            ax.get_legend().remove()
    fig.set_figheight(fig.get_figheight() + 1.0)  # room for the legend
    fig.legend(*fig.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return fig, alt


def _side(
    ax: "Axes",
    place: int,
    name: str,
    values: NDArray[np.float64],
    mean: float,
    spread: float,
    grid: NDArray[np.float64],
) -> None:
    look = style(place)
    ax.plot(grid, np.exp(-0.5 * ((grid - mean) / max(spread, 1e-6)) ** 2), color=look["color"],
            linestyle=look["linestyle"], linewidth=1.3)  # fmt: skip
    ax.plot(values, np.full(len(values), -0.08), linestyle="", marker=look["marker"], color=look["color"], markersize=6,
            label=f"{name} references", clip_on=False)  # fmt: skip
