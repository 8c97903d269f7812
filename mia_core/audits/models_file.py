"""Reads what several models said about the same examples from one .npz file, for attacks with reference models.

Warns once for each file that is well-formed and yet hardly what its owner meant.
"""

import hashlib
import os
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mia_core.attacks.contract import Flags, Floats, Labels
from mia_core.base.errors import ArrayError, MiaWarning
from mia_core.gate.arrays import CODING, Gate, Outputs
from mia_core.gate.npz import open_archive
from mia_core.gate.posteriors import log_posteriors, softmax
from mia_core.gate.suspicions import warn_if_implausible
from mia_core.references.answers import Answers
from mia_core.references.outputs import held_out
from mia_core.references.statistics import STATISTICS

VALUES = ("logits", "posteriors", "statistic")
EXPECTED = "logits or posteriors [M, N, K] with labels [N], or statistic [M, N]; and members [M, N]"


@dataclass(frozen=True, eq=False)
class Models:
    """M models and N examples, checked.

    answers   the outputs; behind the N examples once more those that no model trained on, as a population
    correct   bool [M, N], whether the model predicts the label; None where the file holds a statistic only
    rows      the row of the file that each model of `answers` and `correct` is: pairs are put side by side
    pairs     whether models 2i and 2i + 1 train on complementary examples, which the partner being left out needs
    balanced  whether every example is in exactly half of the models, without being in pairs: a biased design
    source    the file
    array     which array it holds, one of `VALUES`
    """

    answers: Answers
    correct: Flags | None
    rows: tuple[int, ...]
    pairs: bool
    balanced: bool
    source: str
    array: str

    def complements(self, model: int) -> list[int]:
        """The models that trained on exactly those examples that `model` did not, of all on which some model did; none
        for a model that alone trained on any."""
        varied = self.members[:, self.members.any(axis=0) & ~self.members.all(axis=0)]
        if varied[model].all() or not varied[model].any():
            return []
        return np.flatnonzero((varied != varied[model]).all(axis=1)).tolist()

    @property
    def members(self) -> Flags:
        """Which model trained on which example, bool [M, N], in the order of `rows`."""
        return self.answers.members[:, : self.answers.pool]


def read_models(path: str | os.PathLike[str]) -> Models:
    """The models in an .npz file: logits or posteriors [M, N, K] and labels [N], or any `statistic` [M, N] that is
    higher for members; and members [M, N], coded 1 = the model trained on the example.

    Raises `ArrayError`, one line, for a file or an array that is not so. Warns (`MiaWarning`) where it is odd.
    """
    with open_archive(path) as archive:
        found = archive.entries()
        given = [name for name in VALUES if name in found]
        wanted = ["members", *given] + (["labels"] if "labels" in found else [])
        if "members" not in found or len(given) != 1 or (given != ["statistic"] and "labels" not in found):
            raise archive.missing(EXPECTED, [*VALUES, "members", "labels"])
        arrays = archive.read({name: name for name in wanted})
        source = archive.source
    gate, name = Gate(source, {}, []), given[0]
    values = gate.numeric(name, arrays[name])
    members = _members(gate, arrays["members"], values, name)
    examples = members.shape[1]
    rows, *design = _design(members)
    outside = np.flatnonzero(held_out(members))
    columns = np.concatenate([np.arange(examples), outside])
    trained = members[np.ix_(rows, columns)]
    if name == "statistic":
        checked = gate.finite(name, values)
        _warn_if_repeated(Counter(map(_digest, checked)), source)
        numbers = checked[np.ix_(rows, columns)][..., None]
        shape = (len(members), 1, len(columns), 0)
        # Whatever statistic an attack would take of outputs, it is this one.
        kept = dict.fromkeys(STATISTICS, numbers)
        answers = Answers(np.zeros(shape), np.zeros(len(columns), np.int64), trained, examples, kept)
        return Models(answers, None, rows, *design, source, name)
    labels = gate.labels(gate.numeric("labels", arrays["labels"]), values.shape[2])
    if labels.shape != (examples,):
        raise gate.refuse("labels", f"shape {labels.shape}", f"one for each example, ({examples},)")
    checked = np.stack([_outputs(source, row, name, values[row]) for row in rows])
    _warn_of_models(_each(source, name, values, members, labels), source)
    answers = Answers(checked[:, None, columns], labels[columns], trained, examples)
    return Models(answers, checked.argmax(axis=2) == labels, rows, *design, source, name)


