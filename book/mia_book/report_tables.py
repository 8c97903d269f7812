"""What the chapter on the report shows as tables and in words, from the checks and measurements of the report."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mia_book.reference_sweeps import mean_in_words
from mia_book.report_arrays import PUBLISHED_EPSILON, attack_with_smoothed_labels, means
from mia_book.report_checks import Exchange
from mia_core.measures.claims import Claim
from mia_core.measures.text import heading
from mia_core.studies.paper import CODE, SAME
from mia_core.studies.study import SHADOW, TARGET, Study

if TYPE_CHECKING:
    import pandas as pd

OTHERS = ("recall_members", "recall_non_members", "generalisation_gap", "shadow_accuracy")
"""What a study measures beside the accuracies of target and attack."""


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

    arrays     see `mia_book.report_arrays.smoothing_table`
    explained  see `mia_book.report_arrays.explanations`
    """
    mean = means(arrays)
    values = {"published-epsilon": f"{PUBLISHED_EPSILON:g}"}
    for state, epsilon in (("plain", 0.0), ("smoothed", PUBLISHED_EPSILON)):
        values[f"accuracy-{state}"] = f"{mean.loc[epsilon, 'attack_accuracy']:.3f}"
        values[f"auc-{state}"] = f"{mean.loc[epsilon, 'auc']:.3f}"
    rows = explained.groupby("closest", sort=False)["row of Table I"].apply(list)
    values["closest"] = "; ".join(f"“{label}” for {', '.join(names)}" for label, names in rows.items())
    return values


def hindered_rows(study: Study, epsilons: Sequence[float]) -> "pd.DataFrame":
    """The attack with smoothed labels of its own, trained to the end, on a study's undefended models.

    Fitted on the shadow, tested on the target: a row a seed and epsilon, called "ε = 0.1" in the column `defenses`, so
    that `mia_core.measures.claims.judge` compares epsilons.
    """
    import pandas as pd

    rows = []
    for seed in study.settings.seeds:
        target, shadow = (study.outputs(seed, model, ()) for model in (TARGET, SHADOW))
        for epsilon in epsilons:
            found = attack_with_smoothed_labels(shadow, target, epsilon)
            rows.append({"defenses": epsilon_name(epsilon), "seed": seed, "attack": "adversary1"} | found)
    return pd.DataFrame(rows)


def hindered_table(rows: "pd.DataFrame") -> "pd.DataFrame":
    """Means over seeds of `hindered_rows`, with their intervals: a row an epsilon."""
    import pandas as pd

    names = ("attack_accuracy", "recall_members", "recall_non_members", "auc")
    return pd.DataFrame(
        {"labels": name} | {heading(column): mean_in_words(group[column]) for column in names}
        for name, group in rows.groupby("defenses", sort=False)
    )


def epsilon_name(epsilon: float) -> str:
    """How `hindered_rows` calls an epsilon."""
    return f"ε = {epsilon:g}"


_HINDERED = {"of": epsilon_name(PUBLISHED_EPSILON), "than": epsilon_name(0)}

HINDERED_CLAIMS: tuple[Claim, ...] = (
    Claim("Smoothing its own labels lowers the attack's accuracy.", "this chapter", "attack_accuracy",
        **_HINDERED, direction="lower",
    ),
    Claim(f"Smoothing its own labels leaves the AUC as it is, to within {SAME}.", "this chapter", "auc",
        **_HINDERED, direction="same", margin=SAME,
    ),
)  # fmt: skip
"""On `hindered_rows`, attack adversary1."""
