"""An audit as one page for the person who must decide: it needs nothing else, prints, and follows light and dark."""

import html
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from mia_core.audits.one_model.words import answer, best, by_name, epsilon, found, next_steps, p_text, percent
from mia_core.base.messages import one_line
from mia_core.display.plots import roc_over_seeds
from mia_core.display.svg import themed_svg
from mia_core.measures.intervals import clopper_pearson
from mia_core.measures.metrics import most_false_positives
from mia_core.report.standalone import standalone

if TYPE_CHECKING:
    from mia_core.report.audit import AuditReport

CURVES = 4
"""Attacks whose ROC is drawn: more lines cannot be told apart."""
MOST_ROWS = 40
"""Classes or groups that are listed; the JSON has all."""


def as_page(report: "AuditReport") -> str:
    """The audit as a whole HTML page."""
    numbers = report.numbers
    body = "\n".join(
        [
            f"<p><strong>{_text(answer(numbers))}</strong></p>",
            *_answer(numbers),
            "<h2>How sure is this?</h2>",
            *_how_sure(report),
            "<h2>Who is at risk?</h2>",
            *_who(numbers),
            "<h2>What was not tried</h2>",
            _list(numbers["not_tested"] + [f"{name}: {why}" for name, why in numbers["left_out"].items()]),
            "<p>What was found is a lower bound on what can be found. It is no certificate.</p>",
            "<h2>What to do next</h2>",
            _list(next_steps(numbers)),
            "<h2>To publish with the model</h2>",
            f"<pre>{_text(model_card(numbers))}</pre>",
            _made(numbers),
        ]
    )
    title = f"Membership inference audit of {one_line(numbers['model'], 60)}"
    return standalone(title, body)


def model_card(numbers: Mapping[str, Any]) -> str:
    """The audit's measures in the form of a model card's `model-index` (YAML)."""
    sharp, wide = by_name(numbers, numbers["best_at_low_fpr"]), by_name(numbers, numbers["best_advantage"])
    lines = [
        "model-index:",
        f"  - name: {_yaml(numbers['model'])}",
        "    results:",
        "      - task: {type: membership-inference-audit}",
        f"        dataset: {{members: {numbers['members']}, non_members: {numbers['non_members']}}}",
        "        metrics:",
    ]
    measured = [("mia-advantage", wide["attack"], wide["advantage"], wide["advantage_low"], wide["advantage_high"])]
    measured += [
        (f"mia-tpr-at-fpr-{point['level']:g}", sharp["attack"], point["tpr"], point["low"], point["high"])
        for point in sharp["found"]
        if point["tpr"] is not None
    ]
    for kind, attack, value, low, high in measured:
        interval = f"[{low:.4f}, {high:.4f}]"
        lines.append(f"          - {{type: {kind}, value: {value:.4f}, interval: {interval}, attack: {attack}}}")
    lines.append(f"          - {{type: mia-reference-models, value: {numbers['reference_models']}}}")
    return "\n".join(lines)


def _answer(numbers: Mapping[str, Any]) -> Iterable[str]:
    if numbers["criteria"]:
        yield f"<p>Your criteria, as given: {_text(numbers['criteria'])} This page repeats them and judges nothing.</p>"
    rows = [
        ("Largest advantage", best(numbers)),
        ("Members found at 1% FPR", found(numbers)),
        ("Members found at 0.1% FPR", found(numbers, 1)),
        ("Bound on epsilon", epsilon(numbers)),
        ("An attacker needs", _access(numbers)),
    ]
    if numbers["train_accuracy"] is not None:
        words = f"{numbers['train_accuracy']:.3f} on {numbers['members']:,} members, "
        words += f"{numbers['test_accuracy']:.3f} on {numbers['non_members']:,} non-members"
        rows.append(("Accuracy of the model", words))
    yield "<dl>" + "".join(f"<dt>{name}</dt><dd>{_text(words)}</dd>" for name, words in rows) + "</dl>"
    doubts = numbers["cautions"] + numbers["notes"]
    if doubts:
        yield "<h2>Before you believe it</h2>" + _list(doubts)


def _access(numbers: Mapping[str, Any]) -> str:
    words = "to ask the model about an example once, to see its probabilities, and to know the example and its label"
    if numbers["reference_models"]:
        words += f"; for lira and base also data like yours and the means to train {numbers['reference_models']} models"
    return words


