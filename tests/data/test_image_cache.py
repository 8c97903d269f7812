"""The gate for images in folders: fingerprints of what was decoded, and the cache that keeps it."""

import os
import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from image_folders import encode, load, pixels, put, quiet, two_classes
from mia_core.base.errors import MiaWarning
from mia_core.data.image_folder import load as gate

pytestmark = pytest.mark.usefixtures("own_cache")


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
        """The only file of decoded pictures."""
        (path,) = (cache / "images").iterdir()
        return path

    def test_second_time_nothing_is_decoded(self, tmp_path, monkeypatch):
        first = quiet(two_classes(tmp_path / "pets"))
        monkeypatch.setattr(gate, "_decode", None)
        second = quiet(tmp_path / "pets")
        assert np.array_equal(first.images, second.images) and np.array_equal(first.labels, second.labels)
        assert (first.fingerprint, first.classes, first.pool) == (second.fingerprint, second.classes, second.pool)
        assert second.images.flags.writeable == first.images.flags.writeable

    @pytest.mark.parametrize("damage", ["cut", "flip", "empty", "text", "other pixels", "other array", "pickle"])
    def test_damaged_cache_is_reported_and_made_again(self, damage, tmp_path, own_cache):
        first = quiet(two_classes(tmp_path / "pets"))
        path = self.kept(own_cache)
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

    def test_no_flipped_bit_is_fatal_or_believed(self, tmp_path, own_cache):
        first = quiet(two_classes(tmp_path / "pets", 4))
        path = self.kept(own_cache)
        whole = path.read_bytes()
        assert gate._read(path, "pets").dataset.fingerprint == first.fingerprint
        generator, found = np.random.default_rng(0), 0
        places = [*range(0, 300, 3), *range(len(whole) - 600, len(whole), 5), *generator.integers(0, len(whole), 50)]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for place in places:
                changed = bytearray(whole)
                changed[place] ^= 1 << int(generator.integers(8))
                path.write_bytes(changed)
                decoded = gate._read(path, "pets")
                assert decoded is None or decoded.dataset.fingerprint == first.fingerprint
                found += decoded is None
        assert found > len(places) / 2

    def test_new_code_or_another_size_decodes_again(self, tmp_path, own_cache, monkeypatch):
        quiet(two_classes(tmp_path / "pets"))
        quiet(tmp_path / "pets", size=8)
        monkeypatch.setattr(gate.inspect, "getsource", lambda module: "new code")
        quiet(tmp_path / "pets")
        assert len(list((own_cache / "images").iterdir())) == 3

    def test_full_disk_loses_only_the_cache(self, tmp_path, own_cache, monkeypatch):
        def full(*_):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "replace", full)
        with pytest.warns(MiaWarning, match="No space left on device; the pictures will be decoded again"):
            assert len(load(two_classes(tmp_path / "pets")).images) == 12
        assert list((own_cache / "images").iterdir()) == []

    def test_several_processes_decode_the_same(self, tmp_path, own_cache, monkeypatch):
        one = gate._decode
        two_classes(tmp_path / "pets", 200)
        found = []

        def remember(*args):
            found.append(one(*args))
            return found[-1]

        monkeypatch.setattr(gate, "_decode", remember)
        quiet(tmp_path / "pets")
        shutil.rmtree(own_cache)
        monkeypatch.setattr(gate, "PARALLEL_BYTES", 0)
        monkeypatch.setattr("joblib.cpu_count", lambda: 2)
        quiet(tmp_path / "pets")
        assert found[0].dataset.fingerprint == found[1].dataset.fingerprint


def test_cifar10_as_jpeg_files(monkeypatch):
    folder = os.environ.get("MIA_CIFAR10_JPEG")
    if not folder or not Path(folder).is_dir():
        pytest.skip("no unpacked JPEG copy of CIFAR-10 (set MIA_CIFAR10_JPEG)")
    data = quiet(Path(folder))
    assert data.images.shape == (60_000, 3, 32, 32) and data.pool == 50_000
    assert np.bincount(data.labels).tolist() == [6000] * 10 and data.classes[0] == "airplane"
    means = data.images[: data.pool].mean((0, 2, 3), dtype=np.float64) / 255
    assert means.round(4).tolist() == [0.4913, 0.4821, 0.4465]
    monkeypatch.setattr(gate, "_decode", None)
    assert quiet(Path(folder)).fingerprint == data.fingerprint
