"""The executable report: runs the book's chapters on the given parameters, renders them as one site, compares two.

sources.py     what the book consists of, and a private copy of it
parameters.py  the parameters that the chapters know, checked before anything runs
record.py      what a page says of how it was made
schedule.py    which chapters run at the same time
kernels.py     a kernel of this interpreter, in an environment of its own
execution.py   one chapter, run by papermill; every code cell has run, or it is an error
paths.py       no path of this machine in what a chapter says
private.py     folders of the cache that nobody else can change
reuse.py       executed chapters, kept for the next build until anything about them changes
rendering.py   Jupyter Book on the executed copy, with warnings as errors
front.py       what the front page shows
results.py     what the chapters found, as results.json next to the pages
compare/       two reports by the results that each carries
pdf.py         the finished site as one PDF, printed by Chromium
exchange.py    the new report built next to the older one, which stays until it is whole
build.py       all of it in order
stored.py      stores the outputs of a default run in the chapters themselves
"""

from typing import Any

__all__ = ["BookError", "build_report"]  # loaded when they are used: `python -m mia_core.report` begins with this file


def __getattr__(name: str) -> Any:
    if name == "build_report":
        from mia_core.report.build import build_report

        return build_report
    if name == "BookError":
        from mia_core.report.sources import BookError

        return BookError
    raise AttributeError(f"module 'mia_core.report' has no attribute {name!r}")
