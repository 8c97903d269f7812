"""The audit of one's own model, from Python: ask it, attack it, and write the page for whoever must decide."""

import json
import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from inspect import isroutine
from pathlib import Path
from typing import Any

import numpy as np

from mia_core.attacks.contract import Flags, Floats
from mia_core.audits.one_model.ask import askable, coded, join, rows_of, take
from mia_core.audits.one_model.audit import AuditSettings, audit_outputs
from mia_core.audits.one_model.clones import Train, reference_scores, train_references
from mia_core.audits.one_model.validity import numbers
from mia_core.audits.one_model.words import as_text
from mia_core.base.errors import ArrayError, SettingsError
from mia_core.base.files import absolute, write_atomically
from mia_core.base.messages import one_line
from mia_core.gate.outputs import check_outputs


@dataclass(frozen=True, eq=False)
class AuditReport:
    """An audit: print it for five lines, or write it as a page.

    numbers  all that was found, plain values as in `to_json` (see `mia_core.audits.one_model.audit.audit_outputs`)
    scores   by attack, float64 [N], higher = more likely a member; members: bool [N]
    """

    numbers: dict[str, Any]
    scores: dict[str, Floats] = field(repr=False)
    members: Flags = field(repr=False)

    def __str__(self) -> str:
        return as_text(self.numbers).rstrip("\n")

    def text(self, long: bool = False) -> str:
        """The audit as text; `long` adds the table of attacks and all else."""
        return as_text(self.numbers, long)

    def to_json(self, path: str | os.PathLike[str]) -> Path:
        """Write all numbers as strict JSON; returns the file's path."""
        text = json.dumps(self.numbers, indent=2, allow_nan=False) + "\n"
        write_atomically(path := absolute(path), lambda file: file.write(text.encode()))
        return path

    def to_html(self, path: str | os.PathLike[str]) -> Path:
        """Write the audit as one page that needs nothing else; returns the file's path."""
        from mia_core.report.audit.page import as_page

        page = as_page(self)
        write_atomically(path := absolute(path), lambda file: file.write(page.encode()))
        return path

    def to_pdf(self, path: str | os.PathLike[str]) -> Path:
        """Print that page; needs Chromium or Chrome. Raises `BookError` without one."""
        from mia_core.base.files import file_to_write
        from mia_core.report.audit.page import as_page
        from mia_core.report.pdf import find_chromium, print_page

        return print_page(as_page(self), file_to_write(path, "pdf", ".pdf"), find_chromium())

    def to_scores(self, path: str | os.PathLike[str]) -> Path:
        """Write each example's scores as .csv or .npz, ranked by the attack that finds most; `mia measure` reads it."""
        from mia_core.audits.one_shadow import Attacked, check_scores_path, write_scores

        check_scores_path(path)
        first = self.numbers["best_at_low_fpr"]  # by which the examples are ranked
        scores = {first: self.scores[first]} | self.scores
        write_scores(path, Attacked(self.numbers, scores, self.members))
        return absolute(path)


def audit(
    model: Any,
    inputs: Any = None,
    labels: Any = None,
    *,
    members: tuple[Any, Any] | None = None,
    non_members: tuple[Any, Any] | None = None,
    train: Train | None = None,
    models: int = 0,
    group: Any = None,
    criteria: str | None = None,
    keep: str | os.PathLike[str] | None = None,
    jobs: int | None = None,
    floor: float | None = None,
    name: str | None = None,
    **settings: Any,
) -> AuditReport:
    """Does this model tell who was in its training data?

    model        a function from a batch of inputs to probabilities or logits, a fitted scikit-learn classifier, or a
                 torch module; with `inputs` and `labels`, a scikit-learn estimator that is trained here
    members      (inputs, labels) of the training data; non_members: of data that it never saw, drawn alike
    inputs, labels  instead of these two: data of which a random half trains a clone of the estimator `model`
    models       number of reference models to train, an even one, by `train`: a function from inputs, labels and a
                 seed to a model. A scikit-learn estimator needs no `train`, it is cloned
    group        of the members and then the non-members, such as each one's hospital: the share at risk is told by it
    criteria     what you will decide by, in your words; the page repeats it and judges nothing
    keep         folder for what reference models said, so that an interrupted audit goes on
    floor        probabilities below it are taken for it; None: 1 / (4 x trees) for forests, else 0
    settings     of `mia_core.audits.one_model.audit.AuditSettings`: confidence, permutations, seed

    Raises `MiaError`, one line, for data or a model that cannot be audited.
    """
    chosen = AuditSettings(**settings)
    if (inputs is None) == (members is None) or (members is None) != (non_members is None):
        raise SettingsError(
            "audit: expected members and non_members, or inputs and labels to divide; found neither or both"
        )
    if members is None:
        model, train, inputs, labels, inside = _trained(model, train, inputs, labels, chosen.seed)
    else:
        sides = [_side(side, what) for side, what in ((members, "members"), (non_members, "non_members"))]
        inputs, labels = join(sides[0][0], sides[1][0]), _join_labels(sides[0][1], sides[1][1])
        inside = np.arange(len(labels)) < rows_of(sides[0][0], "members")
    if models and train is None:
        train = _cloning(model)
    asked = askable(model, floor)
    said = asked.answer(inputs, "rows")
    label = coded(labels, asked.classes, said.values.shape[1], "labels")
    owner = getattr(model, "__self__", model)
    source = name or ("a model" if isroutine(owner) else type(owner).__name__)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what the gate finds odd is told by the audit's own notes
        outputs = check_outputs(
            members=inside, labels=label, source=source, notes=said.notes,
            **({"logits": said.values} if said.posteriors is None else {"posteriors": said.posteriors}),
        )  # fmt: skip
    reference = None
    if models:
        values, halves = train_references(
            train, inputs, labels, models,
            seed=chosen.seed, jobs=jobs, keep=keep, floor=floor, classes=asked.classes, columns=said.values.shape[1],
        )  # fmt: skip
        reference = reference_scores(said.values, inside, values, halves, label)
    try:
        features = numbers(inputs, label, said.values.shape[1], chosen.seed)
    except (ValueError, TypeError):
        features = None
    report, scores = audit_outputs(
        outputs, chosen,
        features=features, values=said.values, reference=reference, references=models,
        group=None if group is None else np.asarray(group), class_names=asked.classes,
        keeps_rows=asked.keeps_rows, criteria=criteria,
    )  # fmt: skip
    return AuditReport(report, scores, inside)


