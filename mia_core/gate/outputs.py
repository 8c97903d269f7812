"""The gate for one model's outputs: checked, normalised, and looked at for what is hardly meant."""

from collections.abc import Mapping
from typing import Any

from mia_core.base.errors import ArrayError
from mia_core.gate.arrays import CODING, Gate, Outputs


def check_outputs(
    *,
    members: Any,
    posteriors: Any = None,
    logits: Any = None,
    labels: Any = None,
    source: str = "arrays",
    names: Mapping[str, str] | None = None,
    notes: tuple[str, ...] = (),
) -> Outputs:
    """Checked and normalised outputs of one model.

    members: [N] or [N, 1], boolean or 0/1 of any number type; posteriors and/or logits: [N, K], K >= 2;
    labels: [N], [N, 1] or one-hot [N, K]. Without posteriors they are the softmax of the logits. `source` stands in
    front of every message; `names` maps these four words to the names that the arrays have there.

    Raises `ArrayError` for anything else. Warns (`MiaWarning`) where the arrays are well-formed but implausible.
    """
    from mia_core.gate.suspicions import warn_if_implausible

    gate = Gate(source, names, notes)
    if posteriors is None and logits is None:
        raise ArrayError(f"{gate.source}: found no posteriors and no logits; expected one of them, [N, K]")
    raw = {"posteriors": posteriors, "logits": logits, "members": members, "labels": labels}
    given = {role: gate.numeric(role, value) for role, value in raw.items() if value is not None}
    if "members" not in given:
        raise ArrayError(f"{gate.source}: members: missing; expected [N], {CODING}")
    gate.equal_lengths(given)
    tables = {role: gate.table(role, given[role]) for role in ("posteriors", "logits") if role in given}
    probable = gate.posteriors(given, tables)
    membership = gate.members(given["members"])
    classes = probable.shape[1]
    label = gate.labels(given["labels"], classes) if "labels" in given else None
    outputs = Outputs(probable, membership, label, tables.get("logits"), gate.source, tuple(gate.notes))
    warn_if_implausible(outputs)
    return outputs
