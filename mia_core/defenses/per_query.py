"""What defenses on the output share: chance that is fixed for each query, and answers that keep the predicted class."""

import hashlib

import numpy as np


def uniforms(posteriors: np.ndarray, key: int, count: int) -> np.ndarray:
    """`count` numbers for each row of `posteriors` [..., K], uniform between 0 and 1 (both left out): float64
    [..., count].

    They follow from a hash (SHAKE-128) of the secret `key` and the row's bytes, as a keyed pseudo-random function. So
    whoever asks twice gets the same answer twice, and averaging removes nothing, in whatever order, batch or process he
    asks. The row stands for the query: a deterministic model gives one answer to one query, so what is fixed for the
    answer is fixed for the query. Two queries with the same answer to the last bit share their numbers, which tells
    them no more apart than they were; the bytes of the input would tell a service no more. Where a model's last bits
    vary from one call to the next, the input has to be hashed in their place.
    """
    rows = np.ascontiguousarray(posteriors, np.float64).reshape(-1, posteriors.shape[-1]) + 0.0  # no negative zero
    start = hashlib.shake_128(key.to_bytes(16, "little"))
    drawn = bytearray()
    for row in rows:
        one = start.copy()
        one.update(row.tobytes())
        drawn += one.digest(8 * count)
    bits = np.frombuffer(drawn, "<u8").reshape(*posteriors.shape[:-1], count)
    return ((bits >> 12) + 0.5) / 2**52  # one bit more would round the largest to 1


def noisy(posteriors: np.ndarray, noise: np.ndarray, keep_label: bool) -> np.ndarray:
    """`posteriors` plus `noise`, [..., K] both: negative values cut to 0, rows renormalised.

    A row of which nothing is left becomes the predicted class alone.
    keep_label  give the predicted class back the largest value of the row, in exchange for its own
    """
    found = np.maximum(posteriors + noise, 0.0)
    nothing = found.sum(axis=-1, keepdims=True) <= 0
    found = np.where(nothing, _predicted(posteriors), found)
    found /= found.sum(axis=-1, keepdims=True)
    return with_class_of(posteriors, found) if keep_label else found


def with_class_of(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """`after` [..., K] with the class that `before` [..., K] predicts.

    Where another class would win, the two exchange their values, and a tie is broken by the smallest step that there
    is. Rows that predict this class already stay as they are, to the bit.
    """
    predicted = before.argmax(axis=-1)[..., None]
    winner = after.argmax(axis=-1)[..., None]
    own, largest = (np.take_along_axis(after, where, axis=-1) for where in (predicted, winner))
    found = after.copy()
    np.put_along_axis(found, winner, own, axis=-1)
    beyond = np.where((own == largest) & (winner != predicted), np.nextafter(largest, np.inf), largest)
    np.put_along_axis(found, predicted, beyond, axis=-1)
    return found


def _predicted(posteriors: np.ndarray) -> np.ndarray:
    return np.eye(posteriors.shape[-1])[posteriors.argmax(axis=-1)]
