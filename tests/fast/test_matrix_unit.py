"""The CNN's block on tiles is the plain block, with its gradients, on images of any size; tested on any machine."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from emulated_unit import drawn, emulate, off
from mia_core.fast.block import amx, convolved_and_pooled, matrix_unit
from throwaway import ROOT, Project


def needs_own():
    if not amx.available():
        pytest.skip("this processor has no matrix unit for bfloat16 (AMX)")


@pytest.fixture(params=["emulated", "own"])
def unit(request, monkeypatch):
    """The matrix unit: in Python, and this machine's."""
    if request.param == "emulated":
        emulate(monkeypatch)
    else:
        needs_own()


def block(size, channels, count=2, of_images=False):
    """Images, weight and bias, whose numbers are all bfloat16's."""
    x = drawn(count, channels, *size, seed=1).to(torch.bfloat16).to(memory_format=torch.channels_last)
    weight = (drawn(32, channels, 5, 5) / (25 * channels) ** 0.5).to(torch.bfloat16).float()
    weight = weight.to(memory_format=torch.channels_last)
    return x.requires_grad_(of_images), weight.requires_grad_(), drawn(32, seed=2).requires_grad_()


def both(size, channels, of_images=False):
    """Outputs and gradients on tiles, and of the plain block in float64."""
    x, weight, bias = block(size, channels, of_images=of_images)
    wanted = [part for part in (weight, bias, x) if part.requires_grad]
    with torch.autocast("cpu", torch.bfloat16):
        found = convolved_and_pooled(x, weight, bias)
    assert found.grad_fn.name() == "_TiledBackward"
    exact = F.relu(F.max_pool2d(F.conv2d(x.double(), weight.double()), 2) + bias.double()[:, None, None])
    gradient = drawn(*exact.shape, seed=3).to(torch.bfloat16)
    mine = torch.autograd.grad(found, wanted, gradient)
    true = torch.autograd.grad(exact, wanted, gradient.double())
    assert [part.dtype for part in mine] == [part.dtype for part in wanted]
    return [found, *mine], [exact, *true]


# A width of 16 outputs or fewer is one tile, of more several, the last over the one before; an odd row is left out.
@pytest.mark.parametrize("size", [(8, 8), (9, 13), (6, 7), (11, 26), (7, 40)])
@pytest.mark.parametrize("channels", [1, 2, 3, 32])
def test_outputs_and_gradients_of_few_channels_and_of_as_many_as_outputs(size, channels, unit):
    for found, exact in zip(*both(size, channels, of_images=channels == 32), strict=True):
        assert found.shape == exact.shape and off(found, exact) < 0.003


def test_sums_are_as_exact_as_float32s(unit):
    # The bfloat16 of the results is all that is rounded: gradients of weights are not.
    for channels in (3, 32):
        (_, weight, bias), (_, exact, total) = both((12, 12), channels)
        assert off(weight, exact) < 1e-6 and off(bias, total) < 1e-6


def test_the_units_agree(monkeypatch):
    needs_own()
    own, _ = both((10, 12), 32, of_images=True)
    emulate(monkeypatch)
    emulated, _ = both((10, 12), 32, of_images=True)
    assert all(off(one, other) < 1e-3 for one, other in zip(own, emulated, strict=True))


def test_equal_pixels_and_what_is_no_number(unit):
    x, weight, bias = block((8, 8), 32)
    x[1, 3, 2, 2] = torch.nan
    with torch.autocast("cpu", torch.bfloat16):
        found = convolved_and_pooled(x, weight, bias)
        flat = convolved_and_pooled(torch.zeros_like(x), weight, bias)
    assert torch.isnan(found[1]).all() and not torch.isnan(found[0]).any()
    (gradient,) = torch.autograd.grad(flat.float().sum(), bias)
    assert torch.equal(gradient, 8 * (bias > 0).float()), "of equal pixels one, and none where the ReLU is shut"


def test_images_are_done_one_by_one_whatever_the_order_of_memory(unit):
    x, weight, bias = block((8, 9), 3, count=5)
    with torch.autocast("cpu", torch.bfloat16):
        first = convolved_and_pooled(x, weight, bias)
        assert torch.equal(first[3:4], convolved_and_pooled(x[3:4], weight, bias))
        assert torch.equal(first, convolved_and_pooled(x.contiguous(), weight.contiguous(), bias))
        assert torch.equal(first, convolved_and_pooled(x.flip(3).flip(3), weight, bias))


@pytest.mark.parametrize(("channels", "of_images"), [(4, False), (16, False), (3, True)])
def test_what_fits_no_tile_is_pytorchs(channels, of_images, monkeypatch):
    monkeypatch.setattr(matrix_unit, "available", lambda: True)
    x, weight, bias = block((8, 8), channels, of_images=of_images)
    with torch.autocast("cpu", torch.bfloat16):
        assert "_Tiled" not in convolved_and_pooled(x, weight, bias).grad_fn.name()


def test_numba_must_compile_for_the_unit_as_well(monkeypatch):
    class Other:
        def magic_tuple(self):
            return "x86_64", "znver3", "+avx2,-amx-bf16"

    monkeypatch.setattr(amx.cpu_target.target_context, "codegen", Other)
    assert not amx.available.__wrapped__()


def test_addresses_are_whole_numbers():
    # In Numba the sum of an unsigned and a signed number is a float64, which has too few bits for all addresses.
    from numba import types

    assert amx._instruction("tileloadd ($0,$1,1), {}", types.literal(0), types.float64, types.int64) is None
    assert amx._instruction("tileloadd ($0,$1,1), {}", types.literal(0), types.int64, types.int64)


def test_a_configuration_is_as_the_processor_reads_it():
    found = amx.shapes((16, 8), (64, 32))
    assert found.dtype == np.uint8 and len(found) == 64
    assert found[0] == 1 and found[16:20].view("<u2").tolist() == [64, 32] and found[48:50].tolist() == [16, 8]
    assert found.sum() == 1 + 64 + 32 + 16 + 8


@pytest.mark.parametrize("processor", ["sapphirerapids", "znver3"])
def test_tiles_keep_their_numbers_for_whatever_processor_code_is_arranged(processor, tmp_path):
    # For some processors LLVM gives registers other numbers in a last pass, if it may.
    needs_own()
    code = """if True:
        import torch
        from mia_core.fast.block import convolved_and_pooled
        x, weight = torch.ones(1, 3, 8, 8), torch.ones(32, 3, 5, 5, requires_grad=True)
        with torch.autocast("cpu", torch.bfloat16):
            found = convolved_and_pooled(x, weight, torch.zeros(32))
        found.float().sum().backward()
        print(found.unique().tolist(), weight.grad.unique().tolist())
    """
    done = Project(ROOT).python("-c", code, NUMBA_CPU_NAME=processor, NUMBA_CACHE_DIR=str(tmp_path))
    assert done.stdout.strip() == "[75.0] [4.0]", (done.returncode, done.stderr)
