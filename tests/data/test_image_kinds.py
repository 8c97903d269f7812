"""The gate for images in folders: formats, modes and sizes of pictures become one array of pixels."""

import io
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from image_folders import encode, in_class, load, pixels, put, quiet, refused, two_classes
from mia_core.base.errors import MiaWarning
from mia_core.data.image_folder import load as gate

pytestmark = pytest.mark.usefixtures("own_cache")


class TestKinds:
    def test_lossless_formats_give_the_pixels(self, tmp_path):
        array = pixels(0)
        for kind, options in (("PNG", {}), ("BMP", {}), ("PPM", {}), ("TIFF", {}), ("WEBP", {"lossless": True})):
            data = encode(array, kind, **options)
            assert np.array_equal(in_class(tmp_path / kind, data), array.transpose(2, 0, 1)), kind

    def test_greyscale_is_one_channel_and_among_coloured_pictures_three(self, tmp_path):
        grey = pixels(5, 16, 16)
        assert np.array_equal(in_class(tmp_path / "grey", encode(grey)), grey[None])
        put(two_classes(tmp_path / "mixed") / "cat" / "grey.png", grey)
        images = quiet(tmp_path / "mixed").images
        assert images.shape == (13, 3, 16, 16)
        assert any(np.array_equal(image, np.stack([grey] * 3)) for image in images)

    @pytest.mark.parametrize("kind", ["PNG", "TIFF", "PPM"])
    def test_sixteen_bits_are_scaled_not_clipped(self, kind, tmp_path):
        wide = np.random.default_rng(0).integers(0, 65536, (16, 16)).astype(np.uint16)
        wide[0, :3] = 0, 257, 65535
        result = in_class(tmp_path, encode(wide, kind))
        assert np.array_equal(result[0], np.round(wide / 257)) and result[0, 0, :3].tolist() == [0, 1, 255]

    def test_palettes_black_and_white_and_opaque_alpha(self, tmp_path):
        palette, bits = Image.fromarray(pixels(0)).quantize(16), Image.fromarray(pixels(0, 16, 16)).convert("1")
        coloured = in_class(tmp_path / "palette", encode(palette))
        assert np.array_equal(coloured, np.asarray(palette.convert("RGB")).transpose(2, 0, 1))
        assert np.array_equal(in_class(tmp_path / "bits", encode(bits)), np.asarray(bits)[None] * 255)
        odd = encode(Image.new("P", (16, 16)), transparency=b"\0\1\2")
        put(two_classes(tmp_path / "odd") / "cat" / "odd.png", odd)
        quiet(tmp_path / "odd")  # no warning of PIL's
        solid = np.concatenate([pixels(0), np.full((16, 16, 1), 255, np.uint8)], axis=2)
        assert np.array_equal(in_class(tmp_path / "solid", encode(solid)), pixels(0).transpose(2, 0, 1))

    def test_transparent_areas_lie_on_white(self, tmp_path):
        image = Image.new("RGBA", (16, 16), (10, 20, 30, 255))
        image.paste((200, 0, 0, 0), (0, 0, 8, 16))  # hidden red
        image.paste((0, 0, 0, 128), (8, 0, 16, 8))
        keyed = encode(Image.new("RGB", (16, 16), (1, 2, 3)), transparency=(1, 2, 3))
        kinds = (encode(image), encode(image.quantize(8)), keyed, encode(image.convert("LA")))
        first, *others = (in_class(tmp_path / str(number), data) for number, data in enumerate(kinds))
        assert first[:, 12, 12].tolist() == [10, 20, 30] and first[:, 0, 12].tolist() == [127] * 3
        assert [len(result) for result in (first, *others)] == [3, 3, 3, 1]
        assert all((result[:, :, :8] == 255).all() for result in (first, *others))

    @pytest.mark.parametrize(("mode", "kind"), [("CMYK", "TIFF"), ("YCbCr", "JPEG")])
    def test_other_colour_spaces(self, mode, kind, tmp_path):
        result = in_class(tmp_path, encode(Image.new("RGB", (16, 16), (200, 100, 50)).convert(mode), kind))
        assert abs(result[:, 8, 8].astype(int) - [200, 100, 50]).max() <= 3

    @pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
    @pytest.mark.parametrize(("orientation", "y", "x"), [
        (1, 1, 1), (2, 1, 14), (3, 14, 14), (4, 14, 1), (5, 1, 1), (6, 1, 14), (7, 14, 14), (8, 14, 1),
    ])  # fmt: skip
    def test_orientation_is_applied(self, orientation, y, x, kind, tmp_path):
        image = Image.new("L", (16, 16), 0)
        image.paste(250, (0, 0, 8, 4))  # bright in one corner, and not symmetric
        exif = Image.Exif()
        exif[0x0112] = orientation
        data = encode(image.convert("RGB"), kind, exif=exif)
        expected = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")).transpose(2, 0, 1)
        result = in_class(tmp_path, data)
        assert np.array_equal(result, expected) and result[0, y, x] > 200

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
        samples, too_many = (struct.pack("<HHIHH", 277, 3, 1, count, 0) for count in (3, 9999))
        assert samples in tiff
        put(tmp_path / "odd.tif", tiff.replace(samples, too_many))
        code = (
            "import sys; from mia_core.data.image_folder import decode as d; d.decode(open(sys.argv[1], 'rb').read())"
        )
        done = subprocess.run([sys.executable, "-c", code, tmp_path / "odd.tif"], capture_output=True, text=True)
        assert done.stderr.strip().splitlines()[-1].startswith("mia_core.data.image_folder.decode.Unreadable")
        assert done.stderr.startswith("Traceback") and done.stdout == ""


class TestSizes:
    def mixed(self, root: Path) -> Path:
        two_classes(root)
        put(root / "dog" / "wide.png", pixels(1, 10, 40, 3))
        put(root / "dog" / "wider.png", pixels(2, 10, 80, 3))
        return root

    def test_differing_sizes_name_two_examples_and_the_setting_after_the_damage(self, tmp_path):
        message = refused(self.mixed(tmp_path))
        assert "cat/cat_00.png is 16 x 16, dog/wide.png is 40 x 10; set size" in message
        put(tmp_path / "dog" / "zero.png", b"")
        assert "dog/zero.png (empty file)" in refused(tmp_path)

    def test_size(self, tmp_path):
        self.mixed(tmp_path)
        for size in (1, 8, 16, 33):
            assert quiet(tmp_path, size=size).images.shape == (14, 3, size, size)

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
        monkeypatch.setattr(gate, "PARALLEL_BYTES", 0)
        monkeypatch.setattr("joblib.cpu_count", lambda: processes)
        two_classes(tmp_path, 100)
        assert "GiB decoded; set size, such as 32" in refused(tmp_path)
        assert "GiB decoded; set size below 12" in refused(tmp_path, size=12)
        assert len(quiet(tmp_path, size=2).images) == 200
