"""What every data set is, whatever it was read from: labelled images, and a fingerprint of their content."""

import hashlib
import json
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Dataset:
    """Labelled images, the first `pool` of which may be trained on.

    name     for file names and tables; never a path
    images   uint8 [N, C, H, W], C = 1 (greyscale) or 3 (red, green, blue)
    labels   int64 [N], from 0 to K - 1
    classes  names of the K classes
    pool     members and non-members are drawn from the first `pool` examples; no model trains on the others
    fingerprint  SHA-256 (hex) of pixels, labels, class names and pool, computed where not given; neither the name nor
                 where the data came from is part of it
    """

    name: str
    images: np.ndarray
    labels: np.ndarray
    classes: tuple[str, ...]
    pool: int
    fingerprint: str = ""

    def __post_init__(self) -> None:
        if not self.fingerprint:
            found = fingerprint(self.images, self.labels, self.classes, self.pool)
            object.__setattr__(self, "fingerprint", found)


def fingerprint(images: np.ndarray, labels: np.ndarray, classes: tuple[str, ...], pool: int) -> str:
    """SHA-256 (hex) of a data set's content; the arguments are those of `Dataset`."""
    header = {"images": images.shape, "classes": classes, "pool": pool}
    digest = hashlib.sha256(json.dumps(header).encode())
    digest.update(np.ascontiguousarray(images, np.uint8).data)
    digest.update(np.ascontiguousarray(labels, "<i8").data)
    return digest.hexdigest()


def resize(images: np.ndarray, size: int) -> np.ndarray:
    """uint8 [N, C, H, W] to [N, C, size, size], bilinear; every channel by itself."""
    from PIL import Image

    if images.shape[2:] == (size, size):
        return images
    flat = images.reshape(-1, *images.shape[2:])
    small = [np.asarray(Image.fromarray(plane).resize((size, size), Image.Resampling.BILINEAR)) for plane in flat]
    return np.stack(small).reshape(*images.shape[:2], size, size)
