"""Reference models for an audit: the same training on random halves of the data, in complementary pairs."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mia_core.attacks.contract import Flags, Floats, Labels
from mia_core.audits.one_model.ask import askable, rows_of, take
from mia_core.base.errors import ArrayError, SettingsError
from mia_core.base.files import write_atomically
from mia_core.gate.posteriors import LOG_FLOOR
from mia_core.references import REFERENCE_ATTACKS
from mia_core.references.answers import Answers, View

Train = Callable[[Any, Any, int], Any]
ATTACKS = ("lira", "base")
"""Both run: neither finds more on every model."""


def train_references(
    train: Train,
    inputs: Any,
    labels: Any,
    models: int,
    *,
    seed: int = 0,
    jobs: int | None = None,
    keep: str | os.PathLike[str] | None = None,
    floor: float | None = None,
    classes: tuple[Any, ...] | None = None,
    columns: int | None = None,
) -> tuple[Floats, Flags]:
    """What `models` models say about all N inputs, and which inputs each was trained on.

    train   from inputs, labels and a seed to a trained model of any kind that `ask.askable` takes
    models  an even number: models 2i and 2i + 1 are trained on complementary halves
    jobs    models trained at a time; None: one for each core
    keep    a folder for what each model said, so that an interrupted audit goes on where it stopped. Kept are outputs,
            not models; they are found again for the same data, halves and seed
    classes  labels by the target's columns: a half without one of them gives a model without its column
    columns  number of the target's columns, where its classes are not known
    Returns log-posteriors or logits float64 [models, N, K] and membership bool [models, N].
    Raises `SettingsError` for an odd number, `ArrayError` where a training fails.
    """
    from joblib import Parallel, delayed

    if models < 2 or models % 2:
        raise SettingsError(f"models: expected an even number, at least 2, since models come in pairs; found {models}")
    count = rows_of(inputs, "inputs")
    halves = _pairs(count, models, seed)
    data = _digest(inputs, labels)
    folder = None if keep is None else Path(os.path.expanduser(keep))
    work = (
        delayed(_one)(train, inputs, labels, half, seed + row, row, folder, data, floor, classes)
        for row, half in enumerate(halves)
    )
    values = Parallel(n_jobs=jobs or -1)(work)
    if columns is not None and any(part.shape[1] != columns for part in values):
        found = sorted({part.shape[1] for part in values})
        raise ArrayError(f"train: found models with {found} columns, expected {columns} as the audited model has")
    return np.stack(values), halves


def reference_scores(
    target: Floats, members: Flags, references: Floats, halves: Flags, labels: Labels
) -> dict[str, Floats]:
    """The scores of each of `ATTACKS`, float64 [N], from the target's values [N, K] and the references' [M, N, K].

    members is bool [N]; no attack reads it. The references come in pairs, so that every example is in half of them,
    whatever the target was trained on.
    """
    answers = Answers(
        np.concatenate([target[None], references])[:, None],
        labels,
        np.concatenate([members[None], halves]),
        len(labels),
    )
    view = View(answers, tuple(range(len(references) + 1)), 0, None)
    return {name: REFERENCE_ATTACKS[name].attack(view) for name in ATTACKS}


def _pairs(count: int, models: int, seed: int) -> NDArray[np.bool_]:
    random = np.random.default_rng(seed)
    halves = np.zeros((models, count), dtype=bool)
    for row in range(0, models, 2):
        halves[row, random.permutation(count)[: count // 2]] = True
        halves[row + 1] = ~halves[row]
    return halves


def _one(
    train: Train, inputs: Any, labels: Any, half: Flags, seed: int, row: int, folder: Path | None, data: str,
    floor: float | None, classes: tuple[Any, ...] | None,
) -> Floats:  # fmt: skip
    path = None
    if folder is not None:
        identity = hashlib.sha256(f"{data} {seed}".encode() + np.packbits(half).tobytes()).hexdigest()[:16]
        path = folder / f"reference-{identity}.npz"
        if (kept := _kept(path, len(half))) is not None:
            return kept
    rows = np.flatnonzero(half)
    try:
        model = train(take(inputs, rows), take(labels, rows), seed)
    except Exception as error:  # whatever a foreign training raises
        raise ArrayError(f"train: model {row}: it failed with {type(error).__name__}: {error}") from None
    asked = askable(model, floor)
    values = _in_columns(asked.answer(inputs, "rows").values, asked.classes, classes)
    if path is not None:
        write_atomically(path, lambda file: np.savez(file, values=values, digest=_bytes(values)))
    return values


def _in_columns(values: Floats, own: tuple[Any, ...] | None, classes: tuple[Any, ...] | None) -> Floats:
    """Values [N, k] of a model that knows only some of the `classes` as [N, K]; what it never saw is as unlikely as a
    posterior can be."""
    if own is None or classes is None or own == classes:
        return values
    table = np.full((len(values), len(classes)), np.log(LOG_FLOOR))
    table[:, [classes.index(label) for label in own]] = values
    return table


def _kept(path: Path, count: int) -> Floats | None:
    """What a model said, from an earlier run; None where there is nothing whole."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            values, digest = archive["values"], archive["digest"]
    except (OSError, ValueError, KeyError, EOFError):
        return None
    except Exception:  # zipfile raises many kinds of error on damaged files
        return None
    return values if len(values) == count and np.array_equal(digest, _bytes(values)) else None


def _bytes(values: Floats) -> NDArray[np.uint8]:
    return np.frombuffer(hashlib.sha256(np.ascontiguousarray(values).tobytes()).digest(), dtype=np.uint8)


def _digest(inputs: Any, labels: Any) -> str:
    """Identity of the data, whatever their kind."""
    import joblib

    return joblib.hash((inputs, labels))
