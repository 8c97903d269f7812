"""Renders the copy of a book as a site: Jupyter Book without execution, every warning an error.

The folder in which that is done outlives the build. As long as the book and all that shapes it stay the same, only the
pages whose outputs are new are read and written again; anything else that has changed begins a new folder.
"""

import contextlib
import hashlib
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from mia_core.base.files import cache_dir
from mia_core.base.messages import one_line
from mia_core.report.jupyter_book import start
from mia_core.report.record import versions
from mia_core.report.reuse import surroundings, written
from mia_core.report.sources import Book, BookError

# Jupyter Book writes one too, but without a language, a title or a link for those whose browser does not follow.
REDIRECT = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>To the book</title>
<meta http-equiv="refresh" content="0; url={page}"></head>
<body><main><h1>To the book</h1><p><a href="{page}">Open the first page</a></p></main></body></html>
"""
WHOLE = "whole"  # a file that holds the key of what was rendered in a folder, and is there only when all of it was


def render(book: Book) -> Path:
    """The folder with the rendered site, inside the copy of the book. Raises `BookError` with the first warning."""
    log = book.root / "_build" / "said.txt"
    log.parent.mkdir(exist_ok=True)
    with open(log, "wb") as output, _ended(start(book.root, output)) as process:
        status = process.wait()
    site = book.root / "_build" / "html"
    if status or not (site / "index.html").is_file():
        said = re.sub(r"\x1b\[[0-9;]*m", "", log.read_text(encoding="utf-8", errors="replace"))
        lines = [line for line in said.replace(f"{book.root}/", "").splitlines() if line.strip()]
        complaints = [line for line in lines if re.search("WARNING|ERROR|[Ee]rror:", line)]
        print("\n".join(complaints or lines[-30:]), file=sys.stderr)
        raise BookError(f"the book does not render: {one_line((complaints or ['no reason given'])[0], 300)}")
    (site / "index.html").write_text(REDIRECT.format(page=f"{book.pages[0]}.html"), encoding="utf-8")
    return site


class Renderer:
    """Renders a book in a folder of its own, in two steps: what chapters give comes last."""

    def __init__(self, place: Path) -> None:
        self._place, self._key = place, ""
        self._reading: subprocess.Popen[bytes] | None = None

    def read_ahead(self, book: Book) -> None:
        """Begin to read the book with the outputs stored in it, while its chapters run and leave a core idle."""
        self._key = _key(book)
        if not self._is_whole():
            self._clear()
            _bring_up_to_date(self._place, book.root)
            self._reading = start(self._place, subprocess.DEVNULL, read_ahead=True)

    def render(self, book: Book) -> Path:
        """The folder with the rendered site, the caller's to copy. Raises `BookError` with the first warning."""
        # What it complained of is gone with its output, and may be mended by what the chapters gave: begin anew.
        if self._reading is not None and self._reading.wait() != 0:
            self._clear()
        if self._reading is None and not self._is_whole():
            self._clear()
        (self._place / WHOLE).unlink(missing_ok=True)
        _bring_up_to_date(self._place, book.root)
        try:
            site = render(Book(self._place, book.pages))
        except BookError:
            self._clear()  # pages that are not read again would not be complained of again
            raise
        (self._place / WHOLE).write_text(f"{self._key} {_content(site)}", encoding="utf-8")
        return site

    def close(self) -> None:
        """End what is still underway."""
        if self._reading is not None:
            with _ended(self._reading):
                pass

    def _is_whole(self) -> bool:
        with contextlib.suppress(OSError):
            said = (self._place / WHOLE).read_text(encoding="utf-8")
            return said == f"{self._key} {_content(self._place / '_build' / 'html')}"
        return False

    def _clear(self) -> None:
        shutil.rmtree(self._place, ignore_errors=True)
        self._place.mkdir(parents=True, exist_ok=True)


@contextlib.contextmanager
def renderer(spare: Path) -> Iterator[Renderer]:
    """What renders a book, in the cache; in the folder `spare` where another build does so."""
    from filelock import FileLock, Timeout

    lock, place = FileLock(cache_dir() / "rendering.lock"), cache_dir() / "rendering"
    try:
        lock.acquire(blocking=False)
    except (Timeout, OSError):
        place = spare
    made = Renderer(place)
    try:
        yield made
    finally:
        made.close()
        lock.release()


def _key(book: Book) -> str:
    """SHA-256 (hex) of all that shapes the site except what running the chapters gives."""
    run = set(book.chapters.values())
    shaped = [versions(), surroundings()]
    for file in book.files():
        content = json.dumps(written(file)).encode() if file in run else file.read_bytes()
        shaped.append([file.relative_to(book.root).as_posix(), hashlib.sha256(content).hexdigest()])
    return hashlib.sha256(json.dumps(shaped, sort_keys=True).encode()).hexdigest()


def _content(site: Path) -> str:
    """SHA-256 (hex) of all files of a site."""
    digest = hashlib.sha256()
    for file in sorted(site.rglob("*")):
        if file.is_file():
            digest.update(file.relative_to(site).as_posix().encode() + b"\0")
            digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def _bring_up_to_date(place: Path, source: Path) -> None:
    """Copy the files whose content is new, and forget what Sphinx has read of them: dates may be another clock's."""
    for file in source.rglob("*"):
        copy = place / file.relative_to(source)
        if file.is_file() and not (copy.is_file() and copy.read_bytes() == file.read_bytes()):
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, copy)
            read = place / "_build" / ".doctrees" / file.relative_to(source).with_suffix(".doctree")
            read.unlink(missing_ok=True)


@contextlib.contextmanager
def _ended(process: subprocess.Popen[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """The process, which is gone afterwards, whatever happens."""
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdin.close()