def _members(gate: Gate, raw: NDArray, values: NDArray, name: str) -> Flags:
    members = gate.finite("members", gate.numeric("members", raw))
    if values.ndim != (2 if name == "statistic" else 3) or 0 in values.shape or members.shape != values.shape[:2]:
        found = f"{name} {values.shape}, members {members.shape}"
        single = name != "statistic" and values.shape == members.shape
        hint = "; one number for each example? two classes need two columns" if single else ""
        raise ArrayError(f"{gate.source}: found {found}; expected {EXPECTED}, none empty{hint}")
    if ((members != 0) & (members != 1)).any():
        raise gate.refuse("members", f"the value {members[(members != 0) & (members != 1)][0]:g}", CODING)
    return members == 1


def _outputs(source: str, row: int, name: str, table: NDArray) -> Floats:
    """One model's logits [N, K], or the logarithms of its posteriors."""
    gate = Gate(f"{source}: model {row}", {}, [])
    tables = {name: gate.table(name, table)}
    probable = gate.posteriors({name: table}, tables)
    return tables[name] if name == "logits" else log_posteriors(probable)


def _each(source: str, name: str, values: NDArray, members: Flags, labels: Labels) -> Iterator[Outputs]:
    """Every model's outputs by themselves, made one at a time, which bounds the memory."""
    for row, table in enumerate(values):
        numbers = table.astype(np.float64)
        logits = numbers if name == "logits" else None
        probable = numbers if logits is None else softmax(logits)
        yield Outputs(probable, members[row], labels, logits, f"{source}: model {row}")


def _design(members: Flags) -> tuple[tuple[int, ...], bool, bool]:
    """The rows in an order in which complementary pairs lie side by side, whether all models are in such pairs, and
    whether, if not, every example is in exactly half of them.

    Pairs are found by what they hold, wherever they stand; where the models are no pairs, the order stays. Examples
    that all models or no model trained on say nothing about either.
    """
    varied = members[:, members.any(axis=0) & ~members.all(axis=0)]
    as_they_are = tuple(range(len(members)))
    if varied.shape[1] == 0 or len(members) % 2:
        return as_they_are, False, False
    if (varied[::2] != varied[1::2]).all():
        return as_they_are, True, False
    waiting: dict[bytes, list[int]] = {}  # by the examples that a partner would hold
    order: list[int] = []
    for row, held in enumerate(varied):
        if found := waiting.get(held.tobytes()):
            order += [found.pop(0), row]
        else:
            waiting.setdefault((~held).tobytes(), []).append(row)
    if len(order) == len(members):
        firsts = sorted(range(0, len(order), 2), key=lambda place: order[place])
        return tuple(row for place in firsts for row in order[place : place + 2]), True, False
    return as_they_are, False, bool((varied.sum(axis=0) == len(members) // 2).all())


def _warn_of_models(models: Iterable[Outputs], source: str) -> None:
    """Warns (`MiaWarning`) once of whatever `warn_if_implausible` finds, naming the first model and in how many it is
    found; and of models that say the same of every example."""
    found: dict[str, list[str]] = {}
    said: Counter[bytes] = Counter()
    for outputs in models:
        said[_digest(outputs.posteriors)] += 1
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", MiaWarning)
            warn_if_implausible(outputs)
        for item in caught:
            message = str(item.message)
            # What differs between models stands before the last colon: their numbers and what was measured.
            found.setdefault(message.rpartition(": ")[2], []).append(message)
    for messages in found.values():
        _warn(f"{messages[0]} (so in {len(messages)} of {said.total()} models)")
    _warn_if_repeated(said, source)


def _digest(values: Floats) -> bytes:
    return hashlib.sha256(np.ascontiguousarray(values + 0.0).data).digest()  # + 0.0: no minus zero


def _warn_if_repeated(said: Counter[bytes], source: str) -> None:
    total, most = said.total(), max(said.values())
    if most > 1:
        which = f"all {total}" if most == total else f"{most} of {total}"
        _warn(f"{source}: {which} models say the same of every example: is one model saved several times?")


def _warn(message: str) -> None:
    warnings.warn(message, MiaWarning, stacklevel=3)
