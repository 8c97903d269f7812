"""Records of what things cost: measured in turn, with machine, versions and load, kept as JSON files with the results.

The wall clock of a busy machine says little, so every measurement also has the processor's own time: the seconds that
its cores worked for this process. Ratios are taken pair by pair between measurements that stand next to each other.
"""

import json
import os
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mia_core.base.errors import DataError
from mia_core.base.files import write_atomically
from mia_core.studies.recorded import results_dir

FORMAT = 1
Seconds = list[tuple[float, float]]
"""(wall clock, processor's time) of each round."""


def in_turn(actions: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, Seconds]:
    """Run every action once a round, `rounds` times; the seconds of each by name."""
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
    text = json.dumps(about | {"results": _rounded(results)}, indent=1, allow_nan=False) + "\n"
    write_atomically(path, lambda file: file.write(text.encode()))
    return path


def read(name: str) -> dict[str, Any]:
    """A recorded benchmark: what `save` wrote. Raises `DataError` for one that is missing or damaged."""
    path = results_dir() / "benchmarks" / f"{name}.json"
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if found["format"] != FORMAT or found["name"] != name or not isinstance(found["results"], dict):
            raise ValueError
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{path}: no recorded benchmark, or damaged ({type(error).__name__}); `make bench` makes them all"
        ) from None
    return found


def _rounded(value: Any) -> Any:
    """Numbers with four significant digits: more would be noise."""
    if isinstance(value, float):
        return float(f"{value:.4g}")
    if isinstance(value, Mapping):
        return {name: _rounded(one) for name, one in value.items()}
    return [_rounded(one) for one in value] if isinstance(value, list | tuple) else value
