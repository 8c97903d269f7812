"""A stored result that is not what the code gives fails: nbval compares notebooks that were tampered with.

No chapter is executed: nbval asks a kernel that answers with the outputs that the untouched notebook stores.
"""

import copy
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import nbformat
import nbval.plugin
import pytest

from contract import has_run
from mia_core.measures.claims import CANNOT_TELL, DOES_NOT_HOLD, HOLDS, NO_EFFECT
from mia_core.report.sources import open_book

CHAPTERS = open_book().chapters
NOTEBOOKS = {name: nbformat.read(path, as_version=4) for name, path in CHAPTERS.items()}
IGNORED = "nbval-ignore-output"
OUTCOMES = {outcome: HOLDS for outcome in (DOES_NOT_HOLD, NO_EFFECT, CANNOT_TELL)} | {HOLDS: DOES_NOT_HOLD}
FACT = re.compile(
    rf"\b(?:{'|'.join(OUTCOMES)})\b|"
    r"(?<![\w.#-])\d+(?:\.\d+)?(?![\w%-])"
)
AT_LEAST = 20


class Replay:
    """A kernel that answers each code cell of the notebook in its folder with what `answers` says."""

    answers: ClassVar[dict[str, list[Any]]] = {}

    def __init__(self, kernel_name, cwd, startup_timeout):
        self.cells, self.messages = iter(self.answers[Path(cwd).name]), []

    def execute_cell_input(self, source, allow_stdin=None):
        said = [(output.output_type, output) for output in next(self.cells).outputs]
        self.messages += [
            {"msg_type": kind, "content": content, "parent_header": {"msg_id": "request"}}
            for kind, content in (*said, ("status", {"execution_state": "idle"}))
        ]
        return "request"

    def get_message(self, stream, timeout=None):
        return self.messages.pop(0)

    def is_alive(self, *_, **__):
        return True

    await_reply = stop = is_alive


class Outcomes:
    """A pytest plugin that remembers which code cells failed, and why: (notebook, place among its code cells)."""

    def __init__(self):
        self.failed, self.cells = {}, 0

    def pytest_runtest_logreport(self, report):
        self.cells += report.when == "call"
        if report.failed:
            path, _, cell = report.nodeid.partition("::Cell ")
            self.failed[Path(path).parent.name, int(cell)] = str(report.longrepr)


def compared(folder: Path, stored: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Outcomes:
    """Run nbval on these notebooks, by name; the kernel answers with what the project's own ones store."""
    for name, notebook in stored.items():
        (folder / name).mkdir()
        nbformat.write(notebook, folder / name / "chapter.ipynb")
    monkeypatch.setattr(Replay, "answers", {name: code_cells(notebook) for name, notebook in NOTEBOOKS.items()})
    monkeypatch.setattr(nbval.plugin, "RunningKernel", Replay)
    outcomes = Outcomes()
    options = ["-q", "--nbval", "--nbval-current-env", "-p", "no:cacheprovider", "-c", "/dev/null", "--color=no"]
    pytest.main([*options, f"--rootdir={folder}", str(folder)], plugins=[outcomes])
    return outcomes


def code_cells(notebook: Any) -> list[Any]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def texts(cell: Any) -> Iterator[tuple[Any, str]]:
    """Where the text of a cell's outputs is kept: (mapping, key)."""
    for output in cell.outputs:
        if "text" in output:
            yield output, "text"
        for kind in output.get("data", ()):
            if kind.startswith("text/") or kind.endswith("/plain"):
                yield output.data, kind


def facts(notebook: Any) -> dict[int, list[tuple[int, re.Match]]]:
    """Every number and every outcome in the outputs that nbval compares: cell -> (text of the cell, where in it)."""
    found = {}
    for number, cell in enumerate(code_cells(notebook)):
        if IGNORED not in cell.metadata.get("tags", ()):
            here = [(j, fact) for j, (holder, key) in enumerate(texts(cell)) for fact in FACT.finditer(holder[key])]
            found |= {number: here} if here else {}
    return found


def alter(cell: Any, fact: tuple[int, re.Match]) -> None:
    """Put one number of a cell's outputs off by one in its last digit, or turn one outcome."""
    j, found = fact
    holder, key = list(texts(cell))[j]
    old = found[0]
    new = OUTCOMES.get(old) or old[:-1] + str((int(old[-1]) + 1) % 10)
    holder[key] = holder[key][: found.start()] + new + holder[key][found.end() :]


def test_every_notebook_has_claims_or_counts_and_altered_ones_fail(tmp_path, monkeypatch):
    draw, altered = random.Random(0), {}
    stored = copy.deepcopy(NOTEBOOKS)
    for name, notebook in stored.items():
        found = facts(notebook)
        assert found, f"{name}: add a cell without a tag that prints what every machine must find"
        for number, here in found.items():
            outcomes = [fact for fact in here if fact[1][0] in OUTCOMES]
            altered[name, number] = draw.choice(outcomes or here)
            alter(code_cells(notebook)[number], altered[name, number])
    assert len(altered) >= AT_LEAST
    outcomes = compared(tmp_path, stored, monkeypatch)
    assert set(altered) == set(outcomes.failed), "altered, and nbval did not notice"
    assert all("Cell outputs differ" in reason for reason in outcomes.failed.values())


def test_untouched_notebooks_pass(tmp_path, monkeypatch):
    outcomes = compared(tmp_path, NOTEBOOKS, monkeypatch)
    assert outcomes.failed == {} and outcomes.cells >= 2 * len(NOTEBOOKS)


def test_cells_that_were_stripped_of_their_output_fail(tmp_path, monkeypatch):
    stored, stripped, compares_none = copy.deepcopy(NOTEBOOKS), set(), set()
    for name, notebook in stored.items():
        for number, cell in enumerate(code_cells(notebook)):
            if cell.outputs:
                stripped.add((name, number))
                if IGNORED in cell.metadata.get("tags", ()):
                    compares_none.add((name, number))
                cell.outputs = []
        found = has_run(notebook)
        assert [line for line in found if "shows nothing" in line] == found
        assert len(found) == sum(notebook_name == name for notebook_name, _ in compares_none)
    assert set(compared(tmp_path, stored, monkeypatch).failed) == stripped - compares_none


def test_cells_that_were_not_executed_fail():
    for name, notebook in NOTEBOOKS.items():
        assert has_run(notebook) == [], name
        everything = copy.deepcopy(notebook)
        for number, cell in enumerate(everything.cells):
            if cell.cell_type == "code":
                unrun = copy.deepcopy(notebook)
                for changed in (unrun.cells[number], cell):
                    changed.update(outputs=[], execution_count=None)
                assert has_run(unrun), f"{name}, cell {cell.id}"
        assert has_run(everything), name
