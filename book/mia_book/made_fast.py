"""Of "How training is made fast": recorded benchmarks of one training, of several at once, and of what they come to."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from mia_book.what_it_costs import seconds
from mia_core.measures.intervals import over_seeds
from mia_core.measures.text import around, number, percent, signed

Record = Mapping[str, Any]
SAME = {"target_accuracy": "test accuracy", "attack_accuracy": "attack accuracy", "auc": "attack AUC"}


def costs_table(study: Record, epoch: Record) -> pd.DataFrame:
    """One training of the default study and one epoch on CIFAR-10's size: the ordinary loop, this package, the limit.

    In processor's seconds, medians; the ratio is that of rounds, with the least and the most.
    """
    of_study, of_epoch = study["results"], epoch["results"]
    found = [(f"digits, {of_study['epochs']} epochs and outputs, {of_study['precision']}", of_study)]
    for precision, one in of_epoch["precisions"].items():
        found.append((f"CIFAR-10's size, one epoch, {precision}", of_epoch | one))
    return pd.DataFrame(
        {
            "training": what,
            "times faster": _times(one["times_faster"]["processor"]),
            "ordinary loop, s": seconds(one["plain_loop_seconds"]["processor"]),
            "mia_core, s": seconds(one["mia_core_seconds"]["processor"]),
            "limit, s": seconds(one["limit_seconds"]),
            "share of limit": percent(one["share_of_limit"]),
        }
        for what, one in found
    )


def speeds(epoch: Record) -> str:
    """The speed of matrix products in words, such as "0.158 TFLOP/s in float32 and 1.050 in bfloat16"."""
    found = [f"{one['product_tflops']:.3f} in {name}" for name, one in epoch["results"]["precisions"].items()]
    return " and ".join(found).replace(" in ", " TFLOP/s in ", 1)


def same_table(record: Record) -> pd.DataFrame:
    """What models trained by the ordinary loop and by this package come to: means over seeds, and the mean difference
    within seeds with Student's 95% interval, which takes two seeds or more. One row per measure and precision."""
    return pd.DataFrame(
        {
            "measure": f"{words}, {trained_by}",
            "difference": signed(over_seeds(list(ours - plain))),
            "ordinary loop": number(plain.mean()),
            "mia_core": number(ours.mean()),
        }
        for words, trained_by, plain, ours in _pairs(record)
    )


def told_apart(record: Record) -> list[bool]:
    """For each row of `same_table`, whether the interval of the difference leaves out 0."""
    found = [over_seeds(list(ours - plain)) for _, _, plain, ours in _pairs(record)]
    return [not one.low <= 0 <= one.high for one in found]


def _pairs(record: Record) -> Iterator[tuple[str, str, pd.Series, pd.Series]]:
    """Measure, who trained, and the values per seed by the ordinary loop and by them."""
    table = pd.DataFrame(record["results"]["rows"])
    for measure, words in SAME.items():
        values = table.pivot(index="seed", columns="trained_by", values=measure)
        for trained_by in table["trained_by"].unique()[1:]:
            yield words, trained_by, values["ordinary loop"], values[trained_by]


def together_table(record: Record) -> pd.DataFrame:
    """Models trained at once against one at a time, by network and number of models."""
    clock = _clock(record)
    return pd.DataFrame(
        {
            "network, models": f"{row['network']}, {row['models']}",
            "one at a time, s": seconds(row["alone_seconds"][clock]),
            "at once, s": seconds(row["together_seconds"][clock]),
            "times faster": _times(row["times_faster"][clock]),
        }
        for row in record["results"]["rows"]
    )


def best_together(record: Record, network: str) -> tuple[int, float]:
    """How many models at once gain most over one at a time for a network, and how many times faster they are."""
    rows = [row for row in record["results"]["rows"] if row["network"] == network]
    best = max(rows, key=lambda row: row["times_faster"][_clock(record)]["median"])
    return best["models"], best["times_faster"][_clock(record)]["median"]


def _times(ratio: Mapping[str, float]) -> str:
    """Median and range; not in brackets, which stand for intervals everywhere else."""
    shown = number(ratio["median"], 2)
    return around(shown, f"{shown} ({ratio['least']:.2f} to {ratio['most']:.2f})")


def _clock(record: Record) -> str:
    """The clock that counts: an accelerator works while the processor waits."""
    return "processor" if record["results"]["device"] == "cpu" else "wall"


def machines_table(records: Sequence[Record]) -> pd.DataFrame:
    """Where and when each benchmark ran, and how busy the machine was (processes that wanted a core)."""
    return pd.DataFrame(
        {
            "benchmark": record["name"],
            "made": record["made"][:10],
            "cores": f"{record['machine']['cores']}, {record['machine']['instructions']}",
            "load": f"{record['load_before'][0]:.0f} to {record['load_after'][0]:.0f}",
        }
        for record in records
    )
