"""The default data set: scikit-learn's scanned digits with noise on the pixels, which need no download."""

from functools import lru_cache

import numpy as np

from mia_core.data.dataset import Dataset, resize
from mia_core.data.source import Source

DIGITS_SIZE = 16
NOISE_SEED = 20_220_713  # any fixed number: the noise is part of the data and the same for every seed of a study


def digits(noise: float, size: int | None = None) -> Dataset:
    """scikit-learn's 1,797 scanned 8x8 digits with pixel noise, enlarged to `size` (16): real images, no download.

    Clean digits are too easy for a model to leak on; the noise makes them as hard as CIFAR-10 is for the report's CNN.
    It is Gaussian, of standard deviation `noise` times the pixel range, clipped to that range, and from a fixed seed.
    All examples are in the pool.
    """
    images, labels = _digits(noise, size or DIGITS_SIZE)
    return Dataset("digits", images, labels, tuple("0123456789"), len(images))


@lru_cache(4)
def _digits(noise: float, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Images and labels. Every study of a chapter asks for them, and to make them takes a tenth of a second."""
    from sklearn.datasets import load_digits

    scans = load_digits()
    generator = np.random.default_rng(NOISE_SEED)
    pixels = scans.images / 16
    pixels = np.clip(pixels + noise * generator.standard_normal(pixels.shape), 0, 1)
    return resize(np.round(255 * pixels).astype(np.uint8)[:, None], size), scans.target.astype(np.int64)


SOURCE = Source(
    name="digits",
    description="scikit-learn's 1,797 scanned digits with noise on the pixels",
    load=lambda settings: digits(settings.noise, settings.size),
    settings=("noise", "size"),
)
