"""Defenses against an earlier stop: hand-computed points of the line, what lies outside of it, and the command."""

import numpy as np
import pandas as pd
import pytest

from mia_core.base.errors import DataError, RunError, SettingsError
from mia_core.store.runs import Store
from mia_core.studies import early_stopping
from mia_core.studies.early_stopping import Stop, at_accuracy, held_against_stopping, held_table, recorded_epochs
from mia_core.studies.settings import StudySettings
from mia_core.studies.study import Study

RISING = (Stop(1, 0.2, 0.5), Stop(5, 0.4, 0.6), Stop(10, 0.6, 0.7), Stop(20, 0.5, 0.9), Stop(50, 0.7, 1.0))


@pytest.mark.parametrize(("accuracy", "expected"), [
    (0.2, 0.5), (0.3, 0.55), (0.4, 0.6), (0.6, 0.7), (0.65, 0.975), (0.7, 1.0), (0.71, "above"), (0.19, "below"),
    (0.55, 0.675),  # reached on the way to epoch 10, not after the dip
])  # fmt: skip
def test_the_first_stop_that_is_as_accurate_is_read_off_the_line(accuracy, expected):
    assert at_accuracy(RISING, accuracy) == (expected if isinstance(expected, str) else pytest.approx(expected))
    assert at_accuracy(reversed(RISING), accuracy) == at_accuracy(RISING, accuracy)


def test_one_recorded_epoch_tells_its_own_accuracy_only_and_what_was_not_measurable_stays_so():
    assert [at_accuracy([Stop(50, 0.6, 0.8)], accuracy) for accuracy in (0.6, 0.5)] == [0.8, "below"]
    assert at_accuracy([], 0.5) == "above"
    assert at_accuracy([Stop(1, 0.2, None), Stop(2, 0.4, 0.6)], 0.3) is None


def epochs_of(seeds=(0, 1, 2), **changes):
    rows = [
        {"defenses": "none", "seed": seed, "attack": "adversary1", "epochs": epoch, "target_accuracy": accuracy,
         "attack_accuracy": 0.5 + accuracy / 2, "auc": 0.5 + accuracy / 2}
        for seed in seeds for epoch, accuracy in ((1, 0.2), (10, 0.4), (50, 0.6))
    ]  # fmt: skip
    return pd.DataFrame(rows).assign(**changes)


def defended(accuracy, risks, name="defense"):
    accuracies = accuracy if isinstance(accuracy, list) else [accuracy] * len(risks)
    return pd.DataFrame(
        {"defenses": name, "seed": seed, "attack": "adversary1", "target_accuracy": a, "attack_accuracy": risk}
        for seed, (a, risk) in enumerate(zip(accuracies, risks, strict=True))
    )


def held(table, epochs=None, **options):
    return held_against_stopping(table, epochs_of() if epochs is None else epochs, ("attack_accuracy",), **options)


@pytest.mark.parametrize(
    ("risks", "verdict", "mean"),
    [([0.6, 0.605, 0.595], "safer", -0.15), ([0.9, 0.905, 0.895], "less safe", 0.15),
     ([0.7, 0.8, 0.75], "cannot be told", 0.0)],
)  # fmt: skip
def test_every_verdict_is_reached_whatever_the_order_of_rows(risks, verdict, mean):
    table, epochs = defended(0.5, risks), epochs_of()
    (one,) = held(table)
    assert (one.verdict, one.compared, one.above, one.below) == (verdict, 3, 0, 0)
    assert one.difference.mean == pytest.approx(mean)
    assert held(table.sample(frac=1, random_state=3), epochs.sample(frac=1, random_state=4)) == [one]


@pytest.mark.parametrize(("outside", "above", "below", "words"), [(0.7, 1, 0, "2; 1 above"), (0.1, 0, 1, "2; 1 below")])
def test_a_seed_outside_the_line_leaves_the_verdict_open(outside, above, below, words):
    (one,) = held(defended([0.5, 0.5, outside], [0.60, 0.6001, 0.6]))
    assert (one.verdict, one.compared, one.above, one.below) == ("cannot be told", 2, above, below)
    assert held_table([one])["seeds"].item() == words


