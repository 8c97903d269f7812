"""What is said over the targets of a study: pairs as units, the strongest attack."""

import numpy as np
import pandas as pd
import pytest

from mia_core.measures.intervals import over_seeds
from mia_core.studies.reference_rows import EVERY
from mia_core.studies.reference_summary import MEASURES, by_unit, over_targets, strongest

TARGETS = 8


def made_table(accuracy, auc, design="pairs"):
    """A table with the given (defenses, epochs) -> accuracy and (defenses, epochs, attack) -> AUC, plus small noise."""
    rows = []
    for (defenses, epochs, attack), value in auc.items():
        for target in range(TARGETS):
            wobble = 0.002 * np.sin(7 * target + epochs + len(defenses))
            row = dict.fromkeys(MEASURES, 0.5) | {"dataset": "d", "defenses": defenses, "epochs": epochs}
            row |= {"design": design, "attack": attack, "examples": "pool", "target": str(target)}
            row |= {"seed": 4, "references": 6, "queries": 1, "auc": value + wobble, "tpr_at_fpr_0.0001": None}
            rows.append(row | {"target_accuracy": accuracy[defenses, epochs] + 0.0001 * target})
        rows.append(rows[-1] | {"target": EVERY, "auc": 0.99})
    return pd.DataFrame(rows)


ACCURACY = {("none", 1): 0.50, ("none", 2): 0.60, ("none", 3): 0.58, ("a", 3): 0.55, ("b", 3): 0.55, ("c", 3): 0.65}
AUC = {("none", 1, "x"): 0.60, ("none", 2, "x"): 0.70, ("none", 3, "x"): 0.90}
AUC |= {("a", 3, "x"): 0.58, ("b", 3, "x"): 0.75, ("c", 3, "x"): 0.55}
TABLE = made_table(ACCURACY, AUC)


def test_the_unit_is_a_pair_where_there_are_pairs():
    units = by_unit(TABLE)
    assert len(units) == 6 * TARGETS // 2
    rows = TABLE[(TABLE["defenses"] == "a") & TABLE["target"].isin(["2", "3"])]
    unit = units[(units["defenses"] == "a") & (units["unit"] == "4/1")]
    assert unit["auc"].item() == pytest.approx(rows["auc"].mean())
    assert len(by_unit(made_table(ACCURACY, AUC, design="random_halves"))) == 6 * TARGETS


def test_means_over_units_leave_all_targets_together_out():
    row = over_targets(TABLE).set_index(["defenses", "epochs"]).loc["a", 3]
    units = by_unit(TABLE)
    expected = over_seeds(units[units["defenses"] == "a"]["auc"].tolist())
    assert (row["auc"], row["auc_low"], row["auc_high"]) == pytest.approx((expected.mean, expected.low, expected.high))
    assert (row["units"], row["targets"]) == (4, 8) and row["auc_least"] < row["auc"] < row["auc_most"] < 0.6
    assert pd.isna(row["tpr_at_fpr_0.0001"]) and pd.isna(row["tpr_at_fpr_0.0001_low"])
    both = over_targets(pd.concat([TABLE, TABLE.assign(seed=5)]))  # several seeds give more units
    assert (both["units"] == TARGETS).all() and (both["targets"] == 2 * TARGETS).all()


def test_a_measure_that_one_target_lacks_is_missing_for_all():
    holes = TABLE.copy()
    holes.loc[holes["target"] == "5", "auc"] = np.nan
    assert over_targets(holes)["auc"].isna().all() and over_targets(holes)["target_accuracy"].notna().all()


def test_the_strongest_attack_of_each_cell_is_named():
    two = made_table(ACCURACY, AUC | {("a", 3, "y"): 0.7, ("b", 3, "y"): 0.7})
    best = strongest(over_targets(two), "auc").set_index(["defenses", "epochs"])["attack"]
    assert best["a", 3] == "y" and best["b", 3] == "x" and best["none", 1] == "x"
    assert strongest(over_targets(two), "tpr_at_fpr_0.0001").empty
