"""Saved outputs and scores for commands that attack them."""

import numpy as np

from arrays import base


def arrays_of(name: str) -> dict[str, np.ndarray]:
    """Outputs of a `shadow` or a `target`, `scores`, or outputs of eight `models` in pairs."""
    if name in ("shadow", "target"):
        return base(name)
    random = np.random.default_rng(0)
    if name == "scores":
        members = np.arange(400) % 2
        return {"scores": random.normal(members, 1), "members": members}
    members = np.repeat(random.random((4, 200)) < 0.5, 2, axis=0)
    members[1::2] ^= True
    labels = random.integers(0, 3, 200)
    return {"logits": random.normal(size=(8, 200, 3)) + members[..., None], "labels": labels, "members": members}
