"""Studies that took hours, recorded: their tables and what made them, as committed under `results/`."""

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mia_core.base.errors import DataError
from mia_core.base.files import absolute

if TYPE_CHECKING:
    import pandas as pd


REPORT_ARRAYS = {"target": "targetModelData.npz", "shadow": "shadowModelData.npz"}
"""Files of the arrays that the report's author published; they are no part of this project."""


def results_dir() -> Path:
    """The folder of recorded results: that of the environment variable MIA_RESULTS, else `results` of the checkout."""
    given = os.environ.get("MIA_RESULTS", "").strip()
    return absolute(given) if given else Path(__file__).parents[2] / "results"


def recorded(name: str) -> tuple["pd.DataFrame", dict[str, Any]]:
    """The table of a recorded study (see `mia_core.studies.study.Study.table`) and its provenance.

    Raises `DataError` where either file is missing or cannot be read.
    """
    import pandas as pd

    table, provenance = results_dir() / f"{name}.csv", results_dir() / f"{name}.provenance.json"
    try:
        return pd.read_csv(table), json.loads(provenance.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(
            f"{table}: no recorded study, or damaged ({type(error).__name__}); a checkout of the project holds them, "
            f"and MIA_RESULTS names another folder"
        ) from None


def recorded_parts(name: str) -> tuple["pd.DataFrame", list[dict[str, Any]]]:
    """A study that was recorded in parts, NAME.csv, NAME-2.csv and so on: one table, and the provenance of each part.

    Raises `DataError` as `recorded` does.
    """
    import pandas as pd

    first, made = recorded(name)
    tables, about = [first], [made]
    while (results_dir() / f"{name}-{len(tables) + 1}.csv").is_file():
        table, made = recorded(f"{name}-{len(tables) + 1}")
        tables.append(table)
        about.append(made)
    return pd.concat(tables, ignore_index=True), about


def arrays_folder() -> Path | None:
    """The folder with the author's arrays, data/report-arrays under MIA_SHARED; None where that does not hold them."""
    given = os.environ.get("MIA_SHARED", "").strip()
    folder = absolute(given) / "data" / "report-arrays"
    return folder if given and all((folder / name).is_file() for name in REPORT_ARRAYS.values()) else None
