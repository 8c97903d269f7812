"""Runs on disk: one verified `.npz` a trained model, found again by the hash of all that shaped its weights."""

import hashlib
import json
import os
import re
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from cachetools import LRUCache, cached

from mia_core.base.errors import MiaWarning, RunError
from mia_core.base.files import absolute, cache_dir, open_npz, reason, sweep, write_atomically
from mia_core.gate.npz import FORMAT, FORMAT_NAME

_ARRAYS = ("logits", "labels", "members", "counted")


@dataclass(frozen=True)
class Run:
    """A trained model's outputs and what made them.

    logits   float32 [N, K] of the counted examples, without output-stage defenses; not a number for the others
    labels   int64 [N]
    members  bool [N], the examples that the model trained on
    counted  bool [N], the examples on which it is judged: its members and non-members, in a study as many. What it
             answers for others, `mia_core.studies.augmented.ask` tells
    weights  name -> array; history: name -> float64 [epochs] (see `mia_core.model.train.Snapshot`)
    about    "identity" (what the file name's hash is of), "versions", "machine", "made" (UTC), "seconds",
             "processor_seconds" (not in runs of older versions), "together" (models trained at once), "warnings"
    """

    logits: np.ndarray
    labels: np.ndarray
    members: np.ndarray
    counted: np.ndarray
    weights: dict[str, np.ndarray]
    history: dict[str, np.ndarray]
    about: dict[str, Any]

    def accuracy(self, members: bool) -> float:
        """Share of the counted members (or non-members) whose class the model predicts."""
        rows = self.counted & (self.members == members)
        return float((self.logits[rows].argmax(1) == self.labels[rows]).mean())


class Store:
    """A folder of runs. Reading verifies; writing is whole or not at all.

    root  the folder; by default `runs` in the cache folder (see `mia_core.base.files.cache_dir`)
    """

    def __init__(self, root: str | Path | None = None) -> None:
        self.root = absolute(root) if root is not None else cache_dir() / "runs"
        sweep(self.root)

    def path(self, key: dict[str, Any]) -> Path:
        """The file of a run: readable, and unique by a hash, such as
        `cifar10-cnn-dropout-seed0-model1-epochs50-3f9c2a1b4d5e.npz`."""
        digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:12]
        names = "+".join(
            name + "".join(f"-{value:g}" for value in settings.values() if isinstance(value, float))
            for name, settings in key["defenses"].items()
        )
        words = [
            re.sub(r"[^A-Za-z0-9._-]+", "_", key["dataset"])[:60] or "data",
            key["recipe"]["network"],
            names or "none",
            f"seed{key['seed'][0]}",
            f"model{key['seed'][1]}",
            f"epochs{key['recipe']['epochs']}",
            digest,
        ]
        return self.root / ("-".join(words) + ".npz")

    def get(self, key: dict[str, Any]) -> Run | None:
        """The stored run of this identity, verified, or None. A damaged file is reported and counts as missing.

        Its arrays are read-only. Raises `RunError` for a folder, a pipe or a link to nowhere under its name, in whose
        place no run could be stored.
        """
        path = self.path(key)
        if not path.is_file():
            if os.path.lexists(path):
                kind = "a link to no file" if path.is_symlink() else "a folder" if path.is_dir() else "no regular file"
                raise RunError(f"{path}: found {kind} in the place of a stored run; expected a file or nothing")
            return None
        try:
            run = _read_lately(path)
        except RunError as error:
            warnings.warn(f"{error}; it will be trained again", MiaWarning, stacklevel=2)
            return None
        if run.about.get("identity") != key:
            warnings.warn(f"{path}: holds another run than its name says; it will be trained again", MiaWarning, 2)
            return None
        return run

    @contextmanager
    def held(self, key: dict[str, Any], wait: bool = True) -> Iterator[bool]:
        """Keep other processes from training the same run meanwhile: they wait, and then find it stored.

        wait  False: where another process holds it, give False at once, and True otherwise
        The system lets go of it when the process ends, however that happens. Raises `RunError` for a folder that cannot
        be written.
        """
        from filelock import FileLock, Timeout

        place = self.root.with_name(f"{self.root.name}-locks") / f"{self.path(key).stem}.lock"
        lock = FileLock(place)
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            lock.acquire(blocking=wait)
        except Timeout:
            yield False
            return
        except OSError as error:
            raise RunError(f"{place}: cannot be written: {reason(error)}") from None
        try:
            yield True
        finally:
            lock.release()

    def put(self, run: Run) -> Path:
        """Write a run under its identity's name, and give the path."""
        path = self.path(run.about["identity"])
        write_run(path, run)
        return path


