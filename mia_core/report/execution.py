"""Runs one chapter by papermill with the interpreter that runs this, and makes sure that every code cell has run."""

import logging
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mia_core.base.errors import MiaError
from mia_core.base.messages import one_line
from mia_core.base.stderr import say
from mia_core.report.kernels import kernel_manager
from mia_core.report.paths import without_paths
from mia_core.report.sources import BookError

# Seconds from a cell's end to its last output. A busy machine has been seen to take more than the 4 of papermill.
OUTPUTS_WITHIN = 300


def run_chapter(
    name: str,
    notebook: Path,
    parameters: dict[str, Any],
    record: dict[str, Any],
    folder: Path,
    private: Path,
    variables: dict[str, str],
) -> dict[str, Any]:
    """Run the notebook with these parameters and write it back with outputs; returns the completed record.

    record     what the page says of how it was made; when and in how many seconds is added, and the whole is stored in
               the notebook's metadata under `mia`
    folder     the current folder of the code that runs: that of the chapter's source, as in Jupyter
    private    a folder for the files that the kernel needs
    variables  the kernel's environment variables

    Raises `BookError`, which names the chapter and the cell, unless every code cell ran to its end without an error;
    the traceback is printed before, but for a `MiaError`, whose line says it all. The notebook is written only if it
    succeeded.
    """
    import nbformat
    import papermill
    from papermill.log import logger

    logger.setLevel(logging.ERROR)
    watch = _Watch()
    try:
        source = nbformat.read(notebook, as_version=4)
        for cell in source.cells:
            if cell.cell_type == "code":  # what an earlier run stored must not pass for a result of this one
                cell.outputs, cell.execution_count = [], None
        private.mkdir(parents=True, exist_ok=True)
        done = papermill.execute_notebook(
            source,
            None,
            parameters=parameters,
            kernel_name="python3",
            language="python",
            progress_bar=False,
            iopub_timeout=OUTPUTS_WITHIN,
            kernel_manager_class=kernel_manager(folder, private, variables),
            force_raise_errors=True,
            on_cell_start=watch.start,
            on_cell_error=watch.error,
            on_cell_executed=watch.executed,
        )
    except Exception as error:  # whatever stopped it, the chapter failed and the cell is named
        if watch.reply is None and watch.cell is None:
            raise BookError(f"chapter {name}: cannot be run: {type(error).__name__}: {one_line(error)}") from None
        raise _failure(name, watch.cell, watch.position, *_reason(watch, error)) from None
    check_complete(name, done)
    for field in ("input_path", "output_path", "environment_variables"):
        done.metadata.papermill.pop(field, None)
    without_paths(done, parameters, folder, private)  # they belong to a machine, not to a page
    _show_settings_once(done)
    made = datetime.fromisoformat(done.metadata.papermill.end_time).astimezone(UTC)
    record = {**record, "made": f"{made:%Y-%m-%d %H:%M} UTC", "seconds": round(done.metadata.papermill.duration, 1)}
    done.metadata["mia"] = record
    nbformat.write(done, notebook)
    return record


# Raised in a kernel, of which only the name gets here.
MISTAKES = {error.__name__ for error in (MiaError, *MiaError.__subclasses__())}


class _KernelQuit(Exception):
    """A cell has asked the kernel to end."""


class _Watch:
    """Remembers the cell that runs and the reply that reports an error.

    The outputs of a cell do not tell: a failing magic leaves none, and a traceback hook such as rich's replaces it.
    """

    cell: Any = None
    position = 0
    reply: dict[str, Any] | None = None

    def start(self, cell: Any, cell_index: int) -> None:
        if cell.cell_type == "code":
            self.cell = cell
            self.position += bool(cell.source.strip())

    def error(self, cell: Any, cell_index: int, execute_reply: dict[str, Any]) -> None:
        self.reply = execute_reply["content"]

    def executed(self, cell: Any, cell_index: int, execute_reply: dict[str, Any] | None) -> None:
        # After quit() a kernel answers as if all were well, and only the next cell would find it dead.
        for payload in (execute_reply or {}).get("content", {}).get("payload", ()):
            if payload.get("source") == "ask_exit" and not payload.get("keepkernel"):
                raise _KernelQuit


def check_complete(name: str, notebook: Any) -> None:
    """Raise `BookError` for the first code cell of an executed notebook that did not run to its end."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]
    for position, cell in enumerate(cells, 1):
        errors = [output for output in cell.outputs if output.output_type == "error"]
        if errors:
            raise _failure(name, cell, position, f"{errors[0].ename}: {errors[0].evalue}", errors[0].traceback)
        if cell.execution_count is None or cell.metadata.get("papermill", {}).get("status") != "completed":
            raise _failure(name, cell, position, "was not run, though the chapter ended without an error", [])


def _show_settings_once(notebook: Any) -> None:
    """Leave the default parameters out of the page where the cell with the given ones follows, which holds them all."""
    by_tag = {tag: cell for cell in notebook.cells for tag in cell.metadata.get("tags", ())}
    if "injected-parameters" in by_tag and "parameters" in by_tag:
        by_tag["parameters"].metadata.tags.append("remove-cell")


def _reason(watch: _Watch, error: Exception) -> tuple[str, list[str]]:
    from nbclient.exceptions import DeadKernelError

    if watch.reply is not None:
        return f"{watch.reply.get('ename')}: {watch.reply.get('evalue')}", watch.reply.get("traceback", [])
    if isinstance(error, _KernelQuit):
        return "ended the process that runs the chapter", []
    if isinstance(error, DeadKernelError):
        return "the process that runs the chapter died (killed, or out of memory)", []
    return f"{type(error).__name__}: {error}", []


def _failure(name: str, cell: Any, position: int, what: str, traceback: list[str]) -> BookError:
    text = re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(traceback)).strip()
    if text and what.partition(":")[0] not in MISTAKES:
        say(f"\n{text}")
    first_line = next((line.strip() for line in cell.source.splitlines() if line.strip()), "")
    # A kernel that dies at once has told no number; that of a first run is the position.
    number = position if cell.execution_count is None else cell.execution_count
    return BookError(f"chapter {name}, cell [{number}] ({one_line(first_line, 60)}): {one_line(what)}")
