"""Tables and the figure of the chapter on costs, from recorded benchmarks (see `mia_book.cost_records`)."""

import statistics
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mia_book.cost_growth import CURVES, exponents, points
from mia_core.display.svg import figure, style
from mia_core.measures.intervals import over_seeds

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

Record = Mapping[str, Any]
SAME = {
    "target_accuracy": "test accuracy",
    "attack_accuracy": "attack accuracy",
    "auc": "attack AUC",
}


def costs_table(study: Record, epoch: Record) -> "pd.DataFrame":
    """One training of the default study and one epoch on CIFAR-10's size: the ordinary loop, this package, the limit.

    In processor's seconds, medians; the ratio is that of rounds, with the least and the most.
    """
    import pandas as pd

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
            "share of limit": f"{one['share_of_limit']:.0%}",
        }
        for what, one in found
    )


def chosen(epoch: Record) -> Record:
    """What was measured in the precision that `auto` chooses on this machine."""
    return epoch["results"]["precisions"][epoch["results"]["chosen"]]


def speeds(epoch: Record) -> str:
    """The speed of matrix products in words, such as "0.158 TFLOP/s in float32 and 1.050 in bfloat16"."""
    first, *rest = epoch["results"]["precisions"].items()
    words = f"{first[1]['product_tflops']:.3f} TFLOP/s in {first[0]}"
    return words + "".join(f" and {one['product_tflops']:.3f} in {name}" for name, one in rest)


def same_table(record: Record) -> "pd.DataFrame":
    """What models trained by the ordinary loop and by this package come to: means over seeds, and the mean difference
    within seeds with Student's 95% interval, which takes two seeds or more. A row a measure and precision."""
    import pandas as pd

    table, rows = pd.DataFrame(record["results"]["rows"]), []
    for measure, words in SAME.items():
        values = table.pivot(index="seed", columns="trained_by", values=measure)
        plain = values["ordinary loop"]
        for trained_by in table["trained_by"].unique()[1:]:
            ours = values[trained_by]
            found = over_seeds(list(ours - plain))
            bounds = "" if found.low is None else f" [{found.low:+.3f}, {found.high:+.3f}]"
            rows.append({
                "measure": f"{words}, {trained_by}",
                "difference": f"{found.mean:+.3f}{bounds}",
                "ordinary loop": f"{plain.mean():.3f}",
                "mia_core": f"{ours.mean():.3f}",
            })  # fmt: skip
    return pd.DataFrame(rows)


def together_table(record: Record) -> "pd.DataFrame":
    """Models trained at once against one at a time, by network and number of models."""
    import pandas as pd

    clock = _clock(record)
    rows = []
    for row in record["results"]["rows"]:
        ratio = row["times_faster"][clock]
        rows.append({
            "network, models": f"{row['network']}, {row['models']}",
            "one at a time, s": seconds(row["alone_seconds"][clock]),
            "at once, s": seconds(row["together_seconds"][clock]),
            "times faster": _times(ratio),
        })  # fmt: skip
    return pd.DataFrame(rows)


def best_together(record: Record, network: str) -> tuple[int, float]:
    """How many models at once gain most over one at a time for a network, and how many times faster they are."""
    rows = [row for row in record["results"]["rows"] if row["network"] == network]
    best = max(rows, key=lambda row: row["times_faster"][_clock(record)]["median"])
    return best["models"], best["times_faster"][_clock(record)]["median"]


def _times(ratio: Mapping[str, float]) -> str:
    """Median and range; not in brackets, which stand for intervals everywhere else."""
    return f"{ratio['median']:.2f} ({ratio['least']:.2f} to {ratio['most']:.2f})"


def _clock(record: Record) -> str:
    """The clock that counts: an accelerator works while the processor waits."""
    return "processor" if record["results"]["device"] == "cpu" else "wall"


def machines_table(records: Sequence[Record]) -> "pd.DataFrame":
    """Where and when each benchmark ran, and how busy the machine was (processes that wanted a core)."""
    import pandas as pd

    return pd.DataFrame(
        {
            "benchmark": record["name"],
            "made": record["made"][:10],
            "cores": f"{record['machine']['cores']}, {record['machine']['instructions']}",
            "load": f"{record['load_before'][0]:.0f} to {record['load_after'][0]:.0f}",
        }
        for record in records
    )


def growth_figure(rows: Sequence[Mapping[str, Any]]) -> tuple["Figure", str]:
    """Time and memory as multiples of the smallest point, over the size as a multiple of the smallest; log axes.

    rows  of the benchmark of growth; lines are medians over its rounds
    """
    fig, ax = figure(height=4.2)
    rounds = sorted({row["round"] for row in rows})
    found, parts, ends = exponents(rows), [], []
    for place, curve in enumerate(CURVES):
        per_round = [points(rows, curve, number) for number in rounds]
        sizes = [size / per_round[0][0][0] for size in per_round[0][0]]
        values = [statistics.median(column) for column in zip(*(values for _, values in per_round), strict=True)]
        multiples = [value / values[0] for value in values]
        slope = statistics.mean(found[curve])
        ax.plot(sizes, multiples, label=f"{curve} ({slope:.2f})", **style(place))
        slope = round(slope, 2) + 0.0  # no "-0.00"
        parts.append(f"{curve} {slope:.2f}, to {multiples[-1]:.1f} times at {sizes[-1]:g} times the size")
        ends.append(sizes[-1])
    line = style(5)
    ax.plot([1, max(ends)], [1, max(ends)], color=line["color"], linewidth=1, linestyle=line["linestyle"])
    ax.set(xscale="log", yscale="log", xlabel="size, in multiples of the smallest")
    ax.set_ylabel("cost, in multiples of the smallest")
    fig.legend(loc="outside lower center", ncols=2)
    return fig, f"Lines on logarithmic axes, with the slope of each: {'; '.join(parts)}. A thin line has slope 1."


def seconds(value: float) -> str:
    """Seconds with two significant digits, as text."""
    return f"{value:.0f}" if value >= 10 else f"{value:.2g}"
