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
from mia_core.report.sources import open_book

CHAPTERS = open_book().chapters
NOTEBOOKS = {name: nbformat.read(path, as_version=4) for name, path in CHAPTERS.items()}
IGNORED = "nbval-ignore-output"
OUTCOMES = {"does not hold": "holds", "cannot be told": "holds", "holds": "does not hold"}
FACT = re.compile(r"\b(?:does not hold|cannot be told|holds)\b|(?<![\w.#-])\d+(?:\.\d+)?(?![\w%-])")
AT_LEAST, OF_EACH = 20, 4


class Replay:
    """A kernel that answers each code cell of the notebook in its folder with what `answers` says."""

    answers: ClassVar[dict[str, list[Any]]] = {}

    def __init__(self, kernel_name: str, cwd: str, startup_timeout: float) -> None:
        self.cells = iter(self.answers[Path(cwd).name])
        self.messages: list[dict[str, Any]] = []

    def is_alive(self) -> bool:
        return True

    def execute_cell_input(self, source: str, allow_stdin: bool | None = None) -> str:
        cell = next(self.cells)
        self.messages += [self._message(output.output_type, output) for output in cell.outputs]
        self.messages.append(self._message("status", {"execution_state": "idle"}))
        return "request"

    def await_reply(self, request: str, timeout: float | None = None) -> None:
        pass

    def get_message(self, stream: str, timeout: float | None = None) -> dict[str, Any]:
        return self.messages.pop(0)

    def stop(self) -> None:
        pass

    @staticmethod
    def _message(kind: str, content: Any) -> dict[str, Any]:
        return {"msg_type": kind, "content": content, "parent_header": {"msg_id": "request"}}


class Outcomes:
    """A pytest plugin that remembers which notebooks had a cell that failed, and why."""

    def __init__(self) -> None:
        self.failed: dict[str, str] = {}
        self.cells = 0

    def pytest_runtest_logreport(self, report: Any) -> None:
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


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_every_notebook_has_a_claim_or_a_count_that_is_compared(name: str) -> None:
    assert facts(NOTEBOOKS[name]), "add a cell without a tag that prints what every machine must find"


def test_altered_claims_and_counts_fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    draw = random.Random(0)
    found = {name: facts(notebook) for name, notebook in NOTEBOOKS.items()}
    # Outcomes first, then others by chance, so that claims are drawn from every notebook that states any.
    chosen = {
        name: sorted(draw.sample(all_of, len(all_of)), key=lambda fact: fact[2][0] not in OUTCOMES)
        for name, all_of in found.items()
    }
    each = max(OF_EACH, -(-AT_LEAST // len(NOTEBOOKS)))
    cases = {
        f"{name}-{number}": (mutated(NOTEBOOKS[name], fact), NOTEBOOKS[name])
        for name, in_order in chosen.items()
        for number, fact in enumerate(in_order[:each])
    }
    assert len(cases) >= AT_LEAST
    outcomes = compared(tmp_path, cases, monkeypatch)
    assert {name for name in cases if name not in outcomes.failed} == set(), "altered, and nbval did not notice"
    assert all("Cell outputs differ" in reason for reason in outcomes.failed.values())


def test_untouched_notebooks_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outcomes = compared(tmp_path, {name: (book, book) for name, book in NOTEBOOKS.items()}, monkeypatch)
    assert outcomes.failed == {} and outcomes.cells >= 2 * len(NOTEBOOKS)


def test_cells_that_were_stripped_of_their_output_fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cases = {}
    for name, notebook in NOTEBOOKS.items():
        for number, cell in enumerate(notebook.cells):
            if cell.get("outputs"):
                stripped = copy.deepcopy(notebook)
                stripped.cells[number].outputs = []
                cases[f"{name}-{number}"] = (stripped, notebook)
    outcomes = compared(tmp_path, cases, monkeypatch)
    assert [name for name, (stored, _) in cases.items() if name not in outcomes.failed and not has_run(stored)] == []


def test_cells_that_were_not_executed_fail() -> None:
    for name, notebook in NOTEBOOKS.items():
        assert has_run(notebook) == [], name
        for number, cell in enumerate(notebook.cells):
            if cell.cell_type == "code":
                unrun = copy.deepcopy(notebook)
                unrun.cells[number].update(outputs=[], execution_count=None)
                assert has_run(unrun), f"{name}, cell {cell.id}"
        everything = copy.deepcopy(notebook)
        for cell in everything.cells:
            if cell.cell_type == "code":
                cell.update(outputs=[], execution_count=None)
        assert has_run(everything), name
