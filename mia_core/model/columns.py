"""How a model standardises the columns of a table: by its own members, and by nothing else."""

import numpy as np


def of_columns(table: np.ndarray, members: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and scale, float32 [D], of a table's columns among the members alone, where their values are not missing.

    table  float32 or uint8 [N, D], NaN where a value is missing; members bool [N]
    A column of zeros and ones stays as it is (mean 0, scale 1). One that is the same for all members gives 0 for every
    row (infinite scale): a category that no member has is unknown to the model.
    """
    rows = np.flatnonzero(members)
    blocks = [rows[start : start + 1000] for start in range(0, len(rows), 1000)]
    count, total, squares = (np.zeros(table.shape[1]) for _ in range(3))
    least, most = np.full(table.shape[1], np.inf), np.full(table.shape[1], -np.inf)
    zeros_and_ones = np.ones(table.shape[1], bool)
    for block in (table[chosen].astype(np.float64) for chosen in blocks):
        known = ~np.isnan(block)
        count += known.sum(0)
        total += np.where(known, block, 0).sum(0)
        least, most = np.fmin(least, np.fmin.reduce(block)), np.fmax(most, np.fmax.reduce(block))
        zeros_and_ones &= ((block == 0) | (block == 1) | ~known).all(0)
    mean = total / np.maximum(count, 1)
    for block in (table[chosen].astype(np.float64) for chosen in blocks):  # again: the mean may be far from zero
        squares += np.where(np.isnan(block), 0, (block - mean) ** 2).sum(0)
    scale = np.maximum(np.sqrt(squares / np.maximum(count, 1)), np.finfo(np.float32).tiny)
    varies = most > least
    mean[varies & zeros_and_ones], scale[varies & zeros_and_ones] = 0, 1
    return mean.astype(np.float32), np.where(varies, scale, np.inf).astype(np.float32)
