"""What a budget of accuracy buys, on tables whose truth is known."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from mia_core.base.errors import SettingsError
from mia_core.studies.spending import (
    BLIND,
    TOO_DEAR,
    front,
    spending_rows,
    spent,
    stops_to_record,
    strength,
    with_doses,
)

LEAK = "tpr_at_fpr_0.01"
PATH = {("none", 1): (0.50, 0.02), ("none", 5): (0.58, 0.05), ("none", 9): (0.60, 0.30)}


def made(defenses, path=PATH, units=8, noise=5e-4):
    """Rows by unit under an attack "x" and a weaker one: (combination, epoch) -> (accuracy, leak), and a little chance
    of each model."""
    random, rows = np.random.default_rng(3), []
    cells = path | {(name, max(epoch for _, epoch in path)): values for name, values in defenses.items()}
    for (name, epochs), (accuracy, leak) in cells.items():
        for unit in range(units):
            case = {"defenses": name, "epochs": epochs, "unit": unit}
            case |= {"target_accuracy": accuracy + random.normal(0, noise)}
            found = leak + random.normal(0, noise)
            rows += [case | {"attack": attack, LEAK: share * found} for attack, share in (("x", 1.0), ("y", 0.5))]
    return pd.DataFrame(rows)


def verdicts(answer):
    return {one.defenses: one.verdict for one in answer.bought}


def test_an_early_stop_in_disguise_has_no_material_effect_and_a_better_one_is_found():
    rows = made({"dropout": PATH["none", 5], "mixup": (0.585, 0.01), "smoothing": (0.59, 0.2)})
    answer = spent(rows, LEAK, 0.03)
    assert verdicts(answer) == {"dropout": "no material effect", "mixup": "safer", "smoothing": "less safe"}
    assert (answer.stop, answer.chosen) == (5, "mixup") and str(answer) == "mixup beats stopping at epoch 5"
    assert answer.best == pytest.approx(0.60, abs=1e-3)
    without = spent(rows[rows["defenses"] != "mixup"], LEAK, 0.03)
    assert without.chosen is None and str(without) == "no defense beats stopping at epoch 5"


def test_what_lies_within_noise_is_not_told_and_chance_finds_nothing():
    rows = made({f"dropout(rate=0.{place})": (0.585, 0.05) for place in range(1, 10)}, noise=0.01)
    answer = spent(rows, LEAK, 0.05)
    assert answer.chosen is None and "safer" not in verdicts(answer).values()
    assert "cannot be told" in verdicts(answer).values()


def test_a_budget_admits_stops_and_defenses_by_their_accuracy():
    rows = made({"dropout": (0.57, 0.04), "mixup": (0.49, 0.001)})
    assert (spent(rows, LEAK, 0.01).stop, spent(rows, LEAK, 0.11).stop) == (9, 1)
    assert set(verdicts(spent(rows, LEAK, 0.01)).values()) == {TOO_DEAR}
    assert verdicts(spent(rows, LEAK, 0.04)) == {"dropout": "safer", "mixup": TOO_DEAR}
    assert verdicts(spent(rows, LEAK, 0.105))["dropout"] == "less safe"  # epoch 1 is in the budget and leaks less


def test_nobody_found_for_want_of_a_threshold_is_no_protection():
    rows = made({"label-only": (0.60, 0.0)})
    rows.loc[rows["defenses"] == "label-only", LEAK] = 0.0
    answer = spent(rows, LEAK, 0.01)
    assert verdicts(answer) == {"label-only": BLIND} and answer.chosen is None
    assert ("label-only", 9) not in front(rows, LEAK)


def test_stop_and_budget_are_chosen_on_other_units_than_the_one_judged():
    """By hand: unit 0 alone finds the early stop too dear, so all units but it are held against the last epoch."""
    rows = made({"dropout": (0.60, 0.2)}, units=4, noise=0)
    early = (rows["defenses"] == "none") & (rows["epochs"] == 5)
    rows.loc[early, "target_accuracy"] = np.where(rows["unit"][early] == 0, 0.40, 0.60)
    answer = spent(rows, LEAK, 0.05)
    assert answer.stops == (5, 9) and answer.stop == 9
    one = answer.bought[0]
    assert one.difference.mean == pytest.approx(((0.2 - 0.05) + 3 * (0.2 - 0.3)) / 4)


def test_rows_behind_the_answer_and_the_front():
    rows = made({"dropout(rate=0.25)": (0.57, 0.04), "mixup": (0.585, 0.2)})
    table = spending_rows(rows, LEAK, spent(rows, LEAK, 0.04), {"mixup": 1.5})
    assert table["defenses"].tolist() == ["none", "dropout(rate=0.25)", "mixup"]
    assert table["epochs"].tolist() == [5, 9, 9] and table["strength"].tolist() == ["", "rate 0.25", "alpha 1"]
    assert table["price"].tolist()[::2] == [5 / 9, 1.5] and pd.isna(table.loc[1, "price"])
    assert (table[f"{LEAK}_low"] < table[LEAK]).all() and table.loc[0, "verdict"] == ""
    assert front(rows, LEAK) == [("none", 1), ("dropout(rate=0.25)", 9), ("none", 5), ("mixup", 9), ("none", 9)]
    assert ("mixup", 9) not in front(made({"mixup": (0.57, 0.2)}), LEAK)


@pytest.mark.parametrize("epochs", [1, 2, 9, 50, 300])
def test_recorded_stops_are_close_to_each_other(epochs):
    stops = stops_to_record(epochs)
    assert stops[0] == 1 and stops[-1] <= epochs < 1.25 * stops[-1] + 1
    assert all(later == stop + 1 or later <= 1.25 * stop for stop, later in pairwise(stops))


def test_doses_are_a_grid_over_single_defenses_at_their_default():
    assert with_doses(["none", "dropout", "mixup(alpha=2)", "clipping"]) == [
        "none", "dropout(rate=0.25)", "dropout", "dropout(rate=0.75)", "mixup(alpha=2.0)", "clipping",
    ]  # fmt: skip
    assert strength("dropout+weight-decay") == "rate 0.5; factor 0.001" and strength("label-only") == ""


@pytest.mark.parametrize(("change", "spend", "message"), [
    (lambda rows: rows, 2, "spend: expected a share"), (lambda rows: rows[rows["unit"] == 0], 0.02, "two pairs"),
    (lambda rows: rows.assign(**{LEAK: np.nan}), 0.02, "cannot be measured"),
    (lambda rows: rows[rows["epochs"] == 9], 0.02, "two recorded epochs"),
])  # fmt: skip
def test_what_cannot_be_answered_is_one_line(change, spend, message):
    with pytest.raises(SettingsError, match=message) as caught:
        spent(change(made({"mixup": (0.58, 0.1)})), LEAK, spend)
    assert "\n" not in str(caught.value)
