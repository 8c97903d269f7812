"""The picture on the front page: the trade-off of a recorded study, drawn when the page is rendered."""

from mia_core.display.figures import figure_html
from mia_core.display.plots import privacy_utility
from mia_core.display.svg import themed_svg
from mia_core.studies.recorded import recorded
from mia_core.studies.study import over_the_seeds

NAMES = {"cifar10-jpeg": "CIFAR-10 (JPEG copy)"}
"""Recorded studies as a reader calls their data."""


def recorded_tradeoff(name: str) -> str:
    """HTML of a numbered figure `fig-front`: target against attack accuracy in the recorded study called `name`.

    Raises `DataError` where there is no such recorded study.
    """
    table, made = recorded(name)
    fig, alt = privacy_utility(over_the_seeds(table))
    settings = made["settings"]
    caption = (
        f"Eight combinations of three defenses on {NAMES.get(name, name)}, {settings['epochs']} epochs, "
        f"{len(settings['seeds'])} seeds with {settings['confidence']:.0%} intervals, recorded "
        f"{made['models_made']['last'][:10]}. Down is safer, to the right is more useful; the dotted line is guessing."
    )
    if "Rings" in alt:
        caption += " Ring: another mark lies inside it."
    body = f'<div class="mia-plot">{themed_svg(fig, name="front", alt=alt)}</div>'
    return figure_html("fig", "front", body, caption)
