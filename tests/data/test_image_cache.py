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
from mia_core.data.dataset import Dataset
from mia_core.data.image_folder import load as gate

pytestmark = pytest.mark.usefixtures("own_cache")


class TestFingerprints:
    def test_names_that_keep_their_order_times_and_lossless_formats_do_not_matter(self, tmp_path):
        before = quiet(two_classes(tmp_path / "a" / "pets"))
        for path in list((tmp_path / "a" / "pets").rglob("*.png")):
            put(tmp_path / "bmp" / path.parent.name / f"{path.stem}.bmp", encode(Image.open(path), "BMP"))
            new = path.with_name(f"picture {path.stem}.PNG")
            path.rename(new)
            os.utime(new, (0, 0))
        after = quiet(tmp_path / "a" / "pets")
        assert after.fingerprint == before.fingerprint == quiet(tmp_path / "bmp").fingerprint
        assert np.array_equal(after.images, before.images)

    def test_the_order_is_by_class_and_path(self, tmp_path):
        for seed, name in enumerate(("b.png", "a.png", "c.png", "B.png")):
            put(tmp_path / "dog" / name, pixels(seed))
            put(tmp_path / "cat" / name, pixels(10 + seed))
        expected = np.stack([pixels(start + seed) for start in (10, 0) for seed in (3, 1, 0, 2)])
        assert np.array_equal(quiet(tmp_path).images, expected.transpose(0, 3, 1, 2))

    def test_new_pixels_under_old_names_sizes_and_times(self, tmp_path):
        def fill(seed: int) -> Dataset:
            for number in range(12):
                path = tmp_path / "x" / "ab"[number // 6] / f"{number % 6}.bmp"
                os.utime(put(path, encode(pixels(seed + number), "BMP")), (10**9, 10**9))
            return quiet(tmp_path / "x")

        first, second, again = fill(0), fill(1000), fill(0)
        assert first.fingerprint == again.fingerprint != second.fingerprint
        assert not np.array_equal(first.images, second.images)

    def test_moving_a_picture_to_another_class_or_part_matters(self, tmp_path):
        two_classes(tmp_path / "train", 8)
        two_classes(tmp_path / "test", 4, seed=50)
        path, prints = tmp_path / "train" / "cat" / "cat_00.png", {quiet(tmp_path).fingerprint}
        for place in ("train", "test"):
            path = path.rename(tmp_path / place / "dog" / "cat_00.png")
            prints.add(quiet(tmp_path).fingerprint)
        assert len(prints) == 3

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

    @pytest.mark.parametrize("damage", [
        lambda whole, arrays: whole[: len(whole) // 2],
        lambda whole, arrays: whole[:5000] + bytes([whole[5000] ^ 1]) + whole[5001:],
        lambda whole, arrays: b"",
        lambda whole, arrays: b"text",
        lambda whole, arrays: arrays | {"images": arrays["images"] ^ 1},
        lambda whole, arrays: {"other": arrays["images"]},
        lambda whole, arrays: arrays | {"about": np.array([{"an": "object"}], object)},
    ], ids=["cut", "flip", "empty", "text", "other pixels", "other array", "pickle"])  # fmt: skip
    def test_damaged_cache_is_reported_and_made_again(self, damage, tmp_path, own_cache):
        first = quiet(two_classes(tmp_path / "pets"))
        path = self.kept(own_cache)
        damaged = damage(path.read_bytes(), dict(np.load(path)))
        path.write_bytes(damaged) if isinstance(damaged, bytes) else np.savez(path, **damaged)
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
        calls = []
        monkeypatch.setattr(gate, "_decode", lambda *args: calls.append(1) or one(*args))
        first = quiet(tmp_path / "pets")
        shutil.rmtree(own_cache)
        monkeypatch.setattr(gate, "PARALLEL_BYTES", 0)
        monkeypatch.setattr("joblib.cpu_count", lambda: 2)
        assert quiet(tmp_path / "pets").fingerprint == first.fingerprint and len(calls) == 2