def write_run(path: Path, run: Run) -> None:
    """Write a run whole or not at all. Raises `RunError` (for instance when the disk is full)."""
    arrays = {name: getattr(run, name) for name in _ARRAYS}
    arrays |= {f"weight/{name}": value for name, value in run.weights.items()}
    arrays |= {f"history/{name}": value for name, value in run.history.items()}
    arrays[FORMAT_NAME] = np.array(FORMAT)
    arrays["about"] = np.array(json.dumps(run.about, sort_keys=True))
    arrays["digest"] = np.array(_digest(arrays))
    write_atomically(path, lambda file: np.savez(file, **arrays))


def read_run(path: str | Path) -> Run:
    """Read and verify a run. Raises `RunError` for a missing, truncated, altered or foreign file, for one of a newer
    version, and for one that says it holds more than it does (see `mia_core.base.files.open_npz`)."""
    try:
        with open_npz(path) as file:
            arrays = {name: file[name] for name in file.files}
    except FileNotFoundError:
        raise RunError(f"{path}: no such run") from None
    except RunError:
        raise
    except Exception as error:  # a flipped bit makes zipfile and numpy's header parser raise errors of a dozen kinds
        raise RunError(f"{path}: damaged or not a run ({type(error).__name__})") from None
    missing = [name for name in (*_ARRAYS, "about", "digest") if name not in arrays]
    if missing:
        raise RunError(f"{path}: not a run: lacks {', '.join(missing)}")
    digest = str(arrays.pop("digest"))
    if digest != _digest(arrays):
        raise RunError(f"{path}: damaged: its content does not match its digest")
    if int(arrays.get(FORMAT_NAME, FORMAT)) > FORMAT:
        found = arrays[FORMAT_NAME]
        raise RunError(f"{path}: {FORMAT_NAME}: found {found}; expected at most {FORMAT}: is it of a newer version?")
    try:
        about = json.loads(str(arrays["about"]))
    except (ValueError, RecursionError):
        about = None
    if not isinstance(about, dict):
        raise RunError(f"{path}: not a run: its `about` does not say what made it")
    parts = {kind: {k.removeprefix(kind): v for k, v in arrays.items() if k.startswith(kind)} for kind in _GROUPS}
    return Run(*(arrays[name] for name in _ARRAYS), *parts.values(), about)


_GROUPS = ("weight/", "history/")


def _read_only(path: Path, stamp: tuple[int, ...] = ()) -> Run:
    """The run, whose arrays cannot be altered: others are given the same ones. `stamp` tells files of a name apart."""
    run = read_run(path)
    for array in _all_arrays(run):
        array.flags.writeable = False
    return run


def _all_arrays(run: Run) -> list[np.ndarray]:
    return [*(getattr(run, name) for name in _ARRAYS), *run.weights.values(), *run.history.values()]


def _size(run: Run) -> int:
    return sum(array.nbytes for array in _all_arrays(run))


# Chapters ask for the same runs again and again.
_KEPT = LRUCache(128 << 20, _size)
_read_once = cached(_KEPT, lock=Lock())(_read_only)
SETTLED = 2.0  # seconds: a file written within one tick of the file system's clock could change and show no change


def _read_lately(path: Path) -> Run:
    """The run in the file `path`, from memory where it was read before and the file is still the same."""
    found = path.stat()
    if time.time() - max(found.st_mtime, found.st_ctime) < SETTLED:
        return _read_only(path)
    return _read_once(path, (found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino, found.st_dev))


def _digest(arrays: dict[str, np.ndarray]) -> str:
    digest = hashlib.sha256()
    for name in sorted(arrays):
        value = np.ascontiguousarray(arrays[name])
        digest.update(f"{name}|{value.dtype.str}|{value.shape}|".encode())
        digest.update(value.tobytes() if value.dtype.kind == "U" else value.data)
    return digest.hexdigest()
