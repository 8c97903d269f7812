"""What the chapter on the report shows as tables and in words, from the checks and measurements of the report."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mia_core.chapters.report_arrays import PUBLISHED_EPSILON, attack_with_smoothed_labels, means
from mia_core.chapters.report_checks import Exchange
from mia_core.inputs import Outputs
from mia_core.report import CODE
from mia_core.tables import heading

if TYPE_CHECKING:
    import pandas as pd


def code_table() -> "pd.DataFrame":
    """Where the report's text and its published code part, one row each."""
    import pandas as pd

    return pd.DataFrame(CODE).rename(
        columns={"text": "the report's text", "code": "the published code", "consequence": "what follows"}
    )


def exchanges_in_words(exchanges: Sequence[Exchange]) -> str:
    """The exchanges that mend Table I: their number, and the cells of each."""
    cells = [f"{heading(one.column)} ({one.first} and {one.second})" for one in exchanges]
    number = "a single one" if len(cells) == 1 else str(len(cells))
    return f"{number}: {'; '.join(cells)}" if cells else "none"


def groups_in_words(groups: Sequence[Sequence[str]]) -> str:
    """Groups of rows that are alike, as "(none, masking), (dropout)"."""
    return ", ".join(f"({', '.join(group)})" for group in groups)


def explanation_values(arrays: "pd.DataFrame", explained: "pd.DataFrame") -> dict[str, str]:
    """What the text quotes of the attack on the author's arrays, by name.

    arrays     see `mia_core.chapters.report_arrays.smoothing_table`
    explained  see `mia_core.chapters.report_arrays.explanations`
    """
    mean = means(arrays)
    values = {"published-epsilon": f"{PUBLISHED_EPSILON:g}"}
    for state, epsilon in (("plain", 0.0), ("smoothed", PUBLISHED_EPSILON)):
        values[f"accuracy-{state}"] = f"{mean.loc[epsilon, 'attack_accuracy']:.3f}"
        values[f"auc-{state}"] = f"{mean.loc[epsilon, 'auc']:.3f}"
    rows = explained.groupby("closest", sort=False)["row of Table I"].apply(list)
    values["closest"] = "; ".join(f"“{label}” for {', '.join(names)}" for label, names in rows.items())
    return values


def hindered_table(fitted: Outputs, tested: Outputs, epsilons: Sequence[float]) -> "pd.DataFrame":
    """The attack with smoothed labels of its own, trained to the end: a row an epsilon."""
    import pandas as pd

    rows = [{"ε": f"{epsilon:g}"} | attack_with_smoothed_labels(fitted, tested, epsilon) for epsilon in epsilons]
    names = ("attack_accuracy", "recall_members", "recall_non_members", "auc")
    return pd.DataFrame({"ε": row["ε"]} | {heading(name): row[name] for name in names} for row in rows)
