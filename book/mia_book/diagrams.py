"""Drawings that explain without data."""

from typing import TYPE_CHECKING

from mia_core.display.svg import LINES, figure, style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Name, left edge, bottom edge, lines of text: on a board of 10 by 6.
_BOXES = (
    (0.1, 4.2, "target's\nmembers and\nnon-members"),
    (3.7, 4.2, "target model,\ntrained on\nits members"),
    (7.3, 4.2, "posteriors,\nmembership\nunknown"),
    (0.1, 1.0, "shadow's\nmembers and\nnon-members"),
    (3.7, 1.0, "shadow model,\nthe attacker's\nown"),
    (7.3, 1.0, "posteriors,\nmembership\nknown"),
)


def adversary_1() -> tuple["Figure", str]:
    """The pipeline of adversary 1 (Salem et al. 2019): four parts of data, a target, a shadow, an attack model."""
    fig, axes = figure(height=3.6)
    axes.set(xlim=(0, 10.1), ylim=(0.2, 6.1))
    axes.axis("off")
    for series, (left, bottom, text) in zip((0, 0, 0, 1, 1, 1), _BOXES, strict=True):
        _box(axes, left, bottom, text, style(series)["color"])
    for bottom in (4.2, 1.0):
        for left in (2.75, 6.35):
            _arrow(axes, (left, bottom + 0.65), (left + 0.9, bottom + 0.65))
    _box(axes, 3.7, 2.85, "attack model", style(2)["color"], height=0.8)
    _arrow(axes, (8.2, 2.4), (6.4, 3.05))
    _arrow(axes, (6.4, 3.45), (8.2, 4.1))
    axes.text(7.8, 2.75, "fitted on these", va="center", fontsize=8.5)
    axes.text(7.8, 3.6, "used on these", va="center", fontsize=8.5)
    axes.text(0.1, 5.75, "what the attacker cannot see into", fontsize=9, color=style(0)["color"])
    axes.text(0.1, 0.55, "what the attacker builds", fontsize=9, color=style(1)["color"])
    alt = (
        "Two rows of three boxes. Above: the target's members and non-members, the target model, its posteriors with "
        "membership unknown. Below: the same for the shadow, with membership known. The attack model is fitted on the "
        "shadow's posteriors and used on the target's."
    )
    return fig, alt


def _box(axes, left: float, bottom: float, text: str, color: str, height: float = 1.3) -> None:
    from matplotlib.patches import FancyBboxPatch

    axes.add_patch(
        FancyBboxPatch((left, bottom), 2.6, height, boxstyle="round,pad=0.02", facecolor="none", edgecolor=color)
    )
    axes.text(left + 1.3, bottom + height / 2, text, ha="center", va="center", fontsize=8.5)


def _arrow(axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    axes.annotate("", end, start, arrowprops={"arrowstyle": "->", "color": LINES, "shrinkA": 0, "shrinkB": 0})
