"""Data sets as arrays: every data set is a `Dataset`, whatever it was read from."""

import hashlib
import json
import os
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated

import numpy as np
from pydantic import Field, field_validator

from mia_core.settings import Number, Settings, Switch, Whole
from mia_core.words import nearest, one_line

DOWNLOADED = ("cifar10", "cifar100", "mnist", "fashion-mnist")
NAMES = ("digits", *DOWNLOADED)
FOLDER = "folder:"
DIGITS_SIZE = 16
NOISE_SEED = 20_220_713  # any fixed number: the noise is part of the data and the same for every seed of a study


@dataclass(frozen=True)
class Dataset:
    """Labelled images, the first `pool` of which may be trained on.

    name     for file names and tables; never a path
    images   uint8 [N, C, H, W], C = 1 (greyscale) or 3 (red, green, blue)
    labels   int64 [N], from 0 to K - 1
    classes  names of the K classes
    pool     members and non-members are drawn from the first `pool` examples; no model trains on the others
    fingerprint  SHA-256 (hex) of pixels, labels, class names and pool, computed where not given; neither the name nor
                 where the data came from is part of it
    """

    name: str
    images: np.ndarray
    labels: np.ndarray
    classes: tuple[str, ...]
    pool: int
    fingerprint: str = ""

    def __post_init__(self) -> None:
        if not self.fingerprint:
            found = fingerprint(self.images, self.labels, self.classes, self.pool)
            object.__setattr__(self, "fingerprint", found)


def fingerprint(images: np.ndarray, labels: np.ndarray, classes: tuple[str, ...], pool: int) -> str:
    """SHA-256 (hex) of a data set's content; the arguments are those of `Dataset`."""
    header = {"images": images.shape, "classes": classes, "pool": pool}
    digest = hashlib.sha256(json.dumps(header).encode())
    digest.update(np.ascontiguousarray(images, np.uint8).data)
    digest.update(np.ascontiguousarray(labels, "<i8").data)
    return digest.hexdigest()


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
        from mia_core.images import load_folder

        return load_folder(settings.dataset.removeprefix(FOLDER), settings.size, settings.skip_damaged)
    from mia_core.downloads import load_downloaded

    return load_downloaded(settings.dataset, settings.size)


def digits(noise: float, size: int | None = None) -> Dataset:
    """scikit-learn's 1,797 scanned 8x8 digits with pixel noise, enlarged to `size` (16): real images, no download.

    Clean digits are too easy for a model to leak on; the noise makes them as hard as CIFAR-10 is for the report's CNN.
    It is Gaussian, of standard deviation `noise` times the pixel range, clipped to that range, and from a fixed seed.
    All examples are in the pool.
    """
    images, labels = _digits(noise, size or DIGITS_SIZE)
    return Dataset("digits", images.copy(), labels.copy(), tuple("0123456789"), len(images))


@lru_cache(4)
def _digits(noise: float, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Images and labels. Every study of a chapter asks for them, and to make them takes a tenth of a second."""
    from sklearn.datasets import load_digits

    scans = load_digits()
    generator = np.random.default_rng(NOISE_SEED)
    pixels = scans.images / 16
    pixels = np.clip(pixels + noise * generator.standard_normal(pixels.shape), 0, 1)
    return resize(np.round(255 * pixels).astype(np.uint8)[:, None], size), scans.target.astype(np.int64)


def resize(images: np.ndarray, size: int) -> np.ndarray:
    """uint8 [N, C, H, W] to [N, C, size, size], bilinear; every channel by itself."""
    from PIL import Image

    if images.shape[2:] == (size, size):
        return images
    flat = images.reshape(-1, *images.shape[2:])
    small = [np.asarray(Image.fromarray(plane).resize((size, size), Image.Resampling.BILINEAR)) for plane in flat]
    return np.stack(small).reshape(*images.shape[:2], size, size)


def _letters(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
