"""Figures of sweeps: lines over a knob, dots with intervals, and frames for a slider, each with its alt text.

All take tidy tables with one row a seed, or a `mia_core.studies.sweeps.Sweep`, and draw means with t-intervals.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from mia_book.confidence_features import asked_confidence
from mia_core.display.plots import limits
from mia_core.display.svg import figure, style
from mia_core.measures.intervals import Interval, over_seeds
from mia_core.measures.text import heading

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from mia_core.gate.arrays import Outputs
    from mia_core.studies.sweeps import Sweep

    Frames = tuple[list[tuple[str, Figure]], list[str]]

SIDES = ("members", "non-members")
_SHARES = ("false_positive_rate", "found")  # shares that only chapters measure
LOWEST_SHARE = 1e-5
_NAMES = {"false_positive_rate": "false-positive rate", "target_train_accuracy": "accuracy on members"}


def knob_curves(
    table: "pd.DataFrame",
    panels: Sequence[str],
    xlabel: str,
    printed: Mapping[str, tuple[float, float]] | None = None,
    level: "tuple[str, pd.DataFrame] | None" = None,
) -> tuple["Figure", str]:
    """Means of some measures over a knob, a panel each, with error bars and a line an attack.

    What is no line over the knob is explained below the figure, where it cannot be taken for a point.

    table    of a sweep (`mia_core.studies.sweeps.Sweep.table`)
    panels   measures, columns of the table; one that is the same for every attack is drawn once
    printed  measure -> (value of the knob, number): what a report prints there, an open mark
    level    a name and rows of the same attacks without the knob: a dotted line across each panel
    """
    attacks = list(table["attack"].unique())
    fig, axes = figure(len(panels), height=2.1 if len(panels) > 1 else 3.2, sharex=True, squeeze=False)
    parts = []
    for ax, measure in zip(axes[:, 0], panels, strict=True):
        series = attacks if _depends_on_attack(table, measure) else attacks[:1]
        for place, attack in enumerate(series):
            found = {value: _mean(rows, measure) for value, rows in _of(table, attack).groupby("value")}
            found = {value: interval for value, interval in found.items() if interval is not None}
            if found:
                _points(ax, list(found), list(found.values()), place, attack if len(series) > 1 else None)
            of = f"{attack}: " if len(series) > 1 else ""
            values = ", ".join(f"{interval.mean:.3f} at {value:g}" for value, interval in found.items())
            without = _level(ax, level, attack, measure, place)
            parts.append(f"{of}{_words(measure)} {values or 'not measurable'}{without}")
        if printed and measure in printed:
            x, number = printed[measure]
            ax.plot([x], [number], label="the report", **_open_mark(3))
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
    table: "pd.DataFrame",
    measure: str,
    xlabel: str,
    rows: str = "defenses",
    series: str = "attack",
    guess: float | None = 0.5,
) -> tuple["Figure", str]:
    """Means of one measure with intervals, a line of the figure for each of `rows`, a mark for each of `series`.

    table  one row a seed, and columns `rows`, `series` and `measure`; what could not be measured is left out
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
                found.mean, line + shift, xerr=_arms(found), color=look["color"], marker=look["marker"], capsize=2,
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


def confidence_frames(
    sweep: "Sweep", values: Sequence[float] | None = None, mark_asked: bool = False, bins: int = 20
) -> "Frames":
    """Histograms of the first target's largest posterior, members filled and non-members hatched, a frame a value.

    mark_asked  whether a line stands where the training labels put the true class
    Each frame says what the sweep's first attack reaches there, over all its seeds.
    """
    chosen = list(sweep.steps) if values is None else list(values)
    seen = {value: sweep.outputs(value) for value in chosen}
    edges = np.linspace(1 / seen[chosen[0]].classes, 1, bins + 1)
    shares = {value: [_shares(outputs, side, edges) for side in SIDES] for value, outputs in seen.items()}
    highest = max(np.max(both) for both in shares.values())
    table, frames, alts = sweep.table(), [], []
    for value in chosen:
        fig, ax = figure(height=2.9)
        for place, (side, share) in enumerate(zip(SIDES, shares[value], strict=True)):
            ax.stairs(share, edges, fill=True, linewidth=1, label=side, **style(place, fill=True))
        mark = ""
        if mark_asked:
            asked = asked_confidence(sweep.steps[value], seen[value].classes)
            look = {"color": style(2)["color"], "linestyle": "--"}
            if asked <= 1:
                ax.axvline(asked, label="what labels ask", **look)
                mark = f"; a dashed line where labels ask for {asked:g}"
            else:  # a negative epsilon asks for more than a posterior can be
                ax.plot([], [], label=f"labels ask {asked:g}, off the scale", **look)
                mark = f"; labels ask for {asked:g}, off the scale"
        reached = reach(table, value)
        ax.set(xlabel="largest posterior", ylabel="share of examples", xlim=(edges[0], 1.005), ylim=(0, 1.05 * highest))
        ax.set_title(reached, loc="left")
        ax.legend(loc="upper left")
        frames.append((f"{value:g}", fig))
        where = [f"{share.max():.0%} of the {side} between {_fullest(share, edges)}" for side, share in
                 zip(SIDES, shares[value], strict=True)]  # fmt: skip
        alts.append(
            f"{sweep.knob} {value:g}: histograms of the largest posterior; {' and '.join(where)}{mark}. {reached}."
        )
    return frames, alts


