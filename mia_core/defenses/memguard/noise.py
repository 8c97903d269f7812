"""MemGuard's two phases: noise that turns a linear classifier of sorted posteriors around, and whether to add it."""

import numpy as np

from mia_core.gate.posteriors import softmax

STEP, STEPS = 0.1, 300
PRICES = tuple(0.1 * 10**power for power in range(7))  # of distortion, from 0.1 to 1e5
ORDER = 10.0  # price of another class ahead of the predicted one
AHEAD = 1e-4  # least distance between the first two logits, which stays when an answer is rounded to float32
SURE = 1e-5  # a classifier whose log-odds are below this is in the dark already


def crossing(logits: np.ndarray, slopes: np.ndarray, offset: float) -> np.ndarray:
    """Phase I: noise [n, K] on the posteriors of `logits` [n, K] that changes the sign of the classifier's log-odds h
    and keeps the largest class; zero where none is found.

    From the logits, normalised steps of length 0.1 down |h| + 10 * (how far another class is ahead) + price * (sum of
    absolute changes), at most 300 until both hold. The price is raised tenfold while that succeeds, and the last noise
    that did is taken: dear distortion makes it small. An answer too sure to be moved that far gets none.

    slopes, offset  h(p) = offset + sum of slopes * p, p sorted from large to small
    """
    order = np.argsort(-logits, axis=1, kind="stable")
    start = np.take_along_axis(logits, order, axis=1)
    before = softmax(start)
    side = np.sign(_log_odds(before, slopes, offset))
    found = np.zeros_like(before)
    rows = np.flatnonzero(np.abs(_log_odds(before, slopes, offset)) > SURE)
    for price in PRICES:
        after, crossed = _descend(start[rows], before[rows], side[rows], slopes, offset, price)
        rows = rows[crossed]
        found[rows] = after[crossed] - before[rows]
    noise = np.empty_like(found)
    np.put_along_axis(noise, order, found, axis=1)
    return noise


def chosen(
    posteriors: np.ndarray, noise: np.ndarray, slopes: np.ndarray, offset: float, budget: float, drawn: np.ndarray
) -> np.ndarray:
    """Phase II: `posteriors` [n, K], with `noise` [n, K] where the uniform number `drawn` [n] is below min(1, budget /
    its sum of absolute values) and the classifier is less sure with it."""
    length = np.abs(noise).sum(axis=1)
    probability = np.minimum(1, budget / np.maximum(length, 1e-300))
    before, after = (np.abs(_log_odds(p, slopes, offset)) for p in (posteriors, posteriors + noise))
    added = (drawn < probability) & (after < before)
    return np.where(added[:, None], posteriors + noise, posteriors)


def _descend(
    start: np.ndarray, before: np.ndarray, side: np.ndarray, slopes: np.ndarray, offset: float, price: float
) -> tuple[np.ndarray, np.ndarray]:
    """Posteriors [n, K] where the descent from the sorted logits `start` [n, K] ended, and whether it got across."""
    values, crossed = start.copy(), np.zeros(len(start), bool)
    moving = np.arange(len(start))
    for _ in range(STEPS):
        if not len(moving):
            break
        z = values[moving]
        z -= STEP * _direction(z, before[moving], slopes, offset, price)
        values[moving] = z
        across = np.sign(_log_odds(softmax(z), slopes, offset)) == -side[moving]
        done = across & (z[:, 0] > z[:, 1:].max(axis=1) + AHEAD)
        crossed[moving[done]] = True
        moving = moving[~done]
    return softmax(values), crossed


def _direction(z: np.ndarray, before: np.ndarray, slopes: np.ndarray, offset: float, price: float) -> np.ndarray:
    """The gradient of phase I's objective at the logits `z` [n, K], scaled to length one."""
    p = softmax(z)
    ranks = np.argsort(np.argsort(-p, axis=1, kind="stable"), axis=1)
    sign = np.sign(_log_odds(p, slopes, offset))[:, None]
    by_posterior = sign * slopes[ranks] + price * np.sign(p - before)
    gradient = p * (by_posterior - (p * by_posterior).sum(axis=1, keepdims=True))
    rows, rival = np.arange(len(z)), z[:, 1:].argmax(axis=1) + 1
    behind = ORDER * (z[rows, rival] + AHEAD >= z[:, 0])
    gradient[:, 0] -= behind
    gradient[rows, rival] += behind
    return gradient / np.maximum(np.linalg.norm(gradient, axis=1, keepdims=True), 1e-300)


def _log_odds(posteriors: np.ndarray, slopes: np.ndarray, offset: float) -> np.ndarray:
    ordered = -np.sort(-posteriors, axis=1)
    return (ordered * slopes).sum(axis=1) + offset
