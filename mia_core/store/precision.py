"""The choice of network, device and precision: a step of the recipe's network is timed once in each."""

import contextlib
import json
import time
from pathlib import Path

import numpy as np
import torch

from mia_core.base.files import cache_dir, write_atomically
from mia_core.model.build import build_network, check_takes
from mia_core.model.recipe import Recipe
from mia_core.model.train import on_device
from mia_core.store.faster import step_class
from mia_core.store.identity import code_fingerprint
from mia_core.store.machine import cpu_threads, describe_machine, resolve_device

CLASSES = 10  # of the networks that are timed
ENOUGH = 0.8  # of float32's time: bfloat16 is chosen where it saves a fifth, so that noise does not decide


def resolve(recipe: Recipe, shape: tuple[int, ...]) -> Recipe:
    """The recipe with "auto" replaced by the network for examples of this shape, [C, H, W] or [D], and by the device
    and the precision that are used on this machine.

    The precision's timing, on such examples, is kept in the cache folder, so that later runs on this machine decide
    alike. Raises `SettingsError` for the CNN on a table.
    """
    fitting = "mlp" if len(shape) == 1 else "cnn"
    network = fitting if recipe.network == "auto" else recipe.network
    check_takes(network, shape)
    recipe = recipe.replace(network=network, device=resolve_device(recipe.device).type)
    if recipe.precision != "auto":
        return recipe
    from filelock import FileLock

    path, case = cache_dir() / "precision.json", _case(recipe, shape)
    with FileLock(path.with_suffix(".lock")):  # one process times, and those that waited read what it has found
        known = _known_precisions(path)
        if known.get(case) not in ("float32", "bfloat16"):
            known[case] = faster_precision(recipe, shape)
            write_atomically(path, lambda file: file.write(json.dumps(known, indent=1).encode()))
    return recipe.replace(precision=known[case])


def _case(recipe: Recipe, shape: tuple[int, ...]) -> str:
    """All that the timing depends on."""
    machine = describe_machine()
    code = code_fingerprint(recipe.replace(precision="bfloat16"), (), shape)
    return (
        f"{machine['processor']} with {machine['instructions']} | {recipe.threads} threads | torch {torch.__version__} "
        f"| code {code} on {recipe.device} | {recipe.network} of {recipe.hidden_units} units, {recipe.batch_size} "
        f"images of {shape}"
    )


def _known_precisions(path: Path) -> dict[str, str]:
    with contextlib.suppress(OSError, ValueError, TypeError, RecursionError):
        return dict(json.loads(path.read_text(encoding="utf-8")))
    return {}


def faster_precision(recipe: Recipe, shape: tuple[int, ...]) -> str:
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


def _step_seconds(recipe: Recipe, shape: tuple[int, ...], precision: str, examples: int) -> float:
    """The least time of a few steps of the training; in the first of them it may be compiled."""
    device = torch.device(recipe.device)
    moments = np.zeros(shape, np.float32), np.ones(shape, np.float32)
    network = build_network(recipe.network, *moments, CLASSES, recipe.hidden_units, (), (0, 0), device)
    step = step_class()(network, recipe.replace(precision=precision))
    images = network.standardised(on_device(np.ones((examples, *shape), np.uint8), device))
    targets = torch.eye(CLASSES, device=device)[torch.arange(examples, device=device) % CLASSES]
    seconds: list[float] = []
    while len(seconds) < 2 or (len(seconds) < 5 and min(seconds) < 1):
        start = time.perf_counter()
        step(images, targets)
        if device.type == "cuda":
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - start)
    return min(seconds)
