"""Of "The attack mechanism": a drawing of the pipeline, the attack model's scores, a claim on what it sees."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from mia_book.claims import HERE
from mia_book.sweeps import both_sides
from mia_core.display.plots import sides
from mia_core.display.svg import LINES, figure, style
from mia_core.measures.claims import Claim

THREE, EVERY = "the three largest", "all"
MORE_CLAIM = Claim("All posteriors make the attack more accurate than the three largest do.",
    HERE, "attack_accuracy", EVERY, THREE, "higher")  # fmt: skip
"""On tables of adversary 1 whose column `defenses` says which posteriors it sees."""
# Left edge, bottom edge, lines of text: on a board of 10 by 6.
_BOXES = (
    (0.1, 4.2, "target's\nmembers and\nnon-members"),
    (3.7, 4.2, "target model,\ntrained on\nits members"),
    (7.3, 4.2, "posteriors,\nmembership\nunknown"),
    (0.1, 1.0, "shadow's\nmembers and\nnon-members"),
    (3.7, 1.0, "shadow model,\nthe attacker's\nown"),
    (7.3, 1.0, "posteriors,\nmembership\nknown"),
)


def adversary_1() -> tuple[Figure, str]:
    """The pipeline of adversary 1 (Salem et al. 2019): four parts of data, a target, a shadow, an attack model."""
    fig, axes = figure(height=3.6)
    axes.set(xlim=(0, 10.1), ylim=(0.2, 6.1))
    axes.axis("off")
    for series, (left, bottom, text) in zip((3, 3, 3, 4, 4, 4), _BOXES, strict=True):
        _box(axes, left, bottom, text, style(series)["color"])
    for bottom in (4.2, 1.0):
        for left in (2.75, 6.35):
            _arrow(axes, (left, bottom + 0.65), (left + 0.9, bottom + 0.65))
    _box(axes, 3.7, 2.85, "attack model", style(2)["color"], height=0.8)
    _arrow(axes, (8.2, 2.4), (6.4, 3.05))
    _arrow(axes, (6.4, 3.45), (8.2, 4.1))
    axes.text(7.8, 2.75, "fitted on these", va="center", fontsize=8.5)
    axes.text(7.8, 3.6, "used on these", va="center", fontsize=8.5)
    axes.text(0.1, 5.75, "what the attacker cannot see into", fontsize=9, color=style(3)["color"])
    axes.text(0.1, 0.55, "what the attacker builds", fontsize=9, color=style(4)["color"])
    return fig, (
        "Two rows of three boxes. Above: the target's members and non-members, the target model, its posteriors with "
        "membership unknown. Below: the same for the shadow, with membership known. The attack model is fitted on the "
        "shadow's posteriors and used on the target's."
    )


def _box(axes: Axes, left: float, bottom: float, text: str, color: str, height: float = 1.3) -> None:
    from matplotlib.patches import FancyBboxPatch

    look = {"boxstyle": "round,pad=0.02", "facecolor": "none", "edgecolor": color}
    axes.add_patch(FancyBboxPatch((left, bottom), 2.6, height, **look))
    axes.text(left + 1.3, bottom + height / 2, text, ha="center", va="center", fontsize=8.5)


def _arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    axes.annotate("", end, start, arrowprops={"arrowstyle": "->", "color": LINES, "shrinkA": 0, "shrinkB": 0})


def score_histogram(
    scores: NDArray[np.float64], members: NDArray[np.bool_], threshold: float, bins: int = 30
) -> tuple[Figure, str]:
    """What an attack model says of members and of non-members: shares of each by score, the threshold as a line.

    scores  log-odds of membership [N]; members [N]; from the threshold on the attack says "member"
    """
    edges = np.histogram_bin_edges(scores, bins)
    fig, axes = figure(height=3.0)
    both_sides(axes, scores, members, edges)
    axes.axvline(threshold, label="threshold", color=style(2)["color"], linestyle="--")
    axes.set(xlabel="score (log-odds of membership)", ylabel="share of examples")
    axes.legend(loc="upper left")
    above = [f"{(scores[side] >= threshold).mean():.0%} of the {name}" for name, side in sides(members).items()]
    return fig, (
        f"Two histograms of the attack model's score, from {edges[0]:.1f} to {edges[-1]:.1f}. From the threshold of "
        f"{threshold:g} on, a dashed line, lie {' and '.join(above)}."
    )


def steps_table(steps: Mapping[str, Sequence[float]]) -> pd.DataFrame:
    """Examples on their way through the attack, one row each.

    steps  name of an example -> its three largest posteriors and its score, the log-odds of membership
    """
    heads = ("largest", "second", "third", "score")
    rows = [{"example": name} | dict(zip(heads, map(float, values), strict=True)) for name, values in steps.items()]
    table = pd.DataFrame(rows)
    return table.assign(**{"says member with": 1 / (1 + np.exp(-table["score"]))})
