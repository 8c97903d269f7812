"""Makes small books to build: a page and chapters in a folder, with the real book's configuration."""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
import yaml

from mia_core.report.sources import Book

ROOT = Path(__file__).resolve().parents[1]

# One of everything that a page can hold; the numbers are made up on the spot.
CHAPTER = """\
import numpy as np
import pandas as pd

from mia_core.display.figures import figure, glue, show, show_slider, style

fig, ax = figure(height=2)
ax.hist([1, 2, 2, 3], label="members", **style(0, fill=True))
ax.hist([1, 1, 2, 4], label="non-members", **style(1, fill=True))
ax.set(xlabel="largest posterior", ylabel="examples")
ax.legend()
show(fig, caption="Members and non-members.", alt="Two histograms that overlap.", name="both")
"""
MORE = """\
frames = []
for share in (0.1, 0.2):
    fig, ax = figure(height=2)
    ax.plot([0, 1], [0, share], **style(0))
    frames.append((share, fig))
show_slider(frames, caption="A sweep.", alts=["A low line.", "A higher line."], name="sweep", label="ε")
show(pd.DataFrame({"defenses": ["none", "dropout"], "auc": [np.float64(0.83712), None]}), caption="All.", name="all")
glue("auc", np.float64(0.83712))
"""
TEXT = """\
# A chapter

[](#fig-both), [](#fig-sweep) and [](#tab-all) say {glue:text}`auc`, after {cite:t}`salem2019`, with a {term}`posterior`
and $x^2$, and {prf:ref}`smoothing`.

:::{prf:definition} Smoothing
:label: smoothing
$q(y) = 1 - \\varepsilon$.
:::

```{math}
S(x, y) = -L(\\boldsymbol{x}, y)
```
"""


def code(source: str, *tags: str) -> nbformat.NotebookNode:
    """A code cell that has not been run."""
    return nbformat.v4.new_code_cell(source, metadata={"tags": list(tags)} if tags else {})


def write_chapter(path: Path, cells: list[nbformat.NotebookNode | str], kernel: str = "python3") -> None:
    """A notebook; text becomes a Markdown cell."""
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_markdown_cell(cell) if isinstance(cell, str) else cell for cell in cells],
        metadata={"kernelspec": {"name": kernel, "display_name": kernel, "language": "python"}},
    )
    nbformat.write(notebook, path)


def write_book(root: Path, chapters: dict[str, list[nbformat.NotebookNode | str]], kernel: str = "python3") -> Path:
    """A book of a front page, these chapters and a bibliography, configured as the real one; returns its folder."""
    pages = root / "book"
    pages.mkdir(parents=True)
    shutil.copyfile(ROOT / "_config.yml", root / "_config.yml")
    for part in ("_ext", "_static"):
        shutil.copytree(ROOT / "book" / part, pages / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copyfile(ROOT / "book" / "references.bib", pages / "references.bib")
    glossary = "```{glossary}\nposterior\n  What a model says of each class.\n```\n"
    (pages / "index.md").write_text(f"# A book\n\n{glossary}\n```{{mia-run-table}}\n```\n", encoding="utf-8")
    (pages / "bibliography.md").write_text("# Bibliography\n\n```{bibliography}\n:all:\n```\n", encoding="utf-8")
    files = [*chapters, "bibliography"]
    toc = {"format": "jb-book", "root": "book/index", "chapters": [{"file": f"book/{name}"} for name in files]}
    (root / "_toc.yml").write_text(yaml.safe_dump(toc, sort_keys=False), encoding="utf-8")
    for name, cells in chapters.items():
        write_chapter(pages / f"{name}.ipynb", cells, kernel)
    return root


def one_chapter(folder: Path, *cells: str) -> Path:
    """A book in folder/source whose only chapter, `broken`, has these code cells; returns its folder."""
    parts = ["# A chapter", code("epochs = 1", "parameters"), *map(code, cells)]
    return write_book(folder / "source", {"broken": parts})


def older_report(folder: Path) -> Path:
    """What an earlier build has put into `folder`, as far as it is known by it; returns the folder."""
    folder.mkdir()
    (folder / "report.json").write_text('{"parameters": {}, "chapters": {}}')
    (folder / "results.json").write_text("{}")
    (folder / "index.html").write_text("old numbers")
    return folder


def is_older_report(folder: Path) -> bool:
    """Whether `folder` is as `older_report` has made it."""
    names = sorted(path.name for path in folder.iterdir())
    return names == ["index.html", "report.json", "results.json"] and (folder / names[0]).read_text() == "old numbers"


@contextlib.contextmanager
def unrendered(*parts: str) -> Iterator[None]:
    """Within it, reports are not rendered: a site is these folders, each with the notebooks that were run."""

    def copied(book: Book) -> Path:
        site = book.root / "site"
        site.mkdir()
        for part in parts:
            (site / part).mkdir(parents=True)
            for file in book.chapters.values():
                shutil.copyfile(file, site / part / file.name)
        return site

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mia_core.report.build.render", copied)
        yield
