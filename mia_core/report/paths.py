"""Takes the paths of this machine out of what a chapter says: pages are handed on, and a data folder has a name.

Papermill writes parameters into the notebook, warnings and tracebacks name files, and a chapter may print anything.
"""

import html
import json
import os
import re
import sys
import sysconfig
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any
from urllib.parse import quote

from mia_core.data.load import with_path
from mia_core.display.shown import SHOWN
from mia_core.report.sources import python_path

FOLDERS = ("MIA_CACHE", "MIA_DATA", "MIA_RESULTS", "MIA_SHARED")
SYSTEM = ("/usr", "/usr/local")  # the same on many machines, and named where no path of this one is meant
# Tried only where a word begins: a file for download is one word of a megabyte, and tried at each of its characters it
# would be read a million times.
_CELL = re.compile(r"""(?<![^\s<>"'=(:])[^\s<>"'=(:]*[/\\]ipykernel_\d+[/\\]\d+\.py""")

# How a path may be written: as it is, in a literal of JSON or Python, by papermill, in an address; and each in markup.
_SPELLINGS: tuple[Callable[[str], str], ...] = (
    str,
    lambda text: json.dumps(text)[1:-1],
    lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    lambda text: repr(text)[1:-1],
    lambda text: text.encode("unicode_escape").decode().replace('"', r"\""),
    quote,
)
_MARKUP: tuple[Callable[[str], str], ...] = (str, html.escape, partial(html.escape, quote=False))


def without_paths(notebook: Any, parameters: Mapping[str, Any], folder: Path, private: Path) -> None:
    """Replace, in an executed notebook, each path that belongs to this machine by a word, in place.

    parameters  those that the chapter was given: the folder of their data becomes its name
    folder      that of the chapter's source; it and what lies next to it are named from there
    private     that of the kernel's own files
    """
    names: dict[str, str] = {}
    for path, name in _places(parameters, folder, private):
        for known in (path, os.path.normpath(path), os.path.realpath(path)):
            if len(Path(known).parts) > 1:  # not the root of all
                for spelling, markup in product(_SPELLINGS, _MARKUP):
                    names.setdefault(markup(spelling(known)), markup(spelling(name)))
    longest_first = sorted(names, key=len, reverse=True)
    pattern = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, longest_first))})(?!\w)")

    def said(text: str) -> str:
        return pattern.sub(lambda found: names[found[0]], _CELL.sub("this cell", text))

    for cell in notebook.cells:
        drawn = [(output, _plots(output)) for output in cell.get("outputs", ()) if _plots(output)]
        _replace(cell, said)
        for output, plots in drawn:
            _point_at(output, map(said, plots))
    _replace(notebook.metadata, said)


def _places(parameters: Mapping[str, Any], folder: Path, private: Path) -> Iterator[tuple[str, str]]:
    """(path, what is said instead), those of the user first."""
    found: list[str] = []
    if isinstance(parameters.get("dataset"), str):
        with_path(parameters["dataset"], lambda path: found.append(path) or path)
    yield from ((path, Path(path).name) for path in found)
    yield from ((os.path.abspath(os.path.expanduser(os.environ[name])), name) for name in FOLDERS if os.getenv(name))
    yield from ((path, ".") for path in (str(folder.parent), *filter(None, python_path().split(os.pathsep)[:1])))
    yield str(private), "kernel"
    yield from ((sysconfig.get_path(kind), "site-packages") for kind in ("purelib", "platlib"))
    yield sysconfig.get_path("stdlib"), "python"
    yield from ((path, "python") for path in (sys.prefix, sys.base_prefix) if path not in SYSTEM)
    yield str(Path.home()), "~"


def _replace(value: Any, said: Callable[[str], str]) -> Any:
    """The value with all texts in it as `said` has them; lists and dictionaries are changed in place."""
    if isinstance(value, str):
        return said(value)
    for key, part in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        value[key] = _replace(part, said)
    return value


def _plots(output: Any) -> list[str]:
    """The drawings of a figure that the output shows (see `mia_core.display.shown.figure_data`)."""
    data = output.get("data", {})
    frames = data.get(SHOWN, {}).get("frames", ())
    return [data["text/html"][slice(*frame["svg"])] for frame in frames]


def _point_at(output: Any, plots: Iterator[str]) -> None:
    page, end = output["data"]["text/html"], 0
    for frame, plot in zip(output["data"][SHOWN]["frames"], plots, strict=True):
        start = page.index(plot, end)
        end = start + len(plot)
        frame["svg"] = [start, end]
