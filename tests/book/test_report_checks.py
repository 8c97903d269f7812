"""The report under test: Table I against itself, its attack trained again."""

import json

import numpy as np
import pandas as pd
import pytest

from mia_book import report_arrays, report_under_test, table_one
from mia_book.paper import TABLE_I, PrintedRow
from mia_book.report_arrays import ReportAttacks
from mia_book.table_one import Exchange
from mia_core.attacks.adversary1 import Adversary1
from mia_core.base.errors import ArrayError, DataError, SettingsError
from mia_core.gate.arrays import Outputs
from mia_core.measures.claims import judge
from mia_core.measures.metrics import measure
from mia_core.studies.recorded import REPORT_ARRAYS, arrays_folder, recorded
from mia_core.studies.study import over_the_seeds


def test_printed_table_contradicts_itself_in_one_exchange():
    assert table_one.broken_rows() == ["smoothing", "masking"]
    assert table_one.mending_exchanges() == [Exchange("recall_non_members", "smoothing", "masking")]
    mended = table_one.mended()
    assert table_one.broken_rows(mended) == [] and table_one.mending_exchanges(mended) == []
    assert mended["smoothing"].recall_non_members == 0.45 and mended["none"] == TABLE_I["none"]
    assert table_one.moved_by_masking() == [("none", "masking"), ("dropout", "dropout+masking")]
    assert table_one.equal_rows() == [("dropout+smoothing", "dropout+smoothing+masking")]
    assert [len(group) for group in table_one.groups()] == [3, 1, 4]
    assert table_one.misquoted() == [("IV-B", "dropout", "attack_accuracy", 0.59, 0.51)]


def test_shadows_with_dropout_that_look_undefended():
    with_dropout = ["dropout+smoothing", "dropout+masking", "dropout+smoothing+masking"]
    assert table_one.shadows_as_without() == with_dropout
    assert table_one.shadows_as_without({"none": 0.6, "dropout": 0.46, "dropout+masking": 0.46}) == []
    assert table_one.shadows_as_without({"none": 0.6, "dropout": 0.6, "dropout+masking": 0.6}) == []


def consistent(**changes):
    row = PrintedRow(0.6, 0.8, 0.8, 0.9, 0.7)
    return {"none": row, "masking": row._replace(**changes)}


def test_a_table_in_order_has_nothing_to_find_until_a_target_accuracy_moves():
    table = consistent()
    assert table_one.broken_rows(table) == [] == table_one.mending_exchanges(table)
    assert table_one.moved_by_masking(table) == [] and table_one.mended(table) == table
    for moved in (0.61, 0.59):
        assert table_one.moved_by_masking(consistent(target_accuracy=moved)) == [("none", "masking")]


@pytest.mark.parametrize(
    "changes",
    [{"recall_members": 0.5}, {"balanced_accuracy": 0.7, "recall_non_members": 0.5}, {"attack_accuracy": 0.6}],
)
def test_each_contradiction_is_found(changes):
    assert table_one.broken_rows(consistent(**changes)) == ["masking"]
    assert table_one.mended(consistent(**changes)) == consistent(**changes), "no exchange mends it: left as printed"


def test_findings_as_a_table():
    found = table_one.findings()
    assert "nothing" not in set(found.iloc[:, 1])
    assert "recall of non-members (smoothing and masking)" in found.iloc[1, 1]
    identity = table_one.identity_table().set_index("defenses")
    assert list(identity.index[~identity["possible"]]) == ["smoothing", "masking"]
    assert identity.loc["smoothing", "mean_of_recalls"] == pytest.approx(0.805)


def outputs(seed, count=400):
    """Posteriors of which members' are higher, on the average, with many non-members just as high."""
    random = np.random.default_rng(seed)
    members = np.arange(count) < count // 2
    top = np.where(members, random.beta(30, 1, count), random.beta(3, 1, count)) * 0.6 + 0.4
    rest = random.dirichlet(np.ones(4), count) * (1 - top)[:, None]
    return Outputs(np.column_stack([top, rest]), members, None, None, "test")


