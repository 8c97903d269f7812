"""All forms of the CNN's block are one function up to rounding, with its gradients, and each is used where it pays."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F

import mia_core
from emulated_unit import drawn, off
from mia_core.fast.block import FORMS, convolved_and_pooled, pixels, sources, winograd
from mia_core.fast.block.compiled import CHANNELS
from throwaway import ROOT, Project


def images(height, width, count=7, channels=32):
    return drawn(count, channels, height, width, seed=1).relu().to(memory_format=torch.channels_last).requires_grad_()


def kernel(channels=32, out=32):
    weight = drawn(out, channels, 5, 5) / (25 * channels) ** 0.5
    return weight.to(memory_format=torch.channels_last).requires_grad_()


def bias(out=32):
    return (drawn(out, seed=3) / 3).requires_grad_()


def plain(x, weight, bias):
    return F.max_pool2d(F.relu(F.conv2d(x, weight, bias)), 2)


def compare(x, weight, added):
    """Outputs and gradients with those of the plain form in float64."""
    wanted = [part for part in (x, weight, added) if part.requires_grad]
    found, exact = convolved_and_pooled(x, weight, added), plain(x.double(), weight.double(), added.double())
    assert found.shape == exact.shape and found.dtype == x.dtype and off(found, exact) < 5e-6
    gradient = drawn(*exact.shape, seed=2)
    right = torch.autograd.grad(exact, wanted, gradient.double())
    for part, mine, true in zip(wanted, torch.autograd.grad(found, wanted, gradient), right, strict=True):
        assert mine.shape == part.shape and mine.dtype == part.dtype and off(mine, true) < 1e-5


@pytest.fixture
def used(monkeypatch):
    """The names of the forms that were used, in their order."""
    names = []
    for form in FORMS:
        name, original = form.__name__.rpartition(".")[2], form.block
        monkeypatch.setattr(form, "block", lambda *given, n=name, f=original: names.append(n) or f(*given))
    return names


@pytest.mark.parametrize(
    ("size", "channels", "gradient", "form"),
    [
        # Where 32 channels meet 32, minimal filtering, of sizes with whole tiles and without.
        *((size, 32, True, "winograd") for size in [(8, 8), (16, 16), (10, 14), (7, 12), (8, 24)]),
        ((9, 13), 32, False, "winograd"),
        *((size, 32, True, "") for size in [(6, 6), (11, 7)]),  # too small for tiles
        *((size, 1, False, "grey") for size in [(20, 20), (17, 32), (32, 19), (6, 7)]),
        ((20, 20), 1, True, ""),  # the form of grey images gives no gradient of them
        ((36, 36), 3, True, ""), ((17, 16), 2, False, ""),
    ],
)  # fmt: skip
def test_the_form_that_fits_computes_the_block(size, channels, gradient, form, used):
    compare(images(*size, channels=channels).detach().requires_grad_(gradient), kernel(channels), bias())
    assert used == [form] * bool(form)


def test_what_no_form_fits_is_pytorchs_alone(used, monkeypatch):
    few = images(8, 8, channels=3), kernel(3, 5), bias(5)
    double = images(8, 8).double(), kernel().double(), bias().double()
    for given in (few, double):
        assert torch.equal(convolved_and_pooled(*given), plain(*given))
    monkeypatch.setattr("mia_core.fast.block.matrix_unit.available", lambda: False)
    with torch.autocast("cpu", torch.bfloat16):
        given = images(8, 8), kernel(), bias()
        assert torch.equal(convolved_and_pooled(*given), plain(*given))
    assert not used


@pytest.mark.parametrize("place", range(4))
def test_the_first_of_the_largest_is_taken_and_what_is_no_number_does_not_go_unnoticed(place):
    pixels_of = [np.float32(x) for x in (1, 2, 2, 1)]
    assert pixels.largest(*pixels_of, np.float32(-1)) == (1, pixels.UPPER_RIGHT)
    assert pixels.largest(*pixels_of, np.float32(-2)) == (0, pixels.SHUT)
    pixels_of[place] = np.float32("nan")
    value, which = pixels.largest(*pixels_of, np.float32(0))
    assert np.isnan(value) and pixels.spread(5, which, 0)[place] == 5


def test_the_transforms_are_a_correlation_in_one_dimension_and_their_compiled_forms_are_the_matrices():
    to_input, to_kernel, to_output = (matrix.numpy() for matrix in winograd.transforms())
    d, g = drawn(8).double().numpy(), drawn(5, seed=1).double().numpy()
    assert np.allclose(to_output @ ((to_kernel @ g) * (to_input @ d)), np.correlate(d, g), atol=1e-5)
    for function, matrix in (
        (winograd._to_input, to_input),
        (winograd._to_output, to_output),
        (winograd._to_input_transposed, to_input.T),
        (winograd._to_output_transposed, to_output.T),
    ):
        given = np.zeros((2 * matrix.shape[1], CHANNELS), np.float32)
        given[1::2, : matrix.shape[1]] = np.eye(matrix.shape[1])
        found = np.zeros((3 * len(matrix), CHANNELS), np.float32)
        function.py_func(given, 1, 2, found, 2, 3)
        assert np.array_equal(found[2::3, : matrix.shape[1]], matrix)


def test_tiles_of_all_images_are_done_whatever_their_number():
    for count in (1, 5, 6, 11):
        starts = [(first, points.shape[1]) for first, points, _ in winograd._tiles(count, 6, 6)]
        assert sum(tiles for _, tiles in starts) == 9 * count
        assert [9 * first for first, _ in starts] == [sum(t for _, t in starts[:i]) for i in range(len(starts))]


@pytest.mark.parametrize(("size", "channels"), [(16, 32), (20, 1), (12, 3)])
def test_one_example_is_what_it_is_among_many_whatever_the_order_of_memory(size, channels):
    x, weight, added = images(size, size, count=60, channels=channels).detach(), kernel(channels), bias()
    found = convolved_and_pooled(x, weight, added)
    assert torch.allclose(found[52:53], convolved_and_pooled(x[52:53], weight, added), atol=1e-5)
    for form in (x.contiguous(), x.flip(3).flip(3), x.permute(2, 3, 0, 1).contiguous().permute(2, 3, 0, 1)):
        assert torch.allclose(convolved_and_pooled(form, weight, added), found, atol=1e-5)


def test_a_second_derivative_is_an_error_and_not_wrong():
    weight = kernel()
    loss = convolved_and_pooled(images(8, 8), weight, bias()).square().sum()
    (first,) = torch.autograd.grad(loss, weight, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        first.sum().backward()


def test_the_sources_are_those_of_the_forms_in_use(monkeypatch):
    def names(*given):
        shared = {"mia_core.fast.block", "mia_core.fast.block.compiled", "mia_core.fast.block.pixels"}
        found = set(sources(*given))
        assert shared <= found or found == {"mia_core.fast.block"}
        return {name.rpartition(".")[2] for name in found - shared}

    assert names((1, 16, 16), torch.float32) == {"grey", "winograd"}
    assert names((3, 32, 32), torch.float32) == {"winograd"}
    assert names((1, 12, 12), torch.float32) == {"grey"}
    for has in (True, False):
        monkeypatch.setattr("mia_core.fast.block.matrix_unit.available", lambda has=has: has)
        assert names((3, 32, 32), torch.bfloat16) == ({"amx", "matrix_unit"} if has else set())


def run(script, folder, **environment):
    """What a new Python process prints that imports the package from this folder."""
    done = Project(folder).python("-c", script, **{"NUMBA_CACHE_DIR": "", **environment})
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_code_is_compiled_again_when_any_part_of_it_changes(tmp_path):
    # Numba by itself looks only at the file of the function, not at those of what it calls.
    shutil.copytree(Path(mia_core.__file__).parent, tmp_path / "mia_core", ignore=shutil.ignore_patterns("__pycache__"))
    script = "from mia_core.fast.block import grey; print(grey.convolve_grey.stats.cache_path)"
    first = run(script, tmp_path)
    assert first.startswith(str(tmp_path)) and run(script, tmp_path) == first
    with open(tmp_path / "mia_core" / "fast" / "block" / "pixels.py", "a") as file:
        file.write("\n# changed\n")
    second = run(script, tmp_path)
    assert second != first
    elsewhere = run(script, tmp_path, NUMBA_CACHE_DIR=str(tmp_path / "own"))
    assert elsewhere.startswith(str(tmp_path / "own")) and Path(second).parent.name in elsewhere


def test_without_a_folder_to_write_code_is_compiled_all_the_same():
    script = """if True:
        import numba.core.caching as c
        c.CacheImpl._locator_classes = []
        import torch
        from mia_core.fast.block import grey
        print(float(grey.block(torch.ones(1, 1, 6, 6), torch.ones(32, 1, 5, 5), torch.zeros(32)).sum()))
    """
    assert run(script, ROOT) == "800.0"
