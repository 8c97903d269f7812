"""How time and memory grow with the number of models and of examples.

    OMP_NUM_THREADS=1 PYTHONPATH=book python benchmarks/growth.py [--rounds 5]

Each point runs in a process of its own: models are trained one after the other for an epoch and stored, then every
model's outputs are read back one at a time and turned into one loss an example. "streamed" is that; "together" trains
the same models at once (`mia_core.fast.stacked`). Time is the processor's; memory is the peak beyond what the libraries
take. The exponents are slopes in the plane of logarithms (`measured`). Needs Linux for the memory.
"""

import argparse
import multiprocessing
import os
import re
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
from measured import exponents, save

from mia_core.base.errors import MiaWarning
from mia_core.data.dataset import Dataset
from mia_core.fast.stacked import train_together
from mia_core.gate.posteriors import softmax
from mia_core.model.job import Job
from mia_core.model.recipe import Recipe
from mia_core.store.identity import identity
from mia_core.store.machine import cpu_threads
from mia_core.store.runs import Store
from mia_core.store.trainings import train_all

MODELS, TOGETHER, EXAMPLES = (1, 4, 16, 64), (1, 4, 16, 64), (1_000, 4_000, 15_000, 60_000)
RECIPE = Recipe(network="cnn", epochs=1, record=(), device="cpu", precision="float32")


def work(kind, models, examples):
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (examples, 1, 16, 16), dtype=np.uint8)
    data = Dataset("random", images, random.integers(0, 10, examples), tuple("0123456789"), examples)
    everywhere = np.ones(examples, bool)
    jobs = [Job(random.permutation(examples) < examples // 2, everywhere, RECIPE, (), (0, m)) for m in range(models)]
    if kind == "together":
        with cpu_threads(1):
            return [one.index for one in train_together(data, jobs, "each")]
    losses = np.empty((models, examples), np.float32)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore", MiaWarning)  # nothing can be learned from random pixels
        store = Store(folder)
        train_all(store, data, jobs, jobs=1)
        for m, job in enumerate(jobs):
            run = store.get(identity(data, job))
            losses[m] = -np.log(softmax(run.logits)[np.arange(examples), run.labels])
    return losses


def resident(word):
    return int(re.search(rf"{word}:\s+(\d+) kB", Path("/proc/self/status").read_text())[1]) / 1024


def point(kind, models, examples, pipe):
    Path("/proc/self/clear_refs").write_text("5")  # the peak counts from here
    before, start = resident("VmRSS"), time.process_time()
    work(kind, models, examples)
    pipe.send((time.process_time() - start, max(resident("VmHWM") - before, 0.1)))


def measured(kind, models, examples):
    context = multiprocessing.get_context("fork")  # with all libraries loaded and used once
    here, there = context.Pipe()
    process = context.Process(target=point, args=(kind, models, examples, there))
    process.start()
    there.close()
    seconds, megabytes = here.recv()
    process.join()
    return {"kind": kind, "models": models, "examples": examples, "seconds": seconds, "megabytes": megabytes}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    load = os.getloadavg()
    for kind in ("streamed", "together"):
        work(kind, 1, 200)  # what the first training loads is not part of any point
    points = [("streamed", models, 1_000) for models in MODELS]
    points += [("together", models, 1_000) for models in TOGETHER]
    points += [("streamed", 1, examples) for examples in EXAMPLES[1:]]
    rows = [{"round": r, **measured(*one)} for r in range(given.rounds) for one in points]
    print(save("growth", {"rows": rows, "exponents": exponents(rows)}, load).read_text(), end="")


if __name__ == "__main__":
    main()
