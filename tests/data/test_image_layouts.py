"""The gate for images in folders: which folders are classes, which are parts, and what is left out."""

import os
import shutil

import numpy as np
import pytest

from image_folders import encode, load, pixels, put, quiet, refused, two_classes
from mia_core.base.errors import MiaWarning

pytestmark = pytest.mark.usefixtures("own_cache")


class TestLayouts:
    def test_class_folders(self, tmp_path):
        data = quiet(two_classes(tmp_path / "pets"))
        assert (data.name, data.images.shape, data.images.dtype) == ("pets", (12, 3, 16, 16), np.uint8)
        assert (data.classes, data.labels.tolist(), data.pool) == (("cat", "dog"), [0] * 6 + [1] * 6, 12)
        assert data.labels.dtype == np.int64

    @pytest.mark.parametrize("pool", ["train", "Train", "training"])
    @pytest.mark.parametrize("held_out", ["test", "TEST", "testing", "val", "valid", "validation"])
    def test_train_and_held_out_folders(self, pool, held_out, tmp_path):
        two_classes(tmp_path / "pets" / pool)
        two_classes(tmp_path / "pets" / held_out, 3, seed=50)
        data = quiet(tmp_path / "pets")
        assert (data.classes, data.pool, len(data.images)) == (("cat", "dog"), 12, 18)
        assert data.labels.tolist() == [0] * 6 + [1] * 6 + [0] * 3 + [1] * 3
        only_train = quiet(two_classes(tmp_path / "alone"))
        assert np.array_equal(data.images[:12], only_train.images)

    def test_train_test_and_validation(self, tmp_path):
        for seed, part in enumerate(("train", "test", "validation")):
            two_classes(tmp_path / part, 4, seed=50 * seed)
        assert (quiet(tmp_path).pool, len(quiet(tmp_path).images)) == (8, 24)

    def test_train_alone(self, tmp_path):
        data = quiet(two_classes(tmp_path / "train").parent)
        assert (data.classes, data.pool) == (("cat", "dog"), 12)

    def test_a_class_may_be_called_train(self, tmp_path):
        assert quiet(two_classes(tmp_path, names=("plane", "train"))).classes == ("plane", "train")

    @pytest.mark.parametrize(
        ("folders", "words"),
        [
            (["test/cat", "test/dog"], "not one train/"),
            (["train", "test"], "not one train/"),
            (["train/cat", "train/dog", "test"], "test: holds files (4) but no folders"),
            (["train/cat", "train/dog", "training/cat", "training/dog"], "found train, training"),
            (["train/steam", "train/diesel", "plane", "car"], "the pool or a class?"),
            (["test", "cat", "dog"], "not one train/"),
            (
                ["train/cat", "train/emu", "test/cat", "test/dog"],
                "dog: pictures are held out, expected some in train/ too",
            ),
            (["train/cat", "test/cat"], "one class, cat"),
            (["wrapper/cat", "wrapper/dog"], "did you mean folder:{root}/wrapper?"),
            (["wrapper/train/cat", "wrapper/train/dog"], "did you mean folder:{root}/wrapper?"),
            (["a/b/cat", "a/b/dog"], "did you mean folder:{root}/a?"),
            (["train/wrapper/cat", "train/wrapper/dog"], "did you mean folder:{root}/train/wrapper?"),
            (["fold1/cat", "fold1/dog", "fold2/cat", "fold2/dog"], "they look like parts"),
            (["cat"], "one class, cat; expected at least 2"),
            ([""], "holds files (4) but no folders"),
        ],
    )
    def test_other_layouts_are_refused_with_the_expected_one(self, folders, words, tmp_path):
        root = tmp_path / "data"
        for f, folder in enumerate(folders):
            for i in range(4):
                put(root / folder / f"{i}.png", pixels(10 * f + i))
        message = refused(root)
        assert words.format(root=root) in message
        assert "expected" in message

    def test_flat_folder_shows_the_expected_layout(self, tmp_path):
        for i in range(8):
            put(tmp_path / f"{i}.png", pixels(i))
        assert "<path>/cat/1.png, <path>/dog/1.png" in refused(tmp_path)

    @pytest.mark.parametrize("make", ["nothing", "empty folder", "empty classes", "only texts"])
    def test_nothing_to_read(self, make, tmp_path):
        root = tmp_path / "data"
        if make != "nothing":
            root.mkdir()
        if make in ("empty classes", "only texts"):
            (root / "a").mkdir()
            (root / "b").mkdir()
        if make == "only texts":
            (root / "a" / "a.txt").write_text("a")
            (root / "b" / "b.csv").write_text("b")
        expected = {"nothing": "no such folder", "empty folder": "is empty"}.get(make, "no pictures found")
        assert expected in refused(root)

    @pytest.mark.parametrize("name", ["one.png", "data.zip", "data.tar.gz"])
    def test_path_to_a_file(self, name, tmp_path):
        message = refused(put(tmp_path / name, b"x"))
        assert "is a file" in message
        assert ("unpack it first" in message) == (name != "one.png")

    @pytest.mark.parametrize("path", ["a" * 5000, "nul\0byte", "~nobody-of-this-name", "\ud800", "line\nbreak"])
    def test_impossible_paths(self, path):
        assert "expected" in refused(path)

    def test_relative_and_home_paths_and_a_trailing_slash(self, tmp_path, monkeypatch):
        two_classes(tmp_path / "home" / "pets")
        monkeypatch.chdir(tmp_path / "home")
        monkeypatch.setenv("HOME", str(tmp_path / "home"))
        assert quiet("pets").name == quiet("~/pets").name == quiet("./pets/").name == "pets"
        monkeypatch.chdir(tmp_path / "home" / "pets")
        assert quiet(".").name == "pets"

    def test_empty_class_is_left_out_aloud(self, tmp_path):
        two_classes(tmp_path)
        (tmp_path / "emu").mkdir()
        with pytest.warns(MiaWarning, match="class folders without pictures: emu"):
            assert load(tmp_path).classes == ("cat", "dog")

    @pytest.mark.parametrize("few", [1, 3])
    def test_too_small_class_states_the_number_needed(self, few, tmp_path):
        two_classes(tmp_path, 4)
        for i in range(few):
            put(tmp_path / "emu" / f"{i}.png", pixels(70 + i))
        assert f"emu ({few}); expected at least 4" in refused(tmp_path)

    def test_smallest_class(self, tmp_path):
        assert quiet(two_classes(tmp_path, 4)).pool == 8

    def test_folders_in_a_class_count_for_it(self, tmp_path):
        two_classes(tmp_path)
        put(tmp_path / "cat" / "tabby" / "young" / "x.png", pixels(99))
        assert quiet(tmp_path).labels.tolist() == [0] * 7 + [1] * 6

    def test_what_is_left_out_is_said(self, tmp_path):
        two_classes(tmp_path / "train")
        two_classes(tmp_path / "test", seed=50)
        put(tmp_path / "extra" / "x.png", pixels(1))
        put(tmp_path / "cover.png", pixels(2))
        put(tmp_path / "README.md", b"words")
        put(tmp_path / "train" / "cat" / "notes.txt", b"words")
        with pytest.warns(MiaWarning) as found:
            assert len(load(tmp_path).images) == 24
        text = " ".join(str(w.message) for w in found)
        assert "in no class folder: extra, cover.png" in text
        assert "by their endings: train/cat/notes.txt" in text
        assert "README" not in text

    def test_a_class_may_have_no_held_out_pictures(self, tmp_path):
        two_classes(tmp_path / "train")
        two_classes(tmp_path / "test", seed=50)
        shutil.rmtree(tmp_path / "test" / "dog")
        assert quiet(tmp_path).labels[12:].tolist() == [0] * 6


