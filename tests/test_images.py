"""The gate for images in folders: layouts, debris, damaged and unusual pictures, fingerprints and the cache."""

import io
import os
import shutil
import struct
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFile

from mia_core import images as gate
from mia_core.data import Dataset, DataSettings, load_dataset
from mia_core.errors import DataError, MiaError, MiaWarning


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch) -> Path:
    """An empty cache folder for each test, beside its data."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("MIA_CACHE", str(folder))
    return folder / "images"


def load(root: Path, **settings) -> Dataset:
    """The data set; a warning is an error unless the test expects it."""
    return load_dataset(DataSettings(dataset=f"folder:{root}", **settings))


def quiet(root: Path, **settings) -> Dataset:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return load(root, **settings)


def refused(root: Path, **settings) -> str:
    with pytest.raises(DataError) as error:
        load(root, **settings)
    assert "\n" not in str(error.value)
    return str(error.value)


def pixels(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape or (16, 16, 3), dtype=np.uint8)


def encode(array: np.ndarray | Image.Image, kind: str = "PNG", **options) -> bytes:
    file = io.BytesIO()
    image = array if isinstance(array, Image.Image) else Image.fromarray(array)
    image.save(file, kind, **options)
    return file.getvalue()


def put(path: Path, data: bytes | np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data if isinstance(data, bytes) else encode(data))
    return path


def two_classes(root: Path, each: int = 6, names: tuple[str, str] = ("cat", "dog"), seed: int = 0) -> Path:
    for c, name in enumerate(names):
        for i in range(each):
            put(root / name / f"{name}_{i:02}.png", pixels(seed + 1000 * c + i))
    return root


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

    def test_folders_in_a_class_count_for_it_aloud(self, tmp_path):
        two_classes(tmp_path)
        put(tmp_path / "cat" / "tabby" / "young" / "x.png", pixels(99))
        with pytest.warns(MiaWarning, match="count for the class, in cat"):
            assert load(tmp_path).labels.tolist() == [0] * 7 + [1] * 6

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

    def test_a_class_without_held_out_pictures_is_said(self, tmp_path):
        two_classes(tmp_path / "train")
        two_classes(tmp_path / "test", seed=50)
        shutil.rmtree(tmp_path / "test" / "dog")
        with pytest.warns(MiaWarning, match="not among the held-out pictures of every part: dog"):
            assert load(tmp_path).labels[12:].tolist() == [0] * 6


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


def png_with_wrong_sum() -> bytes:
    data = bytearray(encode(pixels(0)))
    data[-14] ^= 1  # the check sum of the pixels, which decoding alone does not look at
    return bytes(data)


DAMAGED: dict[str, tuple[Callable[[], bytes], str]] = {
    "zero bytes": (lambda: b"", "empty file"),
    "web page": (lambda: b"<!doctype html><html><body>404</body></html>", "not a picture"),
    "text": (lambda: b"a", "not a picture"),
    "zip": (lambda: b"PK\3\4" + bytes(200), "not a picture"),
    "zeros": (lambda: bytes(2000), "not a picture"),
    "svg": (lambda: b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not a picture"),
    "eps": (lambda: encode(pixels(0), "EPS"), "not a picture"),
    "git lfs pointer": (lambda: b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "not a picture"),
    "cut jpeg": (lambda: encode(pixels(0, 64, 64, 3), "JPEG")[:-700], "truncated"),
    "jpeg without its end": (lambda: encode(pixels(0, 64, 64, 3), "JPEG")[:-30], "truncated"),
    "jpeg header": (lambda: encode(pixels(0), "JPEG")[:100], ""),
    "cut png": (lambda: encode(pixels(0))[:500], ""),
    "png sum": (png_with_wrong_sum, "checksum"),
    "cut bmp": (lambda: encode(pixels(0), "BMP")[:400], "truncated"),
    "cut gif": (lambda: encode(pixels(0), "GIF")[:500], ""),
    "cut tiff": (lambda: encode(pixels(0), "TIFF")[:400], ""),
    "cut webp": (lambda: encode(pixels(0), "WEBP", lossless=True)[:300], ""),
    "cut ppm": (lambda: encode(pixels(0), "PPM")[:300], "truncated"),
    "float": (lambda: encode(np.zeros((16, 16), np.float32), "TIFF"), "floating-point"),
    "32 bit": (lambda: encode(np.full((16, 16), 10**6, np.int32), "TIFF"), "32-bit"),
    "bomb": (lambda: encode(Image.new("1", (9000, 9000))), "more than 64 million"),
    "big bomb": (lambda: encode(Image.new("1", (20_000, 20_000))), "more than 64 million"),
}


class TestDamage:
    @pytest.mark.parametrize("kind", DAMAGED)
    def test_each_kind_is_found_and_can_be_left_out(self, kind, tmp_path):
        make, words = DAMAGED[kind]
        good = quiet(two_classes(tmp_path))
        put(tmp_path / "cat" / "bad.png", make())
        message = refused(tmp_path)
        assert "1 of 13 pictures cannot be read: cat/bad.png (" in message and words in message
        assert "skip_damaged" in message
        with pytest.warns(MiaWarning, match=r"1 of 13 pictures cannot be read: cat/bad\.png .*left out"):
            data = load(tmp_path, skip_damaged=True)
        assert data.fingerprint == good.fingerprint

    def test_all_are_named_at_once(self, tmp_path):
        two_classes(tmp_path, 40)
        put(tmp_path / "cat" / "cut.jpg", encode(pixels(1, 64, 64, 3), "JPEG")[:1500])
        put(tmp_path / "cat" / "zero.jpg", b"")
        put(tmp_path / "dog" / "page.png", b"<html>")
        put(tmp_path / "dog" / "notes.txt", b"x")
        message = refused(tmp_path)
        for name in ("3 of 83", "cat/cut.jpg", "cat/zero.jpg", "dog/page.png"):
            assert name in message
        with pytest.warns(MiaWarning, match="by their endings"), pytest.warns(MiaWarning, match="3 of 83 .*left out"):
            assert len(load(tmp_path, skip_damaged=True).images) == 80

    def test_many_are_counted(self, tmp_path):
        two_classes(tmp_path)
        for i in range(200):
            put(tmp_path / "cat" / f"zero{i:03}.png", b"")
        assert "200 of 212" in refused(tmp_path) and "and 195 more" in refused(tmp_path)

    def test_the_cache_does_not_hide_damage(self, tmp_path):
        two_classes(tmp_path)
        put(tmp_path / "cat" / "zero.png", b"")
        for _ in range(2):
            with pytest.warns(MiaWarning, match="left out"):
                load(tmp_path, skip_damaged=True)
            assert "cat/zero.png" in refused(tmp_path)

    def test_leaving_out_can_leave_too_few(self, tmp_path):
        two_classes(tmp_path, 4)
        put(tmp_path / "cat" / "cat_00.png", b"")
        with pytest.warns(MiaWarning, match="left out"):
            assert "cat (3); expected at least 4" in refused(tmp_path, skip_damaged=True)

    def test_nothing_left(self, tmp_path):
        two_classes(tmp_path)
        for path in tmp_path.rglob("*.png"):
            path.write_bytes(b"")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            assert "none of the 12 pictures can be read" in refused(tmp_path, skip_damaged=True)

    def test_truncated_pictures_are_not_filled_up_even_where_that_is_switched_on(self, tmp_path, monkeypatch):
        monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
        two_classes(tmp_path)
        put(tmp_path / "cat" / "cut.jpg", encode(pixels(1, 64, 64, 3), "JPEG")[:1500])
        assert "truncated" in refused(tmp_path)
        assert ImageFile.LOAD_TRUNCATED_IMAGES is True

    @pytest.mark.parametrize("kind", ["broken link", "link to itself", "pipe", "device"])
    def test_not_a_file(self, kind, tmp_path):
        two_classes(tmp_path)
        path = tmp_path / "cat" / "odd.png"
        if kind == "pipe":
            os.mkfifo(path)
        else:
            path.symlink_to({"broken link": "nowhere.png", "link to itself": "odd.png", "device": "/dev/zero"}[kind])
        assert "cat/odd.png (" in refused(tmp_path)

    @pytest.mark.skipif(os.geteuid() == 0, reason="permissions do not bind the superuser")
    def test_no_permission(self, tmp_path):
        two_classes(tmp_path)
        (tmp_path / "cat" / "cat_00.png").chmod(0)
        assert "cat/cat_00.png (Permission denied)" in refused(tmp_path)
        (tmp_path / "dog").chmod(0)
        try:
            assert "dog: cannot be listed: Permission denied" in refused(tmp_path)
        finally:
            (tmp_path / "dog").chmod(0o700)

    @pytest.mark.parametrize("call", ["open", "scandir"])
    def test_the_system_refuses(self, call, tmp_path, monkeypatch):
        two_classes(tmp_path)
        original = getattr(os, call)

        def refuse(path, *args, **kwargs):
            if str(path).endswith(("cat_00.png", "dog")) and (call == "scandir" or "cat_00" in str(path)):
                raise PermissionError(13, "Permission denied")
            return original(path, *args, **kwargs)

        monkeypatch.setattr(os, "supports_dir_fd", {*os.supports_dir_fd, refuse})
        monkeypatch.setattr(os, call, refuse)
        assert "Permission denied" in refused(tmp_path)

    @pytest.mark.parametrize("change", ["changed", "removed"])
    @pytest.mark.parametrize("processes", [1, 2])
    def test_changed_while_it_is_read(self, change, processes, tmp_path, cache, monkeypatch):
        two_classes(tmp_path, 100)
        contents = gate.contents_of

        def and_change(root, paths):
            found = contents(root, paths)
            path = put(tmp_path / "cat" / "cat_00.png", pixels(5555))
            if change == "removed":
                path.unlink()
            return found

        monkeypatch.setattr(gate, "contents_of", and_change)
        monkeypatch.setattr(gate, "PARALLEL_BYTES", 0)
        monkeypatch.setattr("joblib.cpu_count", lambda: processes)
        assert "cat/cat_00.png: " in (message := refused(tmp_path, skip_damaged=True)) and "start again" in message
        assert not cache.exists()


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


def in_class(root: Path, data: bytes, **settings) -> np.ndarray:
    """The pixels [C, H, W] that one picture decodes to, next to a folder of 5 equal ones to make it 2 classes."""
    for i in range(4):
        put(root / "a" / f"{i}.png", data)
        put(root / "b" / f"{i}.png", data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # they are equal, of course
        return load(root, **settings).images[0]


class TestKinds:
    def test_lossless_formats_give_the_pixels(self, tmp_path):
        array = pixels(0)
        for kind, options in (("PNG", {}), ("BMP", {}), ("PPM", {}), ("TIFF", {}), ("WEBP", {"lossless": True})):
            data = encode(array, kind, **options)
            assert np.array_equal(in_class(tmp_path / kind, data), array.transpose(2, 0, 1)), kind

    def test_greyscale_is_one_channel(self, tmp_path):
        array = pixels(0, 16, 16)
        assert np.array_equal(in_class(tmp_path, encode(array)), array[None])

    def test_greyscale_among_coloured_is_three_channels(self, tmp_path):
        two_classes(tmp_path)
        grey = pixels(5, 16, 16)
        put(tmp_path / "cat" / "grey.png", grey)
        images = quiet(tmp_path).images
        assert images.shape == (13, 3, 16, 16)
        assert any(np.array_equal(image, np.stack([grey] * 3)) for image in images)

    def test_black_and_white(self, tmp_path):
        image = Image.fromarray(pixels(0, 16, 16)).convert("1")
        assert np.array_equal(in_class(tmp_path, encode(image))[0], np.asarray(image) * 255)

    @pytest.mark.parametrize("kind", ["PNG", "TIFF", "PPM"])
    def test_sixteen_bits_are_scaled_not_clipped(self, kind, tmp_path):
        wide = np.random.default_rng(0).integers(0, 65536, (16, 16)).astype(np.uint16)
        wide[0, :3] = 0, 257, 65535
        result = in_class(tmp_path, encode(wide, kind))
        assert np.array_equal(result[0], np.round(wide / 257)) and result[0, 0, :3].tolist() == [0, 1, 255]

    def test_palette(self, tmp_path):
        image = Image.fromarray(pixels(0)).quantize(16)
        expected = np.asarray(image.convert("RGB")).transpose(2, 0, 1)
        assert np.array_equal(in_class(tmp_path, encode(image)), expected)

    @pytest.mark.parametrize("mode", ["RGBA", "LA", "palette", "tRNS"])
    def test_transparent_areas_lie_on_white(self, mode, tmp_path):
        image = Image.new("RGBA", (16, 16), (10, 20, 30, 255))
        image.paste((200, 0, 0, 0), (0, 0, 8, 16))  # hidden red
        image.paste((0, 0, 0, 128), (8, 0, 16, 8))
        options = {}
        if mode == "LA":
            image = image.convert("LA")
        elif mode == "palette":
            image = image.quantize(8)
        elif mode == "tRNS":
            image, options = Image.new("RGB", (16, 16), (1, 2, 3)), {"transparency": (1, 2, 3)}
        result = in_class(tmp_path, encode(image, **options))
        assert result.shape[0] == (1 if mode == "LA" else 3)
        assert (result[:, :, :8] == 255).all()
        if mode == "RGBA":
            assert result[:, 12, 12].tolist() == [10, 20, 30] and result[:, 0, 12].tolist() == [127] * 3

    def test_opaque_alpha_changes_nothing(self, tmp_path):
        array = pixels(0)
        solid = np.concatenate([array, np.full((16, 16, 1), 255, np.uint8)], axis=2)
        assert np.array_equal(in_class(tmp_path, encode(solid)), array.transpose(2, 0, 1))

    @pytest.mark.parametrize("mode", ["CMYK", "YCbCr"])
    def test_other_colour_spaces(self, mode, tmp_path):
        image = Image.new("RGB", (16, 16), (200, 100, 50)).convert(mode)
        result = in_class(tmp_path, encode(image, "TIFF" if mode == "CMYK" else "JPEG"))
        assert abs(result[:, 8, 8].astype(int) - [200, 100, 50]).max() <= 3

    @pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
    @pytest.mark.parametrize("orientation", range(1, 9))
    def test_orientation_is_applied(self, orientation, kind, tmp_path):
        from PIL import ImageOps

        image = Image.new("L", (16, 16), 0)
        image.paste(250, (0, 0, 8, 4))  # bright in one corner, and not symmetric
        exif = Image.Exif()
        exif[0x0112] = orientation
        data = encode(image.convert("RGB"), kind, exif=exif)
        expected = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")).transpose(2, 0, 1)
        result = in_class(tmp_path, data)
        assert np.array_equal(result, expected)
        corner = {1: "tl", 2: "tr", 3: "br", 4: "bl", 5: "tl", 6: "tr", 7: "br", 8: "bl"}[orientation]
        y, x = {"t": 1, "b": 14}[corner[0]], {"l": 1, "r": 14}[corner[1]]
        assert result[0, y, x] > 200

    def test_broken_exif_is_no_damage(self, tmp_path):
        data = encode(pixels(0), "JPEG", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff" + bytes(30))
        assert in_class(tmp_path, data).shape == (3, 16, 16)

    @pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "TIFF"])
    def test_first_frame_of_several_aloud(self, kind, tmp_path):
        two_classes(tmp_path)
        frames = [Image.new("RGB", (16, 16), colour) for colour in ("red", "lime", "blue")]
        put(tmp_path / "cat" / "moving.png", encode(frames[0], kind, save_all=True, append_images=frames[1:]))
        for _ in range(2):  # also when it comes from the cache
            with pytest.warns(MiaWarning, match=r"several frames or pages the first is used: cat/moving\.png"):
                data = load(tmp_path)
        assert any(abs(i[:, 8, 8].astype(int) - [255, 0, 0]).max() < 5 for i in data.images)

    def test_no_log_of_pil_on_the_screen(self, tmp_path):
        tiff = encode(Image.new("RGB", (16, 16)), "TIFF")
        samples = struct.pack("<HHIHH", 277, 3, 1, 3, 0)
        assert samples in tiff
        put(tmp_path / "odd.tif", tiff.replace(samples, struct.pack("<HHIHH", 277, 3, 1, 9999, 0)))
        code = "import sys; from mia_core.pictures import decode; decode(open(sys.argv[1], 'rb').read())"
        done = subprocess.run([sys.executable, "-c", code, tmp_path / "odd.tif"], capture_output=True, text=True)
        assert done.stderr.strip().splitlines()[-1].startswith("mia_core.pictures.Unreadable")
        assert done.stderr.startswith("Traceback") and done.stdout == ""

    def test_no_warnings_of_pil_on_odd_files(self, tmp_path):
        two_classes(tmp_path)
        put(tmp_path / "cat" / "odd.png", encode(Image.new("P", (16, 16)), transparency=b"\0\1\2"))
        quiet(tmp_path)


class TestSizes:
    def mixed(self, root: Path) -> Path:
        two_classes(root)
        put(root / "dog" / "wide.png", pixels(1, 10, 40, 3))
        put(root / "dog" / "wider.png", pixels(2, 10, 80, 3))
        return root

    def test_differing_sizes_name_two_examples_and_the_setting(self, tmp_path):
        message = refused(self.mixed(tmp_path))
        assert "cat/cat_00.png is 16 x 16, dog/wide.png is 40 x 10; set size" in message

    def test_damage_is_told_before_sizes(self, tmp_path):
        put(self.mixed(tmp_path) / "dog" / "zero.png", b"")
        assert "dog/zero.png (empty file)" in refused(tmp_path)

    @pytest.mark.parametrize("size", [1, 8, 16, 33])
    def test_size(self, size, tmp_path):
        data = quiet(self.mixed(tmp_path), size=size)
        assert data.images.shape == (14, 3, size, size)

    def test_middle_square_keeps_proportions(self, tmp_path):
        image = Image.new("RGB", (64, 32), "black")
        image.paste((255, 255, 255), (16, 0, 48, 32))
        assert (in_class(tmp_path, encode(image), size=16) == 255).all()

    def test_pictures_of_the_right_size_are_not_touched(self, tmp_path):
        two_classes(tmp_path)
        assert quiet(tmp_path).fingerprint == quiet(tmp_path, size=16).fingerprint

    @pytest.mark.parametrize("processes", [1, 2])
    def test_more_than_the_memory(self, processes, tmp_path, monkeypatch):
        monkeypatch.setattr(gate, "MOST_BYTES", 5000)
        if processes > 1:
            monkeypatch.setattr(gate, "PARALLEL_BYTES", 0)
            monkeypatch.setattr("joblib.cpu_count", lambda: processes)
        two_classes(tmp_path, 100)
        assert "GiB decoded; set size, such as 32" in refused(tmp_path)
        assert "GiB decoded; set size below 12" in refused(tmp_path, size=12)
        assert len(quiet(tmp_path, size=2).images) == 200


class TestFingerprints:
    def test_names_that_keep_their_order_and_times_do_not_matter(self, tmp_path):
        before = quiet(two_classes(tmp_path / "a" / "pets"))
        for path in list((tmp_path / "a" / "pets").rglob("*.png")):
            new = path.with_name(f"picture {path.stem}.PNG")
            path.rename(new)
            os.utime(new, (0, 0))
        after = quiet(tmp_path / "a" / "pets")
        assert after.fingerprint == before.fingerprint
        assert np.array_equal(after.images, before.images)

    def test_the_order_is_by_class_and_path(self, tmp_path):
        for seed, name in enumerate(("b.png", "a.png", "c.png", "B.png")):
            put(tmp_path / "dog" / name, pixels(seed))
            put(tmp_path / "cat" / name, pixels(10 + seed))
        expected = [start + seed for start in (10, 0) for seed in (3, 1, 0, 2)]
        assert np.array_equal(
            quiet(tmp_path).images, np.stack([pixels(seed) for seed in expected]).transpose(0, 3, 1, 2)
        )

    def test_another_lossless_format_does_not_matter(self, tmp_path):
        before = quiet(two_classes(tmp_path / "png"))
        for path in (tmp_path / "png").rglob("*.png"):
            target = tmp_path / "bmp" / path.parent.name / path.with_suffix(".bmp").name
            put(target, encode(Image.open(path), "BMP"))
        assert quiet(tmp_path / "bmp").fingerprint == before.fingerprint

    def test_new_pixels_under_old_names_sizes_and_times(self, tmp_path):
        def fill(seed: int) -> None:
            for c in "ab":
                for i in range(6):
                    path = put(tmp_path / "x" / c / f"{i}.bmp", encode(pixels(seed + i + 100 * (c == "b")), "BMP"))
                    os.utime(path, (10**9, 10**9))

        fill(0)
        first = quiet(tmp_path / "x")
        fill(1000)
        second = quiet(tmp_path / "x")
        fill(0)
        again = quiet(tmp_path / "x")
        assert first.fingerprint == again.fingerprint != second.fingerprint
        assert not np.array_equal(first.images, second.images)

    def test_moving_a_picture_to_another_class_or_part_matters(self, tmp_path):
        two_classes(tmp_path / "train", 8)
        two_classes(tmp_path / "test", 4, seed=50)
        prints = [quiet(tmp_path).fingerprint]
        (tmp_path / "train" / "cat" / "cat_00.png").rename(tmp_path / "train" / "dog" / "cat_00.png")
        prints.append(quiet(tmp_path).fingerprint)
        (tmp_path / "train" / "dog" / "cat_00.png").rename(tmp_path / "test" / "dog" / "cat_00.png")
        prints.append(quiet(tmp_path).fingerprint)
        assert len(set(prints)) == 3

    def test_repeated_pictures_are_said(self, tmp_path):
        two_classes(tmp_path)
        shutil.copy(tmp_path / "cat" / "cat_00.png", tmp_path / "dog" / "copy.png")
        for _ in range(2):
            with pytest.warns(MiaWarning, match="1 of 13 pictures equal another one"):
                load(tmp_path)


class TestCache:
    def kept(self, cache: Path) -> Path:
        (path,) = cache.glob("*.npz")
        return path

    def test_second_time_nothing_is_decoded(self, tmp_path, cache, monkeypatch):
        first = quiet(two_classes(tmp_path / "pets"))
        monkeypatch.setattr(gate, "_decode", None)
        second = quiet(tmp_path / "pets")
        assert np.array_equal(first.images, second.images) and np.array_equal(first.labels, second.labels)
        assert (first.fingerprint, first.classes, first.pool) == (second.fingerprint, second.classes, second.pool)
        assert second.images.flags.writeable == first.images.flags.writeable

    @pytest.mark.parametrize("damage", ["cut", "flip", "empty", "text", "other pixels", "other array", "pickle"])
    def test_damaged_cache_is_reported_and_made_again(self, damage, tmp_path, cache):
        first = quiet(two_classes(tmp_path / "pets"))
        path = self.kept(cache)
        whole = path.read_bytes()
        arrays = dict(np.load(path))
        if damage == "cut":
            path.write_bytes(whole[: len(whole) // 2])
        elif damage == "flip":
            path.write_bytes(whole[:5000] + bytes([whole[5000] ^ 1]) + whole[5001:])
        elif damage in ("empty", "text"):
            path.write_bytes(b"" if damage == "empty" else b"text")
        elif damage == "other pixels":
            np.savez(path, **arrays | {"images": arrays["images"] ^ 1})
        elif damage == "other array":
            np.savez(path, other=arrays["images"])
        else:
            np.savez(path, **arrays | {"about": np.array([{"an": "object"}], object)})
        with pytest.warns(MiaWarning, match=r"damaged \(.+\); the pictures are decoded again"):
            assert load(tmp_path / "pets").fingerprint == first.fingerprint
        assert quiet(tmp_path / "pets").fingerprint == first.fingerprint

    def test_no_flipped_bit_is_fatal_or_believed(self, tmp_path, cache):
        first = quiet(two_classes(tmp_path / "pets", 4))
        path = self.kept(cache)
        whole = path.read_bytes()
        generator = np.random.default_rng(0)
        places = [*range(0, 300, 3), *range(len(whole) - 600, len(whole), 5), *generator.integers(0, len(whole), 50)]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for place in places:
                changed = bytearray(whole)
                changed[place] ^= 1 << int(generator.integers(8))
                path.write_bytes(changed)
                decoded = gate._read(path, "pets")
                assert decoded is None or decoded.dataset.fingerprint == first.fingerprint

    def test_new_code_or_another_size_decodes_again(self, tmp_path, cache, monkeypatch):
        quiet(two_classes(tmp_path / "pets"))
        quiet(tmp_path / "pets", size=8)
        monkeypatch.setattr(gate.inspect, "getsource", lambda module: "new code")
        quiet(tmp_path / "pets")
        assert len(list(cache.glob("*.npz"))) == 3

    def test_full_disk_loses_only_the_cache(self, tmp_path, cache, monkeypatch):
        def full(*_):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "replace", full)
        with pytest.warns(MiaWarning, match="No space left on device; the pictures will be decoded again"):
            assert len(load(two_classes(tmp_path / "pets")).images) == 12
        assert list(cache.iterdir()) == []

    def test_several_processes_decode_the_same(self, tmp_path, monkeypatch):
        one = gate._decode
        two_classes(tmp_path / "pets", 200)
        found = []

        def remember(*args):
            found.append(one(*args))
            return found[-1]

        monkeypatch.setattr(gate, "_decode", remember)
        quiet(tmp_path / "pets")
        shutil.rmtree(os.environ["MIA_CACHE"])
        monkeypatch.setattr(gate, "PARALLEL_BYTES", 0)
        monkeypatch.setattr("joblib.cpu_count", lambda: 2)
        quiet(tmp_path / "pets")
        assert found[0].dataset.fingerprint == found[1].dataset.fingerprint


def random_bytes(generator: np.random.Generator) -> bytes:
    """Mostly a picture, also a damaged picture or something else."""
    shape = (8, 8, 3) if generator.random() < 0.7 else (*generator.integers(1, 20, 2).tolist(), 3)
    kind = str(generator.choice(["PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP", "PPM"]))
    data = encode(generator.integers(0, 256, shape).astype(np.uint8), kind)
    fate = generator.random()
    if fate < 0.2:
        return data[: int(generator.integers(len(data)))]
    if fate < 0.4:
        changed = bytearray(data)
        for place in generator.integers(0, len(data), 3):
            changed[place] = int(generator.integers(256))
        return bytes(changed)
    return generator.bytes(50) if fate < 0.5 else data


def random_folder(root: Path, generator: np.random.Generator) -> None:
    """A sound folder of class folders, or none, to which a few things happened."""
    words = ["a", "b", "train", "test", "val", ".hidden", "__MACOSX", "é", "x y", "Train", "c\nd", "n" * 250, "%s"]
    root.mkdir()
    if generator.random() < 0.75:
        for part in [["."], ["train"], ["train", "test"]][int(generator.integers(3))]:
            two_classes(root / part, 5, ("a", "b"), seed=int(generator.integers(10**6)))
            for path in (root / part).rglob("*.png"):
                path.write_bytes(encode(generator.integers(0, 256, (8, 8, 3)).astype(np.uint8)))
    for _ in range(int(generator.integers(0, 5))):
        folders = [root, *(p for p in root.rglob("*") if p.is_dir() and not p.is_symlink())]
        folder = folders[int(generator.integers(len(folders)))]
        if generator.random() < 0.3:
            folder = folder / str(generator.choice(words))
            folder.mkdir(exist_ok=True)
        ending = str(
            generator.choice([".png", ".JPG", ".txt", "", ".gif", ".db"], p=[0.6, 0.2, 0.05, 0.05, 0.05, 0.05])
        )
        path = folder / f"{generator.choice(['', '._'], p=[0.9, 0.1])}{generator.integers(10**6)}{ending}"
        fate = generator.random()
        if fate < 0.15:
            path.symlink_to(str(generator.choice(["nowhere", str(root), "/dev/null", path.name, "/dev/zero"])))
        elif fate < 0.2:
            os.mkfifo(path)
        else:
            path.write_bytes(random_bytes(generator))


def test_a_hundred_and_fifty_odd_folders_are_read_or_refused_in_one_line(tmp_path, cache):
    started, outcomes = time.perf_counter(), {"read": 0, "refused": 0}
    for seed in range(150):
        generator = np.random.default_rng(seed)
        root = tmp_path / f"f{seed}"
        random_folder(root, generator)
        before = sorted(str(p) for p in root.rglob("*"))
        settings = {"size": 8} if seed % 2 else {}
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            try:
                data = load(root, skip_damaged=seed % 3 != 0, **settings)
            except MiaError as error:
                outcomes["refused"] += 1
                assert "\n" not in str(error) and str(error).startswith(str(root)) and len(str(error)) < 1500
            else:
                outcomes["read"] += 1
                assert len(data.images) == len(data.labels) >= data.pool >= 8
                assert data.images.ndim == 4 and data.images.shape[1] in (1, 3) and data.images.dtype == np.uint8
                assert np.bincount(data.labels[: data.pool], minlength=len(data.classes)).min() >= 4
        assert all(issubclass(w.category, MiaWarning) and "\n" not in str(w.message) for w in said)
        assert sorted(str(p) for p in root.rglob("*")) == before
    assert min(outcomes.values()) >= 10, outcomes
    assert not list(cache.glob("*.tmp")) and time.perf_counter() - started < 60


def test_cifar10_as_jpeg_files():
    folder = os.environ.get("MIA_CIFAR10_JPEG")
    if not folder or not Path(folder).is_dir():
        pytest.skip("no unpacked JPEG copy of CIFAR-10 (set MIA_CIFAR10_JPEG)")
    data = quiet(Path(folder))
    assert data.images.shape == (60_000, 3, 32, 32) and data.pool == 50_000
    assert np.bincount(data.labels).tolist() == [6000] * 10 and data.classes[0] == "airplane"
    means = data.images[: data.pool].mean((0, 2, 3), dtype=np.float64) / 255
    assert means.round(4).tolist() == [0.4913, 0.4821, 0.4465]
    started = time.perf_counter()
    assert quiet(Path(folder)).fingerprint == data.fingerprint
    assert time.perf_counter() - started < 10  # 1.4 s on two quiet cores; a busy machine is no failure
