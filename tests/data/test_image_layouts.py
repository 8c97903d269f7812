"""The gate for images in folders: which folders are classes, which are parts, and what is left out."""

import os
import shutil

import numpy as np
import pytest

from image_folders import encode, load, pixels, put, quiet, refused, two_classes
from mia_core.base.errors import MiaWarning

pytestmark = pytest.mark.usefixtures("own_cache")


class TestLayouts:
    def test_class_folders_and_folders_in_them(self, tmp_path):
        put(two_classes(tmp_path / "pets") / "cat" / "tabby" / "young" / "x.png", pixels(99))
        data = quiet(tmp_path / "pets")
        assert (data.name, data.images.shape, data.images.dtype) == ("pets", (13, 3, 16, 16), np.uint8)
        assert (data.classes, data.labels.tolist(), data.pool) == (("cat", "dog"), [0] * 7 + [1] * 6, 13)
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

    @pytest.mark.parametrize("parts", [("train",), ("train", "test", "validation")])
    def test_parts_alone_and_all_at_once(self, parts, tmp_path):
        for seed, part in enumerate(parts):
            two_classes(tmp_path / part, 4, seed=50 * seed)
        data = quiet(tmp_path)
        assert (data.classes, data.pool, len(data.images)) == (("cat", "dog"), 8, 8 * len(parts))

    @pytest.mark.parametrize(("folders", "words"), [
        (["test/cat", "test/dog"], "not one train/"), (["train", "test"], "not one train/"),
        (["train/cat", "train/dog", "test"], "test: holds files (4) but no folders"),
        (["train/cat", "train/dog", "training/cat", "training/dog"], "found train, training"),
        (["train/steam", "train/diesel", "plane", "car"], "the pool or a class?"),
        (["test", "cat", "dog"], "not one train/"),
        (["train/cat", "train/emu", "test/cat", "test/dog"], "dog: pictures are held out, expected some in train/ too"),
        (["train/cat", "test/cat"], "one class, cat"),
        (["wrapper/cat", "wrapper/dog"], "did you mean folder:{root}/wrapper?"),
        (["wrapper/train/cat", "wrapper/train/dog"], "did you mean folder:{root}/wrapper?"),
        (["a/b/cat", "a/b/dog"], "did you mean folder:{root}/a?"),
        (["train/wrapper/cat", "train/wrapper/dog"], "did you mean folder:{root}/train/wrapper?"),
        (["fold1/cat", "fold1/dog", "fold2/cat", "fold2/dog"], "they look like parts"),
        (["cat"], "one class, cat; expected at least 2"), ([""], "holds files (4) but no folders"),
        ([""], "<path>/cat/1.png, <path>/dog/1.png"),
    ])  # fmt: skip
    def test_other_layouts_are_refused_with_the_expected_one(self, folders, words, tmp_path):
        root = tmp_path / "data"
        for f, folder in enumerate(folders):
            for i in range(4):
                put(root / folder / f"{i}.png", pixels(10 * f + i))
        message = refused(root)
        assert words.format(root=root) in message and "expected" in message

    def test_nothing_to_read(self, tmp_path):
        root = tmp_path / "data"
        assert "no such folder" in refused(root)
        root.mkdir()
        assert "is empty" in refused(root)
        (root / "a").mkdir()
        assert "no pictures found" in refused(root)
        put(root / "b" / "b.csv", b"b")
        assert "no pictures found" in refused(root)

    @pytest.mark.parametrize("name", ["one.png", "data.zip", "data.tar.gz"])
    def test_path_to_a_file(self, name, tmp_path):
        message = refused(put(tmp_path / name, b"x"))
        assert "is a file" in message and ("unpack it first" in message) == (name != "one.png")

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
        (two_classes(tmp_path) / "emu").mkdir()
        with pytest.warns(MiaWarning, match="class folders without pictures: emu"):
            assert load(tmp_path).classes == ("cat", "dog")

    def test_smallest_class(self, tmp_path):
        assert quiet(two_classes(tmp_path, 4)).pool == 8
        for i in range(3):
            put(tmp_path / "emu" / f"{i}.png", pixels(70 + i))
            assert f"emu ({i + 1}); expected at least 4" in refused(tmp_path)

    def test_what_is_left_out_is_said(self, tmp_path):
        two_classes(tmp_path / "train")
        two_classes(tmp_path / "test", seed=50)
        for path in ("extra/x.png", "cover.png", "README.md", "train/cat/notes.txt"):
            put(tmp_path / path, pixels(1) if path.endswith("png") else b"words")
        with pytest.warns(MiaWarning) as found:
            assert len(load(tmp_path).images) == 24
        text = " ".join(str(w.message) for w in found)
        assert "in no class folder: extra, cover.png" in text and "README" not in text
        assert "by their endings: train/cat/notes.txt" in text
        shutil.rmtree(tmp_path / "test" / "dog")  # a class may have no held-out pictures
        with pytest.warns(MiaWarning):
            assert load(tmp_path).labels[12:].tolist() == [0] * 6


