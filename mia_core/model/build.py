"""Builds a model: initial weights as Lasagne draws them, from a seed, and what its defenses put into the network."""

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from mia_core.base.errors import SettingsError
from mia_core.data.dataset import Dataset
from mia_core.defenses import Combination, having
from mia_core.model.cnn import CNN, SMALLEST_SIDE
from mia_core.model.job import Job
from mia_core.model.mlp import MLP
from mia_core.model.network import Network, Several, standardisation

NETWORKS: dict[str, type[Network]] = {"cnn": CNN, "mlp": MLP}


def network_of(dataset: Dataset, job: Job) -> Network:
    """The model of a job before its training, on the recipe's device: it standardises by the job's members."""
    return build_model(*_about(dataset, job), lambda part: job.part_seeds(part)[:2], torch.device(job.recipe.device))


def single_network(dataset: Dataset, job: Job, part: int = 0) -> Network:
    """One network of a job before its training, whatever its model is made of."""
    return build_network(*_about(dataset, job), job.part_seeds(part)[:2], torch.device(job.recipe.device))


def _about(dataset: Dataset, job: Job) -> tuple[str, np.ndarray, np.ndarray, int, int, Combination]:
    mean, scale = standardisation(dataset.images, job.members)
    for defense in having(job.defenses, "standardisation"):
        mean, scale = defense.standardisation(mean, scale)
    return job.recipe.network, mean, scale, len(dataset.classes), job.recipe.hidden_units, job.defenses


def build_model(
    name: str,
    mean: np.ndarray,
    scale: np.ndarray,
    classes: int,
    hidden_units: int,
    defenses: Combination,
    seeds: Callable[[int], tuple[int, int]],
    device: torch.device,
) -> Network:
    """What is given out in the end, untrained: a network, or the several of which a defense makes a model.

    seeds  of each network by its number, from 0, as for `build_network`
    """
    several = having(defenses, "several")
    count, combine = several[0].several(classes) if several else (1, None)
    networks = [
        build_network(name, mean, scale, classes, hidden_units, defenses, seeds(part), device) for part in range(count)
    ]
    if combine is None:
        return networks[0]
    model = Several(networks, combine).to(device)
    model.defenses = defenses
    return model


def build_network(
    name: str,
    mean: np.ndarray,
    scale: np.ndarray,
    classes: int,
    hidden_units: int,
    defenses: Combination,
    seeds: tuple[int, int],
    device: torch.device,
) -> Network:
    """A freshly initialised network on `device`, with the model-stage defenses' layers in place.

    seeds  of the initial weights (drawn on the CPU, so the same on every device) and of the defenses' noise
    Raises `SettingsError` where the images are too small for the CNN.
    """
    if name == "cnn" and min(mean.shape[1:]) < SMALLEST_SIDE:
        raise SettingsError(
            f"network: cnn needs images of at least {SMALLEST_SIDE}x{SMALLEST_SIDE} pixels, found "
            f"{mean.shape[1]}x{mean.shape[2]}; give a larger size, or choose mlp"
        )
    with torch.device("cpu"), torch.random.fork_rng(devices=[]):  # layers draw default weights on creation
        network = NETWORKS[name](mean, scale, classes, hidden_units)
    _initialise(network, torch.Generator().manual_seed(seeds[0]))
    noise = torch.Generator(device).manual_seed(seeds[1])
    network.defenses = defenses
    for defense in having(defenses, "layers"):
        for place, layer in defense.layers(noise, network.widths).items():
            before = getattr(network, f"at_{place}")
            setattr(network, f"at_{place}", layer if isinstance(before, nn.Identity) else nn.Sequential(before, layer))
    return network.to(device, memory_format=torch.channels_last)


def _initialise(network: Network, generator: torch.Generator) -> None:
    """Glorot and Bengio's uniform weights (2010), with gain sqrt(2) on convolutions, and biases of zero."""
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                gain = math.sqrt(2) if isinstance(module, nn.Conv2d) else 1.0
                nn.init.xavier_uniform_(module.weight, gain, generator=generator)
                nn.init.zeros_(module.bias)
