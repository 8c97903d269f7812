"""The gate for images in folders: pictures that cannot be read are found, named and, if asked, left out."""

import builtins
import os
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFile

from image_folders import encode, load, pixels, put, quiet, refused, two_classes
from mia_core.base.errors import MiaError, MiaWarning
from mia_core.data.image_folder import load as gate
from mia_core.data.image_folder.decode import Unreadable, decode

pytestmark = pytest.mark.usefixtures("own_cache")


def png_with_wrong_sum() -> bytes:
    data = bytearray(encode(pixels(0)))
    data[-14] ^= 1  # the check sum of the pixels, which decoding alone does not look at
    return bytes(data)


DAMAGED: dict[str, tuple[Callable[[], bytes], str]] = {
    "zero bytes": (lambda: b"", "empty file"), "text": (lambda: b"a", "not a picture"),
    "web page": (lambda: b"<!doctype html><html><body>404</body></html>", "not a picture"),
    "zip": (lambda: b"PK\3\4" + bytes(200), "not a picture"), "zeros": (lambda: bytes(2000), "not a picture"),
    "svg": (lambda: b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not a picture"),
    "eps": (lambda: encode(pixels(0), "EPS"), "not a picture"),
    "git lfs pointer": (lambda: b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "not a picture"),
    "cut jpeg": (lambda: encode(pixels(0, 64, 64, 3), "JPEG")[:-700], "truncated"),
    "jpeg without its end": (lambda: encode(pixels(0, 64, 64, 3), "JPEG")[:-30], "truncated"),
    "jpeg header": (lambda: encode(pixels(0), "JPEG")[:100], ""), "cut png": (lambda: encode(pixels(0))[:500], ""),
    "png sum": (png_with_wrong_sum, "checksum"), "cut bmp": (lambda: encode(pixels(0), "BMP")[:400], "truncated"),
    "cut gif": (lambda: encode(pixels(0), "GIF")[:500], ""), "cut tiff": (lambda: encode(pixels(0), "TIFF")[:400], ""),
    "cut webp": (lambda: encode(pixels(0), "WEBP", lossless=True)[:300], ""),
    "cut ppm": (lambda: encode(pixels(0), "PPM")[:300], "truncated"),
    "float": (lambda: encode(np.zeros((16, 16), np.float32), "TIFF"), "floating-point"),
    "32 bit": (lambda: encode(np.full((16, 16), 10**6, np.int32), "TIFF"), "32-bit"),
    "bomb": (lambda: encode(Image.new("1", (9000, 9000))), "more than 64 million"),
    "big bomb": (lambda: encode(Image.new("1", (20_000, 20_000))), "more than 64 million"),
}  # fmt: skip


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

    def test_all_are_named_at_once_and_truncated_ones_not_filled_up(self, tmp_path, monkeypatch):
        monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
        two_classes(tmp_path, 40)
        put(tmp_path / "cat" / "cut.jpg", encode(pixels(1, 64, 64, 3), "JPEG")[:1500])
        put(tmp_path / "cat" / "zero.jpg", b"")
        put(tmp_path / "dog" / "page.png", b"<html>")
        put(tmp_path / "dog" / "notes.txt", b"x")
        message = refused(tmp_path)
        for name in ("3 of 83", "cat/cut.jpg (", "truncated", "cat/zero.jpg", "dog/page.png"):
            assert name in message
        assert ImageFile.LOAD_TRUNCATED_IMAGES is True
        with pytest.warns(MiaWarning, match="by their endings"), pytest.warns(MiaWarning, match="3 of 83 .*left out"):
            assert len(load(tmp_path, skip_damaged=True).images) == 80

    def test_many_are_counted(self, tmp_path):
        two_classes(tmp_path)
        for i in range(200):
            put(tmp_path / "cat" / f"zero{i:03}.png", b"")
        for _ in range(2):  # the cache does not hide damage
            with pytest.warns(MiaWarning, match="left out"):
                load(tmp_path, skip_damaged=True)
            message = refused(tmp_path)
            assert "200 of 212" in message and "and 195 more" in message and "cat/zero000.png" in message

    def test_leaving_out_can_leave_too_few_or_nothing(self, tmp_path):
        two_classes(tmp_path, 4)
        put(tmp_path / "cat" / "cat_00.png", b"")
        with pytest.warns(MiaWarning, match="left out"):
            assert "cat (3); expected at least 4" in refused(tmp_path, skip_damaged=True)
        for path in tmp_path.rglob("*.png"):
            path.write_bytes(b"")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            assert "none of the 8 pictures can be read" in refused(tmp_path, skip_damaged=True)

    @pytest.mark.parametrize("kind", ["broken link", "link to itself", "pipe", "device"])
    def test_not_a_file(self, kind, tmp_path):
        two_classes(tmp_path)
        path = tmp_path / "cat" / "odd.png"
        if kind == "pipe":
            os.mkfifo(path)
        else:
            path.symlink_to({"broken link": "nowhere.png", "link to itself": "odd.png", "device": "/dev/zero"}[kind])
        assert "cat/odd.png (" in refused(tmp_path)

    @pytest.mark.parametrize(("place", "call", "ending", "words"), [
        (builtins, "open", "cat_00.png", "cat/cat_00.png (Permission denied)"),
        (os, "scandir", "dog", "dog: cannot be listed: Permission denied"),
    ])  # fmt: skip
    def test_no_permission(self, place, call, ending, words, tmp_path, monkeypatch):
        two_classes(tmp_path)
        original = getattr(place, call)

        def refuse(path, *args, **kwargs):
            if str(path).endswith(ending):
                raise PermissionError(13, "Permission denied")
            return original(path, *args, **kwargs)

        monkeypatch.setattr(place, call, refuse)
        assert words in refused(tmp_path)

    @pytest.mark.parametrize("change", ["changed", "removed"])
    @pytest.mark.parametrize("processes", [1, 2])
    def test_changed_while_it_is_read(self, change, processes, tmp_path, own_cache, monkeypatch):
        two_classes(tmp_path, 100)
        content = gate.content_of

        def and_change(path):
            found = content(path)
            if path.endswith("cat_00.png"):
                put(Path(path), pixels(5555))
                if change == "removed":
                    os.unlink(path)
            return found

        monkeypatch.setattr(gate, "content_of", and_change)
        monkeypatch.setattr(gate, "PARALLEL_BYTES", 0)
        monkeypatch.setattr("joblib.cpu_count", lambda: processes)
        assert "cat/cat_00.png: " in (message := refused(tmp_path, skip_damaged=True)) and "start again" in message
        assert not list(own_cache.iterdir())


@pytest.mark.parametrize("share", [0.4, 0.6, 0.8])
@pytest.mark.parametrize("shape", [(64, 64), (64, 64, 3), (32, 32), (32, 32, 3), (100, 37), (100, 37, 3)], ids=str)
def test_a_jpeg_cut_short_before_an_end_marker_is_refused(shape, share):
    data = encode(pixels(0, *shape), "JPEG")
    with pytest.raises(Unreadable, match=r"(?i)cut short|truncated"):
        decode(data[: int(len(data) * share)] + b"\xff\xd9")


@pytest.mark.parametrize("how", [{}, {"progressive": True}, {"quality": 100, "subsampling": 0}, {"optimize": True}])
@pytest.mark.parametrize("border", [0, 128, 255])
def test_a_complete_jpeg_with_a_border_of_one_colour_is_read(border, how):
    bordered = pixels(0, 64, 48, 3)
    bordered[40:] = border
    whole = encode(bordered, "JPEG", **how)
    for data in (whole, whole + b"trailing bytes", encode(np.full_like(bordered, border), "JPEG", **how)):
        assert decode(data)[0].shape == (64, 48, 3)


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
        ending = generator.choice([".png", ".JPG", ".txt", "", ".gif", ".db"], p=[0.6, 0.2, 0.05, 0.05, 0.05, 0.05])
        path = folder / f"{generator.choice(['', '._'], p=[0.9, 0.1])}{generator.integers(10**6)}{ending}"
        fate = generator.random()
        if fate < 0.15:
            path.symlink_to(str(generator.choice(["nowhere", str(root), "/dev/null", path.name, "/dev/zero"])))
        elif fate < 0.2:
            os.mkfifo(path)
        else:
            path.write_bytes(random_bytes(generator))


def test_a_hundred_and_fifty_odd_folders_are_read_or_refused_in_one_line(tmp_path, own_cache):
    outcomes = {"read": 0, "refused": 0}
    for seed in range(150):
        generator = np.random.default_rng(seed)
        root = tmp_path / f"f{seed}"
        random_folder(root, generator)
        before, settings = sorted(map(str, root.rglob("*"))), {"size": 8} if seed % 2 else {}
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
        assert sorted(map(str, root.rglob("*"))) == before
    assert min(outcomes.values()) >= 10, outcomes
    assert not list(own_cache.rglob("*.tmp"))
