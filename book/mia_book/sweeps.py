"""Figures of sweeps: lines over a knob, dots with intervals, histograms of both sides; each with its alt text.

All take tidy tables with one row per seed, or a `mia_core.studies.sweeps.Sweep`, and draw means with t-intervals.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from mia_core.defenses import Combination
from mia_core.display.plots import limits
from mia_core.display.svg import figure, style
from mia_core.measures.counts import mean_over
from mia_core.measures.intervals import Interval
from mia_core.measures.text import heading
from mia_core.studies.sweeps import Sweep

Frames = tuple[list[tuple[str, Figure]], list[str]]
"""What `mia_core.display.figures.show_slider` shows: (value, figure) and an alt text of each."""
_SHARES = ("false_positive_rate", "found")  # shares that only chapters measure
_NAMES = {"false_positive_rate": "false-positive rate", "target_train_accuracy": "accuracy on members"}


def sides(members: NDArray[np.bool_]) -> dict[str, NDArray[np.bool_]]:
    """Both sides by name, as masks [N]."""
    return {"members": members, "non-members": ~members}


def both_sides(
    ax: Axes, values: NDArray[np.float64], members: NDArray[np.bool_], edges: NDArray[np.float64], **look: float
) -> dict[str, NDArray[np.float64]]:
    """Draw histograms of members, filled, and of non-members, hatched; returns the share of each side in each bin.

    values [N], members [N], edges [bins + 1]; look: further settings of the bars
    """
    shares = {}
    for place, (name, side) in enumerate(sides(members).items()):
        shares[name] = np.histogram(values[side], edges)[0] / side.sum()
        ax.stairs(shares[name], edges, fill=True, label=name, **look, **style(place, fill=True))
    return shares


def asked_confidence(defenses: Combination, classes: int) -> float:
    """What the training labels ask of the true class: 1 without smoothing, 1 - epsilon with it."""
    targets = np.eye(classes)
    for defense in defenses:
        targets = defense.targets(targets)
    return float(targets[0, 0])


def knob_curves(
    table: pd.DataFrame,
    panels: Sequence[str],
    xlabel: str,
    printed: Mapping[str, tuple[float, float]] | None = None,
    level: tuple[str, pd.DataFrame] | None = None,
) -> tuple[Figure, str]:
    """Means of some measures over a knob, a panel each, with error bars and a line per attack.

    What is no line over the knob is explained below the figure, where it cannot be taken for a point.

    table    of a sweep (`mia_core.studies.sweeps.Sweep.table`)
    panels   measures, columns of the table; one that is the same for every attack is drawn once
    printed  measure -> (value of the knob, number): what a report prints there, an open mark
    level    a name and rows of the same attacks without the knob: a dotted line across each panel
    """
    fig, axes = figure(len(panels), height=2.1 if len(panels) > 1 else 3.2, sharex=True, squeeze=False)
    parts = []
    for ax, measure in zip(axes[:, 0], panels, strict=True):
        series = list(table["attack"].unique())
        if not (table.groupby(["defenses", "seed"])[measure].nunique() > 1).any():
            series = series[:1]  # no matter which attack
        for place, attack in enumerate(series):
            rows = table[table["attack"] == attack]
            found = {value: _mean(group, measure) for value, group in rows.groupby("value")}
            found = {value: interval for value, interval in found.items() if interval is not None}
            if found:
                both = [arms(interval) for interval in found.values()]
                bars, label = None if None in both else np.hstack(both), attack if len(series) > 1 else None
                means = [interval.mean for interval in found.values()]
                ax.errorbar(list(found), means, yerr=bars, capsize=2, elinewidth=1, label=label, **style(place))
            of = f"{attack}: " if len(series) > 1 else ""
            values = ", ".join(f"{interval.mean:.3f} at {value:g}" for value, interval in found.items())
            parts.append(f"{of}{_words(measure)} {values or 'not measurable'}")
            without = level and _mean(level[1][level[1]["attack"] == attack], measure)
            if level and without:
                color = style(place)["color"]
                ax.axhline(without.mean, color=color, linewidth=1, linestyle=":", label=level[0], zorder=0)
                parts[-1] += f", {level[0]} {without.mean:.3f}"
        if printed and measure in printed:
            (x, number), look = printed[measure], style(3) | {"linestyle": "", "markersize": 9}
            ax.plot([x], [number], label="the report", markerfacecolor="none", **look)
            parts.append(f"the report prints {number:.2f} at {x:g}")
        ax.set_ylabel(_words(measure))
        if printed is None and level is None and ax.get_legend_handles_labels()[1]:
            ax.legend(fontsize=9)
    if printed is not None or level is not None:
        _legend_below(fig)
    axes[-1, 0].set_xlabel(xlabel)
    if (table["value"] % 1 == 0).all():
        axes[-1, 0].set_xticks(sorted(table["value"].unique()))
    return fig, f"Lines over {xlabel}. {'; '.join(parts)}."


def dots(
    table: pd.DataFrame,
    measure: str,
    xlabel: str,
    rows: str = "defenses",
    series: str = "attack",
    guess: float | None = 0.5,
) -> tuple[Figure, str]:
    """Means of one measure with intervals, a line of the figure for each of `rows`, a mark for each of `series`.

    table  one row per seed, and columns `rows`, `series` and `measure`; what could not be measured is left out
    guess  where guessing would be, a vertical line
    """
    lines, kinds = list(table[rows].unique()), list(table[series].unique())
    many = len(kinds) > 3  # then lines are higher and marks closer, so that no mark comes near the next line's
    fig, ax = figure(height=0.75 + (0.125 * len(kinds) if many else 0.42) * len(lines))
    parts = []
    for place, kind in enumerate(kinds):
        shift, label = (0.7 / len(kinds) if many else 0.26) * (place - (len(kinds) - 1) / 2), kind
        for line, name in enumerate(lines):
            found = _mean(table[(table[rows] == name) & (table[series] == kind)], measure)
            if found is None:
                continue
            look = style(place)
            ax.errorbar(
                found.mean, line + shift, xerr=arms(found), color=look["color"], marker=look["marker"], capsize=2,
                linestyle="", markersize=6, label=label,
            )  # fmt: skip
            label = None  # the first mark of a kind stands for it in the legend
            parts.append(f"{name}, {kind}: {found.mean:.3f}")
    if guess is not None:
        ax.axvline(guess, color=style(5)["color"], linewidth=1, linestyle=":")
    ax.set_yticks(range(len(lines)), lines)
    ax.set(xlabel=xlabel, ylim=(len(lines) - 0.5, -0.5))
    ax.grid(visible=False, axis="y")
    if len(kinds) > 1:
        fig.legend(loc="outside lower center", ncols=min(3, len(kinds)))
    return fig, f"Dots with intervals of {xlabel}. {'; '.join(parts)}."


def confidence_frames(sweep: Sweep, mark_asked: bool = False, bins: int = 20) -> Frames:
    """Histograms of the first target's largest posterior, a frame per value of the sweep.

    mark_asked  whether a line stands where the training labels put the true class
    Each frame says what the sweep's first attack reaches there, over all its seeds.
    """
    table, frames, alts, highest = sweep.table(), [], [], 0.0
    for value, defenses in sweep.steps.items():
        seen = sweep.outputs(value)
        edges = np.linspace(1 / seen.classes, 1, bins + 1)
        fig, ax = figure(height=2.9)
        shares = both_sides(ax, seen.posteriors.max(axis=1), seen.members, edges, linewidth=1)
        highest, mark = max(highest, *(share.max() for share in shares.values())), ""
        if mark_asked:
            asked, look = asked_confidence(defenses, seen.classes), {"color": style(2)["color"], "linestyle": "--"}
            if asked <= 1:
                ax.axvline(asked, label="what labels ask", **look)
                mark = f"; a dashed line where labels ask for {asked:g}"
            else:  # a negative epsilon asks for more than a posterior can be
                ax.plot([], [], label=f"labels ask {asked:g}, off the scale", **look)
                mark = f"; labels ask for {asked:g}, off the scale"
        reached = reach(table, value)
        ax.set(xlabel="largest posterior", ylabel="share of examples", xlim=(edges[0], 1.005))
        ax.set_title(reached, loc="left")
        ax.legend(loc="upper left")
        frames.append((f"{value:g}", fig))
        fullest = [(share.max(), side, edges[share.argmax() :]) for side, share in shares.items()]
        where = [f"{share:.0%} of the {side} between {left[0]:.2f} and {left[1]:.2f}" for share, side, left in fullest]
        alts.append(
            f"{sweep.knob} {value:g}: histograms of the largest posterior; {' and '.join(where)}{mark}. {reached}."
        )
    for _, fig in frames:
        fig.axes[0].set_ylim(0, 1.05 * highest)
    return frames, alts


def reach(table: pd.DataFrame, value: float, measure: str = "attack_accuracy") -> str:
    """What the sweep's first attack reaches at one value, in words: "attack accuracy 0.837 [0.831, 0.843]"."""
    rows = table[(table["attack"] == table["attack"].iloc[0]) & (table["value"] == value)]
    found = _mean(rows, measure)
    if found is None:
        return f"{_words(measure)} not measurable"
    bounds = "" if found.low is None else f" [{found.low:.3f}, {found.high:.3f}]"
    return f"{_words(measure)} {found.mean:.3f}{bounds}"