def test_converged_attack_without_smoothing_is_adversary_1():
    fitted, tested = outputs(0), outputs(1)
    attack = Adversary1().fit(fitted.posteriors, fitted.members)
    expected = measure(attack.score(tested.posteriors), tested.members, attack.threshold)
    found = report_arrays.attack_with_smoothed_labels(fitted, tested, 0.0)
    assert found == pytest.approx(expected, abs=1e-6)


def test_smoothing_the_attacks_labels_moves_its_threshold_and_hardly_its_ranking():
    plain, smoothed = (report_arrays.attack_with_smoothed_labels(outputs(0), outputs(1), e) for e in (0.0, 0.2))
    assert smoothed["recall_non_members"] < plain["recall_non_members"] - 0.02
    assert smoothed["auc"] == pytest.approx(plain["auc"], abs=0.02)


def test_report_attacks_learn_repeat_and_do_not_depend_on_each_other():
    random = np.random.default_rng(0)
    members = np.arange(300) < 150
    features = random.normal(members[:, None] * 1.5, 1, (300, 3))
    both = ReportAttacks([0.0, 0.1], [0, 1], epochs=20).fit(features, members)
    alone = ReportAttacks([0.1], [1], epochs=20).fit(features, members)
    scores = both.scores(features)
    assert scores.shape == (2, 300) and ((scores > 0) == members).mean() > 0.85
    np.testing.assert_allclose(scores[1], alone.scores(features)[0], rtol=1e-9, atol=1e-12)
    assert np.abs(scores[0]).mean() > np.abs(scores[1]).mean(), "smoothed labels ask for smaller scores"


@pytest.mark.parametrize(
    ("epsilons", "seeds", "message"),
    [([0.1], [], "a seed for each epsilon"), ([], [], "a seed for each"), ([0.5], [0], "epsilon: expected 0 <=")],
)
def test_report_attacks_refuse_what_they_cannot_train(epsilons, seeds, message):
    with pytest.raises(SettingsError, match=message):
        ReportAttacks(epsilons, seeds)
    with pytest.raises(ArrayError, match="at least a batch"):
        ReportAttacks([0.1], [0]).fit(np.zeros((5, 3)), np.arange(5) < 2)
    with pytest.raises(SettingsError, match="epsilon: expected"):
        report_arrays.attack_with_smoothed_labels(outputs(0), outputs(1), 0.5)


@pytest.fixture
def arrays(tmp_path, monkeypatch):
    """A folder as MIA_SHARED names it, with arrays in the layout of the author's."""
    folder = tmp_path / "data" / "report-arrays"
    folder.mkdir(parents=True)
    for seed, name in enumerate(REPORT_ARRAYS.values()):
        made = outputs(seed)
        np.savez(folder / name, made.posteriors.astype(np.float32), made.members.astype(np.int32))
    monkeypatch.setenv("MIA_SHARED", str(tmp_path))
    monkeypatch.setenv("MIA_RESULTS", str(tmp_path / "results"))
    return folder


@pytest.mark.filterwarnings("ignore::mia_core.base.errors.MiaWarning")
def test_result_is_run_where_the_arrays_are_and_recorded_elsewhere(arrays, monkeypatch, tmp_path):
    (tmp_path / "results").mkdir()
    report_arrays.main([str(tmp_path / "results" / "report-arrays.csv")])
    live, how = report_arrays.smoothing_result()
    assert how == "run on the arrays now" and len(live) == 4 * 4
    (arrays / REPORT_ARRAYS["shadow"]).unlink()
    assert arrays_folder() is None
    monkeypatch.delenv("MIA_SHARED")
    kept, how = report_arrays.smoothing_result()
    assert how.startswith("recorded on 20")
    pd.testing.assert_frame_equal(kept, live, atol=1e-6)
    made = json.loads((tmp_path / "results" / "report-arrays.provenance.json").read_text())
    assert len(made["sha256"]) == 2 and str(tmp_path) not in json.dumps(made)
    with pytest.raises(DataError, match="MIA_SHARED: names no folder"):
        report_arrays.main([str(tmp_path / "again.csv")])
    (tmp_path / "results" / "report-arrays.csv").unlink()
    with pytest.raises(DataError, match="no recorded study"):
        report_arrays.smoothing_result()


