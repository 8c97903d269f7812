"""Makes folders of pictures and reads them as data sets, quietly, aloud or not at all."""

import io
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mia_core.base.errors import DataError
from mia_core.data.dataset import Dataset
from mia_core.data.load import DataSettings, load_dataset


def load(root: Path, **settings) -> Dataset:
    """The data set; a warning is an error unless the test expects it."""
    return load_dataset(DataSettings(dataset=f"folder:{root}", **settings))


def quiet(root: Path, **settings) -> Dataset:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return load(root, **settings)


def refused(root: Path, **settings) -> str:
    with pytest.raises(DataError) as error:
        load(root, **settings)
    assert "\n" not in str(error.value)
    return str(error.value)


def pixels(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape or (16, 16, 3), dtype=np.uint8)


def encode(array: np.ndarray | Image.Image, kind: str = "PNG", **options) -> bytes:
    file = io.BytesIO()
    image = array if isinstance(array, Image.Image) else Image.fromarray(array)
    image.save(file, kind, **options)
    return file.getvalue()


def put(path: Path, data: bytes | np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data if isinstance(data, bytes) else encode(data))
    return path


def two_classes(root: Path, each: int = 6, names: tuple[str, ...] = ("cat", "dog"), seed: int = 0) -> Path:
    for c, name in enumerate(names):
        for i in range(each):
            put(root / name / f"{name}_{i:02}.png", pixels(seed + 1000 * c + i))
    return root


def in_class(root: Path, data: bytes, **settings) -> np.ndarray:
    """The pixels [C, H, W] that one picture decodes to, in two classes of four equal ones."""
    for i in range(4):
        put(root / "a" / f"{i}.png", data)
        put(root / "b" / f"{i}.png", data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # they are equal, of course
        return load(root, **settings).images[0]
