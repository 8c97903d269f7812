"""What a page says of how it was made: settings, data and versions. Nothing in it names a path of this machine."""

import hashlib
import json
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from mia_core.data.load import DataSettings, load_dataset, with_path
from mia_core.report.sources import PAGES


def record(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The record of a chapter with these settings, ready for JSON.

    Its data set is loaded, from the cache where it can be, so one that is missing is found before anything runs.
    Raises `DataError`.
    """
    of_data = {name: value for name, value in settings.items() if name in DataSettings.model_fields}
    data = _data(json.dumps(of_data, sort_keys=True)) if "dataset" in settings else None
    return {"settings": shown(settings), "data": data, "versions": versions()}


def shown(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as a page says them: a data folder by its name, since its path belongs to this machine."""
    dataset = settings.get("dataset")
    if not isinstance(dataset, str):
        return dict(settings)
    return {**settings, "dataset": with_path(dataset, lambda path: Path(path).name)}


@cache
def versions() -> dict[str, str]:
    """Versions of Python, of the packages that results depend on, and of this one with a hash of its sources."""
    from mia_core.store.identity import versions as of_runs

    try:
        number = version("mia-core")
    except PackageNotFoundError:  # run from a checkout that is not installed
        number = "not installed"
    return {"mia_core": f"{number} (sources {sources()})"} | of_runs()


def sources() -> str:
    """The first digits of a hash of the sources of this package and of `mia_book`, as they are now."""
    digest = hashlib.sha256()
    checkout = Path(__file__).resolve().parents[2]
    for folder in (checkout / "mia_core", checkout / PAGES / "mia_book"):
        for file in sorted(folder.rglob("*.py")):
            digest.update(file.relative_to(checkout).as_posix().encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:8]


@cache
def _data(settings: str) -> dict[str, Any]:
    dataset = load_dataset(DataSettings(**json.loads(settings)))
    return {"name": dataset.name, "examples": len(dataset.labels), "fingerprint": dataset.fingerprint}
