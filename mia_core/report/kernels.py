"""The kernels that run chapters: this interpreter, in an environment and with files of their own; ended together."""

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from weakref import WeakSet

from mia_core.base.files import cache_dir
from mia_core.base.interrupts import ended_by_sigterm, undone
from mia_core.report.private import private_folder
from mia_core.report.sources import BookError, python_path

_MANAGERS: WeakSet[Any] = WeakSet()
_ENDING = threading.Event()


@contextlib.contextmanager
def running_kernels() -> Iterator[None]:
    """Within it kernels run, and its end or a signal kills them. Afterwards others may start, whatever ended these."""
    try:
        with ended_by_sigterm(end_kernels), undone(end_kernels):
            yield
    finally:
        _ENDING.clear()


def end_kernels() -> None:
    """Kill all kernels that run, and those that are about to."""
    _ENDING.set()
    for manager in list(_MANAGERS):
        _kill(manager)


def environment(workers: int) -> dict[str, str]:
    """Environment variables of a kernel that may train in this many processes."""
    return {
        # This package, this cache, no bars, and nothing of the user's IPython profile (see `kernel_manager`).
        **os.environ,
        "MIA_CACHE": str(cache_dir()),  # a relative one would count from the chapter's folder
        "MIA_PROGRESS": "off",
        "MPLCONFIGDIR": str(private_folder("matplotlib")),
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "PYTHONPATH": python_path(),
        "LOKY_MAX_CPU_COUNT": str(workers),  # what joblib takes for the number of cores
    }


def kernel_manager(folder: Path, private: Path, variables: dict[str, str]) -> type:
    """The class of a kernel manager that knows one kernel: this interpreter, whatever kernels are installed.

    folder     the current folder of the code that runs
    private    a folder for the files that the kernel needs; nothing is read from or written to the user's own
    variables  its environment variables, all of them
    """
    from ipykernel.kernelspec import RESOURCES, get_kernel_dict
    from jupyter_client.kernelspec import KernelSpec
    from jupyter_client.manager import AsyncKernelManager

    class ThisInterpreter(AsyncKernelManager):
        def __init__(self, **options: Any) -> None:
            super().__init__(**{**options, "connection_file": str(private / "kernel.json")})

        async def start_kernel(self, **options: Any) -> None:
            if _ENDING.is_set():
                raise BookError("the report is being ended")
            # Folder and environment are the kernel's alone: other chapters run in this process at the same time. What
            # the kernel's process itself says, such as about being interrupted, is no part of the report.
            with open(private / "kernel.log", "ab") as log:
                own = {"cwd": str(folder), "env": variables | {"IPYTHONDIR": str(private / "ipython")}}
                await super().start_kernel(**{**options, **own, "stdout": log, "stderr": log})
            _MANAGERS.add(self)
            if _ENDING.is_set():  # meanwhile
                _kill(self)

        @property
        def kernel_spec(self) -> KernelSpec:
            return KernelSpec(resource_dir=RESOURCES, **get_kernel_dict())

    return ThisInterpreter


def _kill(manager: Any) -> None:
    if manager.provisioner is not None and manager.provisioner.has_process:
        kill_group(manager.provisioner.process)


def kill_group(process: Any) -> None:
    """Kill a process that was started in a session of its own, with all that it has started in it."""
    if hasattr(os, "killpg"):
        with contextlib.suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)
    else:  # Windows
        process.kill()
