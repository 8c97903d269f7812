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
AT_LEAST, OF_EACH = 20, 4


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
    """A pytest plugin that remembers which notebooks had a cell that failed, and why."""

    def __init__(self):
        self.failed, self.cells = {}, 0

    def pytest_runtest_logreport(self, report):
        self.cells += report.when == "call"
        if report.failed:
            self.failed[Path(report.nodeid.partition("::")[0]).parent.name] = str(report.longrepr)


def compared(folder: Path, notebooks: dict[str, tuple[Any, Any]], monkeypatch: pytest.MonkeyPatch) -> Outcomes:
    """Run nbval on notebooks, name -> (stored, what the kernel answers with)."""
    for name, (stored, _) in notebooks.items():
        (folder / name).mkdir()
        nbformat.write(stored, folder / name / "chapter.ipynb")
    answers = {name: [c for c in answer.cells if c.cell_type == "code"] for name, (_, answer) in notebooks.items()}
    monkeypatch.setattr(Replay, "answers", answers)
    monkeypatch.setattr(nbval.plugin, "RunningKernel", Replay)
    outcomes = Outcomes()
    options = ["-q", "--nbval", "--nbval-current-env", "-p", "no:cacheprovider", "-c", "/dev/null", "--color=no"]
    pytest.main([*options, f"--rootdir={folder}", str(folder)], plugins=[outcomes])
    return outcomes


def strict(notebook: Any) -> Iterator[Any]:
    """The code cells whose output nbval compares."""
    for cell in notebook.cells:
        if cell.cell_type == "code" and IGNORED not in cell.metadata.get("tags", ()):
            yield cell


def texts(cell: Any) -> Iterator[tuple[Any, str]]:
    """Where the text of a cell's outputs is kept: (mapping, key)."""
    for output in cell.outputs:
        if "text" in output:
            yield output, "text"
        for kind in output.get("data", ()):
            if kind.startswith("text/") or kind.endswith("/plain"):
                yield output.data, kind


def facts(notebook: Any) -> list[tuple[int, int, re.Match]]:
    """Every number and every outcome in the strict outputs: (cell, text of the cell, where in it)."""
    return [
        (i, j, found)
        for i, cell in enumerate(strict(notebook))
        for j, (holder, key) in enumerate(texts(cell))
        for found in FACT.finditer(holder[key])
    ]


def mutated(notebook: Any, fact: tuple[int, int, re.Match]) -> Any:
    """The notebook with one number off by one in its last digit, or one outcome turned."""
    changed = copy.deepcopy(notebook)
    i, j, found = fact
    holder, key = list(texts(list(strict(changed))[i]))[j]
    old = found[0]
    new = OUTCOMES.get(old) or old[:-1] + str((int(old[-1]) + 1) % 10)
    holder[key] = holder[key][: found.start()] + new + holder[key][found.end() :]
    return changed


def test_every_notebook_has_claims_or_counts_and_altered_ones_fail(tmp_path, monkeypatch):
    draw, cases = random.Random(0), {}
    each = max(OF_EACH, -(-AT_LEAST // len(NOTEBOOKS)))
    for name, notebook in NOTEBOOKS.items():
        found = facts(notebook)
        assert found, f"{name}: add a cell without a tag that prints what every machine must find"
        # Outcomes first, then others by chance, so that claims are drawn from every notebook that states any.
        chosen = sorted(draw.sample(found, len(found)), key=lambda fact: fact[2][0] not in OUTCOMES)[:each]
        cases |= {f"{name}-{number}": (mutated(notebook, fact), notebook) for number, fact in enumerate(chosen)}
    assert len(cases) >= AT_LEAST
    outcomes = compared(tmp_path, cases, monkeypatch)
    assert set(cases) <= set(outcomes.failed), "altered, and nbval did not notice"
    assert all("Cell outputs differ" in reason for reason in outcomes.failed.values())


def test_untouched_notebooks_pass(tmp_path, monkeypatch):
    outcomes = compared(tmp_path, {name: (book, book) for name, book in NOTEBOOKS.items()}, monkeypatch)
    assert outcomes.failed == {} and outcomes.cells >= 2 * len(NOTEBOOKS)


def test_cells_that_were_stripped_of_their_output_fail(tmp_path, monkeypatch):
    cases = {}
    for name, notebook in NOTEBOOKS.items():
        for number, cell in enumerate(notebook.cells):
            if cell.get("outputs"):
                stripped = copy.deepcopy(notebook)
                stripped.cells[number].outputs = []
                cases[f"{name}-{number}"] = (stripped, notebook)
    outcomes = compared(tmp_path, cases, monkeypatch)
    assert [name for name, (stored, _) in cases.items() if name not in outcomes.failed and not has_run(stored)] == []


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
