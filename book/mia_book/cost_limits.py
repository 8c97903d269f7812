"""The least that a training by direct computation can cost: the multiplications of its layers at the speed of a matrix
product.

Standardisation, pooling, tanh and Adam are left out, so no implementation that computes the layers directly reaches the
limit. One that needs fewer multiplications for the same convolution can (`mia_core.fast.block.winograd`).
"""

import time

import numpy as np

SIDE = 1536  # large enough that a product runs at full speed, small enough for a tenth of a second


def multiplications(shape: tuple[int, int, int], classes: int, hidden_units: int = 128, network: str = "cnn") -> int:
    """Multiply-adds for one image [C, H, W], forward and backward, of a network of `mia_core.model.network`.

    Backward costs twice the forward pass, once for the weights and once for the input; the first layer's input needs
    no gradient.
    """
    channels, height, width = shape
    if network == "mlp":
        first, others = channels * height * width * hidden_units, [hidden_units * classes]
    else:
        first = height * width * 25 * channels * 32
        rows, columns = height // 2 - 4, width // 2 - 4
        left = 32 * (rows // 2) * (columns // 2)
        others = [rows * columns * 25 * 32 * 32, left * hidden_units, hidden_units * classes]
    return 2 * first + 3 * sum(others)


def matrix_speed(precision: str = "float32", repeats: int = 5) -> float:
    """Multiply-adds a second of a matrix product, with torch's present number of threads, by processor time.

    The best of `repeats`: disturbances only make it slower.
    """
    import torch

    kind = {"float32": torch.float32, "bfloat16": torch.bfloat16}[precision]
    one, two = (torch.from_numpy(np.random.default_rng(0).random((SIDE, SIDE), np.float32)).to(kind) for _ in range(2))
    best = float("inf")
    for _ in range(repeats + 1):
        start = time.process_time()
        one @ two
        best = min(best, time.process_time() - start)
    return SIDE**3 / best