def test_all_seeds_outside_a_single_seed_or_missing_values_tell_nothing():
    (outside,) = held(defended(0.9, [0.5, 0.5, 0.5]))
    assert (outside.difference, outside.p, outside.verdict) == (None, None, "cannot be told")
    assert "cannot be told" in held_table([outside])["attack accuracy"].item()
    (single,) = held(defended(0.5, [0.5]))
    assert single.difference.low is None and single.verdict == "cannot be told"
    table = defended(0.5, [0.6, 0.61, 0.6]).assign(**{"tpr_at_fpr_0.01": [None, 0.1, 0.2]})
    (missing,) = held_against_stopping(table, epochs_of(**{"tpr_at_fpr_0.01": 0.3}), ("tpr_at_fpr_0.01",))
    assert missing.compared == 2 and missing.verdict == "cannot be told"


def test_holms_correction_counts_the_defenses():
    one = defended(0.5, [0.72, 0.735, 0.74])
    alone = held(one)[0]
    noise = [defended(0.5, [0.7, 0.8, 0.75], f"noise{i}") for i in range(20)]
    among = held(pd.concat([one, *noise]))[0]
    assert among.p == alone.p and among.adjusted > alone.adjusted == alone.p


@pytest.mark.parametrize(("table", "epochs", "options", "message"), [
    (defended(0.5, [0.6]), epochs_of(seeds=(7,)), {}, "no seed of adversary1"),
    (defended(0.5, [0.6]), epochs_of().drop(columns="attack_accuracy"), {}, "no measure attack_accuracy"),
    (defended(0.5, [0.6]), epochs_of(), {"attack": "gap"}, "no seed of gap"),
])  # fmt: skip
def test_what_cannot_be_compared_is_an_error(table, epochs, options, message):
    with pytest.raises(SettingsError, match=message):
        held(table, epochs, **options)


def test_verdicts_in_words():
    found = held(pd.concat([defended(0.5, [0.60, 0.605, 0.595], "none"), defended(0.5, [0.9, 0.905, 0.895], "b")]))
    assert early_stopping.in_words(found) == "safer: none of them; less safe: b; cannot be told: none of them"
    assert early_stopping.verdict_on(found, "none").startswith("safer, -0.150 [")


SMALL = {"dataset": "digits", "part": 120, "epochs": 2, "seeds": 1, "precision": "float32", "threads": 1}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    made = Store(tmp_path_factory.mktemp("store"))
    Study(StudySettings(**SMALL, defenses="none,masking"), made).train(1)
    return made


def test_table_of_a_study_has_every_recorded_epoch_of_the_undefended_model(store):
    study = Study(StudySettings(**SMALL, defenses="masking"), store)
    found = early_stopping.epochs_table(study)
    assert list(found["epochs"]) == [1, 2] and set(found["defenses"]) == {"none"}
    last = Study(StudySettings(**SMALL, defenses="none"), store).table().iloc[0]
    assert found.iloc[1]["attack_accuracy"] == last["attack_accuracy"]


def test_command_writes_table_and_provenance_and_trains_nothing(store, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("mia_core.studies.base.Store", lambda: store)
    monkeypatch.setenv("MIA_RESULTS", str(tmp_path))
    assert recorded_epochs("some-epochs") is None
    given = [f"{name}={value}" for name, value in SMALL.items()]
    early_stopping.main([str(tmp_path / "some-epochs.csv"), *given])
    found = recorded_epochs("some-epochs")
    assert list(found["epochs"]) == [1, 2] and np.isfinite(found["attack_accuracy"]).all()
    assert "some-epochs.provenance.json" in capsys.readouterr().err
    with pytest.raises(RunError, match="train the study first"):
        early_stopping.main([str(tmp_path / "other.csv"), *given, "learning_rate=0.002"])
    assert not (tmp_path / "other.csv").exists()
    (tmp_path / "some-epochs.provenance.json").unlink()
    with pytest.raises(DataError, match="no recorded study, or damaged"):
        recorded_epochs("some-epochs")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [([], "expected OUT.csv"), (["x.txt"], "ends in .csv"), (["x.csv", "seeds"], "expected NAME=VALUE")],
)
def test_mistakes_on_the_command_line(arguments, message):
    with pytest.raises(SettingsError, match=message):
        early_stopping.main(arguments)
