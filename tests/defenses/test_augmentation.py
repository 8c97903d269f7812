"""Augmentation: crops of what has black around it, and mirror images."""

import numpy as np
import torch

from losses import training
from mia_core.defenses.augmentation import Augmentation, moved


def test_each_image_is_moved_by_its_own_step():
    image = torch.arange(1.0, 10).reshape(1, 1, 3, 3)
    found = moved(image.repeat(3, 1, 1, 1), torch.zeros(1, 3, 3), 1, torch.tensor([1, 0, 2]), torch.tensor([1, 2, 1]))
    assert torch.equal(found[0], image[0])
    assert found[1, 0].tolist() == [[0, 0, 0], [2, 3, 0], [5, 6, 0]]
    assert found[2, 0].tolist() == [[4, 5, 6], [7, 8, 9], [0, 0, 0]]


def test_all_places_occur_and_what_comes_in_is_black():
    images = torch.full((2000, 1, 2, 2), 3.0)  # of pixels 200 with mean 50 and scale 50
    found, _ = Augmentation(pad=1).batch(images, None, training(mean=50.0, scale=50.0))
    kinds, counts = np.unique(found.numpy(), axis=0, return_counts=True)
    assert set(np.unique(kinds)) == {-1.0, 3.0} and len(kinds) == 9 and counts.min() > 150


def test_half_are_mirrored_where_that_is_asked_for():
    images = torch.tensor([[[[0.0, 1.0]]]]).repeat(1000, 1, 1, 1)
    found, _ = Augmentation(pad=0, flip=True).batch(images, None, training(shape=(1, 1, 2)))
    assert 440 < int(found[:, 0, 0, 0].sum()) < 560 and torch.equal(found.sum(3), images.sum(3))
