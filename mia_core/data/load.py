"""Data sets as arrays: every data set is a `Dataset`, whatever it was read from."""

import os
import re
from typing import Annotated

from pydantic import Field, field_validator

from mia_core.base.messages import nearest, one_line
from mia_core.base.settings import Number, Settings, Switch, Whole
from mia_core.data.dataset import Dataset
from mia_core.data.digits import digits

DOWNLOADED = ("cifar10", "cifar100", "mnist", "fashion-mnist")
NAMES = ("digits", *DOWNLOADED)
FOLDER = "folder:"


class DataSettings(Settings):
    """Which data set, and how it is read.

    dataset       digits, cifar10, cifar100, mnist, fashion-mnist, or folder:<path> (a folder of class folders)
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
        if value[: len(FOLDER)].lower() == FOLDER:
            if not value[len(FOLDER) :].strip():
                raise ValueError(f"expected a path behind folder:, found {value!r}")
            return FOLDER + value[len(FOLDER) :].strip()
        by_letters = {_letters(name): name for name in NAMES}
        if _letters(value) in by_letters:
            return by_letters[_letters(value)]
        if "/" in value or "\\" in value or os.path.isdir(value):
            raise ValueError(f"unknown, found {one_line(repr(value), 60)}; a folder is given as folder:<path>")
        raise ValueError(f"unknown, found {one_line(repr(value), 60)}; {nearest(value, [*NAMES, 'folder:<path>'])}")


def load_dataset(settings: DataSettings) -> Dataset:
    """The data set that the settings name; a folder or a download is read once and cached.

    Raises `DataError` for data that are missing, damaged or wrongly laid out.
    """
    if settings.dataset == "digits":
        return digits(settings.noise, settings.size)
    if settings.dataset.startswith(FOLDER):
        from mia_core.data.image_folder.load import load_folder

        return load_folder(settings.dataset.removeprefix(FOLDER), settings.size, settings.skip_damaged)
    from mia_core.data.downloads import load_downloaded

    return load_downloaded(settings.dataset, settings.size)


def _letters(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