def test_recorded_result_belongs_to_the_arrays(shared, monkeypatch):
    """The converged attack, run now on the author's arrays, gives what the project has recorded."""
    monkeypatch.setenv("MIA_SHARED", str(shared))
    if arrays_folder() is None:
        pytest.skip("the reference data have no report arrays")
    kept, _ = recorded("report-arrays")
    now = report_arrays.smoothing_table(arrays_folder(), (0.0, 0.1), (0,), epochs=1)
    now, kept = (table[table["trained"] == report_arrays.CONVERGED].set_index("epsilon") for table in (now, kept))
    pd.testing.assert_series_equal(now["attack_accuracy"], kept["attack_accuracy"].loc[[0.0, 0.1]], atol=0.002)


def test_recorded_result_moves_as_the_smoothed_rows_of_table_i():
    table, _ = recorded("report-arrays")
    mean = report_arrays.means(table)
    assert report_arrays.distance(table_one.mended()["none"], mean.loc[0.0]) < 0.03
    assert report_arrays.distance(table_one.mended()["smoothing"], mean.loc[0.1]) < 0.03
    assert abs(mean.loc[0.0, "auc"] - mean.loc[0.1, "auc"]) < 0.005


def test_closest_explanation_of_each_row():
    table, _ = recorded("report-arrays")
    summary = pd.DataFrame({"defenses": name} | row._asdict() for name, row in TABLE_I.items())
    found = report_arrays.explanations(summary, table).set_index("row of Table I")
    assert found.loc["dropout", "closest"] == report_arrays.DEFENDED and len(found) == 8
    assert found.loc["dropout", report_arrays.DEFENDED] == 0
    without = report_arrays.explanations(summary.query("defenses == 'none'"), table).set_index("row of Table I")
    assert without.loc["dropout+smoothing", "closest"] == report_arrays.HINDERED
    values = report_under_test.explanation_values(table, found.reset_index())
    assert values["published-epsilon"] == "0.1" and "dropout" in values["closest-defended"].split(", ")
    values = report_under_test.explanation_values(table, without.reset_index())
    assert "smoothing" in values["closest-hindered"].split(", ")


def test_figures_say_what_was_found():
    _, alt = report_under_test.identity_plot(table_one.identity_table())
    assert alt.count("cannot be") == 2 and "smoothing 0.73 / 0.805 (cannot be)" in alt
    _, alt = report_under_test.label_smoothing_plot(recorded("report-arrays")[0])
    assert "none 0.82 and 0.65; dropout+smoothing 0.73 and 0.46" in alt
    summary = over_the_seeds(recorded("cifar10-jpeg")[0])
    fig, alt = report_under_test.printed_and_measured(summary)
    assert alt.count("printed") == 8 and "dropout printed 0.49 / 0.51, measured 0." in alt
    of_none = summary.set_index("defenses").loc["none", "attack_accuracy"]
    assert report_under_test.apart(summary)["none"] == pytest.approx(abs(of_none - 0.82))
    names = [label.get_text() for label in fig.axes[0].get_yticklabels()]
    printed = fig.axes[1].lines[-1]
    assert printed.get_xdata()[names.index("dropout")] == 0.51, "a row's marks stand at its name"
    few = summary[summary["defenses"].isin(["none", "dropout"])].assign(
        attack_accuracy_low=None, attack_accuracy_high=None
    )
    _, alt = report_under_test.printed_and_measured(few)
    assert alt.count("printed") == 2, "combinations that a run leaves out, and a single seed without intervals"


def test_attack_with_smoothed_labels_is_shown_and_judged():
    attack = report_arrays.attack_with_smoothed_labels
    rows = pd.DataFrame(
        {"defenses": f"ε = {epsilon:g}", "seed": seed, "attack": "adversary1"}
        | attack(outputs(10 * seed + 1), outputs(10 * seed), epsilon)
        for seed in (0, 1, 2)
        for epsilon in (0.0, 0.1)
    )
    shown = report_under_test.hindered_table(rows)
    assert list(shown["labels"]) == ["ε = 0", "ε = 0.1"] and shown.loc[0, "AUC"].count("[") == 1
    assert {judge(claim, rows).seeds for claim in report_under_test.HINDERED_CLAIMS} == {3}
