"""Defenses against an earlier stop: choices computed by hand, known truths under noise, and the command."""

import numpy as np
import pandas as pd
import pytest

from mia_core.base.errors import DataError, RunError, SettingsError
from mia_core.store.runs import Store
from mia_core.studies import early_stopping
from mia_core.studies.early_stopping import (
    AT_ACCURACY,
    AT_LEAK,
    choices,
    held_against_stopping,
    held_table,
    recommended,
    recorded_epochs,
    with_stops,
)
from mia_core.studies.recorded import recorded, recorded_parts
from mia_core.studies.reference_summary import by_unit
from mia_core.studies.settings import StudySettings
from mia_core.studies.study import Study

LEAK = "tpr_at_fpr_0.01"
EPOCHS = (1, 2, 5, 10, 20, 50)
ACCURACY = (0.456, 0.510, 0.571, 0.5846, 0.5852, 0.5836)
LEAKS = (0.0155, 0.0222, 0.0467, 0.1245, 0.316, 0.4405)
"""Of the recorded undefended models on CIFAR-10, rounded: accuracy stands still from epoch 10, the leak goes on."""


def made(cells, units=4):
    """Rows of (defenses, epochs, attack) -> (accuracies, leaks), each one value or one per unit."""
    rows = []
    for (defenses, epochs, attack), (accuracies, leaks) in cells.items():
        both = np.broadcast_to(accuracies, units), np.broadcast_to(leaks, units)
        rows += [
            {"defenses": defenses, "epochs": epochs, "attack": attack, "unit": unit, "target_accuracy": a, "auc": b}
            for unit, (a, b) in enumerate(zip(*both, strict=True))
        ]
    return pd.DataFrame(rows)


PATH = {("none", 1, "x"): (0.50, 0.1), ("none", 5, "x"): (0.60, 0.2), ("none", 20, "x"): (0.605, 0.5)}


@pytest.mark.parametrize(("accuracy", "leak", "as_accurate", "as_safe"), [
    (0.60, 0.3, 5, 5), (0.613, 0.3, 20, 5), (0.609, 0.19, 5, 5), (0.51, 0.185, 1, 1), (0.70, 0.6, None, 20),
    (0.40, 0.05, 1, None),
])  # fmt: skip
def test_stops_are_chosen_by_what_may_be_paid(accuracy, leak, as_accurate, as_safe):
    """A stop may cost 0.01 of accuracy, or leak 0.01 more: 0.609 has a stop at 0.6, 0.19 one that leaks 0.2."""
    rows = made(PATH | {("a", 20, "x"): (accuracy, leak)})
    for question, expected in ((AT_ACCURACY, as_accurate), (AT_LEAK, as_safe)):
        found = choices(rows, "auc", question)
        assert set(found["defenses"]) == {"none", "a"}
        stops = found[found["defenses"] == "a"]["stop"]
        assert stops.isna().all() if expected is None else (stops == expected).all()


def test_stop_and_attack_are_chosen_on_other_units():
    """By hand: unit 0 alone finds epoch 5 too costly and attack y stronger, so only the others are judged otherwise."""
    stop = (np.array([0.50, 0.60, 0.60, 0.60]), np.array([0.10, 0.20, 0.22, 0.24]))
    rows = made({
        ("none", 5, "x"): stop, ("none", 5, "y"): (stop[0], np.array([0.60, 0.1, 0.1, 0.1])),
        ("none", 9, "x"): (0.61, 0.4), ("none", 9, "y"): (0.61, 0.3), ("a", 9, "x"): (0.605, 0.3),
        ("a", 9, "y"): (0.605, 0.2),
    })  # fmt: skip
    found = choices(rows, "auc").query("defenses == 'a'").set_index("unit")
    # To unit 0 the others say: epoch 5 has 0.60 of 0.605, and x finds 0.22 on average against 0.1. To the others unit 0
    # says that epoch 5 has less than 0.57.
    assert found["stop"].tolist() == [5, 9, 9, 9]
    assert found["stop_leak"].tolist() == [0.10, 0.4, 0.4, 0.4] and found["leak"].tolist() == [0.3] * 4
    assert found["stop_accuracy"].tolist() == [0.50, 0.61, 0.61, 0.61]


