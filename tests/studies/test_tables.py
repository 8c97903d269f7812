"""Studies on tables: the way of a number from a file to a row, and what images alone have."""

import json

import nbformat
import numpy as np
import pytest

from mia_core.base.errors import ArrayError, SettingsError
from mia_core.data.dataset import Dataset
from mia_core.report.parameters import make_absolute
from mia_core.report.paths import without_paths
from mia_core.report.record import shown
from mia_core.store.runs import Store
from mia_core.studies.augmented import (
    Copies,
    ask,
    augmented_logits,
    copies_of_rows,
    label_only_table,
    network_of,
    random_posteriors,
)
from mia_core.studies.reference_rows import table as reference_table
from mia_core.studies.reference_study import ReferenceStudy
from mia_core.studies.results import write_table
from mia_core.studies.settings import ReferenceSettings, StudySettings
from mia_core.studies.study import Study

OWN = {"epochs": 3, "record": (), "device": "cpu", "replicates": 0}


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    random = np.random.default_rng(0)
    lines = ["age,kind,income"]
    for number in range(120):
        age = "" if number % 11 == 0 else f"{random.normal(40 + 5 * (number % 2), 3):.2f}"
        lines.append(f"{age},{'abc'[random.integers(3)]},{('low', 'high')[number % 2]}")
    file = tmp_path_factory.mktemp("secret-place") / "people.csv"
    file.write_text("\n".join(lines) + "\n")
    return file


@pytest.fixture(scope="module")
def study(path, tmp_path_factory):
    settings = StudySettings(dataset=f"table:{path}#income", seeds=1, defenses="none,dropout", attacks="all", **OWN)
    return Study(settings, Store(tmp_path_factory.mktemp("runs"))).train()


def test_a_study_of_a_table_trains_the_mlp_and_tells_no_path(study, path, tmp_path):
    table = study.table()
    assert study.recipe.network == "mlp" and set(table["dataset"]) == {"people"}
    assert table["auc"].notna().all() and study.run(0, 0, ()).weights["mean"].shape == (5,)
    (_, said) = write_table(tmp_path / "out.csv", study, table)
    said = said.read_text()
    assert "secret-place" not in said and json.loads(said)["settings"]["dataset"] == "table:people.csv#income"
    assert list(study.missing()) == []


def test_a_row_has_noisy_copies_and_no_others(study):
    rows = label_only_table(study, Copies(noisy=2), fewer=[1])
    assert rows["queries"].unique().tolist() == [3, 2] and rows["auc"].notna().all()
    run, data = study.run(0, 0, ()), study.dataset
    found = augmented_logits(run, data.inputs[:5], Copies(noisy=2))
    assert found.shape == (5, 3, 2) and np.allclose(found[:, 0], ask(network_of(run), run, data.inputs[:5]))
    mean, scale = np.float32([0, 5, 7]), np.float32([1, 2, np.inf])
    table = np.tile(np.float32([[1, 5, 7], [0, np.nan, 7]]), (1, 1))
    _, *copies = copies_of_rows(table, mean, scale, Copies(noise=0.25, noisy=400).of_table())
    found = np.stack(copies)
    assert np.isnan(found[:, 1, 1]).all() and (found[:, :, 2] == 7).all(), "a gap and a constant stay"
    assert set(np.unique(found[:, :, 0])) == {0, 1} and 0.15 < (found[:, 0, 0] == 0).mean() < 0.35
    assert found[:, 0, 1].std() == pytest.approx(0.5, rel=0.2)


def test_random_rows_are_asked_about(study):
    found = random_posteriors(study.run(0, 0, ()), (), 50)
    assert found.shape == (50, 2) and np.allclose(found.sum(axis=1), 1) and len(np.unique(found[:, 0])) > 40
    with pytest.raises(ArrayError, match=r"^table: found \(3,\) each; expected \(5,\)"):
        ask(network_of(study.run(0, 0, ())), study.run(0, 0, ()), np.zeros((2, 3), np.float32))


def test_reference_models_of_a_table_are_attacked_with_canaries(path, tmp_path):
    own = {name: value for name, value in OWN.items() if name != "replicates"}
    settings = ReferenceSettings(dataset=f"table:{path}#income", models=4, canaries=2, defenses="none", **own)
    with pytest.warns(UserWarning):
        table = reference_table(ReferenceStudy(settings, Store(tmp_path)).train())
    assert set(table["examples"]) == {"pool", "canaries"} and table["auc"].notna().any()
    with pytest.raises(SettingsError, match=r"^queries: flip needs images, found a table; expected plain$"):
        ReferenceStudy(settings.replace(queries="plain,flip"), Store(tmp_path))


def test_the_cnn_on_a_table_is_refused_before_anything_is_trained(path, tmp_path):
    with pytest.raises(SettingsError, match=r"^network: cnn needs images, found a table"):
        Study(StudySettings(dataset=f"table:{path}#income", network="cnn", seeds=1, **OWN), Store(tmp_path))


@pytest.mark.parametrize("name", ["augmentation", "adversarial-training"])
def test_a_defense_that_changes_pixels_is_refused_on_a_table(name, tmp_path):
    with pytest.raises(SettingsError, match=rf"^defenses: {name} changes pixels; wine is a table$"):
        Study(StudySettings(dataset="wine", defenses=name, seeds=1, **OWN), Store(tmp_path))


def test_images_and_tables_get_the_network_that_fits(tmp_path):
    images = Dataset("tiny", np.zeros((8, 1, 12, 12), np.uint8), np.arange(8) % 2, ("a", "b"), 8)
    for data, network in ((images, "cnn"), (None, "mlp")):
        settings = StudySettings(dataset="wine", seeds=1, **OWN)
        assert Study(settings, Store(tmp_path), data).recipe.network == network


def test_a_report_tells_a_tables_name_and_no_path(path):
    given = {"dataset": f"table:{path}#income", "epochs": 1}
    assert shown(given)["dataset"] == "table:people.csv#income" and make_absolute(given) == given
    cell = nbformat.v4.new_code_cell(f"dataset = {given['dataset']!r}")
    cell.outputs = [nbformat.v4.new_output("stream", text=f"MiaWarning: {path}: 2 of 120 rows equal another one")]
    notebook = nbformat.v4.new_notebook(cells=[cell])
    without_paths(notebook, given, path.parent / "book", path.parent / "kernel")
    assert cell.source == "dataset = 'table:people.csv#income'"
    assert cell.outputs[0].text == "MiaWarning: people.csv: 2 of 120 rows equal another one"
