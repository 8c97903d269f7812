"""Data sets by name, their settings, digits, and the fingerprint."""

import dataclasses

import numpy as np
import pytest

from host import DOWNLOADED
from mia_core.base.errors import DataError, SettingsError
from mia_core.data.dataset import Dataset
from mia_core.data.load import SOURCES, DataSettings, dataset_help, load_dataset, with_path


def load(**settings) -> Dataset:
    return load_dataset(DataSettings(**settings))


class TestSettings:
    @pytest.mark.parametrize(("name", "spellings"), [
        ("digits", ["digits"]), ("cifar10", ["CIFAR10", "cifar-10"]), ("cifar100", ["CIFAR-100"]),
        ("fashion-mnist", ["FashionMNIST", "fashion_mnist"]), ("folder:some/Where", ["Folder:some/Where"]),
        ("folder:/a b", ["folder: /a b "]),
    ])  # fmt: skip
    def test_spellings(self, name, spellings):
        assert {DataSettings(dataset=spelling).dataset for spelling in spellings} == {name}
        assert DataSettings(dataset=spellings[0]).path == name.partition("folder:")[2]

    @pytest.mark.parametrize(("given", "words"), [
        ("cifr10", "did you mean cifar10?"), ("digit", "did you mean digits?"),
        ("imagenet", "Known: digits, cifar10, cifar100, mnist, fashion-mnist, 20newsgroups, breast-cancer, wine"),
        ("adult.csv", "such a file is given as table:<path>"), ("a/b.npz", "such a file is given as arrays:<path>"),
        ("folder:", "expected a path"), ("folder:  ", "expected a path"), ("", "Known"), ("x" * 5000, "Known"),
        ("data/cats", "a folder is given as folder:<path>"), (7, "expected a valid string"),
        (None, "expected a valid string"), ("two\nlines", "Known"),
    ])  # fmt: skip
    def test_unknown_data_set(self, given, words):
        with pytest.raises(SettingsError, match=r"^dataset: ") as error:
            DataSettings(dataset=given)
        assert words in str(error.value)
        assert "\n" not in str(error.value) and len(str(error.value)) < 400

    def test_existing_folder_without_its_prefix(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        (tmp_path / "cats").mkdir()
        with pytest.raises(SettingsError, match="folder:<path>"):
            DataSettings(dataset="cats")

    @pytest.mark.parametrize(("name", "values"), [
        ("noise", (-0.1, "loud", float("nan"), 1e9)), ("size", (0, -32, 12.5, 10**9, True, "big")),
        ("skip_damaged", ("maybe", 2)), ("nois", (0.5,)),
    ])  # fmt: skip
    def test_values_out_of_range(self, name, values):
        for value in values:
            with pytest.raises(SettingsError, match=f"^{name}: ") as error:
                DataSettings(**{name: value})
            assert "\n" not in str(error.value)

    def test_text_that_spells_a_value(self):
        settings = DataSettings(noise="5e-1", size="32", skip_damaged="yes")
        assert (settings.noise, settings.size, settings.skip_damaged) == (0.5, 32, True)


class TestDigits:
    def test_without_noise_they_are_the_scans_of_scikit_learn(self):
        from sklearn.datasets import load_digits

        data, theirs = load(), load_digits()
        assert (data.name, data.images.shape, data.images.dtype) == ("digits", (1797, 1, 16, 16), np.uint8)
        assert np.array_equal(data.labels, theirs.target) and data.labels.dtype == np.int64 and data.pool == 1797
        assert data.classes == tuple("0123456789")
        assert np.array_equal(load(noise=0, size=8).images[:, 0], np.round(theirs.images * (255 / 16)))

    def test_the_noise_is_the_same_every_time_and_in_proportion(self):
        np.random.seed(1)  # the state of NumPy does not matter
        first = load().fingerprint
        np.random.seed(2)
        assert load().fingerprint == first
        clean, little, much = (load(noise=noise, size=8).images.astype(float) for noise in (0, 0.1, 0.6))
        inside = (clean > 100) & (clean < 155)  # pixels far from the ends of the range, at which the noise is clipped
        assert abs((little - clean)[inside].std() / 255 - 0.1) < 0.005
        assert abs(little - clean).mean() < abs(much - clean).mean()

    @pytest.mark.parametrize("size", [1, 8, 12, 32])
    def test_size(self, size):
        assert load(size=size).images.shape == (1797, 1, size, size)


class TestFingerprint:
    def dataset(self, **changes) -> Dataset:
        images = np.arange(48, dtype=np.uint8).reshape(4, 3, 2, 2)
        fields = {"name": "a", "inputs": images, "labels": np.array([0, 1, 0, 1]), "classes": ("x", "y"), "pool": 3}
        return Dataset(**fields | changes)

    def test_name_and_memory_layout_do_not_matter(self):
        images = self.dataset().images
        for same in (
            self.dataset(name="b"),
            self.dataset(inputs=np.asfortranarray(images)),
            self.dataset(inputs=images.transpose(0, 2, 3, 1).copy().transpose(0, 3, 1, 2)),
            self.dataset(labels=np.array([0, 1, 0, 1], ">i4")),
        ):
            assert same.fingerprint == self.dataset().fingerprint

    @pytest.mark.parametrize("change", [
        {"inputs": np.arange(48, dtype=np.uint8).reshape(4, 3, 2, 2) + np.uint8(1)},
        {"inputs": np.arange(48, dtype=np.uint8).reshape(4, 1, 4, 3)}, {"labels": np.array([0, 1, 1, 1])},
        {"classes": ("x", "z")}, {"classes": ("xy", "")}, {"classes": ("x", "y", "z")}, {"pool": 4},
    ])  # fmt: skip
    def test_everything_else_does_also_in_a_changed_copy(self, change):
        assert self.dataset(**change).fingerprint != self.dataset().fingerprint
        assert dataclasses.replace(self.dataset(), **change).fingerprint == self.dataset(**change).fingerprint

    def test_stays_true_when_the_arrays_it_was_made_of_change(self):
        images, labels = self.dataset().images.copy(), np.array([0, 1, 0, 1])
        data = self.dataset(inputs=images, labels=labels)
        images[:], labels[:] = 0, 1
        assert dataclasses.replace(data, name="b").fingerprint == data.fingerprint == self.dataset().fingerprint
        with pytest.raises(ValueError, match="read-only"):
            data.images[0] = 0

    @pytest.mark.parametrize(("change", "words"), [
        *(({"inputs": images}, f"images: found {words}") for images, words in [
            (np.random.default_rng(0).random((4, 3, 2, 2)), "float64 (4, 3, 2, 2) from 0"),
            (np.full((4, 3, 2, 2), 7.0), "float64 (4, 3, 2, 2) from 7 to 7;"),
            (np.full((4, 3, 2, 2), np.nan, np.float32), "float32 (4, 3, 2, 2), 48 values NaN or infinite;"),
            (np.full((4, 3, 2, 2), 300), "int64 (4, 3, 2, 2) from 300 to 300;"),
            (np.ones((4, 3, 2, 2), bool), "bool"), (np.ones((4, 3, 2, 2), object), "object"),
            *((np.zeros(shape, np.uint8), f"uint8 {shape}") for shape in [(4, 2, 2, 3), (4, 2, 2), (0, 3, 2, 2)]),
        ]),
        *(({"inputs": np.array(table)}, f"table: found {words}") for table, words in [
            ([[1]], "int64 (1, 1)"), (np.zeros((4, 0), np.float32), "float32 (4, 0)"),
            (np.float32([[0, 1], [2, np.nan], [4, 5], [6, 7]]), "1 infinite or missing (row 1, column 1: nan)"),
        ]),
        ({"inputs": np.full((4, 1), np.inf, np.float32), "missing": True}, "table: found 4 infinite"),
        *(({"labels": labels}, f"labels: found {words}") for labels, words in [
            (np.array([0, 1, 0, 1.5]), "float64 (4,)"), (np.array([0, 1, 0, np.nan]), "float64 (4,)"),
            (np.array([True, False] * 2), "bool (4,)"), ([[0], [1], [0], [1]], "int64 (4, 1)"),
            ([0, 1, 0], "int64 (3,)"), ([0, 1, 2, 2], "2 outside the range (row 2: 2); expected 0 ... 1"),
            ([0, 1, 0, -1], "1 outside"), (np.array([0, 1, 0, 2**64 - 1], np.uint64), "1 outside"),
        ]),
        *(({"classes": classes}, "classes: found") for classes in [("x",), ("x", "x"), ("x", 1), ()]),
        *(({"pool": pool}, "pool: found") for pool in [5, -1, 2.5, True, None]),
    ])  # fmt: skip
    def test_arrays_that_do_not_fit_are_refused_where_it_is_made(self, change, words):
        with pytest.raises(DataError) as error:
            self.dataset(**change)
        message = str(error.value)
        assert message.startswith(f"data set a: {words}") and "; expected" in message and "\n" not in message


class TestTables:
    def dataset(self, inputs, missing=False) -> Dataset:
        return Dataset("t", np.asarray(inputs), np.array([0, 1, 0, 1]), ("x", "y"), 4, missing)

    def test_a_table_is_known_by_type_shape_and_every_byte(self):
        rows = np.arange(8, dtype=np.float32).reshape(4, 2)
        others = rows.astype(np.uint8), rows.reshape(4, 2)[:, ::-1], rows[:, :1], rows + np.float32(1e-6)
        found = [self.dataset(rows), self.dataset(rows, True), *map(self.dataset, others)]
        found.append(Dataset("t", rows.astype(np.uint8).reshape(4, 1, 1, 2), [0, 1, 0, 1], ("x", "y"), 4))
        assert len({data.fingerprint for data in found}) == len(found)
        assert self.dataset(np.asfortranarray(rows).astype(">f4").astype("<f4")).fingerprint == found[0].fingerprint

    def test_who_asks_a_table_for_images_is_told(self):
        with pytest.raises(DataError, match=r"^data set t: found a table of 2 columns; expected images$"):
            self.dataset(np.zeros((4, 2), np.float32)).images  # noqa: B018

    def test_scikit_learns_tables_are_taken_as_they_are(self):
        from sklearn.datasets import load_breast_cancer, load_wine

        for name, theirs in (("breast-cancer", load_breast_cancer()), ("Wine", load_wine())):
            data = load(dataset=name)
            assert np.array_equal(data.inputs, theirs.data.astype("f4")) and np.array_equal(data.labels, theirs.target)
            assert data.is_table and data.classes == tuple(theirs.target_names) and data.pool == len(theirs.target)


# As before there were tables: stored models of images are found again.
KNOWN = "24db77dbf0cd115b0d4c21b13f188c403c40c1252d251fab3029006ad4cb216d"


def test_the_digits_fingerprint_stays():
    assert load().fingerprint == KNOWN


def test_every_source_is_tested_and_reads_settings_that_there_are():
    tables = ["20newsgroups", "breast-cancer", "wine"]
    assert list(SOURCES) == ["digits", *DOWNLOADED, *tables, "arrays", "folder", "table"]
    for source in SOURCES.values():
        assert set(source.settings) <= set(DataSettings.known()) - {"dataset"}
        assert source.name in dataset_help() and source.description in dataset_help()


def test_a_path_is_changed_where_there_is_one():
    assert with_path("folder:a/b", str.upper) == "folder:A/B" and with_path("digits", str.upper) == "digits"
    assert with_path("table:a/b.csv#c/d", str.upper) == "table:A/B.CSV#c/d"


def test_what_follows_a_tables_file_is_a_column():
    found = [DataSettings(dataset=f"table:{path}") for path in ("a#b.csv", "a.csv#in come ", "a.parquet#x#y", "a.CSV#")]
    assert [(one.path, one.column) for one in found] == [
        ("a#b.csv", ""), ("a.csv", "in come"), ("a.parquet", "x#y"), ("a.CSV", "")]  # fmt: skip
    assert DataSettings(dataset="folder:a.csv#b").path == "a.csv#b"