class TestNames:
    @pytest.mark.parametrize("ending", [".PNG", ".Png", ".jpg", ".JPEG", ".bmp", ".tif", ".webp", ".gif"])
    def test_ending_and_content_may_differ(self, ending, tmp_path):
        two_classes(tmp_path)
        put(tmp_path / "cat" / f"other{ending}", encode(pixels(77), "JPEG", quality=90))
        assert len(quiet(tmp_path).images) == 13

    def test_class_names_are_kept(self, tmp_path):
        names = ("10", "2", "Zebra", "a b", "katze_ü", "日本", "+=(x)")
        for n, name in enumerate(names):
            two_classes(tmp_path, 4, (name, name), seed=10 * n)
        assert quiet(tmp_path).classes == tuple(sorted(names))

    def test_composed_and_decomposed_accents_are_one_name(self, tmp_path):
        composed = quiet(two_classes(tmp_path / "a" / "x", names=("caf\u00e9", "dog")))
        decomposed = quiet(two_classes(tmp_path / "b" / "x", names=("cafe\u0301", "dog")))
        assert composed.fingerprint == decomposed.fingerprint

    def test_two_folders_of_one_name(self, tmp_path):
        two_classes(tmp_path, names=("caf\u00e9", "cafe\u0301"))
        assert "one name in different codes" in refused(tmp_path)

    @pytest.mark.skipif(os.name == "nt", reason="file names are text there")
    def test_names_that_are_not_utf8(self, tmp_path):
        two_classes(tmp_path)
        os.rename(os.fsencode(tmp_path / "cat"), os.fsencode(tmp_path) + b"/c\xe4t")
        put(tmp_path / "dog" / os.fsdecode(b"d\xf6g.png"), pixels(555))
        assert quiet(tmp_path).classes == ("c\\xe4t", "dog")
        put(tmp_path / "dog" / os.fsdecode(b"d\xf6g2.png"), b"")
        assert "dog/d\\xf6g2.png (empty file)" in refused(tmp_path)

    def test_line_breaks_in_names_stay_off_the_message(self, tmp_path):
        two_classes(tmp_path, names=("ca\nt", "dog"))
        put(tmp_path / "ca\nt" / "a\rb\x1b[31m.png", b"")
        assert "ca t/a b [31m.png" in refused(tmp_path)


