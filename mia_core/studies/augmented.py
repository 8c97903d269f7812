"""Asks a stored model about pictures that it has not answered yet: altered copies of its own, or random pixels.

A run keeps its weights, so nothing is trained. The network is always in evaluation mode, so asking twice gives the
same answers.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field

from mia_core.attacks.augmented_labels import AugmentedLabels
from mia_core.base.errors import ArrayError, RunError
from mia_core.base.settings import Number, Settings, Switch, Whole
from mia_core.defenses import DEFENSES, Combination, describe, seen, shaping
from mia_core.references.statistics import correctness
from mia_core.store.runs import Run
from mia_core.studies.study import SHADOW, TARGET, Study, accuracies, attack_columns, outputs_of

if TYPE_CHECKING:
    from mia_core.model.network import Network

PIXEL = 255


class Copies(Settings):
    """Which altered copies of a picture are asked about, besides the picture itself.

    shift      one copy for each way to move by this many pixels in all, across and down together; edges are repeated;
               0 for none. Choquette-Choo et al. (2021) use 1
    flip       a copy mirrored left to right; leave it out where that changes the class, as of digits
    noise      standard deviation of the noise on each pixel, as a share of the pixel range
    noisy      number of noisy copies
    copy_seed  of the noise; each copy has one pattern for all pictures, so that equal pictures get equal answers
    """

    shift: Annotated[Whole, Field(ge=0, le=100)] = 1
    flip: Switch = False
    noise: Annotated[Number, Field(gt=0, le=1)] = 0.05
    noisy: Annotated[Whole, Field(ge=0, le=1000)] = 4
    copy_seed: Annotated[Whole, Field(ge=0, lt=2**32)] = 0

    @property
    def queries(self) -> int:
        """Q, the number of queries for each picture, itself included."""
        return 1 + 4 * self.shift + int(self.flip) + self.noisy


def copies(images: NDArray[np.uint8], settings: Copies | None = None) -> Iterator[NDArray[np.uint8]]:
    """The `images` [N, C, H, W], then each kind of altered copy of all of them: Q arrays uint8 [N, C, H, W]."""
    settings = settings or Copies()
    _check(images)
    yield images
    distance = settings.shift
    for down in range(-distance, distance + 1):
        for across in sorted({abs(down) - distance, distance - abs(down)}):
            if distance:
                yield shifted(images, down, across)
    if settings.flip:
        yield np.ascontiguousarray(images[..., ::-1])
    random = np.random.default_rng(np.random.SeedSequence([settings.copy_seed, *b"copies"]))
    for _ in range(settings.noisy):
        pattern = np.round(PIXEL * settings.noise * random.standard_normal(images.shape[1:]))
        yield np.clip(images + pattern, 0, PIXEL).astype(np.uint8)


def augmented_logits(run: Run, images: NDArray[np.uint8], settings: Copies | None = None) -> NDArray[np.float32]:
    """Logits [N, Q, K] of a stored model on `images` [N, C, H, W] and their altered copies, in the order of `copies`.

    Raises `ArrayError` for images of another shape than the model's, `RunError` for a run without weights.
    """
    network = network_of(run)
    return np.stack([ask(network, run, altered) for altered in copies(images, settings)], axis=1)


def random_posteriors(run: Run, defenses: Combination = (), count: int = 1000, seed: int = 0) -> NDArray[np.float64]:
    """What a model says about `count` pictures of random pixels, after its output-stage defenses: float64 [count, K].

    Uniform pixels, as adversary 3 of Salem et al. (2019) asks about; see `mia_core.attacks.adversary3`.
    """
    network = network_of(run)
    random = np.random.default_rng(np.random.SeedSequence([seed, *b"random inputs"]))
    images = random.integers(0, PIXEL + 1, (count, *network.mean.shape), dtype=np.uint8)
    return seen(defenses, ask(network, run, images))


def network_of(run: Run) -> "Network":
    """The trained network of a stored run, on the CPU and in evaluation mode. Raises `RunError` without weights."""
    import torch

    from mia_core.model.build import build_model
    from mia_core.store.faster import attached

    if not run.weights:
        raise RunError("run: holds no weights; train it again to ask it about other pictures")
    about = run.about["identity"]
    recipe = about["recipe"]
    shaping = tuple(DEFENSES[name](**values) for name, values in about["defenses"].items())
    mean, scale = run.weights["mean"], run.weights["scale"]
    classes, units = run.logits.shape[1], recipe["hidden_units"]
    seeds, cpu = (0, 0), torch.device("cpu")
    network = build_model(recipe["network"], mean, scale, classes, units, shaping, lambda part: seeds, cpu)
    network.load_state_dict({name: torch.from_numpy(value.copy()) for name, value in run.weights.items()})
    return attached(network).eval()


def ask(network: "Network", run: Run, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Logits [N, K] of a run's `network` (see `network_of`) on `images` [N, C, H, W], with the threads it trained with.

    Raises `ArrayError` for images of another type or shape than the model's.
    """
    from mia_core.model.train import query
    from mia_core.store.machine import cpu_threads

    _check(images)
    if images.shape[1:] != network.mean.shape:
        raise ArrayError(f"images: found {images.shape[1:]} each; expected {tuple(network.mean.shape)} as in training")
    with cpu_threads(run.about["identity"]["recipe"]["threads"]):
        return query(network, images)


