"""The kernels that run chapters: the interpreter that runs this, in an environment of their own."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mia_core.base.files import cache_dir
from mia_core.report.prepared import Prepared, prepared
from mia_core.report.sources import python_path


@dataclass(frozen=True)
class Kernels:
    """What starts kernels.

    environment  environment variables of each
    prepared     the process that forks them; without it, or where it fails, one is started anew
    """

    environment: dict[str, str]
    prepared: Prepared | None = None

    def manager_class(self, folder: Path, private: Path) -> type:
        """A kernel manager that knows one kernel: the interpreter that runs this, whatever kernels are installed.

        folder   the current folder of the code that runs
        private  a folder for the files that the kernel needs
        """
        import zmq
        from ipykernel.kernelspec import RESOURCES, get_kernel_dict
        from jupyter_client.kernelspec import KernelSpec
        from jupyter_client.manager import AsyncKernelManager

        # Of this process nothing is changed, neither folder nor environment: other chapters may run beside this one.
        environment = self.environment | {"IPYTHONDIR": str(private / "ipython")}
        log, forking = private / "kernel.log", self.prepared

        class ThisInterpreter(AsyncKernelManager):
            def __init__(self, **options: Any) -> None:
                super().__init__(**{**options, "connection_file": str(private / "kernel.json")})
                # Since jupyter_client 8.9; kernels warn where it is off.
                if self.has_trait("transport_encryption") and zmq.has("curve"):
                    self.transport_encryption = "auto"

            async def start_kernel(self, **options: Any) -> None:
                # What the process itself says, such as about being interrupted at its end, is no part of the report.
                with open(log, "ab") as file:
                    own = {"cwd": str(folder), "env": environment, "stdout": file, "stderr": file}
                    await super().start_kernel(**{**options, **own})

            async def _async_launch_kernel(self, kernel_cmd: list[str], **options: Any) -> None:
                forked = forking.fork(self.connection_file, folder, options["env"], log) if forking else None
                if forked is None:
                    await super()._async_launch_kernel(kernel_cmd, **options)
                    return
                local = self.provisioner
                local.process, local.pid, local.pgid = forked, forked.pid, forked.pid
                self._reconcile_connection_info(local.connection_info)

            _launch_kernel = _async_launch_kernel

            @property
            def kernel_spec(self) -> KernelSpec:
                return KernelSpec(resource_dir=RESOURCES, **get_kernel_dict())

        return ThisInterpreter


@contextmanager
def kernels(workers: int) -> Iterator[Kernels]:
    """What starts the kernels of a book, each of which may train in so many processes."""
    environment = {
        # This package, this cache, no bars, and nothing of the user's IPython profile (see `Kernels`).
        **os.environ,
        "MIA_CACHE": str(cache_dir()),  # a relative one would count from the chapter's folder
        "MIA_PROGRESS": "off",
        "MPLCONFIGDIR": str(cache_dir() / "matplotlib"),
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "PYTHONPATH": python_path(),
        "LOKY_MAX_CPU_COUNT": str(workers),  # what joblib takes for the number of cores
    }
    with prepared(environment) as process:
        yield Kernels(environment, process)
