"""MemGuard: both phases, what its promises are worth, and where its classifier comes from."""

import numpy as np
import pytest
import torch

from mia_core.data.dataset import Dataset
from mia_core.defenses.memguard.guard import Guard
from mia_core.defenses.memguard.noise import chosen, crossing
from mia_core.gate.posteriors import softmax
from mia_core.model.train import train
from small import RECIPE, half_job, tiny_dataset

DATA = tiny_dataset()
SLOPES, OFFSET = np.array([8.0, -1.0, -2.0, -2.0]), -5.0
LOGITS = np.random.default_rng(0).normal(0, 2, (100, 4))


def log_odds(posteriors):
    return -np.sort(-posteriors, axis=1) @ SLOPES + OFFSET


def test_noise_turns_the_classifier_around_keeps_the_class_and_is_small():
    before = softmax(LOGITS)
    noise = crossing(LOGITS, SLOPES, OFFSET)
    moved = np.abs(noise).sum(axis=1) > 0
    after = (before + noise)[moved]
    assert moved.mean() > 0.95 and np.allclose(noise.sum(axis=1), 0) and (after > 0).all()
    assert (np.sign(log_odds(after)) == -np.sign(log_odds(before[moved]))).all()
    assert (after.argmax(axis=1) == before[moved].argmax(axis=1)).all()
    # The least change that reaches h = 0 moves mass between the classes that h sees most differently (10 a unit).
    least = np.abs(log_odds(before[moved])) / 5
    ratio = np.abs(noise[moved]).sum(axis=1) / np.maximum(least, 0.02)
    assert ratio.min() > 0.9 and np.median(ratio) < 2


def test_the_second_phase_keeps_the_budget_in_expectation():
    p, noise = np.array([[0.7, 0.2, 0.1]]), np.array([[-0.2, 0.1, 0.1]])
    slopes, offset = np.array([5.0, 0, 0]), -2.5  # sure at 0.7, in the dark at 0.5
    drawn = (np.arange(1000) + 0.5) / 1000
    rows = [np.repeat(one, 1000, axis=0) for one in (p, noise)]
    found = chosen(*rows, slopes, offset, 0.3, drawn)
    assert (found != rows[0]).any(axis=1).mean() == pytest.approx(0.75)
    assert np.abs(found - rows[0]).sum(axis=1).mean() == pytest.approx(0.3)
    assert np.array_equal(chosen(p, noise, slopes, -3.5, 2.0, np.zeros(1)), p)  # noise that would make it surer


def test_one_draw_per_query_and_the_class_is_kept():
    guard = Guard(4, budget=0.4, key=0)
    guard.slopes.copy_(torch.from_numpy(SLOPES))
    guard.offset.fill_(OFFSET)
    logits = torch.from_numpy(LOGITS).float()[:, None]
    found, order = guard(logits), torch.randperm(100)
    assert torch.equal(guard(logits), found) and torch.equal(guard(logits[order]), found[order])
    assert torch.equal(found.argmax(1), logits[:, 0].argmax(1))
    changed = (found != logits[:, 0]).any(1)
    assert 0.2 < float(changed.double().mean()) < 0.9
    moves = np.abs(softmax(found.numpy()) - softmax(LOGITS)).sum(1)
    assert moves.mean() < 0.4
    another = Guard(4, budget=0.4, key=1)
    another.load_state_dict(guard.state_dict())
    assert not torch.equal(another(logits), found)


def trained(defenses, data=DATA):
    rows = np.arange(64)
    job = half_job(data, RECIPE.replace(network="mlp", record=()), defenses)._replace(
        members=rows < 20, counted=rows < 40
    )
    return list(train(data, job))[-1]


def test_the_network_is_the_undefended_one_and_the_classifier_never_saw_who_is_judged():
    plain, guarded = trained("none"), trained("memguard(budget=2)")
    assert np.array_equal(plain.weights["out.weight"], guarded.weights["parts.0.out.weight"])
    assert np.array_equal(plain.logits[:40].argmax(1), guarded.logits[:40].argmax(1))
    images = DATA.images.copy()
    images[20:40] = 255 - images[20:40]  # judged, and no members
    same = trained("memguard(budget=2)", Dataset("tiny", images, DATA.labels, DATA.classes, 64)).weights
    images[40:] = 255 - images[40:]
    other = trained("memguard(budget=2)", Dataset("tiny", images, DATA.labels, DATA.classes, 64)).weights
    kept = guarded.weights["combine.slopes"]
    assert np.array_equal(kept, same["combine.slopes"]) and not np.array_equal(kept, other["combine.slopes"])


def test_the_classifier_finds_a_difference_and_weighs_both_sides_alike():
    generator = torch.Generator().manual_seed(0)
    members = 4 * torch.eye(3)[torch.arange(300) % 3] + torch.randn(300, 3, generator=generator)
    others = torch.randn(100, 3, generator=generator)
    guard = Guard(3, 1.0, 0)
    guard.learn(members, others)
    inside, outside = (
        np.sort(softmax(side.numpy()), axis=1)[:, ::-1] @ guard.slopes.numpy() + float(guard.offset)
        for side in (members, others)
    )
    assert (inside > 0).mean() > 0.8 and (outside < 0).mean() > 0.6