def test_the_recommended_stop_needs_no_attack_and_is_the_earliest_that_is_nearly_the_best():
    rows = made(PATH)
    assert recommended(rows, "auc")["stop"].tolist() == [5] * 4
    assert recommended(rows, "auc", within=0.004)["stop"].tolist() == [20] * 4
    other = rows.assign(auc=1 - rows["auc"])
    assert recommended(other, "auc")["stop"].tolist() == [5] * 4
    odd = made(PATH | {("none", 5, "x"): (np.array([0.9, 0.55, 0.55, 0.55]), 0.2)})  # unit 0 would choose epoch 5
    found = recommended(odd, "auc").set_index("unit")
    assert found.loc[0, "stop"] == 20 and found.loc[1, "stop"] == 5 and found.loc[1, "accuracy"] == 0.55


def noisy(random, secret=None, units=9, accuracy=0.006, leak=0.08, attacks=3):
    """Recorded CIFAR-10 with the noise of its pairs; "a" is secretly the undefended model stopped at `secret`."""
    shared, cells = random.normal(0, accuracy / 2, units), {}
    for name, epochs, at in [*(("none", epochs, at) for at, epochs in enumerate(EPOCHS)), ("a", EPOCHS[-1], secret)]:
        if at is None:
            continue
        accuracies = ACCURACY[at] + shared + random.normal(0, accuracy, units)
        common = LEAKS[at] * (1 + random.normal(0, leak, units))
        for number in range(attacks):
            leaks = common + LEAKS[at] * (random.normal(0, leak / 2, units) - 0.05 * number)
            cells[name, epochs, str(number)] = (accuracies, leaks)
    return made(cells, units)


def outcomes(repeats, secret, seed=5, **noise):
    random, found = np.random.default_rng(seed), {AT_ACCURACY: [], AT_LEAK: []}
    for _ in range(repeats):
        for one in held_against_stopping(noisy(random, secret, **noise), "auc"):
            if one.defenses == "a":
                found[one.question].append(one.verdict)
    return {question: {word: words.count(word) / repeats for word in words} for question, words in found.items()}


@pytest.mark.parametrize("secret", [1, 2, 3])
def test_a_stop_in_disguise_is_no_defense_and_no_harm(secret):
    """Before and at the start of the plateau: a false verdict at most as often as alpha says, within what 150 tell."""
    for shares in outcomes(150, secret).values():
        wrong = sum(share for word, share in shares.items() if word not in ("no material effect", "cannot be told"))
        assert wrong <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 150)
        assert secret == 3 or shares["no material effect"] > 0.4  # at epoch 10 nine pairs rarely tell a hundredth


def test_the_end_of_a_noisy_plateau_is_less_safe_than_its_start():
    shares = outcomes(40, 5)
    assert shares[AT_ACCURACY] == {"less safe": 1.0}
    assert shares[AT_LEAK].get("less accurate", 0) <= 0.1 >= shares[AT_LEAK].get("more accurate", 0)


def test_the_recorded_undefended_model_trained_to_the_end_is_less_safe_than_its_own_stop():
    """As accurate as at epoch 10, and it leaks several times as much; a line through the epochs could not tell."""
    table, _ = recorded_parts("cifar10-jpeg-references")
    units = by_unit(table[table["examples"] == "pool"])
    plain = {one.question: one for one in held_against_stopping(units, LEAK) if one.defenses == "none"}
    assert plain[AT_ACCURACY].verdict == "less safe" and plain[AT_ACCURACY].stops == (10,)
    assert plain[AT_LEAK].verdict == "no material effect"
    both = with_stops(recorded("cifar10-jpeg")[0], recorded_epochs())
    three = {one.defenses: one for one in held_against_stopping(both, "attack_accuracy", [AT_ACCURACY])}
    assert three["none"].verdict == three["masking"].verdict == "less safe"
    assert three["none"].difference.low > 0.1


def test_what_costs_a_little_too_much_decides_nothing():
    """The mean price of epoch 5 is within 0.01, but nobody can be sure of it: no verdict against the defense."""
    shaky, leaks = np.array([0.57, 0.62, 0.60, 0.62]), np.array([0.2, 0.201, 0.203, 0.202])
    cells = {("none", 5, "x"): (shaky, leaks), ("none", 20, "x"): (0.605, 0.5), ("a", 20, "x"): (0.60, 0.4)}
    (one,) = [one for one in held_against_stopping(made(cells), "auc", [AT_ACCURACY]) if one.defenses == "a"]
    assert one.stops == (5,) and one.verdict == "cannot be told" and one.difference.mean == pytest.approx(0.1985)
    sure = cells | {("none", 5, "x"): (shaky / 1e3 + 0.6, leaks)}
    assert {one.verdict for one in held_against_stopping(made(sure), "auc", [AT_ACCURACY])} == {"less safe"}


