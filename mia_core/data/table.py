"""A table, .csv or .parquet: numbers, categories and missing values as columns of numbers, and one column of classes.

Nothing is fitted here. Which columns there are follows from the whole file and is the same for every model; means,
spreads and known categories are each model's own, from its members (`mia_core.model.columns`).
"""

import csv
import hashlib
import io
import os
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from cachetools import LRUCache, cached

from mia_core.base.errors import ArrayError, DataError, MiaWarning
from mia_core.base.files import content_of, reason
from mia_core.base.messages import listing, name_text, one_line
from mia_core.data.dataset import Dataset
from mia_core.data.source import Source
from mia_core.data.tabular import as_classes, check_close, narrowest, tell_repeated
from mia_core.gate.columns import read_table

if TYPE_CHECKING:
    import pandas as pd

LABELS = ("label", "target", "class")
"""Names of a column that holds the classes where none is named, in any case."""
MOST_CATEGORIES = 1000
MOST_BYTES = 1 << 32  # of the columns
READ = {"skipinitialspace": True, "na_values": ["?"], "index_col": False, "low_memory": False}
"""How a .csv file is read: an empty field, NA, NaN and the like are missing values, and so is the ? of UCI's files."""


def load_table(path: str, column: str = "") -> Dataset:
    """The table in a .csv file (with a line of names, fields apart by commas, UTF-8) or a .parquet file. All rows are
    in the pool.

    column  that holds the classes; by default the only one called label, target or class
    A column of numbers stays one; any other becomes a column of zeros and ones for each of its values. Either one with
    missing values gets one more that says where. Raises `DataError` that names file and column.
    """
    source = one_line(os.fspath(path))
    if Path(path).suffix.lower() not in (".csv", ".parquet"):
        raise DataError(f"{source}: expected a file whose name ends in .csv or .parquet, and #COLUMN behind it or not")
    try:
        content = content_of(os.path.expanduser(path))
    except (OSError, ValueError) as error:
        raise DataError(f"{source}: cannot be read: {reason(error)}") from None
    dataset, remarks = _dataset(path, content, column)
    for remark in remarks:
        warnings.warn(remark, stacklevel=2)
    return dataset


# The studies of a chapter ask for the same file again and again.
@cached(LRUCache(2), key=lambda path, content, column: (path, column, hashlib.sha256(content).digest()))
def _dataset(path: str, content: bytes, column: str) -> tuple[Dataset, list[Warning]]:
    source = one_line(os.fspath(path))
    if Path(path).suffix.lower() == ".csv":
        _check_lines(source, content)
    try:
        table = read_table(path, content, **READ)
    except ArrayError as error:
        raise DataError(str(error)) from None
    table.columns = [str(name).strip() for name in table.columns]
    _check_names(source, list(table.columns))
    label = _label(source, list(table.columns), column)
    numbers, classes = as_classes(f"{source}: column {one_line(label, 60)}", _labels(table[label]))
    parts, remarks = [], []
    for name in table.columns.drop(label):
        if name.startswith("Unnamed: "):
            remarks.append(f"{source}: column {name.removeprefix('Unnamed: ')} has no name (row numbers?); left out")
            continue
        parts += _columns(f"{source}: column {one_line(name, 60)}", table[name])
        if 4 * len(table) * len(parts) > MOST_BYTES:
            found = f"more than {MOST_BYTES >> 30} GiB up to column {one_line(name, 60)}"
            raise DataError(f"{source}: found {found}; expected fewer rows, columns or categories")
    if not parts:
        raise DataError(f"{source}: found no column but {one_line(label, 60)}; expected at least one more")
    inputs = np.column_stack(parts)
    missing = bool(np.isnan(inputs).any())
    dataset = Dataset(name_text(Path(path).stem) or "table", inputs, numbers, classes, len(numbers), missing)
    return dataset, [*map(MiaWarning, remarks), *tell_repeated(source, dataset)]


def _check_lines(source: str, content: bytes) -> None:
    """Raise `DataError` for a line that has more or fewer fields than the first: pandas would shift or fill them."""
    try:
        lines = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), skipinitialspace=True, strict=True)
        names = next(lines, [])
        if not any(name.strip() for name in names):
            raise DataError(f"{source}: found no names of columns in the first line; expected them, apart by commas")
        _check_names(source, [name.strip() for name in names if name.strip()])
        rows = 0
        for fields in lines:
            rows += bool(fields)
            if fields and len(fields) != len(names):
                where = f"line {lines.line_num}: found {len(fields)} fields"
                raise DataError(f"{source}: {where}; expected {len(names)}, as many as columns are named")
    except UnicodeDecodeError as error:
        raise DataError(f"{source}: byte {error.start}: found no UTF-8 text; expected a file saved as UTF-8") from None
    except csv.Error as error:
        found = f"line {lines.line_num}: {one_line(error)}"
        raise DataError(f"{source}: {found}; expected fields apart by commas") from None
    if not rows:
        raise DataError(f"{source}: found no rows below the names of columns; expected examples")


