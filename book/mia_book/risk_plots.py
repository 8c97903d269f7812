"""Figures of "Who is at risk": the images themselves, and how unevenly the risk is spread over them.

Each takes a table of `mia_core.studies.vulnerability.vulnerability` and gives a figure and its alt text.
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from mia_core.display.svg import figure, style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from mia_core.studies.reference_study import ReferenceStudy

ROWS = ("most at risk", "least at risk")


def images_at_risk(study: "ReferenceStudy", risk: "pd.DataFrame", number: int = 6) -> tuple["Figure", str]:
    """The `number` ordinary images most at risk and as many least at risk, with label and how many targets give them
    away, of those that trained on them."""
    ordinary = risk[~risk["canary"] & (risk["targets"] > 0)]
    fig, axes = figure(2, number, height=1.5, squeeze=False)
    parts = []
    for line, (words, chosen) in enumerate(zip(ROWS, (ordinary.head(number), ordinary.tail(number)), strict=True)):
        shown = []
        for ax in axes[line]:
            ax.set(xticks=[], yticks=[])
            ax.spines[:].set_visible(False)
            ax.grid(visible=False)
        for ax, (_, row) in zip(axes[line], chosen.iterrows(), strict=False):
            pixels = study.dataset.images[row["row"]]
            ax.imshow(np.moveaxis(pixels, 0, -1).squeeze(), cmap="gray", vmin=0, vmax=255, interpolation="none")
            label = str(study.dataset.classes[row["label"]])
            ax.set_title(f"{label[:8]}\n{_of(row)}", fontsize=9)
            shown.append(f"{label} ({_of(row)})")
        axes[line, 0].set_ylabel(words)
        parts.append(f"{words}: {', '.join(shown)}")
    return fig, f"Images with their label and how many targets give them away. {'; '.join(parts)}."


def spread_of_risk(risk: "pd.DataFrame") -> tuple["Figure", str, float | None]:
    """Bars of how many of its targets give an ordinary example away, beside what equal risk for all would look like.

    If every example had the same chance to be found by each target that trained on it, the counts would be binomial.
    Examples with the most common number of targets are drawn, shares of them. Also returns the share that is found by
    all of its targets, None where nothing was measurable.
    """
    known = risk[~risk["canary"] & risk["found"].notna() & (risk["targets"] > 0)]
    fig, ax = figure(height=3.1)
    ax.set(xlabel="targets that give the example away", ylabel="share of ordinary examples")
    if known.empty:
        return fig, "An empty figure: at this level nothing is measurable.", None
    targets = int(known["targets"].mode().iloc[0])
    found = np.round(known.loc[known["targets"] == targets, "found"] * targets).astype(int)
    counts = np.arange(targets + 1)
    observed = np.bincount(found, minlength=targets + 1) / len(found)
    equal = binom.pmf(counts, targets, found.mean() / targets)
    for place, (words, shares) in enumerate((("observed", observed), ("if all had the same risk", equal))):
        ax.bar(counts + 0.4 * (place - 0.5), shares, 0.38, label=words, **style(place, fill=True))
    ax.set_xticks(counts)
    ax.legend(loc="best")
    listed = [f"{words}: {_listed(shares)}" for words, shares in (("observed", observed), ("equal risk", equal))]
    alt = (
        f"Share of examples found by 0 to {targets} of the {targets} targets that trained on them. {'; '.join(listed)}."
    )
    return fig, alt, float(observed[-1])


def _of(row: "pd.Series") -> str:
    if np.isnan(row["found"]):
        return f"? of {row['targets']}"
    return f"{round(row['found'] * row['targets'])} of {row['targets']}"


def _listed(shares: NDArray[np.float64]) -> str:
    return ", ".join(f"{share:.2f}" for share in shares)
