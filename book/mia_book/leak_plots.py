"""Figures of the chapter "Why models leak": members and non-members side by side, and the gap as a knob.

Each function gives a figure and its alt text, computed from what is plotted.
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mia_book.leak import epochs_name
from mia_core.display.figures import show, show_slider
from mia_core.display.svg import figure, style
from mia_core.display.tables import with_interval
from mia_core.gate.posteriors import log_posteriors

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from mia_core.gate.arrays import Outputs
    from mia_core.studies.study import Study

LEAST_LOSS = 1e-6
"""Losses below this, in nats, stand in the first bin."""
LEFT_END = 0.1
"""The alt text counts both sides in the first bins that hold at least this share of the members."""
# Each knob's values stand on a side of their own, in points, with an end of the text: all share the study's own point.
_LABELS = (((5, -13), "left"), ((-6, 6), "right"), ((7, 4), "left"))


def show_confidence_by_epoch(study: "Study", summary: "pd.DataFrame", name: str, caption: str) -> None:
    """Show `confidence_at` for every recorded epoch of an undefended study behind a slider; a lone epoch without one.

    summary  of `mia_book.leak.by_epoch` (see `mia_book.leak.over_the_knob`)
    """
    epochs = study.recipe.recorded_epochs()
    seen = [[study.outputs(seed, 0, (), epoch) for seed in study.settings.seeds] for epoch in epochs]
    shares = [_confidence_shares(outputs) for outputs in seen]
    highest = max(side.max() for sides in shares for side in sides)
    rows = summary.set_index("defenses")
    frames, alts = [], []
    for epoch, sides in zip(epochs, shares, strict=True):
        attack = with_interval(rows.loc[epochs_name(epoch)], "attack_accuracy")
        fig, alt = confidence_at(*sides, classes=seen[0][0].classes, highest=highest, attack=attack)
        frames.append((epoch, fig))
        alts.append(f"After {epochs_name(epoch)}: {alt}")
    if len(frames) == 1:
        show(frames[0][1], alt=alts[0], name=name, caption=caption)
    else:
        show_slider(frames, caption=caption, name=name, alts=alts, label="epoch")


def confidence_at(
    members: NDArray[np.float64], others: NDArray[np.float64], classes: int, highest: float, attack: str
) -> tuple["Figure", str]:
    """Histograms of the largest posterior, from 1/K to 1, as shares of members and of non-members in each bin.

    highest  the largest share in any frame, so that all have one axis; attack: the attack's accuracy there, as text
    """
    edges = np.linspace(1 / classes, 1, len(members) + 1)
    fig, axes = figure(height=3.0)
    for series, (name, shares) in enumerate((("members", members), ("non-members", others))):
        axes.stairs(shares, edges, fill=True, label=name, **style(series, fill=True))
    axes.set(xlabel="largest posterior", ylabel="share of examples", xlim=(edges[0], 1), ylim=(0, 1.05 * highest))
    axes.set_title(f"attack accuracy {attack}", loc="left")
    axes.legend(loc="upper left")
    return fig, (
        f"above a largest posterior of {edges[-2]:.2f} lie {members[-1]:.0%} of the members and {others[-1]:.0%} of "
        f"the non-members; attack accuracy {attack}."
    )


def loss_histogram(seen: "Sequence[Outputs]", bins: int = 28) -> tuple["Figure", str]:
    """Loss of members and of non-members under several models together, as shares of each, on a logarithmic axis.

    seen  outputs with labels; the loss is the cross-entropy, -log p of the true class, in nats
    """
    losses = [-log_posteriors(out.posteriors[np.arange(len(out.labels)), out.labels]) for out in seen]
    loss = np.maximum(np.concatenate(losses), LEAST_LOSS)
    inside = np.concatenate([out.members for out in seen])
    edges = np.geomspace(LEAST_LOSS, max(10.0, 1.001 * loss.max()), bins + 1)
    fig, axes = figure(height=3.0)
    medians, shares = {}, {}
    for series, (name, side) in enumerate((("members", inside), ("non-members", ~inside))):
        shares[name] = np.histogram(loss[side], edges)[0] / side.sum()
        axes.stairs(shares[name], edges, fill=True, label=name, **style(series, fill=True))
        medians[name] = np.median(loss[side])
    axes.set(xscale="log", xlabel="loss (nats)", ylabel="share of examples", xlim=(edges[0], edges[-1]))
    axes.minorticks_off()
    axes.legend(loc="upper left")
    parts = ", ".join(f"{value:.2g} nats for {name}" for name, value in medians.items())
    first = int(np.searchsorted(np.cumsum(shares["members"]), LEFT_END)) + 1  # bins that hold so many members
    left = " and ".join(f"{share[:first].sum():.1%} of the {name}" for name, share in shares.items())
    return fig, (
        f"Histograms of the loss on a logarithmic axis. At the left end, below {edges[first]:.2g} nats, lie {left}. "
        f"The median is {parts}."
    )


def over_epochs(summary: "pd.DataFrame") -> tuple["Figure", str]:
    """Accuracy on members and non-members, and below it the attack's, against the epoch, with intervals over seeds.

    summary  of `mia_book.leak.by_epoch` (see `mia_book.leak.over_the_knob`)
    """
    fig, (above, below) = figure(2, height=2.5, sharex=True)
    _band(above, summary, "target_train_accuracy", "members", 0)
    _band(above, summary, "target_accuracy", "non-members", 1)
    above.set(ylabel="target accuracy", ylim=(0, 1.04))
    _band(below, summary, "attack_accuracy", "adversary 1", 2)
    below.axhline(0.5, label="guessing", color=style(5)["color"], linestyle=style(5)["linestyle"])
    below.set(xlabel="epoch", ylabel="attack accuracy", xscale="log")
    below.set_xticks(summary["knob"], labels=[str(value) for value in summary["knob"]])
    below.minorticks_off()
    for axes in (above, below):
        axes.legend(loc="best")
    parts = "; ".join(
        f"{row['defenses']}: {row['target_train_accuracy']:.2f}, {row['target_accuracy']:.2f}, "
        f"{row['attack_accuracy']:.2f}"
        for _, row in summary.iterrows()
    )
    return fig, f"Accuracy on members, accuracy on non-members and attack accuracy by epoch. {parts}."


def gap_against_attack(knobs: "Mapping[str, pd.DataFrame]") -> tuple["Figure", str]:
    """The attack's balanced accuracy against the generalisation gap, a point a value of each knob.

    knobs  name -> summary of `mia_book.leak.over_the_knob`. The line is what the gap attack reaches
    """
    fig, axes = figure(height=3.8)
    parts = []
    for series, (name, summary) in enumerate(knobs.items()):
        look, (offset, side) = style(series), _LABELS[series % len(_LABELS)]
        for place, (_, row) in enumerate(summary.iterrows()):
            x, y = row["generalisation_gap"], row["balanced_accuracy"]
            axes.errorbar(
                x, y, xerr=_arms(row, "generalisation_gap"), yerr=_arms(row, "balanced_accuracy"), color=look["color"],
                marker=look["marker"], linestyle="", elinewidth=0.8, label=name if place == 0 else None,
            )  # fmt: skip
            value = f"{row['knob']:,}" if row["knob"] % 1 == 0 else f"{row['knob']:g}"
            axes.annotate(value, (x, y), xytext=offset, textcoords="offset points", ha=side, fontsize=10)
        parts += [f"{row['defenses']} {row['generalisation_gap']:.2f} / {row['balanced_accuracy']:.2f}"
                  for _, row in summary.iterrows()]  # fmt: skip
    reach = max(0.1, axes.get_xlim()[1])
    line = style(5)
    axes.plot([0, reach], [0.5, 0.5 + reach / 2], label="gap attack", color=line["color"], linestyle=line["linestyle"])
    axes.set(xlabel="generalisation gap", ylabel="balanced accuracy of the attack")
    axes.legend(loc="upper left")
    return fig, (
        f"Generalisation gap / balanced accuracy of adversary 1: {', '.join(parts)}. A line shows what the gap attack "
        "reaches, one half plus half the gap."
    )


def _confidence_shares(seen: "Sequence[Outputs]", bins: int = 20) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Shares of members and of non-members of all these models in each bin of the largest posterior."""
    top = np.concatenate([out.posteriors.max(axis=1) for out in seen])
    inside = np.concatenate([out.members for out in seen])
    # A sum of rounded terms can leave the range by the last digit.
    edges = np.linspace(1 / seen[0].classes, 1, bins + 1)
    counts = [np.histogram(np.clip(top[side], edges[0], 1), edges)[0] / side.sum() for side in (inside, ~inside)]
    return counts[0], counts[1]


def _band(axes: "Axes", summary: "pd.DataFrame", measure: str, label: str, series: int) -> None:
    axes.plot(summary["knob"], summary[measure], label=label, **style(series))
    low, high = (summary[f"{measure}_{side}"].astype(float) for side in ("low", "high"))
    axes.fill_between(summary["knob"], low, high, color=style(series)["color"], alpha=0.18, linewidth=0)


def _arms(row: "pd.Series", name: str) -> list[list[float]] | None:
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    if low is None or low != low:
        return None
    return [[row[name] - low], [high - row[name]]]
