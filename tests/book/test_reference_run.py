"""What the chapters say in words of the reference run: true of the stored outputs, and left out of any other report."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from bs4 import BeautifulSoup

from books import code, write_book
from mia_core.display.shown import shown_in
from mia_core.report.rendering import render
from mia_core.report.sources import open_book
from prose import markdown

SAID = re.compile(
    r"^(?P<fence>:{3,})\{reference-run\}\s*\n:holds:(?P<holds>[^\n]*)\n(?P<text>.*?)^(?P=fence)$", re.M | re.S
)


def claims(notebook: Any) -> list[tuple[str, str]]:
    """(text, condition) of everything that is said of the reference run."""
    return [(found["text"].strip(), found["holds"].strip()) for found in SAID.finditer(markdown(notebook))]


def known(notebook: Any) -> dict[str, Any]:
    """What a condition may name: glued values, with `_` for `-` and `.`, `_low` and `_high` for bounds, and
    `outcome("The claim.", "name of its table")`."""
    names: dict[str, Any] = {"outcome": outcomes(notebook)}
    for data, _ in shown_in(notebook):
        if data["kind"] == "glued":
            value, name = data["value"], re.sub("[-.]", "_", data["name"])
            parts = (
                {"": value["value"]} | {f"_{end}": value.get(end) for end in ("low", "high")}
                if isinstance(value, dict)
                else {"": value}
            )
            names |= {name + end: part for end, part in parts.items()}
    return names


def outcomes(notebook: Any) -> Callable[[str, str], str]:
    tables = {data["name"]: data["lines"] for data, _ in shown_in(notebook) if data["kind"] == "verdicts"}
    return lambda claim, table: next(line["outcome"] for line in tables[table] if line["claim"] == claim)


def true(condition: str, notebook: Any) -> bool:
    return bool(eval(condition, {"__builtins__": {"abs": abs}}, known(notebook)))


EVERY = [(name, *said) for name, path in open_book().chapters.items() for said in claims(nbformat.read(path, 4))]


def test_nothing_is_said_of_the_reference_run_without_a_condition() -> None:
    everywhere = [markdown(nbformat.read(path, 4)) for path in open_book().chapters.values()]
    assert sum(text.count("{reference-run}") for text in everywhere) == len(EVERY) > 0


@pytest.mark.parametrize(("name", "text", "condition"), EVERY, ids=[f"{name}: {text[:50]}" for name, text, _ in EVERY])
def test_what_is_said_of_the_reference_run_is_so(name: str, text: str, condition: str) -> None:
    assert re.search(r"[a-z]", condition), "a condition that names nothing cannot fail"
    assert true(condition, nbformat.read(open_book().chapters[name], 4)), f"no longer so: {text}"


GLUES = """\
from mia_core import glue
from mia_core.display import tables
glue("share", tables.with_interval({"x": 0.25, "x_low": 0.2, "x_high": 0.3}, "x"))
glue("outcome-one", "holds")
"""


def executed(path: Path) -> Any:
    from nbclient import NotebookClient

    notebook = nbformat.read(path, 4)
    NotebookClient(notebook).execute()
    nbformat.write(notebook, path)
    return notebook


TEXT = """\
# A chapter

:::{reference-run}
:holds: 0.24 < share < 0.26 and share_high < 0.31 and outcome_one == "holds"
A quarter, we say of {glue:text}`share`.
:::
:::{other-run}
It is {glue:text}`share` of all.
:::
"""


def test_words_of_the_reference_run_stay_on_its_page(tmp_path: Path) -> None:
    cells = [code("epochs = 1", "parameters"), code(GLUES), TEXT]
    runs: dict[str, Any] = {"stored": None, "same": {"epochs": 1}, "other": {"epochs": 2}}
    root = write_book(tmp_path / "made", dict.fromkeys(runs, cells))
    notebook = executed(root / "book" / "stored.ipynb")
    for name, settings in runs.items():
        notebook.metadata["mia"] = {"settings": settings, "data": None, "versions": {}, "made": "now", "seconds": 1}
        if settings is None:
            del notebook.metadata["mia"]
        nbformat.write(notebook, root / "book" / f"{name}.ipynb")
    site = render(open_book(root)) / "book"
    for name in runs:
        said = BeautifulSoup((site / f"{name}.html").read_text(encoding="utf-8"), "html.parser").article.get_text()
        assert ("A quarter" in said, "It is" in said, "0.250" in said) == (name != "other", name == "other", True), name
    ((text, condition),) = claims(notebook)
    assert text.startswith("A quarter") and true(condition, notebook)
    assert not true(condition.replace("0.26", "0.25"), notebook)
