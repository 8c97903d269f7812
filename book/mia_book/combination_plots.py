"""Figures of combined defenses: the Pareto front, defended models beside the early-stopping line, sums of effects.

Each function gives a Matplotlib figure and its alt text, computed from what is plotted.
"""

from typing import TYPE_CHECKING

from mia_core.display.plots import privacy_utility, ringed, rings_in_words
from mia_core.display.svg import LINES, figure, style
from mia_core.measures.text import heading
from mia_core.studies.pareto import pareto_front

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from mia_core.studies.interactions import Interaction


def with_front(summary: "pd.DataFrame", measure: str = "attack_accuracy") -> tuple["Figure", str]:
    """`mia_core.display.plots.privacy_utility` with the Pareto front of the means drawn as a staircase.

    Left and above of the staircase some combination is at least as good in both; nothing measured lies on its other
    side.
    summary  of one data set and attack (see `mia_core.studies.study.over_the_seeds`)
    """
    fig, alt = privacy_utility(summary, measure)
    names = pareto_front(summary, measure)
    points = summary.set_index("defenses").loc[names]
    axes = fig.axes[0]
    # The staircase goes on to the edges of the plot, which must not move for it.
    limits = axes.get_xlim(), axes.get_ylim()
    x = [limits[0][0], *points["target_accuracy"], points["target_accuracy"].iloc[-1]]
    y = [points[measure].iloc[0], *points[measure], limits[1][1]]
    axes.plot(x, y, drawstyle="steps-pre", color=LINES, linewidth=1, zorder=0)
    axes.set(xlim=limits[0], ylim=limits[1])
    return fig, f"{alt} On the Pareto front: {', '.join(names)}."


def beside_stopping(
    summary: "pd.DataFrame", epochs: "pd.DataFrame", measure: str = "attack_accuracy", attack: str = "adversary1"
) -> tuple["Figure", str]:
    """Target accuracy against an attack's measure: the undefended model epoch by epoch, and each defended model.

    Thin lines are seeds, the thick line their mean at each recorded epoch, with the epoch beside it. A mark that
    another one hides becomes a ring around it.

    summary  of the defended models (`mia_core.studies.study.over_the_seeds`)
    epochs   see `mia_core.studies.early_stopping.epochs_table`
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
    rings = ringed(list(marks.values()))
    fig.legend(loc="outside lower center", ncols=2)
    alt = f"{alt} Defended models: {', '.join(parts)}."
    return fig, alt + rings_in_words([list(marks)[place] for place in rings])


def stopping_line(
    axes: "Axes", epochs: "pd.DataFrame", measure: str, attack: str = "adversary1", of: str | None = None
) -> str:
    """Draw the undefended model at its recorded epochs into `axes`; returns its part of the alt text.

    of  what the measure is called there; by default its column's name in words
    """
    rows = epochs[(epochs["attack"] == attack) & (epochs["defenses"] == "none")]
    for _, of_seed in rows.sort_values("epochs").groupby("seed"):
        axes.plot(of_seed["target_accuracy"], of_seed[measure], color=LINES, linewidth=0.6, alpha=0.45)
    mean = rows.groupby("epochs")[["target_accuracy", measure]].mean()
    axes.plot(mean["target_accuracy"], mean[measure], color=LINES, marker=".", label="undefended, by epoch")
    for epoch, point in mean.iterrows():
        axes.annotate(f"{epoch}", (point["target_accuracy"], point[measure]), (-3, 5), textcoords="offset points",
                      ha="right", fontsize=9)  # fmt: skip
    parts = [f"epoch {epoch} {point['target_accuracy']:.2f} / {point[measure]:.2f}" for epoch, point in mean.iterrows()]
    words = of or heading(measure)
    return f"Target accuracy / {words} of the undefended model, means over seeds: {', '.join(parts)}."


def sums_of_effects(found: "list[Interaction]") -> tuple["Figure", str]:
    """For each combination, what its parts would give if their effects added up, and what was measured."""
    fig, axes = figure(height=1.2 + 0.45 * len(found))
    parts = []
    for row, one in enumerate(reversed(found)):
        axes.plot([one.expected, one.measured], [row, row], color=LINES, linewidth=1, zorder=0)
        for series, value, label in ((1, one.expected, "sum of the parts"), (0, one.measured, "measured")):
            look = style(series)
            look |= {"linestyle": "", "markersize": 7, "markerfacecolor": "none" if series else look["color"]}
            axes.plot(value, row, label=None if row else label, **look)
        parts.insert(0, f"{one.defenses} {one.expected:.2f} / {one.measured:.2f}")
    axes.set_yticks(range(len(found)), [two_lines(one.defenses) for one in reversed(found)])
    axes.set(xlabel=f"{heading(found[0].measure)} (to the left: safer)", ylim=(-0.6, len(found) - 0.4))
    fig.legend(loc="outside lower center", ncols=2)
    return fig, f"Sum of the parts / measured {heading(found[0].measure)}: {'; '.join(parts)}."


def two_lines(name: str) -> str:
    """A long name in two lines, so that it leaves room for the plot on a phone."""
    first, _, rest = name.rpartition("+")
    return f"{first}\n+{rest}" if first.count("+") else name
