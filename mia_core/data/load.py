"""Data sets by name: which sources there are, the settings that choose one, and the `Dataset` that they give.

A new source is one file in this folder, with a `Source`, and its test: names, help texts and error messages follow.
"""

import os
import re
from collections.abc import Callable
from importlib import import_module
from pkgutil import iter_modules
from typing import Annotated

from pydantic import Field, field_validator

import mia_core.data
from mia_core.base.messages import nearest, one_line
from mia_core.base.settings import Number, Settings, Switch, Whole
from mia_core.data.dataset import Dataset
from mia_core.data.source import Source


def _found() -> list[Source]:
    names = [module.name for module in iter_modules(mia_core.data.__path__, "mia_core.data.")]
    modules = [import_module(name) for name in names if name != __name__]
    found = [value for module in modules for value in vars(module).values() if isinstance(value, Source)]
    return sorted(found, key=lambda source: source.needs == "path")


SOURCES: dict[str, Source] = {source.name: source for source in _found()}
"""All sources by name, those that need a path last."""

_OF_FILES = {".csv": "table", ".parquet": "table", ".npz": "arrays"}  # what a path without its source may be
_SPELLINGS = [source.spelling for source in SOURCES.values()]
_PATHS = [f"{source.spelling} ({source.description})" for source in SOURCES.values() if source.needs == "path"]


class DataSettings(Settings):
    __doc__ = f"""Which data set, and how it is read.

    dataset       {", ".join(_SPELLINGS[: -len(_PATHS)])}, {", ".join(_PATHS[:-1])}, or {_PATHS[-1]}
    noise         of `digits` only: standard deviation of the noise on each pixel, as a share of the pixel range
    size          images become size x size; by default they keep their size (`digits`: 16)
    skip_damaged  of folders only: leave out pictures that cannot be read instead of stopping
    """

    dataset: str = "digits"
    noise: Annotated[Number, Field(ge=0, le=10)] = 0.53
    size: Annotated[Whole, Field(ge=1, le=1024)] | None = None
    skip_damaged: Switch = False

    @field_validator("dataset")
    @classmethod
    def _known(cls, value: str) -> str:
        name, path = _split(value)
        if path is not None:
            if not path:
                raise ValueError(f"expected a path behind {name}:, found {value!r}")
            return f"{name}:{path}"
        by_letters = {_letters(source.name): source.name for source in SOURCES.values() if source.needs != "path"}
        if _letters(value) in by_letters:
            return by_letters[_letters(value)]
        if "/" in value or "\\" in value or os.path.isdir(value) or any(end in value.lower() for end in _OF_FILES):
            prefix = next((prefix for ending, prefix in _OF_FILES.items() if ending in value.lower()), "folder")
            what = "a folder" if prefix == "folder" else "such a file"
            raise ValueError(f"unknown, found {one_line(repr(value), 60)}; {what} is given as {prefix}:<path>")
        raise ValueError(f"unknown, found {one_line(repr(value), 60)}; {nearest(value, _SPELLINGS)}")

    @property
    def path(self) -> str:
        """What follows the colon in a `dataset` such as folder:<path>, else empty; without the column of a table."""
        name, path = _split(self.dataset)
        return SOURCES[name].path_and_column(path)[0] if path else ""

    @property
    def column(self) -> str:
        """What follows the path in a `dataset` such as table:<path>#income, else empty."""
        name, path = _split(self.dataset)
        return SOURCES[name].path_and_column(path)[1] if path else ""

    @property
    def is_table(self) -> bool:
        """Whether the examples are rows of a table, and no images."""
        return SOURCES[_split(self.dataset)[0]].is_table


def load_dataset(settings: DataSettings) -> Dataset:
    """The data set that the settings name; a folder or a download is read once and cached.

    Raises `DataError` for data that are missing, damaged or wrongly laid out.
    """
    return SOURCES[_split(settings.dataset)[0]].load(settings)


def with_path(dataset: str, change: Callable[[str], str]) -> str:
    """A setting `dataset` with its path changed, as in folder:<path>; one without a path as it is."""
    name, given = _split(dataset)
    if given is None:
        return dataset
    path, column = SOURCES[name].path_and_column(given)
    return f"{name}:{change(path)}" + (f"#{column}" if column else "")


def dataset_help() -> str:
    """All sources, each with a few words and the settings that it reads, for help texts."""
    known = []
    for source in SOURCES.values():
        words = source.description + (", downloaded" if source.needs == "download" else "")
        known.append(f"{source.spelling.replace('<path>', 'PATH')} ({'; '.join([words, *source.settings])})")
    return f"The data set (default {DataSettings().dataset}), with its settings for -p: {', '.join(known)}."


def _split(dataset: str) -> tuple[str, str | None]:
    """The name of the source, and the path where the source takes one."""
    name, colon, path = dataset.partition(":")
    source = SOURCES.get(name.lower())
    return (source.name, path.strip()) if colon and source and source.needs == "path" else (dataset, None)


def _letters(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
