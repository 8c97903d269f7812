"""All forms of the CNN's block are one function up to rounding, with its gradients, and each is used where it pays."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from mia_core.fast.convolution import amx, backward, convolved_and_pooled, direct, forward, winograd
from mia_core.fast.convolution.winograd import transforms
from torch.nn import functional as F

import mia_core
from mia_core.fast import convolution


def drawn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def images(height, width, count=7, channels=32):
    return drawn(count, channels, height, width, seed=1).relu().to(memory_format=torch.channels_last).requires_grad_()


def kernel(channels=32, out=32):
    weight = drawn(out, channels, 5, 5) / (25 * channels) ** 0.5
    return weight.to(memory_format=torch.channels_last).requires_grad_()


def bias(out=32):
    return (drawn(out, seed=3) / 3).requires_grad_()


def plain(x, weight, bias):
    return F.relu(F.max_pool2d(F.conv2d(x, weight), 2) + bias[:, None, None])


def off(found, exact):
    """Root mean square of the difference, as a share of that of the exact values."""
    found, exact = found.detach().double(), exact.detach().double()
    return float(((found - exact) ** 2).mean().sqrt() / (exact**2).mean().sqrt())


def compare(x, weight, added, most=1e-5):
    """Outputs and gradients with those of the plain form in float64."""
    wanted = [part for part in (x, weight, added) if part.requires_grad]
    found, exact = convolved_and_pooled(x, weight, added), plain(x.double(), weight.double(), added.double())
    assert found.shape == exact.shape and found.dtype == x.dtype
    assert off(found, exact) < most / 2
    gradient = drawn(*exact.shape, seed=2)
    right = torch.autograd.grad(exact, wanted, gradient.double())
    for part, mine, true in zip(wanted, torch.autograd.grad(found, wanted, gradient.to(x.dtype)), right, strict=True):
        assert mine.shape == part.shape and mine.dtype == part.dtype
        assert off(mine, true) < most


@pytest.fixture
def used(monkeypatch):
    """The forms that were used, in their order."""
    forms = []
    for name in ("grey", "filtered", "pooled", "tiled"):
        original = getattr(convolution, name)
        monkeypatch.setattr(convolution, name, lambda *given, n=name, f=original: forms.append(n) or f(*given))
    return forms


@pytest.mark.parametrize("size", [(8, 8), (16, 16), (10, 14), (9, 13), (7, 12), (8, 24)])
def test_where_channels_are_many_it_is_filtered(size, used):
    compare(images(*size), kernel(), bias())
    assert used == ["filtered"]


@pytest.mark.parametrize("size", [(20, 20), (17, 32), (32, 19), (6, 7)])
def test_grey_images_have_a_form_of_their_own(size, used):
    compare(drawn(5, 1, *size, seed=1), kernel(1), bias())
    assert used == ["grey"]
    compare(images(*size, channels=1), kernel(1), bias())
    assert used == ["grey", "pooled"], "its form gives no gradient of the images"


@pytest.mark.parametrize(("size", "channels"), [((36, 36), 3), ((17, 16), 2), ((6, 6), 32), ((11, 7), 32)])
def test_all_else_is_convolved_by_pytorch(size, channels, used):
    compare(images(*size, channels=channels), kernel(channels), bias())
    assert used == ["pooled"]


def test_other_types_and_numbers_of_outputs_are_pytorchs_alone(used):
    weight, added = kernel(3, 5), bias(5)
    assert (
        off(
            convolved_and_pooled(images(8, 8, channels=3), weight, added),
            plain(images(8, 8, channels=3), weight, added),
        )
        < 1e-6
    )
    assert convolved_and_pooled(images(8, 8).double(), kernel().double(), bias().double()).dtype == torch.float64
    assert not used


@pytest.mark.parametrize("type_", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("size", [(8, 6), (5, 9)])
def test_pooling_is_pytorchs_to_the_bit(type_, size):
    # Few different numbers, so that many windows hold equal ones.
    x = (
        (drawn(9, 32, *size, seed=4).mul(2).round() / 2)
        .to(type_)
        .to(memory_format=torch.channels_last)
        .requires_grad_()
    )
    added = (drawn(32).mul(4).round() / 4).requires_grad_()
    found, right = direct.pooled(x, added), F.relu(F.max_pool2d(x, 2) + added.to(type_)[:, None, None])
    assert found.dtype == type_ and torch.equal(found, right)
    gradient = drawn(*right.shape, seed=5).to(type_)
    mine = torch.autograd.grad(found, (x, added), gradient)
    true = torch.autograd.grad(right, (x, added), gradient)
    assert torch.equal(mine[0], true[0])
    assert torch.allclose(mine[1], true[1], rtol=1e-5 if type_ == torch.float32 else 0.01, atol=1e-4)


def test_bfloat16_is_rounded_as_pytorch_rounds():
    x, added = drawn(40, 32, 8, 8).to(torch.bfloat16), drawn(32, seed=1)
    right = F.relu(F.max_pool2d(x.float(), 2) + added[:, None, None]).to(torch.bfloat16)
    assert torch.equal(direct.pooled(x, added), right)


@pytest.mark.parametrize("place", [(0, 0), (0, 1), (1, 0), (1, 1)])
@pytest.mark.parametrize("type_", [torch.float32, torch.bfloat16])
def test_what_is_no_number_does_not_go_unnoticed(place, type_):
    x = drawn(2, 32, 4, 4).to(type_)
    x[1, 3, 2 + place[0], place[1]] = torch.nan
    found = direct.pooled(x, torch.zeros(32))
    assert torch.isnan(found).sum() == 1 and torch.isnan(found[1, 3, 1, 0])


def test_bfloat16_is_close_and_keeps_its_type(used):
    x = images(16, 16).detach().to(torch.bfloat16).requires_grad_()
    compare(x, kernel(), bias(), most=0.1)  # where two pixels are nearly equal, the other may be the largest
    with torch.autocast("cpu", torch.bfloat16):
        assert convolved_and_pooled(images(8, 8), kernel(), bias()).dtype == torch.bfloat16
    assert used == ["tiled" if amx.available() else "pooled"] * 2


def test_the_transforms_are_a_correlation_in_one_dimension():
    to_input, to_kernel, to_output = (matrix.double().numpy() for matrix in transforms())
    rng = np.random.default_rng(0)
    d, g = rng.normal(size=8), rng.normal(size=5)
    assert np.allclose(to_output @ ((to_kernel @ g) * (to_input @ d)), np.correlate(d, g), atol=1e-5)


def test_compiled_transforms_are_the_matrices():
    to_input, _, to_output = (matrix.numpy() for matrix in transforms())
    for function, matrix in (
        (forward._to_input, to_input),
        (forward._to_output, to_output),
        (backward._to_input_transposed, to_input.T),
        (backward._to_output_transposed, to_output.T),
    ):
        columns = [function(*unit) for unit in np.eye(matrix.shape[1], dtype=np.float32)]
        assert np.array_equal(np.array(columns).T, matrix)


def test_code_is_compiled_anew_when_any_part_of_it_changes(tmp_path):
    # Numba by itself looks only at the file of the function, not at those of what it calls.
    shutil.copytree(Path(mia_core.__file__).parent, tmp_path / "mia_core", ignore=shutil.ignore_patterns("__pycache__"))
    script = "from mia_core.fast.convolution import forward; print(forward.pool_float32.stats.cache_path)"
    environment = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    environment["PYTHONPATH"] = str(tmp_path)

    def kept(**more):
        given = {"capture_output": True, "text": True, "timeout": 120, "env": environment | more, "cwd": tmp_path}
        done = subprocess.run([sys.executable, "-c", script], **given)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    first = kept()
    assert first == kept() and first.startswith(str(tmp_path / "mia_core" / "convolution" / "__pycache__"))
    with open(tmp_path / "mia_core" / "convolution" / "pixels.py", "a") as file:
        file.write("\n# changed\n")
    second = kept()
    assert second != first
    elsewhere = kept(NUMBA_CACHE_DIR=str(tmp_path / "own"))
    assert elsewhere.startswith(str(tmp_path / "own")) and Path(second).parent.name in elsewhere


def test_an_input_that_needs_no_gradient_gets_none():
    x, weight = images(8, 8).detach(), kernel()
    convolved_and_pooled(x, weight, bias()).sum().backward()
    assert x.grad is None and weight.grad is not None


@pytest.mark.parametrize(("size", "channels"), [(16, 32), (20, 1), (12, 3)])
def test_one_example_is_what_it_is_among_many(size, channels):
    x, weight, added = images(size, size, count=60, channels=channels).detach(), kernel(channels), bias()
    assert torch.allclose(
        convolved_and_pooled(x, weight, added)[52:53], convolved_and_pooled(x[52:53], weight, added), atol=1e-5
    )


def test_memory_of_any_order_is_taken():
    x, weight, added = images(16, 16).detach(), kernel(), bias()
    for form in (x.contiguous(), x.flip(3).flip(3), x.permute(2, 3, 0, 1).contiguous().permute(2, 3, 0, 1)):
        assert torch.equal(convolved_and_pooled(form, weight, added), convolved_and_pooled(x, weight, added))


def test_a_second_derivative_is_an_error_and_not_wrong():
    weight = kernel()
    first = torch.autograd.grad(
        convolved_and_pooled(images(8, 8), weight, bias()).square().sum(), weight, create_graph=True
    )
    with pytest.raises(RuntimeError, match="once_differentiable"):
        first[0].sum().backward()


def test_without_a_folder_to_write_code_is_compiled_all_the_same(tmp_path):
    script = (
        "import numba.core.caching as c\n"
        "c.CacheImpl._locator_classes = []\n"
        "import torch\n"
        "from mia_core.fast.convolution import direct\n"
        "print(float(direct.pooled(torch.ones(1, 32, 2, 2), torch.zeros(32)).sum()))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=120, env=dict(os.environ), cwd=tmp_path
    )
    assert done.stdout.strip() == "32.0", done.stderr


def test_tiles_of_all_images_are_done_whatever_their_number():
    for count in (1, 5, 6, 11):
        starts = [(first, points.array.shape[2]) for first, points, _ in winograd._tiles(count, 6, 6)]
        assert sum(tiles for _, tiles in starts) == 9 * count
        assert [9 * first for first, _ in starts] == [sum(t for _, t in starts[:i]) for i in range(len(starts))]
