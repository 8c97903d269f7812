"""The minimally filtered convolution is the direct one up to rounding, forward and backward, and only where it pays."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from mia_core import winograd
from mia_core.winograd import WinogradConv2d, transforms


def inputs(height, width, count=7, channels=32):
    x = torch.randn(count, channels, height, width, generator=torch.Generator().manual_seed(1)).relu()
    return x.to(memory_format=torch.channels_last).requires_grad_()


def layer(channels=32, out=32):
    torch.manual_seed(0)
    return WinogradConv2d(channels, out).to(memory_format=torch.channels_last)


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
    x, conv = inputs(*size), layer()
    exact = F.conv2d(x.double(), conv.weight.double(), conv.bias.double())
    found = conv(x)
    assert filtered and found.shape == exact.shape and found.dtype == torch.float32
    assert off(found.detach(), exact.detach()) < 5e-6
    gradient = torch.randn(exact.shape, generator=torch.Generator().manual_seed(2))
    wanted = torch.autograd.grad(exact, (x, conv.weight, conv.bias), gradient.double())
    for mine, right in zip(torch.autograd.grad(found, (x, conv.weight, conv.bias), gradient), wanted, strict=True):
        assert mine.shape == right.shape
        assert off(mine, right.double()) < 1e-5


def test_channels_may_differ_in_number():
    x, conv = inputs(8, 8, channels=3), layer(3, 5)
    assert off(conv(x).detach(), F.conv2d(x.double(), conv.weight.double(), conv.bias.double()).detach()) < 5e-6


def test_the_transforms_are_a_correlation_in_one_dimension():
    to_input, to_kernel, to_output = (matrix.double().numpy() for matrix in transforms())
    rng = np.random.default_rng(0)
    d, g = rng.normal(size=8), rng.normal(size=5)
    assert np.allclose(to_output @ ((to_kernel @ g) * (to_input @ d)), np.correlate(d, g), atol=1e-5)


def test_weights_are_exchanged_with_an_ordinary_convolution():
    ordinary = nn.Conv2d(32, 32, 5)
    conv = layer()
    conv.load_state_dict(ordinary.state_dict())
    assert torch.allclose(conv(inputs(8, 8)), ordinary(inputs(8, 8)), atol=1e-4)


def test_small_outputs_and_other_precisions_take_the_direct_form(filtered):
    conv = layer()
    assert conv(inputs(6, 6)).shape == (7, 32, 2, 2)
    with torch.autocast("cpu", torch.bfloat16):
        assert conv(inputs(8, 8)).dtype == torch.bfloat16
    assert layer().double()(inputs(8, 8).double()).dtype == torch.float64
    assert not filtered


def test_an_input_that_needs_no_gradient_gets_none():
    x, conv = inputs(8, 8).detach(), layer()
    conv(x).sum().backward()
    assert x.grad is None and conv.weight.grad is not None


def test_one_example_is_what_it_is_among_many():
    x, conv = inputs(16, 16).detach(), layer()
    assert torch.allclose(conv(x)[2:3], conv(x[2:3]), atol=1e-5)
