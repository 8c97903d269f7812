"""Executed chapters, kept for the next build and found again by the hash of all that shaped them.

That is: the chapter's text and parameters, the pixels of its data, the sources of this package, every installed package
in its version, the recorded results, the arrays that a setting names, and the machine's name, system and Python. A
change in any of them runs the chapter again, so a page never shows what older code or other data gave.
"""

import contextlib
import hashlib
import json
import platform
from collections.abc import Mapping
from functools import cache
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from mia_core.base.errors import MiaError
from mia_core.base.files import write_atomically
from mia_core.report.execution import check_complete
from mia_core.report.private import private_folder
from mia_core.studies.recorded import arrays_folder, results_dir

ALWAYS = "run-every-time"  # the tag of a cell in a chapter that also looks at what lies outside, such as the store
KEPT = 8  # runs of one chapter, the latest


def fingerprint(notebook: Path, given: Mapping[str, Any], record: Mapping[str, Any]) -> str | None:
    """SHA-256 (hex) of all that shapes a run of the chapter; None for one that has to run every time.

    given   the parameters that are injected; record: what `mia_core.report.record.record` says of the chapter
    """
    if runs_every_time(notebook):
        return None
    shaped = {
        "cells": [[cell["cell_type"], "".join(cell["source"]), cell["metadata"]] for cell in _cells(notebook)],
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

    try:
        found = sorted(_folder(name).glob(f"{key[:24]}-*.ipynb")) if key else []
        if not found:
            return None
        content = found[-1].read_bytes()
        if found[-1].stem.partition("-")[2] != _digest(content):
            return None
        notebook = nbformat.reads(content.decode("utf-8"), as_version=4)
        check_complete(name, notebook)
        return notebook if "made" in notebook.metadata["mia"] else None
    except (OSError, ValueError, KeyError, AttributeError, RecursionError, MiaError):
        return None


def keep(name: str, key: str | None, notebook: Path) -> str | None:
    """Keep an executed notebook under its key, and the latest few of this chapter with it; returns why it could not.

    A digest of its content is part of the file's name, so that a damaged one is not taken for what was run.
    """
    if key is None:
        return None
    content = notebook.read_bytes()
    try:
        write_atomically(_folder(name) / f"{key[:24]}-{_digest(content)}.ipynb", lambda file: file.write(content))
    except MiaError as error:
        return f"not kept for the next report: {error}"
    with contextlib.suppress(OSError):  # another report may clear up at the same time
        by_age = sorted(_folder(name).glob("*.ipynb"), key=lambda file: file.stat().st_mtime, reverse=True)
        for old in by_age[KEPT:]:
            old.unlink(missing_ok=True)
    return None


def _cells(notebook: Path) -> list[Any]:
    return json.loads(notebook.read_text(encoding="utf-8"))["cells"]


def _folder(name: str) -> Path:
    return private_folder("chapters") / name


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


@cache
def surroundings() -> list[Any]:
    """Packages, recorded results, arrays and machine: what shapes every page, ready for JSON."""
    installed = sorted({f"{found.metadata['Name']}=={found.version}" for found in distributions()})
    # What chapters read: recorded results, and the published arrays of the report that this book tests, where they are.
    read = [folder for folder in (results_dir(), arrays_folder()) if folder is not None]
    results = [
        [file.relative_to(folder).as_posix(), hashlib.sha256(file.read_bytes()).hexdigest()]
        for folder in read
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    ]
    return [installed, results, platform.node(), platform.platform(), platform.python_version()]
