"""Renders the copy of a book as a site: Jupyter Book without execution, every warning an error."""

import os
import re
import subprocess
import sys
from pathlib import Path

from mia_core.book.sources import Book, BookError, python_path
from mia_core.cache import cache_dir
from mia_core.words import one_line

# Jupyter Book writes one too, but without a language, a title or a link for those whose browser does not follow.
REDIRECT = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>To the book</title>
<meta http-equiv="refresh" content="0; url={page}"></head>
<body><main><h1>To the book</h1><p><a href="{page}">Open the first page</a></p></main></body></html>
"""


def render(book: Book) -> Path:
    """The folder with the rendered site, inside the copy. Raises `BookError` with the first of the warnings.

    Jupyter Book runs in a process of its own, since Sphinx changes global state. Its output is shown when it fails.
    """
    jupyter_book = [sys.executable, "-c", "from jupyter_book.cli.main import main; main()"]
    command = [*jupyter_book, "build", str(book.root), "--all", "-W", "-n", "--keep-going"]
    own = {"MPLCONFIGDIR": str(cache_dir() / "matplotlib")}  # else matplotlib writes into the home folder
    done = subprocess.run(
        command,
        cwd=book.root,
        env={**os.environ, "PYTHONPATH": python_path(), "PYTHONUTF8": "1", **own},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    site = book.root / "_build" / "html"
    if done.returncode or not (site / "index.html").is_file():
        said = re.sub(r"\x1b\[[0-9;]*m", "", done.stderr if done.stderr.strip() else done.stdout)
        lines = [line for line in said.replace(f"{book.root}/", "").splitlines() if line.strip()]
        complaints = [line for line in lines if re.search("WARNING|ERROR|[Ee]rror:", line)]
        print("\n".join(complaints or lines[-30:]), file=sys.stderr)
        raise BookError(f"the book does not render: {one_line((complaints or ['no reason given'])[0], 300)}")
    first = book.pages[0]
    (site / "index.html").write_text(REDIRECT.format(page=f"{first}.html"), encoding="utf-8")
    return site
