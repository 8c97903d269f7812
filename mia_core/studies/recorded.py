"""Studies that took hours, recorded: their tables and what made them, as committed under `results/`."""

import hashlib
import io
import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mia_core.base.errors import DataError, MiaWarning
from mia_core.base.files import absolute, content_of, reason, write_atomically
from mia_core.base.messages import shown
from mia_core.base.sealed import sealed, unsealed

if TYPE_CHECKING:
    import pandas as pd


REPORT_ARRAYS = {"target": "targetModelData.npz", "shadow": "shadowModelData.npz"}
"""Files of the arrays that the report's author published; they are no part of this project."""


ENDING = ".provenance.json"
FORMAT = 1
TABLE = "sha256_of_table"
"""The name under which a provenance holds the digest of its table."""


def results_dir() -> Path:
    """The folder of recorded results: that of the environment variable MIA_RESULTS, else `results` of the checkout."""
    given = os.environ.get("MIA_RESULTS", "").strip()
    return absolute(given) if given else Path(__file__).parents[2] / "results"


def write_recorded(out: Path, table: "pd.DataFrame", about: Mapping[str, Any]) -> tuple[Path, Path]:
    """Write a table, numbers with six decimals, to `out`, and beside it what made it: NAME.provenance.json.

    The provenance holds a digest of the table's bytes and one of itself. Each file is written whole or not at all, so
    where the second cannot be written, the digest tells that the two do not belong together.
    """
    made_by = out.with_suffix(ENDING)
    content = table.to_csv(index=False, float_format="%.6f", lineterminator="\n").encode()
    record = sealed({"format": FORMAT, **about, TABLE: _digest(content)}).encode()
    write_atomically(out, lambda file: file.write(content))
    write_atomically(made_by, lambda file: file.write(record))
    return out, made_by


def recorded(name: str) -> tuple["pd.DataFrame", dict[str, Any]]:
    """The table of a recorded study (see `mia_core.studies.study.Study.table`) and its provenance.

    Warns (`MiaWarning`) where an older version wrote them, without digests: nothing can then tell whether they are
    what was written. Raises `DataError`, one line that names the file, where either is missing, cut or altered, or of a
    newer version.
    """
    import pandas as pd

    path = made_by = results_dir() / f"{name}{ENDING}"
    try:
        about, checked = unsealed(content_of(made_by).decode("utf-8"))
        if about.get("format", FORMAT) != FORMAT:
            raise ValueError(f"its format is {about['format']!r}, expected {FORMAT}: is it of a newer version?")
        if not checked and "format" in about:
            raise ValueError("its digest is missing")
        path = made_by.with_name(f"{name}.csv")
        content = content_of(path)
        if checked and about.get(TABLE) != _digest(content):
            raise ValueError(f"its content does not match {TABLE} in {made_by.name}")
        table = pd.read_csv(io.BytesIO(content))
    except (OSError, ValueError) as error:
        raise DataError(
            f"{shown(path)}: no recorded study, or damaged ({reason(error)}); a checkout of the project holds them, "
            f"and MIA_RESULTS names another folder"
        ) from None
    if not checked:
        message = "an older version wrote it without a digest, so nothing can tell whether the table is whole"
        warnings.warn(f"{shown(made_by)}: {message}; write it again to have it checked", MiaWarning, stacklevel=2)
    return table, about


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


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
