"""What is said over the targets of a study: pairs as units, the strongest attack, defenses against stopping early."""

import numpy as np
import pandas as pd
import pytest

from mia_core.base.errors import SettingsError
from mia_core.measures.intervals import over_seeds
from mia_core.studies.early_stopping import against_stopping
from mia_core.studies.reference_rows import EVERY
from mia_core.studies.reference_summary import MEASURES, STRONGEST, by_unit, over_targets, strongest

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


# A model stopped at accuracy 0.55 would have an AUC of 0.65; at 0.5 and below and above 0.6 nothing was recorded.
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


def test_defenses_are_held_against_stopping_at_equal_accuracy():
    found = against_stopping(TABLE, measures=["auc"]).set_index(["attack", "defenses"])
    a, b, c = (found.loc["x", name] for name in "abc")
    assert a["difference"] == pytest.approx(-0.07, abs=0.005) and a["verdict"] == "safer"
    assert b["difference"] == pytest.approx(0.10, abs=0.005) and b["verdict"] == "less safe"
    assert (a["compared"], c["compared"], c["above"]) == (4, 0, 4) and c["verdict"] == "cannot be told"
    assert pd.isna(c["difference"]) and found.loc["x", "none"]["verdict"] == "less safe"
    assert found.loc[STRONGEST, "a"]["difference"] == pytest.approx(a["difference"])
    # The strongest attack may differ between the defense and the stop.
    two = made_table(ACCURACY, AUC | {("none", 1, "y"): 0.5, ("none", 2, "y"): 0.5, ("a", 3, "y"): 0.8})
    best = against_stopping(two, measures=["auc"]).set_index(["attack", "defenses"]).loc[STRONGEST, "a"]
    assert best["difference"] == pytest.approx(0.15, abs=0.005) and best["verdict"] == "less safe"


def test_what_cannot_be_held_against_stopping_is_refused():
    with pytest.raises(SettingsError, match="rows of none at two recorded epochs or more"):
        against_stopping(TABLE[TABLE["epochs"] == 3])
    with pytest.raises(SettingsError, match="examples: the table has no rows of canaries"):
        against_stopping(TABLE, examples="canaries")
