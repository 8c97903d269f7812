"""Several queries of an example: copies of images, asked in evaluation mode, kept beside the run."""

from dataclasses import replace

import numpy as np
import pytest

from mia_core.base.errors import SettingsError
from mia_core.store.runs import Store
from mia_core.studies.queries import QUERIES, query_copies
from mia_core.studies.reference_rows import table
from mia_core.studies.reference_study import ReferenceStudy
from mia_core.studies.settings import ReferenceSettings
from small import RECIPE, tiny_dataset

DATA = tiny_dataset(80)
SETTINGS = ReferenceSettings(
    **{**RECIPE.model_dump(), "epochs": 1},
    models=4, part=20, defenses="dropout", queries="plain,flip,left", attacks="lira",
)  # fmt: skip


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    return ReferenceStudy(SETTINGS, Store(tmp_path_factory.mktemp("store")), DATA).train(jobs=1)


@pytest.mark.parametrize(("name", "expected"), [
    ("flip", [[2, 1, 0], [5, 4, 3], [8, 7, 6]]), ("left", [[1, 2, 2], [4, 5, 5], [7, 8, 8]]),
    ("right", [[0, 0, 1], [3, 3, 4], [6, 6, 7]]), ("up", [[3, 4, 5], [6, 7, 8], [6, 7, 8]]),
    ("down", [[0, 1, 2], [0, 1, 2], [3, 4, 5]]),
])  # fmt: skip
def test_copies_are_moved_by_a_pixel_and_the_edge_fills_the_gap(name, expected):
    assert QUERIES[name](np.arange(9, dtype=np.uint8).reshape(1, 1, 3, 3))[0, 0].tolist() == expected


def test_asked_in_evaluation_mode_a_model_answers_the_same(done, monkeypatch):
    run = done.run(0, done.combinations[0])
    monkeypatch.setitem(QUERIES, "again", lambda images: images)  # the image itself, through the stored weights
    plain, again, flip = query_copies(done.store, run, DATA, ("plain", "again", "flip"))
    assert np.allclose(plain, again, atol=1e-5)  # dropout is off
    assert not np.allclose(flip, plain)


def test_only_counted_examples_are_asked_about(done, monkeypatch):
    run = done.run(3, done.combinations[0])
    asked = []
    monkeypatch.setitem(QUERIES, "again", lambda images: asked.append(len(images)) or images)
    few = replace(run, counted=run.counted & (np.arange(80) < 40))
    (again,) = query_copies(done.store, few, DATA, ("again",))
    assert asked == [few.counted.sum()] and 0 < asked[0] < run.counted.sum()
    assert np.array_equal(np.isnan(again).any(axis=1), ~few.counted)


def test_answers_are_kept_and_a_damaged_file_is_made_again(done):
    run = done.run(1, done.combinations[0])
    first = query_copies(done.store, run, DATA, ("flip",))
    path = next(path for path in (done.store.root / "queries").iterdir() if "model1" in path.name)
    time = path.stat().st_mtime_ns
    assert np.array_equal(first, query_copies(done.store, run, DATA, ("flip",))) and path.stat().st_mtime_ns == time
    path.write_bytes(path.read_bytes()[:-40])
    assert np.array_equal(first, query_copies(done.store, run, DATA, ("flip",)))
    assert path.stat().st_mtime_ns != time
    other = tiny_dataset(80, seed=1)
    answers = [query_copies(done.store, run, data, ("flip",)) for data in (other, DATA)]
    assert not np.array_equal(answers[0], first) and np.array_equal(answers[1], first), "of other images others"


def test_every_query_reaches_the_attack(done):
    assert done.queried(2, done.combinations[0]).shape == (3, 80, 3)
    found = table(done)
    assert set(found["queries"]) == {3}
    alone = ReferenceStudy(SETTINGS.replace(queries="plain"), done.store, DATA)
    assert not list(alone.missing())  # queries train nothing
    assert not table(alone)["auc"].equals(found["auc"])


@pytest.mark.parametrize("queries", ["plain,mirror", "flip,flip", ""])
def test_unknown_or_repeated_queries_are_refused(queries):
    with pytest.raises(SettingsError, match="queries"):
        ReferenceSettings(queries=queries)