def test_without_a_stop_in_every_unit_nothing_is_told():
    accuracies = np.array([0.60, 0.60, 0.60, 0.70])
    (one,) = (
        one for one in held_against_stopping(made(PATH | {("a", 20, "x"): (accuracies, 0.1)}), "auc", [AT_ACCURACY])
        if one.defenses == "a"
    )  # fmt: skip
    assert (one.units, one.without, one.verdict) == (4, 3, "cannot be told")
    assert held_table([one])["stop as accurate"].item() == "epoch 5; none in 3 of 4"
    (single,) = held_against_stopping(made(PATH, 1), "auc", [AT_ACCURACY])
    assert single.difference is None and single.verdict == "cannot be told" and single.without == 1
    missing = made(PATH | {("a", 20, "x"): (0.6, [0.1, None, 0.2, 0.3])})
    assert {one.verdict for one in held_against_stopping(missing, "auc") if one.defenses == "a"} == {"cannot be told"}


def test_holms_correction_counts_the_combinations():
    random = np.random.default_rng(2)
    cells = PATH | {("a", 20, "x"): (0.6, 0.2 + np.array([0.02, 0.035, 0.04, 0.1]))}
    noise = {(f"n{i}", 20, "x"): (0.6, 0.2 + random.normal(0, 0.1, 4)) for i in range(20)}
    alone, among = (
        next(one for one in held_against_stopping(made(rows), "auc") if one.defenses == "a")
        for rows in (cells, cells | noise)
    )
    assert among.p == alone.p and among.adjusted > alone.adjusted


def test_tables_of_a_study_and_of_its_epochs_become_one():
    def rows(names, seeds, **columns):
        return pd.DataFrame(
            {"defenses": name, "seed": seed, "attack": attack, "target_accuracy": 0.5} | columns
            for name in names for seed in seeds for attack in ("adversary1", "gap")
        )  # fmt: skip

    epochs = pd.concat(rows(["none"], (0, 1), epochs=epoch) for epoch in (1, 7))
    found = with_stops(rows(["none", "a"], (1, 2), epochs=7), epochs)
    assert found[["defenses", "epochs", "unit"]].to_numpy().tolist() == [["none", 1, 1], ["none", 7, 1], ["a", 7, 1]]
    with pytest.raises(SettingsError, match="no seed of adversary1 is in both tables"):
        with_stops(rows(["none", "a"], (3,), epochs=7), epochs)


@pytest.mark.parametrize(("rows", "measure", "message"), [
    (made(PATH), LEAK, "no measure tpr_at_fpr_0.01"),
    (made({("none", 1, "x"): (0.5, 0.1)}), "auc", "rows of none at two recorded epochs or more"),
    (pd.concat([made(PATH), made(PATH)]), "auc", "several rows of one combination"),
    (made(PATH | {("a", 20, "x"): (0.6, 0.1)}).iloc[:-1], "auc", "lacks a combination or an epoch"),
])  # fmt: skip
def test_what_cannot_be_compared_is_an_error(rows, measure, message):
    with pytest.raises(SettingsError, match=message):
        held_against_stopping(rows, measure)


def test_table_and_words_say_the_same():
    cells = PATH | {("a", 20, "x"): (0.6, 0.5), ("b", 20, "x"): (0.6, 0.1), ("c", 20, "x"): (0.6, 0.2)}
    noise = np.random.default_rng(3).normal(0, 1e-4, (len(cells), 2, 4))
    rows = made(
        {cell: (a + more, b + other) for (cell, (a, b)), (more, other) in zip(cells.items(), noise, strict=True)}
    )
    held = held_against_stopping(rows, "auc")
    table = held_table(held).set_index("defenses")
    assert table["safer?"].to_dict() == {
        "none": "less safe", "a": "less safe", "b": "safer", "c": "no material effect",
    }  # fmt: skip
    assert early_stopping.in_words(held) == "safer: b; less safe: a; no material effect: c"
    assert table["more accurate?"]["b"] == "more accurate" and table["stop as safe"]["b"] == "epoch 1"
    assert early_stopping.in_words(held, AT_LEAK) == "more accurate: b; less accurate: a; no material effect: c"
    assert early_stopping.verdict_on(held, "none") == "less safe, " + table["AUC, defended − stopped"]["none"]


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