def _check_names(source: str, names: list[str]) -> None:
    twice = next((name for name, number in Counter(names).items() if number > 1), None)
    if twice is not None:
        raise DataError(f"{source}: column {one_line(twice, 60)}: found twice; expected once")


def _label(source: str, columns: list[str], column: str) -> str:
    """The column that holds the classes."""
    shown = listing(columns, 8)
    if column:
        if column in columns:
            return column
        raise DataError(f"{source}: column {one_line(column, 60)}: not found; expected one of {shown}")
    found = [name for name in columns if name.lower() in LABELS]
    if len(found) == 1:
        return found[0]
    many = f"{len(found)} columns of the names {', '.join(LABELS)}" if found else f"the columns {shown}"
    raise DataError(
        f"{source}: found {many}; name the column of classes behind the file, as in table:{one_line(Path(source).name)}"
        f"#COLUMN, or call it {LABELS[0]}"
    )


def _labels(column: "pd.Series") -> np.ndarray:
    """Labels as they are written; numbers are numbers, and a missing one is None."""
    if column.dtype.kind in "iu" and not column.isna().any():
        return column.to_numpy(dtype=np.int64)
    if column.dtype.kind in "fiu":
        return column.to_numpy(dtype=np.float64, na_value=np.nan)
    known = column.astype(object).where(column.notna(), None)
    return np.array([value if value is None else str(value).strip() for value in known], dtype=object)


def _columns(source: str, column: "pd.Series") -> Iterator[np.ndarray]:
    """The columns [N], float32 or uint8, that stand for one of the file."""
    absent = column.isna().to_numpy()
    if absent.all():
        raise DataError(f"{source}: all values are missing; leave it out")
    if column.dtype.kind in "biuf":
        values = column.to_numpy(dtype=np.float64, na_value=np.nan)
        with np.errstate(over="ignore"):
            infinite = np.isinf(values.astype(np.float32))
        if infinite.any():
            row = int(infinite.argmax())
            raise DataError(f"{source}: found {values[row]:g} in row {row}; expected numbers of at most 3e38")
        check_close(source, column.to_numpy() if column.dtype.kind in "iu" and not absent.any() else values)
        yield narrowest(values)
    elif column.dtype.kind in "OTU" or column.dtype.name in ("category", "str", "string"):
        yield from _categories(source, column, absent)
    else:
        raise DataError(f"{source}: found {column.dtype}; expected numbers or text")
    if absent.any():
        yield absent.astype(np.uint8)


def _categories(source: str, column: "pd.Series", absent: np.ndarray) -> Iterator[np.ndarray]:
    import pandas as pd

    kinds = {type(value) for value in column[~absent].head(1000)}
    if not all(issubclass(kind, str | bool | int | float | np.generic) for kind in kinds):
        found = f"values of type {min(kind.__name__ for kind in kinds)}"
        raise DataError(f"{source}: found {found}; expected numbers or text")
    values = column.astype(str).str.strip()
    known = np.unique(values[~absent].to_numpy(dtype=str))
    if len(known) > MOST_CATEGORIES:
        odd = pd.to_numeric(values.where(~absent), errors="coerce").isna().to_numpy() & ~absent
        hint = "make numbers of it, or leave it out"
        if odd.mean() < 0.1:
            row = int(odd.argmax())
            hint = f"most are numbers, and row {row} is not: {one_line(values.iloc[row], 40)}"
        found = f"{len(known):,} different texts"
        raise DataError(f"{source}: found {found}; expected at most {MOST_CATEGORIES:,} categories; {hint}")
    for name in known:
        yield ((values == name).to_numpy() & ~absent).astype(np.uint8)


SOURCE = Source(
    name="table",
    description="a .csv or .parquet file, #COLUMN behind it names that of the classes",
    load=lambda settings: load_table(settings.path, settings.column),
    needs="path",
    ending=r"\.(?:csv|parquet)",
    is_table=True,
)