class TestDebris:
    def test_desktop_and_notebook_debris(self, tmp_path):
        two_classes(tmp_path, 40)
        for path in (
            *(".DS_Store", "cat/.DS_Store", "dog/Thumbs.db", "dog/ehthumbs.db", "cat/desktop.ini", "Desktop.ini"),
            *("cat/._cat_00.png", ".ipynb_checkpoints/x-checkpoint.png", "dog/.ipynb_checkpoints/dog_00.png"),
            *("__MACOSX/cat/._cat_00.png", "__MACOSX/x.png", ".git/config", "cat/.hidden.png", "cat/__pycache__/x.pyc"),
            *("$RECYCLE.BIN/x.png", "cat/@eaDir/x.png", ".Trash-1000/files/x.png", "cat/Icon\r"),
        ):
            put(tmp_path / path, b"not a picture")
        data = quiet(tmp_path)
        assert (len(data.classes), len(data.images)) == (2, 80)

    def test_debris_does_not_change_the_fingerprint(self, tmp_path):
        before = quiet(two_classes(tmp_path)).fingerprint
        put(tmp_path / "cat" / "._cat_00.png", pixels(3))
        assert quiet(tmp_path).fingerprint == before


class TestLinks:
    def test_links_to_pictures_and_classes_are_followed(self, tmp_path):
        plain = quiet(two_classes(tmp_path / "real"))
        (tmp_path / "linked").mkdir()
        (tmp_path / "linked" / "cat").symlink_to(tmp_path / "real" / "cat")
        (tmp_path / "linked" / "dog").mkdir()
        for path in (tmp_path / "real" / "dog").iterdir():
            (tmp_path / "linked" / "dog" / path.name).symlink_to(path)
        assert quiet(tmp_path / "linked").fingerprint == plain.fingerprint

    @pytest.mark.parametrize("where", ["loop", "cat/loop", "cat/deep/loop"])
    @pytest.mark.parametrize("target", [".", "cat"])
    def test_loops_end(self, where, target, tmp_path):
        two_classes(tmp_path)
        (tmp_path / where).parent.mkdir(exist_ok=True)
        (tmp_path / where).symlink_to(tmp_path / target)
        if where == "loop" and target == "cat":
            with pytest.warns(MiaWarning, match="pixel for pixel"):
                assert load(tmp_path).classes == ("cat", "dog", "loop")  # a second name for a class, not a loop
        else:
            assert "link to a folder that holds it" in refused(tmp_path)

    def test_endless_depth_ends(self, tmp_path):
        two_classes(tmp_path)
        deep = tmp_path / "cat" / "/".join("x" * 60)
        deep.mkdir(parents=True)
        assert "more than 50 levels" in refused(tmp_path)
