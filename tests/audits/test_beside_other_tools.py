"""The models that benchmarks/peers.py gives to every tool: what an audit must say of them, and that all are alike."""

import numpy as np
import pytest
from peers import MODELS, as_network

from mia_core import audit


@pytest.mark.parametrize(
    ("name", "leaks"), [("overfitted MLP", True), ("no leak", False), ("leak for 2% of rows", True)]
)
def test_an_audit_finds_what_is_there_and_no_less_than_the_gap_attack(name, leaks):
    model, sides = MODELS[name]()
    numbers = audit(model.predict_proba, members=sides[:2], non_members=sides[2:], permutations=199).numbers
    assert numbers["leak"] == leaks and numbers["void"] is None
    best = max(one["advantage"] for one in numbers["attacks"])
    assert best >= numbers["train_accuracy"] - numbers["test_accuracy"] - 1e-12
    if name == "leak for 2% of rows":
        found = next(one for one in numbers["attacks"] if one["attack"] == numbers["best_at_low_fpr"])["found"][0]
        assert found["true_positives"] >= 40 and found["low"] > 0.01
    logits = as_network(model)(_tensor(sides[0])).detach().numpy()
    share = 1 / (1 + np.exp(logits[:, 0] - logits[:, 1]))
    np.testing.assert_allclose(share, model.predict_proba(sides[0])[:, 1], atol=1e-3)


def _tensor(rows):
    import torch

    return torch.tensor(rows).float()
