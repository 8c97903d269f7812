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

_SPELLINGS = [source.spelling for source in SOURCES.values()]
_PATHS = [f"{source.spelling} ({source.description})" for source in SOURCES.values() if source.needs == "path"]


class DataSettings(Settings):
    __doc__ = f"""Which data set, and how it is read.

    dataset       {", ".join(_SPELLINGS[: -len(_PATHS)])}, or {" or ".join(_PATHS)}
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
        if "/" in value or "\\" in value or os.path.isdir(value):
            raise ValueError(f"unknown, found {one_line(repr(value), 60)}; a folder is given as folder:<path>")
        raise ValueError(f"unknown, found {one_line(repr(value), 60)}; {nearest(value, _SPELLINGS)}")

    @property
    def path(self) -> str:
        """What follows the colon in a `dataset` such as folder:<path>, else empty."""
        return _split(self.dataset)[1] or ""


def load_dataset(settings: DataSettings) -> Dataset:
    """The data set that the settings name; a folder or a download is read once and cached.

    Raises `DataError` for data that are missing, damaged or wrongly laid out.
    """
    return SOURCES[_split(settings.dataset)[0]].load(settings)


def with_path(dataset: str, change: Callable[[str], str]) -> str:
    """A setting `dataset` with its path changed, as in folder:<path>; one without a path as it is."""
    name, path = _split(dataset)
    return f"{name}:{change(path)}" if path is not None else dataset


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
