"""What is recorded, drawn when a page that runs no code is rendered: the front page's picture, a campaign's figures."""

from mia_core.base.errors import DataError
from mia_core.base.files import reason
from mia_core.base.sealed import unsealed
from mia_core.display.figures import figure_html, table_html
from mia_core.display.plots import privacy_utility
from mia_core.display.svg import themed_svg
from mia_core.studies.recorded import recorded, results_dir
from mia_core.studies.study import over_the_seeds

NAMES = {"cifar10-jpeg": "CIFAR-10 (JPEG copy)"}
"""Recorded studies as a reader calls their data."""
CAMPAIGN = "campaign.json"


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


def recorded_campaign() -> str:
    """HTML of a numbered table `tab-campaign`: how many cases of each fault were tried, and in how many all held.

    Raises `DataError` where no campaign is recorded, or its file was altered.
    """
    import pandas as pd

    path = results_dir() / CAMPAIGN
    try:
        found, _ = unsealed(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: no recorded campaign, or damaged: {reason(error)}") from None
    rows = [{"fault": name, **counts} for name, counts in found["parts"].items()]
    seeds = ", ".join(map(str, found["seeds"]))
    caption = (
        f"Cases tried and held, by fault. A case holds where everything promised held. Left out is what this machine "
        f"could not try. Recorded {found['made']} ({found['system']}), seed {seeds}."
    )
    return figure_html("tab", "campaign", table_html(pd.DataFrame(rows), caption), caption)