class TestNames:
    def test_ending_and_content_may_differ(self, tmp_path):
        two_classes(tmp_path)
        for seed, ending in enumerate(("PNG", "Png", "jpg", "JPEG", "bmp", "tif", "webp", "gif")):
            put(tmp_path / "cat" / f"{ending}.{ending}", encode(pixels(77 + seed), "JPEG", quality=90))
        assert len(quiet(tmp_path).images) == 20

    def test_class_names_are_kept(self, tmp_path):
        names = ("10", "2", "Zebra", "a b", "katze_ü", "日本", "+=(x)", "train")
        two_classes(tmp_path, 4, names)
        assert quiet(tmp_path).classes == tuple(sorted(names))

    def test_composed_and_decomposed_accents_are_one_name(self, tmp_path):
        composed = quiet(two_classes(tmp_path / "a" / "x", names=("caf\u00e9", "dog")))
        decomposed = quiet(two_classes(tmp_path / "b" / "x", names=("cafe\u0301", "dog")))
        assert composed.fingerprint == decomposed.fingerprint
        two_classes(tmp_path / "a" / "x", names=("caf\u00e9", "cafe\u0301"))
        assert "one name in different codes" in refused(tmp_path / "a" / "x")

    @pytest.mark.skipif(os.name == "nt", reason="file names are text there")
    def test_names_that_are_not_utf8(self, tmp_path):
        two_classes(tmp_path)
        os.rename(os.fsencode(tmp_path / "cat"), os.fsencode(tmp_path) + b"/c\xe4t")
        put(tmp_path / "dog" / os.fsdecode(b"d\xf6g.png"), pixels(555))
        assert quiet(tmp_path).classes == ("c\\xe4t", "dog")
        put(tmp_path / "dog" / os.fsdecode(b"d\xf6g2.png"), b"")
        assert "dog/d\\xf6g2.png (empty file)" in refused(tmp_path)

    def test_line_breaks_and_codes_in_names_are_obeyed_by_nobody(self, tmp_path):
        two_classes(tmp_path, names=("ca\nt\x1b[2J", "dog\u202egnp"))
        assert quiet(tmp_path).classes == (r"ca t\x1b[2J", r"dog\u202egnp")
        put(tmp_path / "ca\nt\x1b[2J" / "a\rb\x1b[31m.png", b"")
        assert r"ca t\x1b[2J/a b\x1b[31m.png" in refused(tmp_path)


class TestDebris:
    def test_desktop_and_notebook_debris_changes_nothing(self, tmp_path):
        before = quiet(two_classes(tmp_path, 40)).fingerprint
        for path in (
            *(".DS_Store", "cat/.DS_Store", "dog/Thumbs.db", "dog/ehthumbs.db", "cat/desktop.ini", "Desktop.ini"),
            *("cat/._cat_00.png", ".ipynb_checkpoints/x-checkpoint.png", "dog/.ipynb_checkpoints/dog_00.png"),
            *("__MACOSX/cat/._cat_00.png", "__MACOSX/x.png", ".git/config", "cat/.hidden.png", "cat/__pycache__/x.pyc"),
            *("$RECYCLE.BIN/x.png", "cat/@eaDir/x.png", ".Trash-1000/files/x.png", "cat/Icon\r"),
        ):
            put(tmp_path / path, pixels(3) if path == "cat/._cat_00.png" else b"not a picture")
        assert quiet(tmp_path).fingerprint == before


class TestLinks:
    def test_links_to_pictures_and_classes_are_followed(self, tmp_path):
        plain = quiet(two_classes(tmp_path / "real"))
        (tmp_path / "linked" / "dog").mkdir(parents=True)
        (tmp_path / "linked" / "cat").symlink_to(tmp_path / "real" / "cat")
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
        (tmp_path / "cat" / "/".join("x" * 60)).mkdir(parents=True)
        assert "more than 50 levels" in refused(tmp_path)
