"""Decode one picture file into 8-bit pixels, or say why not. Nothing is guessed: a damaged picture has no pixels."""

import contextlib
import io
import logging
import warnings

import numpy as np
from PIL import Image, ImageFile

# Only formats that PIL decodes by itself: EPS, for one, would start another program.
FORMATS = ("JPEG", "PNG", "BMP", "DIB", "GIF", "PPM", "TIFF", "WEBP", "AVIF")
MOST_PIXELS = 64_000_000  # a larger picture is refused unread: a small file can claim to be of any size
GREY_MODES = frozenset(("1", "L", "LA", "La", "I", "I;16", "I;16L", "I;16B", "I;16N"))
WHITE = (255, 255, 255, 255)
ORIENTATION = 0x0112  # the EXIF tag, and for its values what turns the picture upright
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# What PIL logs about a damaged file is in the exception, or of no consequence; without a handler it goes to the screen.
logging.getLogger("PIL").addHandler(logging.NullHandler())


class Unreadable(Exception):
    """Why a file has no pixels, in a few words."""


def decode(data: bytes, size: int | None = None) -> tuple[np.ndarray, bool]:
    """Pixels of a picture file's bytes, uint8 [H, W] of a greyscale picture and [H, W, 3] of any other, and whether it
    is animated or has several pages, of which the first counts.

    What the file holds decides, not its name. 16 bits are scaled to 8; transparent areas lie on white; palettes, CMYK
    and other colour spaces become red, green, blue, without colour profiles; the orientation in the EXIF data is
    applied. With `size` the largest middle square is resized to size x size, bilinear.
    Raises `Unreadable` for a file that is empty, truncated, damaged, foreign or larger than 64 million pixels.
    """
    if not data:
        raise Unreadable("empty file")
    try:
        with _strict(), Image.open(io.BytesIO(data), formats=FORMATS) as image:
            if image.width * image.height > MOST_PIXELS:
                raise Unreadable(f"{image.width} x {image.height} pixels, more than {MOST_PIXELS // 10**6} million")
            if image.format == "PNG":  # loading it does not look at its check sums; damage that unpacks would pass
                with Image.open(io.BytesIO(data), formats=("PNG",)) as other:
                    other.verify()
            animated = getattr(image, "n_frames", 1) > 1 and image.format != "MPO"
            image.load()
            if image.format == "JPEG" and _is_filled_up(data, image):
                raise Unreadable("cut short: its lower part is missing")
            plain = _upright(_eight_bits(image), image)
            if size is not None and plain.size != (size, size):
                side = min(plain.size)
                left, top = (plain.width - side) // 2, (plain.height - side) // 2
                square = plain.crop((left, top, left + side, top + side))
                plain = square.resize((size, size), Image.Resampling.BILINEAR)
            return np.asarray(plain), animated
    except Unreadable:
        raise
    except Image.UnidentifiedImageError:
        raise Unreadable("not a picture of a known format") from None
    except Image.DecompressionBombError:
        raise Unreadable(f"more than {MOST_PIXELS // 10**6} million pixels") from None
    except Exception as error:  # PIL's decoders raise errors of many kinds for bytes that make no sense
        raise Unreadable(str(error) or type(error).__name__) from None


@contextlib.contextmanager
def _strict():
    """PIL without its warnings on odd files, and without filling up truncated ones, whatever was switched on before."""
    before = ImageFile.LOAD_TRUNCATED_IMAGES
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = before


def _is_filled_up(data: bytes, image: Image.Image) -> bool:
    """Whether the end of a JPEG is what its decoder puts in place of data that are not there.

    It says nothing where an end marker stands too early. Bytes put in front of that marker are read as picture where
    some of it is missing, and passed over where it is complete. Only a last corner of one colour is worth the look.
    """
    pixels = np.asarray(image)
    end = data.rfind(b"\xff\xd9")
    if end < 0 or np.ptp(pixels[-2:, -2:], axis=(0, 1)).any():
        return False
    longer = data[:end] + b"\x55" * 256 + data[end:]
    with Image.open(io.BytesIO(longer), formats=("JPEG",)) as other:
        return not np.array_equal(np.asarray(other), pixels)


def _eight_bits(image: Image.Image) -> Image.Image:
    """The picture in mode L or RGB."""
    if image.mode == "F":
        raise Unreadable("floating-point pixels, whose range is unknown; expected 8 or 16 bits")
    if image.mode.startswith("I"):
        values = np.asarray(image)
        if values.min() < 0 or values.max() > 65_535:
            raise Unreadable("32-bit pixels, whose range is unknown; expected 8 or 16 bits")
        return Image.fromarray(np.round(values / 257).astype(np.uint8))
    mode = "L" if image.mode in GREY_MODES else "RGB"
    if image.has_transparency_data:
        coloured = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, WHITE), coloured)
    return image if image.mode == mode else image.convert(mode)


def _upright(plain: Image.Image, image: Image.Image) -> Image.Image:
    """`plain`, turned the way the EXIF data of `image` say that it was taken."""
    try:
        turn = TURNS.get(image.getexif().get(ORIENTATION))
    except Exception:  # EXIF data that make no sense do not make the picture unreadable
        turn = None
    return plain if turn is None else plain.transpose(turn)
