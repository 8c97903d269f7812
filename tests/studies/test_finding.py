"""What a table with reference models says to someone who has to choose."""

import numpy as np
import pandas as pd
import pytest

from mia_core.studies.finding import options, path
from mia_core.studies.reference_rows import EVERY
from mia_core.studies.reference_summary import MEASURES

STOPS = {1: (0.50, 0.1), 5: (0.585, 0.2), 9: (0.60, 0.6)}


def made(stops=STOPS, targets=6):
    """Two attacks, the weaker one "y"; canaries are found at twice the rate."""
    random, rows = np.random.default_rng(0), []
    cells = {("none", epoch): values for epoch, values in stops.items()} | {("a", 9): (0.55, 0.4)}
    for (defenses, epochs), (accuracy, leak) in cells.items():
        for attack, share in (("x", 1.0), ("y", 0.5)):
            case = {"dataset": "d", "defenses": defenses, "epochs": epochs, "attack": attack, "seed": 0}
            case |= {"design": "pairs", "references": 4, "queries": 1, "members": 500, "non_members": 500}
            for target in (*map(str, range(targets)), EVERY):
                for examples, times in (("pool", 1), ("canaries", 1.5)):
                    found = share * times * leak + random.normal(0, 1e-4)
                    row = case | dict.fromkeys(MEASURES, 0.5) | {"target": target, "examples": examples}
                    row |= {"target_accuracy": accuracy + random.normal(0, 1e-4), "tpr_at_fpr_0.01": found}
                    rows.append(row | {"tpr_at_fpr_0.01_low": found - 0.01, "tpr_at_fpr_0.01_high": found + 0.01})
    return pd.DataFrame(rows)


def test_choices_are_no_defense_two_stops_and_the_defenses():
    found = options(made())
    assert found[["defenses", "epochs"]].to_numpy().tolist() == [["none", 9], ["none", 5], ["a", 9]]
    assert found["within"].isna().tolist() == [True, False, True] and found.loc[1, "within"] == 0.02
    assert found["tpr_at_fpr_0.01"].tolist() == pytest.approx([0.6, 0.2, 0.4], abs=1e-3)
    assert found["canaries"].tolist() == pytest.approx([0.9, 0.3, 0.6], abs=1e-3)
    assert (found["canaries_low"] < found["canaries"]).all() and (found["target_accuracy_low"] > 0.5).all()
    both = options(made(STOPS | {5: (0.595, 0.2), 1: (0.583, 0.1)}))
    assert both["epochs"].tolist() == [9, 5, 1, 9]


def test_without_canaries_there_is_nothing_to_say_of_them_and_the_path_is_that_of_the_means():
    table = made()
    assert options(table[table["examples"] == "pool"])["canaries"].isna().all()
    line = path(table)
    assert line["epochs"].tolist() == [1, 5, 9]
    assert line["tpr_at_fpr_0.01"].tolist() == pytest.approx([0.1, 0.2, 0.6], abs=1e-3)
