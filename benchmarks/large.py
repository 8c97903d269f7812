"""`mia attack` on large files: the processor's time and the peak memory of the command.

    PYTHONPATH=book python benchmarks/large.py [--examples 250000] [--classes 100] [--attack adversary1] [--rounds 3]
                                               [--baseline FOLDER]

Shadow and target are float32 posteriors of made-up models that are surer of their members. With --baseline, a checkout
of earlier code attacks the same files in turn, and must print the same bytes; the ratio is taken round by round.
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


def attacked(code, shadow, target, attack):
    """What `mia attack` of the checkout `code` prints, its processor's seconds, and its peak memory in MiB."""
    words = ["-m", "mia_core", "attack", "--shadow", shadow, "--target", target, "--attack", attack, "--json"]
    with tempfile.TemporaryFile() as out:
        environment = os.environ | {"PYTHONPATH": str(code)}
        streams = [(os.POSIX_SPAWN_DUP2, out.fileno(), 1)]
        child = os.posix_spawn(sys.executable, [sys.executable, *words], environment, file_actions=streams)
        _, status, used = os.wait4(child, 0)
        if status:
            raise SystemExit(f"mia attack of {code} failed with status {os.waitstatus_to_exitcode(status)}")
        out.seek(0)
        return out.read(), used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def spread(values):
    return {"least": min(values), "median": statistics.median(values), "most": max(values)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--examples", type=int, default=250_000)
    parser.add_argument("--classes", type=int, default=100)
    parser.add_argument("--attack", default="adversary1")
    parser.add_argument("--rounds", type=int, default=3)
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
        for _ in range(given.rounds):
            printed = set()
            for name, code in checkouts.items():
                out, worked, peak = attacked(code, *files, given.attack)
                printed.add(out)
                seconds[name].append(worked)
                megabytes[name].append(peak)
            if len(printed) > 1:
                raise SystemExit("the baseline prints other numbers")
    results = {
        "examples": given.examples,
        "classes": given.classes,
        "attack": given.attack,
        "input_mebibytes": 2 * given.examples * given.classes * 4 / 2**20,
        "processor_seconds": {name: spread(values) for name, values in seconds.items()},
        "peak_mebibytes": {name: spread(values) for name, values in megabytes.items()},
    }
    if given.baseline:
        pairs = zip(seconds["baseline"], seconds["present"], strict=True)
        results["times_faster"] = spread([slow / fast for slow, fast in pairs])
    print(save("large", results, load).read_text(), end="")


if __name__ == "__main__":
    main()
