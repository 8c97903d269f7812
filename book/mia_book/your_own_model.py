"""The chapter on one's own model: audits as rows of a table, its claims, and numbers for its text."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from mia_book.claims import HERE, judged, on
from mia_core.audits.one_model.words import by_name
from mia_core.display import tables
from mia_core.measures.claims import Claim, Verdict
from mia_core.measures.text import percent, with_bounds, with_interval
from mia_core.studies.study import mean_columns

MEASURE = "tpr_at_fpr_0.01"
PLAIN, LARGER = "leaves of 1", "leaves of 5"
SHOWN = ("gap", "loss", "quantile-regression", "lira", "base")
CLAIMS = (
    ("loss", Claim("The loss attack finds fewer than a tenth of the members.", HERE, MEASURE, PLAIN, 0.1, "lower")),
    ("base", Claim("The log ratio finds more than four members in ten.", HERE, MEASURE, PLAIN, 0.4, "higher")),
    ("base", Claim("Larger leaves lower what the log ratio finds.", HERE, MEASURE, LARGER, PLAIN, "lower")),
    ("base", Claim("Larger leaves cost target accuracy.", HERE, "target_accuracy", LARGER, PLAIN, "lower")),
)
"""Attack, and a claim on its rows of `as_rows`."""


def as_rows(numbers: Mapping[str, Any], seed: int, name: str) -> list[dict[str, Any]]:
    """One row per attack of an audit, with the columns of a study that `judge` and `over_the_seeds` read."""
    return [
        {
            "dataset": "digits",
            "defenses": name,
            "attack": result["attack"],
            "seed": seed,
            "members": numbers["members"],
            "non_members": numbers["non_members"],
            "target_accuracy": numbers["test_accuracy"],
            "auc": result["auc"],
            MEASURE: result["found"][0]["tpr"],
        }
        for result in numbers["attacks"]
    ]


def found_table(table: pd.DataFrame) -> pd.DataFrame:
    """Test accuracy and the share found by each of `SHOWN`, one column per size of leaves."""
    sizes = list(dict.fromkeys(table["defenses"]))

    def line(words: str, attack: str, measure: str) -> dict[str, str]:
        rows = table[table["attack"] == attack]
        cells = {size: mean_columns(rows[rows["defenses"] == size], measure, 0.95) for size in sizes}
        return {"": words} | {size: with_interval(cell, measure) for size, cell in cells.items()}

    found = [line(f"found by {name}", name, MEASURE) for name in SHOWN]
    return pd.DataFrame([line("test accuracy", SHOWN[0], "target_accuracy"), *found])


def verdicts(table: pd.DataFrame) -> list[Verdict]:
    """The verdicts on `CLAIMS` after Holm's correction."""
    return judged([pair for attack, claim in CLAIMS for pair in on(attack, [claim])], table)


def verdicts_table(found: list[Verdict]) -> pd.DataFrame:
    """The verdicts as a table that points to where each was measured."""
    return tables.verdicts_table(found, evidence="tab-leaves")


def in_text(numbers: Mapping[str, Any], by_hand: float) -> dict[str, Any]:
    """Numbers of the audit for the chapter's text, by the name under which they are glued."""
    point = by_name(numbers, numbers["best_at_low_fpr"])["found"][0]
    return {
        "found-loss": percent(by_hand, 1),
        "found-best": with_bounds(*(percent(point[name]) for name in ("tpr", "low", "high"))),
        "own-models": numbers["reference_models"],
    }


def peers_table(record: Mapping[str, Any]) -> pd.DataFrame:
    """One row per model and tool of `benchmarks/peers.py`: what the tool says, in how many lines and seconds.

    The first row of a model has its accuracies, whose difference is the advantage of the gap attack.
    """
    rows = []
    for one in record["results"]["rows"]:
        if not any(row["model"] == one["model"] for row in rows):
            gap = _accuracy(record, one["model"])
            rows.append({"model": one["model"], "tool": "gap attack"} | gap)
        says = one.get("says", {})
        rows.append(
            {
                "model": one["model"],
                "tool": one["tool"],
                "advantage": _number(says.get("advantage")),
                "AUC": _number(says.get("auc")),
                "found at 1% FPR": percent(says["found"], 1) if "found" in says else "",
                "in its words": says.get("words") or "; ".join([one["status"], *one.get("printed", [])]),
                "lines": str(one.get("lines", "")),
                "seconds": f"{one['seconds']['processor']:.1f}" if "seconds" in one else "",
            }
        )
    return pd.DataFrame(rows).fillna("")


def _accuracy(record: Mapping[str, Any], model: str) -> dict[str, str]:
    known = [row["accuracy"] for row in record["results"]["rows"] if row["model"] == model and "accuracy" in row]
    if not known:
        return {}
    inside, outside = known[0]["members"], known[0]["others"]
    return {
        "advantage": _number(inside - outside),
        "in its words": f"right on {percent(inside)} of members, {percent(outside)} of others",
    }


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
