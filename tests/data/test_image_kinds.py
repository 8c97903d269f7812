"""The gate for images in folders: formats, modes and sizes of pictures become one array of pixels."""

import io
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

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
        code = (
            "import sys; from mia_core.data.image_folder.decode import decode; decode(open(sys.argv[1], 'rb').read())"
        )
        done = subprocess.run([sys.executable, "-c", code, tmp_path / "odd.tif"], capture_output=True, text=True)
        assert done.stderr.strip().splitlines()[-1].startswith("mia_core.data.image_folder.decode.Unreadable")
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
