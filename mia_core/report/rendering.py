"""Renders the copy of a book as a site: Jupyter Book without execution, every warning an error."""

import errno
import os
import re
import subprocess
import sys
from pathlib import Path

from mia_core.base.interrupts import undone
from mia_core.base.messages import one_line
from mia_core.base.stderr import say
from mia_core.report.exchange import has_room
from mia_core.report.kernels import kill_group
from mia_core.report.private import private_folder
from mia_core.report.sources import Book, BookError, python_path

# Jupyter Book writes one too, but without a language, a title or a link for those whose browser does not follow.
REDIRECT = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>To the book</title>
<meta http-equiv="refresh" content="0; url={page}"></head>
<body><main><h1>To the book</h1><p><a href="{page}">Open the first page</a></p></main></body></html>
"""


def render(book: Book) -> Path:
    """The folder with the rendered site, inside the copy of the book. Raises `BookError` with the first warning, and
    `OSError` where it is the disk that is full."""
    log = book.root / "_build" / "said.txt"
    log.parent.mkdir(exist_ok=True)
    status = _jupyter_book(book.root, log)
    site = book.root / "_build" / "html"
    if status or not (site / "index.html").is_file():
        said = re.sub(r"\x1b\[[0-9;]*m", "", log.read_text(encoding="utf-8", errors="replace"))
        lines = [line for line in said.replace(f"{book.root}/", "").splitlines() if line.strip()]
        complaints = [line for line in lines if re.search("WARNING|ERROR|[Ee]rror:", line)]
        if not has_room(book.root):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        say("\n".join(complaints or lines[-30:]))
        raise BookError(f"the book does not render: {one_line((complaints or ['no reason given'])[0], 300)}")
    (site / "index.html").write_text(REDIRECT.format(page=f"{book.pages[0]}.html"), encoding="utf-8")
    return site


def _jupyter_book(folder: Path, log: Path) -> int:
    """Build the book in a process of its own, since Sphinx changes global state; returns its exit status."""
    command = (
        f"from mia_core.base.workers import end_with; end_with({os.getpid()}); "
        "from jupyter_book.cli.main import main; main()"
    )
    # Without its own folder, matplotlib writes into the home folder.
    own = {"PYTHONPATH": python_path(), "PYTHONUTF8": "1", "MPLCONFIGDIR": str(private_folder("matplotlib"))}
    with open(log, "wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", command, "build", str(folder), "-W", "-n", "--keep-going"],
            cwd=folder,
            env={**os.environ, **own},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # so that it ends with the processes in which it writes pages
        )
        with undone(lambda: (kill_group(process), process.wait())):
            return process.wait()