def _how_sure(report: "AuditReport") -> Iterable[str]:
    numbers = report.numbers
    confidence = f"{100 * numbers['confidence']:g}%"
    yield (
        f"<p>Each interval holds for all {len(numbers['attacks'])} attacks at once with {confidence} confidence. "
        "p is the chance that the best of these attacks would do as well if membership had nothing to do with the "
        f"outputs (max-T over {numbers['permutations']} permutations). Every attack was fitted on other examples than "
        "those it was counted on. Another training of the same model may leak more or less; that is not in the "
        "intervals.</p>"
        f"<p>With {numbers['non_members']:,} non-members a threshold that accuses 1% of them may in truth accuse "
        f"{percent(_fpr_at_most(0.01, numbers))}, and one that accuses 0.1% of them "
        f"{percent(_fpr_at_most(0.001, numbers))} (with 95% confidence). For at most twice the nominal rate, 523 "
        "non-members are needed at 1%, 5,254 at 0.1% and 52,563 at 0.01%.</p>"
    )
    rows = [
        (
            result["attack"],
            _with(result["auc"], result["auc_low"], result["auc_high"]),
            _with(result["advantage"], result["advantage_low"], result["advantage_high"]),
            *(percent(point["tpr"]) for point in result["found"]),
            p_text(min(result["p_auc"], result["p_found"] or 1)),
        )
        for result in numbers["attacks"]
    ]
    yield _table(("attack", "AUC", "advantage", "found at 1% FPR", "at 0.1% FPR", "p"), rows)
    names = list(dict.fromkeys([numbers["best_at_low_fpr"], numbers["best_advantage"], "loss", "gap"]))
    shown = [name for name in names if name in report.scores][:CURVES]
    fig, alt = roc_over_seeds({name: [(report.scores[name], report.members)] for name in shown})
    caption = "ROC curves on logarithmic axes. The left end shows who is found when few are accused wrongly."
    drawing = themed_svg(fig, name="roc", alt=alt)
    yield f"<figure>{drawing}<figcaption>{caption}</figcaption></figure>"
    if any(row["precision"] is not None for row in numbers["precision"]):
        rows = [
            (percent(row["prior"]), f"{percent(row['precision'])} [{percent(row['low'])}, {percent(row['high'])}]")
            for row in numbers["precision"]
        ]
        yield "<p>How often an accusation at 1% FPR is right depends on how many of those asked about are members:</p>"
        yield _table(("share of members", "accusations that are right"), rows)
    elif numbers["precision"]:
        yield "<p>Nobody is called a member at 1% FPR, so there is no accusation to be right or wrong.</p>"
    if numbers["blind"]:
        told = "; ".join(
            f"{one['classifier']}: AUC {one['auc']:.3f}, {percent(one['tpr'])} at 1% FPR, p {p_text(one['p'])}"
            for one in numbers["blind"]
        )
        same = numbers["duplicates"]
        yield (
            f"<p>Blind baselines, which see the inputs but not the model, must find nothing: {_text(told)}. Members "
            f"that are also among the non-members: {same['same']} exactly, about {same['near']} nearly.</p>"
        )


def _fpr_at_most(level: float, numbers: Mapping[str, Any]) -> float:
    """The upper 95% limit of the true FPR at a threshold that accuses at most `level` of the non-members at hand."""
    outside = numbers["non_members"]
    return clopper_pearson(most_false_positives(outside, level) or 0, outside, 0.9)[1]


def _who(numbers: Mapping[str, Any]) -> Iterable[str]:
    risk = numbers["at_risk"]
    for kind, word in (("by_group", "group"), ("by_class", "class")):
        rows = [
            (row["name"], f"{row['found']} of {row['members']}", f"[{percent(row['low'])}, {percent(row['high'])}]")
            for row in risk[kind][:MOST_ROWS]
        ]
        if rows:
            yield _table((word, "members found at 1% FPR", f"{100 * numbers['confidence']:g}% interval"), rows)
            if len(risk[kind]) > MOST_ROWS:
                yield f'<p class="note">The first {MOST_ROWS} of {len(risk[kind])}.</p>'
    listed = [str(row["row"]) for row in risk["most_exposed"] if row["found"]]
    told = ", ".join(listed) if listed else "none is found at 1% FPR"
    yield f"<p>Most exposed members, by their row among the members, from 0: {told}. Their data are not shown.</p>"
    yield "<p>Is one row one person? Where a person has several rows, the person's risk is larger than a row's.</p>"


def _made(numbers: Mapping[str, Any]) -> str:
    try:
        made = f"mia {version('mia-core')}"
    except PackageNotFoundError:
        made = "mia"
    today, known = date.today().isoformat(), numbers["fingerprint"]
    return f'<p class="note">Made by {made} on {today}, seed {numbers["seed"]}; fingerprint of the outputs {known}.</p>'


def _with(value: float, low: float, high: float) -> str:
    return f"{value:.3f} [{low:.3f}, {high:.3f}]"


def _list(items: Iterable[str]) -> str:
    return "<ul>" + "".join(f"<li>{_text(item)}</li>" for item in items) + "</ul>"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    top = "".join(f'<th scope="col">{_text(cell)}</th>' for cell in head)
    body = "".join(
        f'<tr><th scope="row">{_text(row[0])}</th>'
        + "".join(
            f'<td data-column="{_text(name)}">{_text(cell)}</td>' for name, cell in zip(head[1:], row[1:], strict=True)
        )
        + "</tr>"
        for row in rows
    )
    return f'<div class="scroll"><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'


def _yaml(text: str) -> str:
    return "'" + one_line(text).replace("'", "''") + "'"


def _text(text: str) -> str:
    return html.escape(one_line(text, 2000) if "\n" not in text else text, quote=True)
