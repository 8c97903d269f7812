"""What all tests share: reference data that is not part of the project, and a cache of their own."""

import os
import shutil
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


LONGEST = ("all-attacks", "adversaries", "test_pages", "your-own-model", "test_turned")
"""Chapters and files that take longest, test_pages since it renders the book, for which others would wait."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks the slow tests. The longest come first, so that none is left for one worker when the others are done."""
    items.sort(key=lambda item: LONGEST.index(item.path.stem) if item.path.stem in LONGEST else len(LONGEST))
    for item in items:
        if HERE in item.path.parents and is_slow(item):
            item.add_marker(pytest.mark.slow)


def together(nodeid: str) -> str:
    """What a worker gets at a time: the tests of a file, as they share what is dear to make. The chapters that are run
    with their claims turned may part, and the looks at every page, which take minutes."""
    file, _, name = nodeid.partition("::")
    return nodeid if name.startswith(("test_tables_and_text_follow", "test_every_page_is_quiet")) else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Hands out tests in the order of their files. (xdist knows groups by a mark, but keeps none with pytest 9.2.)"""
    from xdist.scheduler import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return together(nodeid)

    config.option.loadscopereorder = False
    return ByFile(config, log)


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


@pytest.fixture(scope="session")
def stored_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The real book rendered from its stored outputs, without running a chapter; the folder of the site.

    It takes a minute, so whichever worker needs it first makes it for all.
    """
    from filelock import FileLock

    from mia_core.report.rendering import render
    from mia_core.report.sources import copy_book, open_book

    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "stored-site"
    with FileLock(f"{folder}.lock"):
        if not folder.exists():
            book = open_book()
            rendering = folder.with_name("stored-site-source")
            shutil.rmtree(rendering, ignore_errors=True)
            render(copy_book(book, rendering, list(book.chapters))).rename(folder)
    return folder


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
