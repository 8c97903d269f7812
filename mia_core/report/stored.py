"""Stores the outputs of a default run in the chapters themselves, so that they can be read and compared unrun."""

from pathlib import Path
from typing import Any

from mia_core.base.files import temporary_folder, write_atomically
from mia_core.base.stderr import say
from mia_core.report.execution import run_chapter
from mia_core.report.kernels import end_kernels, environment, running_kernels
from mia_core.report.parameters import known_parameters
from mia_core.report.record import record
from mia_core.report.reuse import runs_every_time
from mia_core.report.schedule import places, run_side_by_side
from mia_core.report.sources import choose, copy_book, open_book

KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}


def store_outputs(chapters: list[str] | None = None, source: Path | None = None) -> list[Path]:
    """Run the chapters (by default all) with their own parameters and store what they print; returns their files.

    Times, paths and versions are left out, and a chapter about the run itself is stored again only if it says something
    else, so that a run without changes leaves the files as they are.
    Raises `BookError`, with the chapter left as it was, for one that fails.
    """
    import nbformat

    book = open_book(source)
    names = choose(book, chapters)
    at_once, workers = places(len(names))
    variables = environment(workers)
    with temporary_folder("mia-notebooks-") as folder, running_kernels():
        copy = copy_book(book, folder / "copy", names)
        last = [name for name in names if runs_every_time(book.chapters[name])]

        def run(name: str) -> Path:
            about = record(known_parameters(book.chapters[name]))
            private = folder / "kernels" / name
            run_chapter(name, copy.chapters[name], {}, about, book.chapters[name].parent, private, variables)
            notebook = _stripped(nbformat.read(copy.chapters[name], as_version=4))
            if name in last and _compared(notebook) == _compared(nbformat.read(book.chapters[name], as_version=4)):
                say(f"mia: {name} says the same but for times and machine; its outputs stay")
                return book.chapters[name]
            text = nbformat.writes(notebook) + "\n"
            write_atomically(book.chapters[name], lambda file: file.write(text.encode("utf-8")))
            say(f"mia: stored the outputs of {name}")
            return book.chapters[name]

        return list(run_side_by_side(names, run, last, at_once, end_kernels).values())


def _compared(notebook: Any) -> list[Any]:
    """Text and outputs of the cells, but for outputs that tell of this machine and moment, which no test compares."""
    return [
        [cell.source, cell.get("execution_count"), None if "nbval-ignore-output" in cell.metadata.get("tags", ()) else
         cell.get("outputs")]
        for cell in notebook.cells
    ]  # fmt: skip


def _stripped(notebook: Any) -> Any:
    for cell in notebook.cells:
        for made_by_a_run in ("papermill", "execution"):
            cell.metadata.pop(made_by_a_run, None)
        if not cell.metadata.get("tags"):
            cell.metadata.pop("tags", None)
        if cell.cell_type == "code":
            cell.outputs = _joined(cell.outputs)
    kept = {key: value for key, value in notebook.metadata.items() if key not in ("papermill", "mia")}
    notebook.metadata = type(notebook.metadata)(
        {**kept, "kernelspec": dict(KERNEL), "language_info": {"name": "python"}}
    )
    return notebook


def _joined(outputs: list[Any]) -> list[Any]:
    """Outputs in which what was printed in a row is one: a busy machine sends it in several pieces."""
    kept: list[Any] = []
    for output in outputs:
        last = kept[-1] if kept else None
        if last is not None and output.output_type == last.output_type == "stream" and output.name == last.name:
            last.text += output.text
        else:
            kept.append(output)
    return kept
