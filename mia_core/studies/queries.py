"""Copies of each image, flipped or shifted by a pixel, and what a stored model answers for them."""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mia_core.base.files import write_atomically
from mia_core.data.dataset import Dataset
from mia_core.store.runs import Run, Store
from mia_core.studies.augmented import ask, network_of, shifted

QUERIES: dict[str, Callable[[NDArray[np.uint8]], NDArray[np.uint8]]] = {
    "plain": lambda images: images,
    "flip": lambda images: images[..., ::-1],
    "left": lambda images: shifted(images, 0, -1),
    "right": lambda images: shifted(images, 0, 1),
    "up": lambda images: shifted(images, -1, 0),
    "down": lambda images: shifted(images, 1, 0),
}
"""Name -> copies of images uint8 [N, C, H, W]: a mirror image, or a shift by a pixel whose gap the edge fills.

No image is changed in training here, so the model has seen "plain" alone; a member's copies are still nearer to what
it was trained on than a non-member's. Mirrored digits are no digits: leave "flip" to photographs.
"""


def query_copies(store: Store, run: Run, dataset: Dataset, queries: Sequence[str]) -> NDArray[np.float32]:
    """Logits of a stored model for copies of its counted examples, float32 [Q, N, K], in evaluation mode; not a number
    for the others.

    "plain" are the run's own. The others are computed from its weights and these images once and kept.
    """
    return np.stack([run.logits if name == "plain" else _kept(store, run, dataset, name) for name in queries])


def _kept(store: Store, run: Run, dataset: Dataset, name: str) -> NDArray[np.float32]:
    path = store.path(run.about["identity"])
    path = path.parent / "queries" / f"{path.stem}-{name}.npz"
    asked = _digest(run, dataset)
    kept = _read(path, asked)
    if kept is not None:
        return kept
    logits = np.full_like(run.logits, np.nan)
    logits[run.counted] = ask(network_of(run), run, QUERIES[name](dataset.images[run.counted]))
    write_atomically(path, lambda file: np.savez(file, logits=logits, asked=np.array(asked)))
    return logits


def _read(path: Path, asked: str) -> NDArray[np.float32] | None:
    """The logits kept for these weights and images; None where there are none
    or the file is damaged, and they are made again."""
    try:
        with open(path, "rb") as raw, np.load(raw, allow_pickle=False) as file:
            return file["logits"] if str(file["asked"]) == asked else None
    except Exception:  # a flipped bit makes zipfile and numpy's header parser raise errors of a dozen kinds
        return None


def _digest(run: Run, dataset: Dataset) -> str:
    digest = hashlib.sha256(dataset.fingerprint.encode() + np.packbits(run.counted).tobytes())
    for key in sorted(run.weights):
        value = np.ascontiguousarray(run.weights[key])
        digest.update(f"{key}|{value.dtype.str}|{value.shape}|".encode() + value.tobytes())
    return digest.hexdigest()
