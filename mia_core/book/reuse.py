"""Executed chapters, kept for the next build and found again by the hash of all that shaped them.

That is: the chapter's text and parameters, the pixels of its data, the sources of this package, every installed package
in its version, the recorded results, the arrays that a setting names, and the machine. A change in any of them runs the
chapter again, so a page never shows what older code or other data gave.
"""

import hashlib
import json
import platform
from collections.abc import Mapping
from functools import cache
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from mia_core.book.execution import check_complete
from mia_core.book.sources import BookError
from mia_core.cache import cache_dir, write_atomically
from mia_core.chapters.report_arrays import arrays_folder
from mia_core.recorded import results_dir

ALWAYS = "run-every-time"  # the tag of a cell in a chapter that also looks at what lies outside, such as the store
KEPT = 8  # runs of one chapter, the latest


def fingerprint(notebook: Path, given: Mapping[str, Any], record: Mapping[str, Any]) -> str | None:
    """SHA-256 (hex) of all that shapes a run of the chapter; None for one that has to run every time.

    given   the parameters that are injected; record: what `mia_core.book.record.record` says of the chapter
    """
    if runs_every_time(notebook):
        return None
    shaped = {
        "cells": written(notebook),
        "given": dict(given),
        "record": dict(record),
        "surroundings": surroundings(),
    }
    return hashlib.sha256(json.dumps(shaped, sort_keys=True, default=str).encode()).hexdigest()


def runs_every_time(notebook: Path) -> bool:
    """Whether the chapter looks at what lies outside it, such as what the other chapters have stored."""
    return any(ALWAYS in cell["metadata"].get("tags", ()) for cell in _cells(notebook))


def find(name: str, key: str | None) -> Any:
    """The executed notebook of this key, or None. One that is damaged or not complete counts as missing."""
    import nbformat

    path = _path(name, key)
    if path is None or not path.is_file():
        return None
    try:
        notebook = nbformat.read(path, as_version=4)
        check_complete(name, notebook)
        return notebook if "made" in notebook.metadata["mia"] else None
    except (OSError, ValueError, KeyError, AttributeError, BookError):
        return None


def keep(name: str, key: str | None, notebook: Path) -> None:
    """Keep an executed notebook under its key, and the latest few of this chapter with it."""
    path = _path(name, key)
    if path is None:
        return
    write_atomically(path, lambda file: file.write(notebook.read_bytes()))
    by_age = sorted(path.parent.glob("*.ipynb"), key=lambda file: file.stat().st_mtime, reverse=True)
    for old in by_age[KEPT:]:
        old.unlink(missing_ok=True)


def written(notebook: Path) -> list[list[Any]]:
    """Kind, text and metadata of a notebook's cells: all but the outputs."""
    return [[cell["cell_type"], "".join(cell["source"]), cell["metadata"]] for cell in _cells(notebook)]


def _cells(notebook: Path) -> list[Any]:
    return json.loads(notebook.read_text(encoding="utf-8"))["cells"]


def _path(name: str, key: str | None) -> Path | None:
    return cache_dir() / "chapters" / name / f"{key[:24]}.ipynb" if key else None


@cache
def surroundings() -> list[Any]:
    """Packages, recorded results, arrays and machine: what shapes every page, ready for JSON."""
    installed = sorted({f"{found.metadata['Name']}=={found.version}" for found in distributions()})
    read = [folder for folder in (results_dir(), arrays_folder()) if folder is not None]
    results = [
        [file.relative_to(folder).as_posix(), hashlib.sha256(file.read_bytes()).hexdigest()]
        for folder in read
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    ]
    return [installed, results, platform.node(), platform.platform(), platform.python_version()]