def arms(found: Interval) -> list[list[float]] | None:
    """The two lengths of an error bar; None without an interval."""
    if found.low is None or found.high is None or found.low != found.low:
        return None
    return [[found.mean - found.low], [found.high - found.mean]]


def _words(measure: str) -> str:
    return _NAMES.get(measure) or heading(measure)


def _mean(rows: pd.DataFrame, measure: str) -> Interval | None:
    """The mean over seeds and its interval; None where nothing was measured."""
    known = rows[rows[measure].notna()]
    least, most = (0.0, 1.0) if measure in _SHARES else limits(measure)
    return mean_over(known, measure).cut(least, most) if len(known) else None


def _legend_below(fig: Figure) -> None:
    """One legend for all panels, below them and with room of its own: each label once, lines over the knob first."""
    pairs = [pair for ax in fig.axes for pair in zip(*ax.get_legend_handles_labels(), strict=True)]
    entries: dict = {}
    for handle, label in sorted(pairs, key=lambda pair: not hasattr(pair[0], "has_yerr")):
        entries.setdefault(label, handle)
    if entries:
        fig.set_figheight(fig.get_figheight() + 0.2 * (1 + len(entries) // 3))
        fig.legend(list(entries.values()), list(entries), loc="outside lower center", ncols=min(3, len(entries)))
