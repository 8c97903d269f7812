"""Records of what things cost, kept as JSON files with the results, and the least that a training can cost.

The wall clock of a busy machine says little, so every measurement also has the processor's own time: the seconds that
its cores worked for this process. Ratios are taken pair by pair between measurements that stand next to each other.

The least that a training by direct computation can cost: the multiplications of its layers at the speed of a matrix
product. Standardisation, pooling, tanh and Adam are left out, so no implementation that computes the layers directly
reaches this limit. One that needs fewer multiplications for the same convolution can.
"""

import os
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from mia_core.base.files import write_atomically
from mia_core.base.sealed import sealed
from mia_core.studies.recorded import results_dir

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "book"))  # `mia_book` is not installed
from mia_book.what_it_costs import FORMAT, exponents, read

__all__ = ["compared", "exponents", "in_turn", "matrix_speed", "middle", "multiplications", "read", "save"]

Seconds = list[tuple[float, float]]
"""(wall clock, processor's time) of each round."""


def in_turn(actions: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, Seconds]:
    """Run every action once per round, `rounds` times; the seconds of each by name."""
    found: dict[str, Seconds] = {name: [] for name in actions}
    for _ in range(rounds):
        for name, action in actions.items():
            wall, worked = time.perf_counter(), time.process_time()
            action()
            found[name].append((time.perf_counter() - wall, time.process_time() - worked))
    return found


def compared(slow: Seconds, fast: Seconds) -> dict[str, Any]:
    """How many times faster `fast` is than `slow`, round by round: least, median and most, for both clocks.

    Where an action leaves work to other processes or to an accelerator, only the wall clock counts it.
    """
    found = {}
    for place, clock in enumerate(("wall", "processor")):
        ratios = [one[place] / two[place] for one, two in zip(slow, fast, strict=True)]
        found[clock] = {"least": min(ratios), "median": statistics.median(ratios), "most": max(ratios)}
    return found


def middle(seconds: Seconds) -> dict[str, float]:
    """The medians of both clocks."""
    return {
        "wall": statistics.median(one for one, _ in seconds),
        "processor": statistics.median(two for _, two in seconds),
    }


def save(name: str, results: Mapping[str, Any], load_before: Sequence[float]) -> Path:
    """Write a benchmark's results with machine, versions, load and date to `benchmarks/NAME.json` of the results."""
    from mia_core.store.identity import versions
    from mia_core.store.machine import describe_machine

    about = {
        "format": FORMAT,
        "name": name,
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": describe_machine(),
        "versions": versions(),
        "load_before": [round(value, 1) for value in load_before],
        "load_after": [round(value, 1) for value in os.getloadavg()],
    }
    path = results_dir() / "benchmarks" / f"{name}.json"
    text = sealed(about | {"results": _rounded(results)})
    write_atomically(path, lambda file: file.write(text.encode()))
    return path


def _rounded(value: Any) -> Any:
    """Numbers with four significant digits: more would be noise."""
    if isinstance(value, float):
        return float(f"{value:.4g}")
    if isinstance(value, Mapping):
        return {name: _rounded(one) for name, one in value.items()}
    return [_rounded(one) for one in value] if isinstance(value, list | tuple) else value


SIDE = 1536  # large enough that a product runs at full speed, small enough for a tenth of a second


def multiplications(shape: tuple[int, int, int], classes: int, hidden_units: int = 128, network: str = "cnn") -> int:
    """Multiply-adds for one image [C, H, W], forward and backward, of a network of `mia_core.model.network`.

    Backward costs twice the forward pass, once for the weights and once for the input; the first layer's input needs
    no gradient.
    """
    channels, height, width = shape
    if network == "mlp":
        first, others = channels * height * width * hidden_units, [hidden_units * classes]
    else:
        first = height * width * 25 * channels * 32
        rows, columns = height // 2 - 4, width // 2 - 4
        left = 32 * (rows // 2) * (columns // 2)
        others = [rows * columns * 25 * 32 * 32, left * hidden_units, hidden_units * classes]
    return 2 * first + 3 * sum(others)


def matrix_speed(precision: str = "float32", repeats: int = 5) -> float:
    """Multiply-adds a second of a matrix product, with torch's present number of threads, by processor time.

    The best of `repeats`: disturbances only make it slower.
    """
    import torch

    kind = {"float32": torch.float32, "bfloat16": torch.bfloat16}[precision]
    one, two = (torch.from_numpy(np.random.default_rng(0).random((SIDE, SIDE), np.float32)).to(kind) for _ in range(2))
    best = float("inf")
    for _ in range(repeats + 1):
        start = time.process_time()
        one @ two
        best = min(best, time.process_time() - start)
    return SIDE**3 / best
