"""Outputs of imaginary models, made by counting, so that every measure of them is known.

Each row of posteriors is (p, r, ..., r) with p at the predicted class: whatever an attack reads, if its score rises
with p, its ROC is that of p.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mia_core.base.errors import ArrayError

BLOCKS = {
    # p: (members, of them correct, non-members, of them correct)
    "target": {
        0.3: (20, 14, 250, 75), 0.5: (40, 32, 220, 99), 0.7: (90, 81, 200, 120),
        0.9: (200, 200, 160, 120), 0.99: (300, 300, 110, 99), 0.999: (350, 350, 60, 57),
    },
    "shadow": {
        0.3: (30, 21, 240, 72), 0.5: (50, 40, 230, 104), 0.7: (80, 72, 190, 114),
        0.9: (190, 190, 170, 128), 0.99: (310, 310, 100, 90), 0.999: (340, 340, 70, 66),
    },
}  # fmt: skip
"""Target: AUC of p 0.8232 and of log p_y 0.847405; accuracy 0.977 of members and 0.570 of non-members."""
AUC = 0.8232


def rows_of(top: Any, predicted: Any, classes: int = 10) -> np.ndarray:
    """Posteriors float64 [N, classes] with `top` at `predicted` and the rest spread evenly."""
    top, predicted = np.asarray(top, dtype=np.float64), np.asarray(predicted)
    return np.where(np.eye(classes, dtype=bool)[predicted], top[:, None], ((1 - top) / (classes - 1))[:, None])


def base(side: str, seed: int = 0) -> dict[str, np.ndarray]:
    """posteriors float32 [2000, 10], members int64 [2000] (half of them 1), labels int64 [2000] of one side."""
    top, members, correct = [], [], []
    for p, (inside, inside_correct, outside, outside_correct) in BLOCKS[side].items():
        for member, count, right in ((1, inside, inside_correct), (0, outside, outside_correct)):
            top += [p] * count
            members += [member] * count
            correct += [True] * right + [False] * (count - right)
    random = np.random.default_rng([seed, len(side), ord(side[0])])
    order = random.permutation(len(top))
    predicted = random.integers(0, 10, len(top))
    labels = np.where(correct, predicted, (predicted + random.integers(1, 10, len(top))) % 10)
    arrays = {"posteriors": rows_of(top, predicted).astype(np.float32), "members": np.array(members), "labels": labels}
    return {name: array[order] for name, array in arrays.items()}


LOW_FPR_TPR = {0.0: 0.037, 0.001: 0.051, 0.01: 0.079, 0.1: 0.297}


def low_fpr(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Scores [2000], all different, and members [2000] with the TPRs of `LOW_FPR_TPR` among 1000 non-members."""
    ranked = [1] * 37 + [0] + [1] * 14 + [0] * 9 + [1] * 28 + [0] * 90 + [1] * 218 + [0] * 450 + [1] * 703 + [0] * 450
    scores = np.linspace(0.99, 0.2, len(ranked))
    order = np.random.default_rng(seed).permutation(len(ranked))
    return scores[order], np.array(ranked)[order]


def save(folder: Path, name: str, arrays: dict[str, Any] | Sequence[Any]) -> str:
    """Saves `arrays` by name, or by position, as folder/name.npz and returns the path."""
    path = folder / f"{name}.npz"
    np.savez(path, **arrays) if isinstance(arrays, dict) else np.savez(path, *arrays)
    return str(path)


MEMBERS = np.array([1, 1, 1, 0, 0, 0])
LABELS = np.array([0, 1, 2, 0, 1, 1])
POSTERIORS = rows_of([0.9, 0.8, 0.7, 0.6, 0.5, 0.4], [0, 1, 2, 0, 1, 2], classes=3)


def six(**changes: Any) -> dict[str, Any]:
    """Outputs of six examples with some arrays changed, or left out by None; one non-member is misclassified."""
    arrays = {"posteriors": POSTERIORS, "members": MEMBERS.tolist(), "labels": LABELS.tolist()}
    return {name: value for name, value in {**arrays, **changes}.items() if value is not None}


def refusal(action: Callable[..., Any], *arguments: Any, **named: Any) -> str:
    """The message of the `ArrayError` that the call must raise, checked to be one line without a Python repr."""
    with pytest.raises(ArrayError) as caught:
        action(*arguments, **named)
    message = str(caught.value)
    assert "\n" not in message and "np." not in message
    return message
