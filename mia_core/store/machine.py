"""What this machine is and how to use it: device, threads and memory."""

import contextlib
import ctypes
import functools
import os
import platform
import sys
from collections.abc import Iterator
from pathlib import Path

import torch

from mia_core.base.errors import SettingsError


def resolve_device(name: str) -> torch.device:
    """The device that a setting names; "auto" is CUDA, else Apple's MPS, else the CPU.

    Raises `SettingsError` for a device that this machine does not have.
    """
    present = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        return torch.device(next(kind for kind in ("cuda", "mps", "cpu") if present[kind]))
    if not present[name]:
        have = ", ".join(kind for kind, there in present.items() if there)
        raise SettingsError(f"device: {name} is not available on this machine; available: auto, {have}")
    return torch.device(name)


@contextlib.contextmanager
def cpu_threads(count: int) -> Iterator[None]:
    """Use `count` CPU threads inside, and what was set before afterwards."""
    before = torch.get_num_threads()
    keep_memory()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@functools.cache
def keep_memory() -> None:
    """Let the C library keep freed memory instead of returning it to the system after each step.

    A training step frees and allocates the same few large buffers; by default glibc maps them again each time, and
    touching fresh pages costs about a seventh of a step. Elsewhere than on glibc this does nothing.
    """
    if sys.platform.startswith("linux") and platform.libc_ver()[0] == "glibc":
        trim_threshold, mmap_threshold, gigabyte = -1, -3, 1 << 30
        libc = ctypes.CDLL(None)
        libc.mallopt(mmap_threshold, gigabyte)
        libc.mallopt(trim_threshold, gigabyte)


def describe_machine() -> dict[str, str]:
    """Processor, cores, the matrix instructions it has, and system, for the record."""
    flags, model = "", platform.processor() or platform.machine()
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "flags":
                flags = value
            elif name.strip() == "model name":
                model = value.strip()
    wanted = ("avx2", "avx512f", "avx512_bf16", "amx_bf16")
    return {
        "processor": model,
        "cores": str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()),
        "instructions": " ".join(flag for flag in wanted if flag in flags.split()) or "not known",
        "system": f"{platform.system()} {platform.machine()}",
    }
