"""Figures of the chapter "The attack mechanism"; the alt text is computed from what is plotted."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mia_core.display.svg import figure, style

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def score_histogram(
    scores: NDArray[np.float64], members: NDArray[np.bool_], threshold: float, bins: int = 30
) -> tuple["Figure", str]:
    """What an attack model says of members and of non-members: shares of each by score, the threshold as a line.

    scores  log-odds of membership [N]; members [N]; from the threshold on the attack says "member"
    """
    edges = np.histogram_bin_edges(scores, bins)
    fig, axes = figure(height=3.0)
    above = []
    for series, (name, side) in enumerate((("members", members), ("non-members", ~members))):
        shares = np.histogram(scores[side], edges)[0] / side.sum()
        axes.stairs(shares, edges, fill=True, label=name, **style(series, fill=True))
        above.append(f"{(scores[side] >= threshold).mean():.0%} of the {name}")
    axes.axvline(threshold, label="threshold", color=style(2)["color"], linestyle="--")
    axes.set(xlabel="score (log-odds of membership)", ylabel="share of examples")
    axes.legend(loc="upper left")
    return fig, (
        f"Two histograms of the attack model's score, from {edges[0]:.1f} to {edges[-1]:.1f}. From the threshold of "
        f"{threshold:g} on, a dashed line, lie {' and '.join(above)}."
    )
