"""`mia attack` and `mia audit` on large files: the processor's time and the peak memory of the command.

    PYTHONPATH=book python benchmarks/large.py [--examples 250000] [--classes 100] [--attack adversary1] [--rounds 3]
                                               [--audited 20000 1000000] [--baseline FOLDER]

Shadow and target are float32 posteriors of made-up models that are surer of their members. With --baseline, a checkout
of earlier code attacks the same files in turn; the ratio is taken round by round, and the record says whether both
printed the same bytes. Audits are of files with --audited examples and ten classes, once each, by the command and, with
20 made-up columns as inputs, from Python.
"""

import argparse
import os
import statistics
import sys
import tempfile
from pathlib import Path

import numpy as np
from measured import save

HERE = Path(__file__).resolve().parents[1]
BLOCK = 10_000


def write_outputs(path, examples, classes, seed):
    """Posteriors of a model that is right more often, and surer, where it trained on the example."""
    random = np.random.default_rng(seed)
    labels, members = random.integers(0, classes, examples), np.arange(examples) % 2 == 0
    posteriors = np.empty((examples, classes), np.float32)
    for start in range(0, examples, BLOCK):
        some = slice(start, start + BLOCK)
        logits = random.standard_normal((len(labels[some]), classes), np.float32)
        surer = random.normal(5, 2.5, len(logits)) + random.gamma(1, 1, len(logits)) * members[some]
        logits[np.arange(len(logits)), labels[some]] += surer
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        posteriors[some] = powers / powers.sum(axis=1, keepdims=True)
    np.savez(path, posteriors=posteriors, members=members, labels=labels)


def ran(code, *words):
    """What Python prints with these words and the checkout `code`, its processor's seconds and peak memory in MiB."""
    with tempfile.TemporaryFile() as out:
        environment = os.environ | {"PYTHONPATH": str(code), "PYTHONSAFEPATH": "1"}
        streams = [(os.POSIX_SPAWN_DUP2, out.fileno(), 1)]
        child = os.posix_spawn(sys.executable, [sys.executable, *words], environment, file_actions=streams)
        _, status, used = os.wait4(child, 0)
        if status:
            raise SystemExit(f"{words} of {code} failed with status {os.waitstatus_to_exitcode(status)}")
        out.seek(0)
        return out.read(), used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


FROM_PYTHON = """
import sys
import numpy as np
from mia_core import audit
with np.load(sys.argv[1]) as file:
    posteriors, members, labels = file["posteriors"], file["members"], file["labels"]
inputs = np.random.default_rng(0).standard_normal((len(labels), 20))
inputs[:, 0] = np.arange(len(labels))  # by which the model knows its answer
inside, outside = np.random.default_rng(1).permutation(np.flatnonzero(members)), np.flatnonzero(~members)
def predict(rows):
    return posteriors[rows[:, 0].astype(int)]
members, non_members = ((inputs[side], labels[side]) for side in (inside, outside))
audit(predict, members=members, non_members=non_members).to_html("a.html")
"""


def audits(examples, folder):
    """One row per way to audit `examples` outputs of ten classes."""
    path, page = os.path.join(folder, "audited.npz"), os.path.join(folder, "audit.html")
    write_outputs(path, examples, 10, 2)
    ways = {
        "command": ("-m", "mia_core", "audit", path, "--out", page),
        "python, with inputs": ("-c", FROM_PYTHON.replace("a.html", page), path),
    }
    for way, words in ways.items():
        _, worked, peak = ran(HERE, *words)
        yield {
            "way": way,
            "examples": examples,
            "processor_seconds": worked,
            "peak_mebibytes": peak,
            "page_bytes": os.path.getsize(page),
        }


def spread(values):
    return {"least": min(values), "median": statistics.median(values), "most": max(values)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--examples", type=int, default=250_000)
    parser.add_argument("--classes", type=int, default=100)
    parser.add_argument("--attack", default="adversary1")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--audited", type=int, nargs="*", default=[20_000, 1_000_000])
    parser.add_argument("--baseline", help="a checkout of earlier code")
    given = parser.parse_args()
    load = os.getloadavg()
    checkouts = ({"baseline": Path(given.baseline).resolve()} if given.baseline else {}) | {"present": HERE}
    seconds = {name: [] for name in checkouts}
    megabytes = {name: [] for name in checkouts}
    with tempfile.TemporaryDirectory() as folder:
        files = [os.path.join(folder, name) for name in ("shadow.npz", "target.npz")]
        for seed, path in enumerate(files):
            write_outputs(path, given.examples, given.classes, seed)
        printed = {name: set() for name in checkouts}
        for _ in range(given.rounds):
            for name, code in checkouts.items():
                words = ("--shadow", files[0], "--target", files[1], "--attack", given.attack, "--json")
                out, worked, peak = ran(code, "-m", "mia_core", "attack", *words)
                printed[name].add(out)
                seconds[name].append(worked)
                megabytes[name].append(peak)
        audited = [row for examples in given.audited for row in audits(examples, folder)]
    results = {
        "examples": given.examples,
        "classes": given.classes,
        "attack": given.attack,
        "input_mebibytes": 2 * given.examples * given.classes * 4 / 2**20,
        "processor_seconds": {name: spread(values) for name, values in seconds.items()},
        "peak_mebibytes": {name: spread(values) for name, values in megabytes.items()},
        "audits": audited,
    }
    if given.baseline:
        pairs = zip(seconds["baseline"], seconds["present"], strict=True)
        results["prints_the_same"] = printed["baseline"] == printed["present"]
        results["times_faster"] = spread([slow / fast for slow, fast in pairs])
    print(save("large", results, load).read_text(), end="")


if __name__ == "__main__":
    main()
