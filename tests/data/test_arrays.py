"""Features and labels from an .npz file, and 20 Newsgroups from scikit-learn's folder."""

import codecs
import pickle

import numpy as np
import pytest
from sklearn.utils import Bunch

from mia_core.base.errors import DataError
from mia_core.data.load import DataSettings, load_dataset
from mia_core.data.newsgroups import newsgroups

RANDOM = np.random.default_rng(0)
BITS, LABELS = RANDOM.random((800, 60)) < 0.5, np.arange(800) % 100 + 1


def arrays(path, **found):
    np.savez(path, **found)
    return load_dataset(DataSettings(dataset=f"arrays:{path}"))


@pytest.mark.parametrize("names", [("features", "labels"), ("X", "Y"), ("x", "y"), ("data", "labels")])
def test_the_layouts_that_are_passed_around(tmp_path, names):
    for kind in (bool, np.uint8, np.float32, np.float64, np.int64):
        data = arrays(
            tmp_path / "purchase100.npz", **dict(zip(names, (BITS.astype(kind), LABELS[:, None]), strict=True))
        )
        assert (data.name, data.inputs.dtype, data.pool, len(data.classes)) == ("purchase100", np.uint8, 800, 100)
        assert np.array_equal(data.inputs, BITS) and np.array_equal(data.labels, LABELS - 1)
        assert data.classes[:2] == ("1", "2")


def test_numbers_are_kept_as_float32_and_labels_may_be_text(tmp_path):
    values = RANDOM.normal(size=(8, 3))
    data = arrays(tmp_path / "a.npz", features=values, labels=np.array(list("yxyxyxyx")))
    assert np.array_equal(data.inputs, values.astype(np.float32)) and data.classes == ("x", "y")
    assert data.labels.tolist() == [1, 0] * 4


@pytest.mark.parametrize(("change", "words"), [
    ({"features": None}, "found labels (800,); expected features [N, D] and labels [N]"),
    ({"labels": None}, "expected features [N, D] and labels [N]"),
    ({"features": BITS.astype(object)}, "features: found pickled Python objects, which are never loaded"),
    ({"features": np.zeros((800, 3, 3))}, "features: found float64 (800, 3, 3); expected numbers [N, D]"),
    ({"features": np.full((800, 2), "a")}, "features: found <U1 (800, 2); expected numbers [N, D]"),
    ({"features": np.where(BITS, np.nan, 1)}, "features: found "),
    ({"features": np.where(BITS, 1e300, 1)}, "missing, infinite or too large (row 0, column "),
    ({"features": np.where(BITS, 1e9, 1e9 + 1)}, "features, column 0: found values from 1000000000.0 to 1000000001.0"),
    ({"labels": LABELS[:-1]}, "labels: found int64 (799,); expected a class for each row, (800,)"),
    ({"labels": np.ones(800)}, "labels: found one class, 1; expected at least 2"),
    ({"labels": np.arange(800)}, "labels: found 800 different values in 800 rows"),
    ({"labels": np.where(LABELS > 50, np.nan, 1)}, "labels: found 400 of 800 missing, the first in row 50"),
])  # fmt: skip
def test_what_cannot_be_taken_is_one_line_with_file_and_array(tmp_path, change, words):
    found = {
        name: value for name, value in ({"features": BITS, "labels": LABELS} | change).items() if value is not None
    }
    with pytest.raises(DataError) as error:
        arrays(tmp_path / "bad.npz", **found)
    message = str(error.value)
    assert message.startswith(f"{tmp_path / 'bad.npz'}: ") and words in message and "\n" not in message


def test_newsgroups_are_read_where_they_are_and_weighed_by_the_held_out_posts(tmp_path, monkeypatch):
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path))
    newsgroups.cache_clear()
    with pytest.raises(DataError, match=r"^20newsgroups: not found in .*, and it is not downloaded"):
        load_dataset(DataSettings(dataset="20newsgroups"))

    def part(posts):
        count = len(posts)
        return Bunch(data=[f"From: a\n\n{post}" for post in posts], filenames=np.array([str(n) for n in range(count)]),
                     target_names=["alt.atheism", "sci.space"], target=np.arange(count) % 2, DESCR="")  # fmt: skip

    files = {"train": part(["rocket moon secret", "faith moon"] * 3), "test": part(["rocket moon", "faith faith moon"])}
    (tmp_path / "20news-bydate_py3.pkz").write_bytes(codecs.encode(pickle.dumps(files), "zlib_codec"))
    data = load_dataset(DataSettings(dataset="20newsgroups"))
    assert (data.pool, data.classes, data.inputs.shape) == (6, ("alt.atheism", "sci.space"), (8, 3))
    assert data.inputs.dtype == np.float32 and np.allclose(np.linalg.norm(data.inputs, axis=1), 1)
    newsgroups.cache_clear()