def label_only_table(study: Study, settings: Copies | None = None, fewer: Sequence[int] = ()) -> pd.DataFrame:
    """The label-only attack on every target of a study: one row per seed, combination and number of copies.

    Choquette-Choo, Tramèr, Carlini, Papernot 2021, "Label-Only Membership Inference Attacks". The columns of a study,
    attack "label-only", and `queries`, the number of copies asked about.
    fewer  numbers of noisy copies below that of the settings: for each of them also a row of the attack that asks
           about only this many of them, which costs no further question to a model
    Raises `RunError` before training.
    """
    settings = settings or Copies()
    rows = []
    for seed in study.settings.seeds:
        known: dict[tuple[int, str], NDArray[np.float32]] = {}
        for defenses in study.combinations:
            runs = [study.run(seed, model, defenses) for model in (TARGET, SHADOW)]
            sides = []
            for model, run in zip((TARGET, SHADOW), runs, strict=True):
                key = (model, describe(shaping(defenses)))  # output-stage defenses leave the model as it is
                if key not in known:
                    known[key] = augmented_logits(run, study.dataset.images[run.counted], settings)
                sides.append(_right(run, known[key], defenses))
            models = accuracies(*(outputs_of(run, defenses) for run in runs))
            members = [run.members[run.counted] for run in runs]
            for number in (settings.noisy, *fewer):
                queries = settings.queries - settings.noisy + number
                target, shadow = (right[:, :queries] for right in sides)
                attack = AugmentedLabels().fit(shadow, members[1])
                found = attack_columns(attack.score(target), members[0], attack.threshold, study.settings)
                said = {"shadow_models": 1, "queries": queries}
                rows.append(study.row(defenses, seed, "label-only", None, models | found, **said))
    return pd.DataFrame(rows)


def _right(run: Run, logits: NDArray[np.float32], defenses: Combination = ()) -> NDArray[np.float64]:
    """Whether each copy of each counted picture is classified right behind the output-stage defenses: 1.0 or 0.0
    [n, Q]. logits: float32 [n, Q, K] of `augmented_logits`."""
    return correctness(seen(defenses, logits), run.labels[run.counted][:, None])


def shifted(images: NDArray[np.uint8], down: int, across: int) -> NDArray[np.uint8]:
    """`images` [..., H, W] moved down and to the right by these numbers of pixels; the edge fills the gap."""
    height, width = images.shape[-2:]
    rows = np.clip(np.arange(height) - down, 0, height - 1)
    columns = np.clip(np.arange(width) - across, 0, width - 1)
    return np.ascontiguousarray(images[..., rows, :][..., columns])


def _check(images: NDArray[Any]) -> None:
    if images.ndim != 4 or images.dtype != np.uint8:
        raise ArrayError(f"images: found {images.dtype} {images.shape}; expected uint8 [N, C, H, W]")
