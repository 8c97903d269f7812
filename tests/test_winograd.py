"""The minimally filtered convolution is the direct one up to rounding, forward and backward, and only where it pays."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from mia_core import winograd
from mia_core.winograd import convolve, transforms


def inputs(height, width, count=7, channels=32):
    x = torch.randn(count, channels, height, width, generator=torch.Generator().manual_seed(1)).relu()
    return x.to(memory_format=torch.channels_last).requires_grad_()


def kernel(channels=32, out=32):
    drawn = torch.randn(out, channels, 5, 5, generator=torch.Generator().manual_seed(0)) / (25 * channels) ** 0.5
    return drawn.to(memory_format=torch.channels_last).requires_grad_()


def off(found, exact):
    """Root mean square of the difference, as a share of that of the exact values."""
    return float(((found.double() - exact) ** 2).mean().sqrt() / (exact**2).mean().sqrt())


@pytest.fixture
def filtered(monkeypatch):
    """Counts the calls of the filtered form."""
    calls = []
    apply = winograd._Filtered.apply
    monkeypatch.setattr(winograd._Filtered, "apply", lambda *given: calls.append(1) or apply(*given))
    return calls


@pytest.mark.parametrize("size", [(8, 8), (16, 16), (10, 14), (7, 12), (8, 24)])
def test_outputs_and_gradients_are_those_of_the_direct_form(size, filtered):
    x, weight = inputs(*size), kernel()
    exact = F.conv2d(x.double(), weight.double())
    found = convolve(x, weight)
    assert filtered and found.shape == exact.shape and found.dtype == torch.float32
    assert off(found.detach(), exact.detach()) < 5e-6
    gradient = torch.randn(exact.shape, generator=torch.Generator().manual_seed(2))
    wanted = torch.autograd.grad(exact, (x, weight), gradient.double())
    for mine, right in zip(torch.autograd.grad(found, (x, weight), gradient), wanted, strict=True):
        assert mine.shape == right.shape
        assert off(mine, right.double()) < 1e-5


def test_channels_may_differ_in_number():
    x, weight = inputs(8, 8, channels=3), kernel(3, 5)
    assert off(convolve(x, weight).detach(), F.conv2d(x.double(), weight.double()).detach()) < 5e-6


def test_the_transforms_are_a_correlation_in_one_dimension():
    to_input, to_kernel, to_output = (matrix.double().numpy() for matrix in transforms())
    rng = np.random.default_rng(0)
    d, g = rng.normal(size=8), rng.normal(size=5)
    assert np.allclose(to_output @ ((to_kernel @ g) * (to_input @ d)), np.correlate(d, g), atol=1e-5)


def test_small_outputs_and_other_precisions_take_the_direct_form(filtered):
    weight = kernel()
    assert convolve(inputs(6, 6), weight).shape == (7, 32, 2, 2)
    with torch.autocast("cpu", torch.bfloat16):
        assert convolve(inputs(8, 8), weight).dtype == torch.bfloat16
    assert convolve(inputs(8, 8).double(), weight.double()).dtype == torch.float64
    assert not filtered


def test_an_input_that_needs_no_gradient_gets_none():
    x, weight = inputs(8, 8).detach(), kernel()
    convolve(x, weight).sum().backward()
    assert x.grad is None and weight.grad is not None


def test_one_example_is_what_it_is_among_many():
    x, weight = inputs(16, 16).detach(), kernel()
    assert torch.allclose(convolve(x, weight)[2:3], convolve(x[2:3], weight), atol=1e-5)
