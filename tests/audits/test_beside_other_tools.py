"""The models that benchmarks/peers.py gives to every tool: what an audit must say of them, and that all are alike."""

import numpy as np
import pytest
from peers import MODELS, as_network

from mia_book.your_own_model import peers_table
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


def test_the_table_of_tools_says_what_did_not_run():
    done = {"says": {"advantage": 0.3, "found": 0.02}, "accuracy": {"members": 0.9, "others": 0.62}}
    rows = [
        {"model": "m", "tool": "a", "status": "done", "lines": 3, "seconds": {"processor": 2.04}, **done},
        {"model": "m", "tool": "b", "status": "not installed"},
    ]
    gap, ours, other = peers_table({"results": {"rows": rows}}).to_dict("records")
    assert gap["advantage"] == "0.280" and gap["in its words"] == "right on 90% of members, 62% of others"
    assert (ours["found at 1% FPR"], ours["lines"], ours["seconds"], ours["AUC"]) == ("2.0%", "3", "2.0", "")
    assert other["in its words"] == "not installed" and other["seconds"] == ""
