"""What all tests share: reference data that is not part of the project, and a cache of their own."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

if "PYTEST_XDIST_WORKER" in os.environ:
    # Workers side by side have a core each: what they start must not ask for all of them. Before NumPy and torch come.
    os.environ |= {"OMP_NUM_THREADS": "1", "LOKY_MAX_CPU_COUNT": "1"}

import pytest

from arrays import base, save
from known import known_answers, reported_cases

HERE = Path(__file__).resolve().parent
SLOW = frozenset(line for line in (HERE / "slow.txt").read_text().splitlines() if line and line[0] != "#")
"""Rooms, files and tests that `make quick` leaves out, by their path in this folder."""


def is_slow(item: pytest.Item) -> bool:
    """Whether the test, its file or its room is in `SLOW`."""
    file = item.path.relative_to(HERE).as_posix()
    room = file.partition("/")[0]
    function = getattr(item, "originalname", item.name)
    return not SLOW.isdisjoint((room, file, f"{file}::{function}"))


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Where slow tests are left out, files of nothing else are not even imported, which would take seconds."""
    inside = config.option.markexpr == "not slow" and HERE in collection_path.parents
    return True if inside and collection_path.relative_to(HERE).as_posix() in SLOW else None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks the slow tests. Where tests run side by side, those of a file stay together, as they share what is dear to
    make; so do those that look at the rendered book. The chapters that are run with their claims turned may part, and
    the looks at every page, which take minutes.
    """
    for item in items:
        if HERE in item.path.parents and is_slow(item):
            item.add_marker(pytest.mark.slow)
        file, name = item.path.stem, item.name
        group = f"{file} {name.partition('[')[2]}" if file == "test_turned" else file
        group = "site" if file in ("test_browser", "test_chapters", "test_pages") else group
        group = name if name.startswith("test_every_page_is_quiet") else group
        item.add_marker(pytest.mark.xdist_group(group))


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with reference data (`MIA_SHARED`, else `shared` next to the checkout); skips where there is none."""
    folder = Path(os.environ.get("MIA_SHARED") or Path(__file__).resolve().parents[2] / "shared")
    if not folder.is_dir():
        pytest.skip(f"no reference data: {folder} is not a folder (set MIA_SHARED)")
    return folder


@pytest.fixture(scope="session")
def answers(shared: Path) -> dict[str, Any]:
    """Inputs and the outputs of published implementations on them."""
    return known_answers(shared)


@pytest.fixture(scope="session")
def cases(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the inputs of all reported cases; nothing may be written there."""
    return reported_cases(shared, tmp_path_factory.mktemp("cases"))


@pytest.fixture
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder, neither the user's nor in the folder of the test."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("MIA_CACHE", str(folder))
    return folder


@pytest.fixture
def files(tmp_path: Path) -> Callable[..., str]:
    """A function that saves arrays under a name and returns the path."""
    return lambda name, arrays: save(tmp_path, name, arrays)


@pytest.fixture
def shadow(files: Callable[..., str]) -> str:
    """A file of a shadow's counted outputs."""
    return files("shadow", base("shadow"))


@pytest.fixture
def target(files: Callable[..., str]) -> str:
    """A file of a target's counted outputs."""
    return files("target", base("target"))
