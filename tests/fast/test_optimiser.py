"""Adam is PyTorch's, and a process that trains does not import PyTorch's compiler for it."""

import subprocess
import sys

import torch

from mia_core.fast.optimiser import Adam
from mia_core.model.recipe import Recipe


def parameters():
    generator = torch.Generator().manual_seed(0)
    shapes = {"a.weight": (4, 3, 5, 5), "a.bias": (4,), "b.weight": (6, 8), "b.bias": (6,)}
    named = {name: torch.randn(shape, generator=generator) for name, shape in shapes.items()}
    named["a.weight"] = named["a.weight"].to(memory_format=torch.channels_last)
    return {name: value.requires_grad_() for name, value in named.items()}


def test_steps_are_those_of_pytorchs_adam_with_l2_on_weights_alone():
    recipe = Recipe(l2=0.05, learning_rate=0.01)
    mine, theirs = parameters(), parameters()
    optimiser = Adam(mine.items(), recipe)
    groups = [
        {"params": [theirs["a.weight"], theirs["b.weight"]], "weight_decay": 2 * recipe.l2},
        {"params": [theirs["a.bias"], theirs["b.bias"]]},
    ]
    reference = torch.optim.Adam(groups, lr=recipe.learning_rate)
    for step in range(5):
        for values in (mine, theirs):
            sum(((value - step) ** 2).sum() for value in values.values()).backward()
        optimiser.step()
        reference.step()
        reference.zero_grad()
        assert all(value.grad is None for value in mine.values())
    for name, value in mine.items():
        assert torch.allclose(value, theirs[name], rtol=1e-5, atol=1e-6), name
        assert not torch.allclose(value, parameters()[name], atol=0.01), name


def test_training_does_not_import_the_compiler():
    code = """if True:
        import sys
        import torch
        from mia_core.optimiser import Adam
        from mia_core.recipe import Recipe
        weight = torch.ones(3, requires_grad=True)
        optimiser = Adam([("weight", weight)], Recipe())
        weight.sum().backward()
        optimiser.step()
        print("torch._dynamo" in sys.modules, float(weight[0]) < 1)
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]