def rank_frames(sweep: "Sweep", values: Sequence[float] | None = None, most: int = 10) -> "Frames":
    """Bars of the first target's mean posterior by rank on a logarithmic axis, for members and non-members, a frame a
    value: what a mask leaves, from the largest posterior to the `most`-th."""
    table, frames, alts = sweep.table(), [], []
    for value in sweep.steps if values is None else values:
        outputs = sweep.outputs(value)
        ordered = np.sort(outputs.posteriors, axis=1)[:, ::-1][:, :most]
        ranks = np.arange(1, ordered.shape[1] + 1)
        fig, ax = figure(height=2.9)
        words = []
        for place, side in enumerate(SIDES):
            means = ordered[_rows(outputs, side)].mean(axis=0)
            ax.bar(ranks + (place - 0.5) * 0.4, means, 0.38, label=side, **style(place, fill=True))
            words.append(f"{side} {', '.join(f'{mean:.3g}' for mean in means[means > 0][:3])}")
        reached = reach(table, value)
        ax.set(xlabel="rank of the posterior", ylabel="mean posterior", yscale="log", ylim=(LOWEST_SHARE, 1.5))
        ax.minorticks_off()
        ax.set_xticks(ranks)
        ax.set_title(reached, loc="left")
        ax.legend(loc="upper right")
        frames.append((f"{value:g}", fig))
        left = int((ordered > 0).any(axis=0).sum())
        alts.append(f"{sweep.knob} {value:g}: {left} bars left; largest means of {'; '.join(words)}. {reached}.")
    return frames, alts


def reach(table: "pd.DataFrame", value: float, measure: str = "attack_accuracy") -> str:
    """What the sweep's first attack reaches at one value, in words: "attack accuracy 0.837 [0.831, 0.843]"."""
    first = _of(table, table["attack"].iloc[0])
    found = _mean(first[first["value"] == value], measure)
    if found is None:
        return f"{_words(measure)} not measurable"
    bounds = "" if found.low is None else f" [{found.low:.3f}, {found.high:.3f}]"
    return f"{_words(measure)} {found.mean:.3f}{bounds}"


def _words(measure: str) -> str:
    return _NAMES.get(measure) or heading(measure)


def _mean(rows: "pd.DataFrame", measure: str) -> Interval | None:
    """The mean over seeds, and its interval cut to what the measure cannot leave; None where nothing was measured."""
    values = rows[measure].dropna().astype(float).tolist()
    if not values:
        return None
    found, (least, most) = over_seeds(values), (0.0, 1.0) if measure in _SHARES else limits(measure)
    if found.low is None or found.high is None:
        return found
    return Interval(found.mean, max(found.low, least), min(found.high, most))


def _level(ax: "Axes", level: "tuple[str, pd.DataFrame] | None", attack: str, measure: str, place: int) -> str:
    """Draw where an attack is without the knob; in words for the alt text."""
    found = None if level is None else _mean(_of(level[1], attack), measure)
    if level is None or found is None:
        return ""
    ax.axhline(found.mean, color=style(place)["color"], linewidth=1, linestyle=":", label=level[0], zorder=0)
    return f", {level[0]} {found.mean:.3f}"


def _legend_below(fig: "Figure") -> None:
    """One legend for all panels, below them and with room of its own: each label once, lines over the knob first."""
    pairs = [pair for ax in fig.axes for pair in zip(*ax.get_legend_handles_labels(), strict=True)]
    entries: dict = {}
    for handle, label in sorted(pairs, key=lambda pair: not hasattr(pair[0], "has_yerr")):
        entries.setdefault(label, handle)
    if entries:
        fig.set_figheight(fig.get_figheight() + 0.2 * (1 + len(entries) // 3))
        fig.legend(list(entries.values()), list(entries), loc="outside lower center", ncols=min(3, len(entries)))


def _of(table: "pd.DataFrame", attack: str) -> "pd.DataFrame":
    return table[table["attack"] == attack]


def _depends_on_attack(table: "pd.DataFrame", measure: str) -> bool:
    return bool((table.groupby(["defenses", "seed"])[measure].nunique() > 1).any())


def _points(ax: "Axes", values: list[float], found: list[Interval], place: int, label: str | None) -> None:
    arms = None if any(interval.low is None for interval in found) else np.hstack([_arms(i) for i in found])
    means = [interval.mean for interval in found]
    ax.errorbar(values, means, yerr=arms, capsize=2, elinewidth=1, label=label, **style(place))


def _arms(interval: Interval) -> list[list[float]] | None:
    if interval.low is None or interval.high is None:
        return None
    return [[interval.mean - interval.low], [interval.high - interval.mean]]


def _open_mark(place: int) -> dict:
    look = style(place)
    return {"color": look["color"], "marker": look["marker"], "linestyle": "", "markerfacecolor": "none",
            "markersize": 9}  # fmt: skip


def _rows(outputs: "Outputs", side: str) -> np.ndarray:
    return outputs.members if side == "members" else ~outputs.members


def _shares(outputs: "Outputs", side: str, edges: np.ndarray) -> np.ndarray:
    top = outputs.posteriors[_rows(outputs, side)].max(axis=1)
    return np.histogram(top, edges)[0] / len(top)


def _fullest(share: np.ndarray, edges: np.ndarray) -> str:
    at = int(share.argmax())
    return f"{edges[at]:.2f} and {edges[at + 1]:.2f}"
