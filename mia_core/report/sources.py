"""What the book consists of: the pages that _toc.yml names, and a private copy of them to work on."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from mia_core.base.errors import MiaError, SettingsError
from mia_core.base.files import reason
from mia_core.base.messages import nearest, one_line
from mia_core.report.compare.results import is_plain

CONFIG, TOC, PAGES = "_config.yml", "_toc.yml", "book"


class BookError(MiaError):
    """A chapter that failed, a book that does not render, or a book that is not there."""


@dataclass(frozen=True)
class Book:
    """The sources of a book, or a copy of them: a folder with _config.yml, _toc.yml and the pages in book/."""

    root: Path
    pages: tuple[str, ...]

    @property
    def chapters(self) -> dict[str, Path]:
        """The notebooks among the pages, in the order of the table of contents, by name."""
        files = {chapter_name(page): self.root / f"{page}.ipynb" for page in self.pages}
        return {name: file for name, file in files.items() if file.is_file()}

    def files(self) -> list[Path]:
        """All files that belong to it, hidden ones and what was built left out."""
        found = [self.root / CONFIG, self.root / TOC]
        for folder, names, files in os.walk(self.root / PAGES):
            names[:] = sorted(name for name in names if name[0] != "." and name not in ("_build", "__pycache__"))
            found += [Path(folder, name) for name in sorted(files) if name[0] != "."]
        return found


def open_book(root: Path | None = None) -> Book:
    """The book in the folder `root`, by default the checkout that this package belongs to. Raises `BookError`."""
    folder = Path(root) if root else Path(__file__).resolve().parents[2]
    toc = _read_yaml(folder / TOC) if (folder / TOC).is_file() and (folder / CONFIG).is_file() else None
    if toc is None:
        raise BookError(
            f"{folder}: holds no book ({CONFIG}, {TOC}); the sources of the book come with a clone of the repository, "
            "installed with pip install --editable"
        )
    book = Book(folder, tuple(_files(toc)))
    for page in book.pages:
        if not any((folder / f"{page}{suffix}").is_file() for suffix in (".ipynb", ".md")):
            raise BookError(f"{folder / TOC}: names {page}, but there is no {page}.ipynb or {page}.md")
    for name in book.chapters:
        if not is_plain(name):
            expected = f"expected a chapter right in {PAGES}/, of letters, digits, dashes, dots and underscores"
            raise BookError(f"{folder / TOC}: names {one_line(name, 60)}; {expected}")
    return book


def choose(book: Book, chapters: list[str] | None) -> list[str]:
    """Names of the chapters to run, in the book's order. Raises `SettingsError` for one that it does not have."""
    known = list(book.chapters)
    for name in chapters or ():
        if name not in known:
            raise SettingsError(f"chapter: {one_line(name, 60)}: unknown; {nearest(name, known)}")
    return [name for name in known if not chapters or name in chapters]


def copy_book(book: Book, folder: Path, chapters: list[str]) -> Book:
    """A copy of the book in `folder` with these chapters only; the other notebooks and links to them are left out."""
    left_out = set(book.chapters) - set(chapters)
    for file in book.files():
        relative = file.relative_to(book.root)
        if file.suffix == ".ipynb" and chapter_name(relative.with_suffix("").as_posix()) not in chapters:
            continue
        # Contents only: the modes of a read-only source tree would make the copy read-only too.
        (folder / relative).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, folder / relative)
    if left_out:
        _leave_out(folder, left_out)
    return Book(folder, tuple(page for page in book.pages if chapter_name(page) not in left_out))


def chapter_name(page: str) -> str:
    """What a page is called in messages and on the command line: its path without the folder of all pages."""
    return page.removeprefix(f"{PAGES}/")


def python_path() -> str:
    """PYTHONPATH for another process of this interpreter, so that it finds this package and what chapters share.

    Both lie in the checkout: this package at its top, `mia_book` with the pages.
    """
    checkout = Path(__file__).resolve().parents[2]
    own = [str(checkout), str(checkout / PAGES)] if (checkout / "pyproject.toml").is_file() else []
    return os.pathsep.join([*own, *filter(None, [os.environ.get("PYTHONPATH")])])


def _read_yaml(path: Path) -> Any:
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise BookError(f"{path}: cannot be read: {reason(error)}") from None
    except yaml.YAMLError as error:
        raise BookError(f"{path}: not plain YAML: {one_line(error)}") from None


def _files(node: Any) -> list[str]:
    """Every file that a table of contents names, in reading order."""
    if isinstance(node, list):
        return [file for item in node for file in _files(item)]
    if not isinstance(node, dict):
        return []
    own = [str(node[key]) for key in ("root", "file") if key in node]
    return [os.path.splitext(file)[0] if file.endswith((".md", ".ipynb")) else file for file in own] + [
        file for key in ("parts", "chapters", "sections", "entries", "subtrees") for file in _files(node.get(key, []))
    ]


def _leave_out(folder: Path, chapters: set[str]) -> None:
    """Take chapters out of a copy's table of contents, and let links that lead to them stand as plain text."""

    def without(node: Any) -> Any:
        if isinstance(node, list):
            kept = [without(item) for item in node]
            return [item for item in kept if item is not None]
        if not isinstance(node, dict):
            return node
        if "file" in node and chapter_name(str(node["file"])) in chapters:
            return None
        kept = {key: without(value) for key, value in node.items()}
        return None if kept.get("chapters") == [] else kept

    _write_yaml(folder / TOC, without(_read_yaml(folder / TOC)))
    config = _read_yaml(folder / CONFIG) or {}
    sphinx = config.setdefault("sphinx", {}).setdefault("config", {})
    sphinx["suppress_warnings"] = [*sphinx.get("suppress_warnings", ()), "ref", "myst.xref_missing"]
    _write_yaml(folder / CONFIG, config)


def _write_yaml(path: Path, value: Any) -> None:
    path.write_text(yaml.safe_dump(value, sort_keys=False, allow_unicode=True), encoding="utf-8")
