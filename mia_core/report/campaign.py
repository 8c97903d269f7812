"""The recorded campaign of faults, as a table on a page that runs no code."""

import pandas as pd

from mia_core.base.errors import DataError
from mia_core.base.files import content_of, reason
from mia_core.base.sealed import unsealed
from mia_core.display.figures import figure_html, table_html
from mia_core.studies.recorded import results_dir

CAMPAIGN = "campaign.json"


def recorded_campaign() -> str:
    """HTML of a numbered table `tab-campaign`: how many cases of each fault were tried, and in how many all held.

    Raises `DataError` where no campaign is recorded, or its file was altered.
    """
    path = results_dir() / CAMPAIGN
    try:
        found, _ = unsealed(content_of(path).decode("utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: no recorded campaign, or damaged: {reason(error)}") from None
    rows = [{"fault": name, **counts} for name, counts in found["parts"].items()]
    seeds = ", ".join(map(str, found["seeds"]))
    caption = (
        f"Cases tried and held, by fault. A case holds where everything promised held. Left out is what this machine "
        f"could not try. Recorded {found['made']} ({found['system']}), seed {seeds}."
    )
    return figure_html("tab", "campaign", table_html(pd.DataFrame(rows), caption), caption)