def audit_file(path: str | os.PathLike[str], criteria: str | None = None, **settings: Any) -> AuditReport:
    """The audit of saved outputs (see `mia_core.gate.files.read_outputs`); what `mia audit` writes."""
    from mia_core.gate.files import read_outputs

    outputs = replace(read_outputs(path), source=one_line(Path(path).name))  # a page that is handed on tells no path
    report, scores = audit_outputs(outputs, AuditSettings(**settings), criteria=criteria)
    return AuditReport(report, scores, outputs.members)


def write_audit(report: AuditReport, out: str | os.PathLike[str]) -> Path:
    """Write an audit as what the name of the file ends in: .html, .pdf or .json. Raises `SettingsError` for others."""
    writers = {".html": report.to_html, ".pdf": report.to_pdf, ".json": report.to_json}
    ending = Path(out).suffix.lower()
    if ending not in writers:
        raise SettingsError(f"out: expected a name that ends in {', '.join(writers)}; found {one_line(os.fspath(out))}")
    return writers[ending](out)


def _side(side: Any, what: str) -> tuple[Any, Any]:
    if not isinstance(side, tuple | list) or len(side) != 2 or side[1] is None:
        raise ArrayError(f"{what}: expected (inputs, labels)")
    if (rows := rows_of(side[0], what)) != (found := rows_of(side[1], what)):
        raise ArrayError(f"{what}: found {rows} inputs and {found} labels; expected as many")
    return side[0], side[1]


def _join_labels(first: Any, second: Any) -> np.ndarray:
    parts = [
        np.asarray(getattr(part, "to_numpy", lambda part=part: part)()).reshape(len(part), -1)[:, 0]
        for part in (first, second)
    ]
    if (parts[0].dtype.kind in "US" or parts[0].dtype.kind == "O") != (
        parts[1].dtype.kind in "US" or parts[1].dtype.kind == "O"
    ):
        raise ArrayError("members and non_members: labels of two kinds; expected the same names or numbers in both")
    return np.concatenate(parts)


def _trained(
    estimator: Any, train: Train | None, inputs: Any, labels: Any, seed: int
) -> tuple[Any, Train, Any, Any, Flags]:
    """A model trained on a random half, and which half that was."""
    train = train or _cloning(estimator)
    inputs, labels = _side((inputs, labels), "inputs")
    labels = np.asarray(getattr(labels, "to_numpy", lambda: labels)())
    inside = np.zeros(len(labels), dtype=bool)
    inside[np.random.default_rng([seed, 1]).permutation(len(labels))[: len(labels) // 2]] = True
    rows = np.flatnonzero(inside)
    return train(take(inputs, rows), labels[rows], seed), train, inputs, labels, inside


def _cloning(model: Any) -> Callable[[Any, Any, int], Any]:
    """Training by a clone of a scikit-learn estimator. Raises `SettingsError` for anything else."""
    estimator = getattr(model, "__self__", model)
    if not (hasattr(estimator, "fit") and hasattr(estimator, "get_params")):
        raise SettingsError(
            "train: missing; expected a function from inputs, labels and a seed to a trained model, since this model "
            "is no scikit-learn estimator that can be cloned"
        )

    def train(inputs: Any, labels: Any, seed: int) -> Any:
        from sklearn.base import clone

        made = clone(estimator)
        seeds = {key: seed for key in made.get_params() if key.rpartition("__")[2] == "random_state"}
        return made.set_params(**seeds).fit(inputs, labels)

    return train
