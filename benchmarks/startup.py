"""Start-up: `import mia_core` and `mia --help`, next to an interpreter that does nothing.

    PYTHONPATH=book python benchmarks/startup.py [--rounds 7]

Processor's seconds of the started processes, and the wall clock.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time

from measured import save

CODE = {
    "python": "pass",
    "import mia_core": "import mia_core",
    "mia --help": "from mia_core.cli.main import main; main(['--help'])",
}


def start(code):
    before, wall = os.times(), time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    after = os.times()
    worked = after.children_user + after.children_system - before.children_user - before.children_system
    return time.perf_counter() - wall, worked


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    given = parser.parse_args()
    load = os.getloadavg()
    found = {name: [] for name in CODE}
    for _ in range(given.rounds):
        for name, code in CODE.items():
            found[name].append(start(code))
    results = {
        name: {
            clock: {"least": min(values), "median": statistics.median(values), "most": max(values)}
            for clock, values in zip(("wall", "processor"), zip(*seconds, strict=True), strict=True)
        }
        for name, seconds in found.items()
    }
    print(save("startup", results, load).read_text(), end="")


if __name__ == "__main__":
    main()
