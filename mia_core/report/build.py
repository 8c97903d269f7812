"""Builds a report: check, copy, run every chapter, render, and only then put the site in its place."""

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import Any

from mia_core.base.interrupts import tell_kept
from mia_core.base.stderr import say
from mia_core.report import reuse
from mia_core.report.compare.results import RESULTS
from mia_core.report.exchange import RECORD, check_out, exchange, workshop
from mia_core.report.execution import run_chapter
from mia_core.report.kernels import end_kernels, environment, running_kernels
from mia_core.report.parameters import check_limits, check_parameters, known_parameters, make_absolute
from mia_core.report.record import record, shown, sources
from mia_core.report.rendering import render
from mia_core.report.results import collect
from mia_core.report.schedule import places, run_side_by_side
from mia_core.report.sources import BookError, choose, copy_book, open_book


def build_report(
    params: Mapping[str, Any],
    out: str | Path,
    chapters: Iterable[str] | None = None,
    source: Path | None = None,
    fresh: bool = False,
) -> Path:
    """Run the chapters with these parameters and render them as the site `out`; returns its absolute path.

    params    values for parameters of the chapters; a chapter gets those that it knows, and those that only chapters
              know which are left out are no mistake
    out       a folder; one that holds an older report is replaced, any other that is not empty is refused. A relative
              path counts from the current folder, and ~ is the home folder
    chapters  names of the chapters to run, by default all; the others are left out of the site
    source    the folder of the book, by default that of the checkout
    fresh     run the chapters even if nothing has changed since they ran (see `mia_core.report.reuse`)

    An older report in `out` stays until the new one is whole, and whatever goes wrong: a chapter that fails, a full
    disk, an interrupt or a kill. Executed chapters and trained models are kept: the same call goes on where it ended.
    A SIGTERM ends the kernels and leaves nothing behind: `SystemExit` with status 143.
    Raises `SettingsError` or `DataError` before anything runs, `BookError` for a chapter that fails or a book that does
    not render, and `RunError` where `out` cannot be written.
    """
    _require_tools()
    import nbformat

    book = open_book(source)
    names = choose(book, list(chapters) if chapters is not None else None)
    defaults = {name: known_parameters(chapter) for name, chapter in book.chapters.items()}
    # Of all chapters, so that the parameters of the book fit any choice; the chosen ones decide on defaults.
    ordered = [*(name for name in defaults if name not in names), *names]
    known = {key: value for name in ordered for key, value in defaults[name].items()}
    checked = make_absolute(check_parameters(params, known))
    target = check_out(out)
    settings = {name: {key: checked.get(key, default) for key, default in defaults[name].items()} for name in names}
    for name in names:
        check_limits(name, book.chapters[name], settings[name])
    begun_with = sources()
    records = {name: record(settings[name]) for name in names}

    at_once, workers = places(len(names))
    variables = environment(workers)
    with running_kernels(), workshop(target) as folder:
        copy = copy_book(book, folder / "copy", names)
        begun, kept = count(1), []
        if not fresh:
            tell_kept(lambda: f"{len(kept)} of {len(names)} chapters are kept ({', '.join(kept) or 'none'})")

        def run(name: str) -> dict[str, Any]:
            # All settings or none, so that the page shows one cell with all of them.
            given = settings[name] if settings[name].keys() & checked.keys() else {}
            key = reuse.fingerprint(copy.chapters[name], given, records[name])  # before it runs: what it runs
            with _announced(f"chapter {next(begun)} of {len(names)}: {name}") as remark:
                earlier = None if fresh else reuse.find(name, key)
                if earlier is not None:
                    remark(f"unchanged since {earlier.metadata['mia']['made']}")
                    nbformat.write(earlier, copy.chapters[name])
                    kept.append(name)
                    return {**earlier.metadata["mia"], "reused": True}
                place, private = book.chapters[name].parent, folder / "kernels" / name
                done = run_chapter(name, copy.chapters[name], given, records[name], place, private, variables)
                if sources() != begun_with:
                    remark("not kept for the next report, as the package's code has changed meanwhile")
                elif problem := reuse.keep(name, key, copy.chapters[name]):
                    remark(problem)
                elif key is not None:
                    kept.append(name)
                return done

        last = [name for name in names if reuse.runs_every_time(book.chapters[name])]
        records |= run_side_by_side(names, run, last, at_once, end_kernels)
        with _announced("rendering"):
            site = render(copy)
        text = json.dumps({"parameters": shown(checked), "chapters": records}, indent=2, default=str)
        (site / RECORD).write_text(text + "\n", encoding="utf-8")
        results = collect(**json.loads(text), notebooks=copy.chapters)
        (site / RESULTS).write_text(results.as_json(), encoding="utf-8")
        exchange(site, target, folder)
    return target


def _require_tools() -> None:
    missing = [name for name in ("nbformat", "papermill", "ipykernel", "jupyter_book") if find_spec(name) is None]
    if missing:
        raise BookError(f"the book needs {', '.join(missing)}, not installed here: pip install --editable '.[book]'")


@contextmanager
def _announced(what: str) -> Iterator[Callable[[str], None]]:
    """One line on stderr when it is done, with the seconds and what was remarked: others may run at the same time."""
    start, remarks = time.perf_counter(), []
    try:
        yield remarks.append
        remarks.append(f"{time.perf_counter() - start:.0f} s")
    except BaseException:
        remarks.append("failed")
        raise
    finally:
        say(f"mia: {what} ... {', '.join(remarks)}")
