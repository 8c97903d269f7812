"""Pictures in a folder of class folders: found, hashed, checked before any training, and decoded once."""

from typing import Any

from mia_core.data.dataset import Dataset
from mia_core.data.source import Source


def _load(settings: Any) -> Dataset:
    from mia_core.data.image_folder.load import load_folder

    return load_folder(settings.path, settings.size, settings.skip_damaged)


SOURCE = Source("folder", "a folder of class folders", _load, ("size", "skip_damaged"), "path")
