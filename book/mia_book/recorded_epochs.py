"""The undefended model at its recorded epochs, as a table whose knob is the epoch."""

import numpy as np
import pandas as pd

from mia_core.measures.counts import errors
from mia_core.studies.study import Study, over_the_seeds


def by_epoch(study: Study) -> pd.DataFrame:
    """The study's table at each of its recorded epochs, in their order; nothing is trained for it.

    Added columns: knob, the epoch, and `beyond_gap`, see `beyond_the_gap`. Raises `RunError` before training.
    """
    parts = [
        study.table(epoch).assign(defenses=epochs_name(epoch), knob=epoch) for epoch in study.recipe.recorded_epochs()
    ]
    return beyond_the_gap(pd.concat(parts, ignore_index=True))


def over_the_knob(table: pd.DataFrame) -> pd.DataFrame:
    """`mia_core.studies.study.over_the_seeds` of a table of any knob: one row per value, which is its column knob."""
    knobs = table.drop_duplicates("defenses").set_index("defenses")["knob"]
    summary = over_the_seeds(table)
    return summary.assign(knob=summary["defenses"].map(knobs))


def beyond_the_gap(table: pd.DataFrame) -> pd.DataFrame:
    """The table with `beyond_gap`, balanced accuracy minus that of the gap attack on the same model, and its error.

    The gap attack calls an example a member where the model is right about it; its balanced accuracy is one half plus
    half the generalisation gap (Yeom et al. 2018). Above 0 the attack knows more than right and wrong.
    """
    return table.assign(
        beyond_gap=table["balanced_accuracy"] - (1 + table["generalisation_gap"]) / 2,
        beyond_gap_error=np.hypot(errors(table, "balanced_accuracy"), errors(table, "generalisation_gap") / 2),
    )


def epochs_name(epoch: int) -> str:
    """The name of an epoch in a table: "1 epoch", "5 epochs"."""
    return f"{epoch} epoch{'s' if epoch != 1 else ''}"
