"""Jupyter Book in a process of its own, since Sphinx changes global state; it ends with the process that started it."""

import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO

from mia_core.base.files import cache_dir
from mia_core.report.sources import python_path


def start(book: Path, output: IO[bytes] | int, read_ahead: bool = False) -> subprocess.Popen[bytes]:
    """Begin to build the book in this folder, all warnings on and each an error.

    output      where its standard output and error go
    read_ahead  only read the pages and write none (see book/_ext/mia_repairs.py), in time of the processor that nobody
                else wants
    """
    own = {"MPLCONFIGDIR": str(cache_dir() / "matplotlib")}  # else matplotlib writes into the home folder
    if read_ahead:
        own["MIA_READ_AHEAD"] = "yes"
    code = f"from {__name__} import main; main(idle={read_ahead})"
    return subprocess.Popen(
        [sys.executable, "-c", code, "build", str(book), "-W", "-n", "--keep-going"],
        cwd=book,
        env={**os.environ, "PYTHONPATH": python_path(), "PYTHONUTF8": "1", **own},
        stdin=subprocess.PIPE,
        stdout=output,
        stderr=subprocess.STDOUT,
    )


def main(idle: bool) -> None:
    """Jupyter Book's command with the arguments of this process; idle: at a low priority."""
    threading.Thread(target=_end_with_the_other_end, daemon=True).start()
    if idle and hasattr(os, "nice"):
        os.nice(10)  # not the lowest: it is waited for in the end
    from jupyter_book.cli.main import main as jupyter_book

    jupyter_book()


def _end_with_the_other_end() -> None:
    os.read(0, 1)  # not sys.stdin: processes that Sphinx forks close it, and would wait for this read
    os._exit(1)
