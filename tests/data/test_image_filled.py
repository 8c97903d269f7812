"""A JPEG whose data stop early is refused even where an end marker was put behind them; complete ones never are."""

import io

import numpy as np
import pytest
from PIL import Image

from mia_core.data.image_folder.decode import Unreadable, decode


def jpeg(pixels, **how):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", **how)
    return file.getvalue()


def noise(height, width, channels=3, seed=0):
    shape = (height, width, channels) if channels > 1 else (height, width)
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


@pytest.mark.parametrize("share", [0.4, 0.6, 0.8])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [(64, 64), (32, 32), (100, 37)])
def test_a_picture_cut_short_behind_an_end_marker_is_refused(size, channels, share):
    data = jpeg(noise(*size, channels))
    with pytest.raises(Unreadable, match=r"(?i)cut short|truncated"):
        decode(data[: int(len(data) * share)] + b"\xff\xd9")


@pytest.mark.parametrize("how", [{}, {"progressive": True}, {"quality": 100, "subsampling": 0}, {"optimize": True}])
@pytest.mark.parametrize("border", [0, 128, 255])
def test_a_complete_picture_with_a_border_of_one_colour_is_read(border, how):
    pixels = noise(64, 48)
    pixels[40:] = border
    for data in (
        jpeg(pixels, **how),
        jpeg(pixels, **how) + b"trailing bytes",
        jpeg(np.full_like(pixels, border), **how),
    ):
        assert decode(data)[0].shape == (64, 48, 3)
