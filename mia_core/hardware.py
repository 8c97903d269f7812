"""What this machine is and how to use it: device, threads, memory, and the faster of two precisions."""

import contextlib
import ctypes
import functools
import json
import os
import platform
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from mia_core.cache import cache_dir, write_atomically
from mia_core.errors import SettingsError
from mia_core.recipe import Recipe

ENOUGH = 0.8  # of float32's time: bfloat16 is chosen where it saves a fifth, so that noise does not decide


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

    A training step frees and allocates the same few large buffers; by default glibc maps them anew each time, and
    touching fresh pages costs about a seventh of a step. Elsewhere than on glibc this does nothing.
    """
    if sys.platform.startswith("linux") and platform.libc_ver()[0] == "glibc":
        trim_threshold, mmap_threshold, gigabyte = -1, -3, 1 << 30
        libc = ctypes.CDLL(None)
        libc.mallopt(mmap_threshold, gigabyte)
        libc.mallopt(trim_threshold, gigabyte)


def autocast(device: torch.device, precision: str) -> contextlib.AbstractContextManager:
    """The context in which a step of this precision runs: bfloat16 autocast, or nothing for float32."""
    if precision == "bfloat16":
        return torch.autocast(device.type, torch.bfloat16)
    return contextlib.nullcontext()


def resolve(recipe: Recipe, shape: tuple[int, int, int]) -> Recipe:
    """The recipe with "auto" replaced by the device and the precision that are used on this machine.

    The precision's timing, on images of this shape [C, H, W], is kept in the cache folder, so that later runs on this
    machine decide alike.
    """
    from mia_core.fingerprints import code_fingerprint

    device = resolve_device(recipe.device)
    recipe = recipe.replace(device=device.type)
    if recipe.precision != "auto":
        return recipe
    machine = describe_machine()
    layers = f"{recipe.network} of {recipe.hidden_units} units, {recipe.batch_size} images of {shape}"
    case = " | ".join(
        (
            f"{machine['processor']} with {machine['instructions']}",
            f"{recipe.threads} threads",
            f"torch {torch.__version__}",
            f"code {code_fingerprint((), device.type)} on {device.type}",
            layers,
        )
    )
    path = cache_dir() / "precision.json"
    precision = _known_precisions(path).get(case)
    if precision not in ("float32", "bfloat16"):
        precision = _time_once(path, case, recipe, shape)
    return recipe.replace(precision=precision)


def _known_precisions(path: Path) -> dict[str, str]:
    with contextlib.suppress(OSError, ValueError, TypeError):
        return dict(json.loads(path.read_text(encoding="utf-8")))
    return {}


def _time_once(path: Path, case: str, recipe: Recipe, shape: tuple[int, int, int]) -> str:
    """The faster precision, timed by one process and read by those that waited for it: all decide alike."""
    from filelock import FileLock

    with FileLock(path.with_suffix(".lock")):
        known = _known_precisions(path)
        if known.get(case) not in ("float32", "bfloat16"):
            known[case] = faster_precision(recipe, shape)
            write_atomically(path, lambda file: file.write(json.dumps(known, indent=1).encode()))
        return known[case]


def faster_precision(recipe: Recipe, shape: tuple[int, int, int]) -> str:
    """The precision in which a step of the recipe takes less time here, "bfloat16" or "float32", timed once.

    A processor's flag is not trusted: bfloat16 without matrix instructions can be a hundred times slower, and with them
    it gains little on small images.
    """
    kinds = ("float32", "bfloat16")
    with cpu_threads(recipe.threads):
        # Small first: where bfloat16 is emulated, a step on a full batch would take seconds.
        for examples, hopeless in ((2, 4), (20, 2), (recipe.batch_size, 1)):
            seconds = {kind: _step_seconds(recipe, shape, kind, examples) for kind in kinds}
            if seconds["bfloat16"] > hopeless * seconds["float32"]:
                return "float32"
        for _ in range(3):
            if abs(seconds["bfloat16"] / seconds["float32"] - ENOUGH) < 0.1:  # too close to tell: both again, in turn
                seconds = {kind: min(seconds[kind], _step_seconds(recipe, shape, kind, examples)) for kind in kinds}
    return "bfloat16" if seconds["bfloat16"] < ENOUGH * seconds["float32"] else "float32"


def _step_seconds(recipe: Recipe, shape: tuple[int, int, int], precision: str, examples: int) -> float:
    """The least time of a few forward and backward passes through the recipe's network; in the first it is compiled."""
    from mia_core.networks import build_network

    device = torch.device(recipe.device)
    mean, scale = np.zeros(shape, np.float32), np.ones(shape, np.float32)
    network = build_network(recipe.network, mean, scale, 10, recipe.hidden_units, (), (0, 0), device)
    x = network.prepared(torch.ones(examples, *shape, device=device).to(memory_format=torch.channels_last))
    x = x.to(torch.bfloat16 if precision == "bfloat16" else torch.float32)
    seconds: list[float] = []
    while len(seconds) < 2 or (len(seconds) < 5 and min(seconds) < 1):
        start = time.perf_counter()
        with autocast(device, precision):
            network.body(x).float().sum().backward()
        if device.type == "cuda":
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


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
