"""An audit in words: the answer first, then how sure, whom, what to doubt and what to do next."""

from collections.abc import Iterable, Mapping
from typing import Any

from mia_core.base.messages import one_line

WIDTH = 12
NEXT_WITH_LEAK = (
    "stop training earlier: on this book's recorded study no defense of the report beat the same model stopped at an "
    "epoch that costs at most one point of accuracy",
    "make the model fit its training data less closely: fewer parameters, larger leaves (min_samples_leaf), weight "
    "decay, augmentation; then audit again with the same seed",
    "if outputs can be cut down to the class alone, audit those outputs too: what the gap attack finds remains",
    "for a guarantee, not a measurement, train with differential privacy",
)
NEXT_WITHOUT_LEAK = (
    "audit with reference models before you rely on this: attacks with one model miss most of what a forest leaks",
    "audit again whenever the model is trained again or its outputs change",
)


def percent(share: float | None) -> str:
    """A share in percent, below 10% with a decimal unless that is 0; "-" for None."""
    if share is None:
        return "-"
    return f"{round(100 * share, 1 if share < 0.0995 else 0):g}%"


def by_name(report: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """One attack's part of an audit."""
    return next(result for result in report["attacks"] if result["attack"] == name)


def answer(report: Mapping[str, Any]) -> str:
    """The audit's answer in one sentence."""
    if report["void"]:
        return f"This audit is void: {report['void']}."
    count = len(report["attacks"])
    if not report["leak"]:
        return (
            f"No leak was found: the best of {count} attacks does no better than the best of {count} guesses would "
            f"(p = {p_text(report['p'])})."
        )
    return (
        f"The model leaks: the best of {count} attacks tells members from others better than the best of {count} "
        f"guesses would (p {p_sign(report['p'])})."
    )


def best(report: Mapping[str, Any]) -> str:
    """The attack with the largest advantage, with its interval."""
    wide = by_name(report, report["best_advantage"])
    return (
        f"{wide['attack']} calls {percent(wide['tpr'])} of members and {percent(wide['fpr'])} of others a member, an "
        f"advantage of {wide['advantage']:.3f} [{wide['advantage_low']:.3f}, {wide['advantage_high']:.3f}]"
    )


def found(report: Mapping[str, Any], level: int = 0) -> str:
    """The share of members found at a low FPR."""
    sharp = by_name(report, report["best_at_low_fpr"])
    point = sharp["found"][level]
    if point["tpr"] is None:
        return f"at {percent(point['level'])} FPR {point['reason']}"
    return (
        f"{percent(point['tpr'])} [{percent(point['low'])}, {percent(point['high'])}] of members at "
        f"{percent(point['level'])} FPR by {sharp['attack']}; guessing finds {percent(point['level'])}, and the "
        f"true FPR may be up to {percent(point['fpr_at_most'])}"
    )


def epsilon(report: Mapping[str, Any]) -> str:
    """The one bound on epsilon, or why there is none."""
    bound = report["epsilon"]
    if bound["at_least"] is None:
        return f"none: {bound['why_none']}"
    return (
        f"at least {bound['at_least']:.2f} ({100 * report['confidence']:g}% confidence, delta 0, if each example was "
        "in or out by a coin of its own); a measured bound, no guarantee"
    )


def p_text(p: float) -> str:
    """A p-value with at most three decimals."""
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def p_sign(p: float) -> str:
    """The same behind the letter p: "= 0.012", "< 0.001"."""
    return "< 0.001" if p < 0.001 else f"= {p:.3f}"


def next_steps(report: Mapping[str, Any]) -> tuple[str, ...]:
    """What to do next, by what was found."""
    return NEXT_WITH_LEAK if report["leak"] and not report["void"] else NEXT_WITHOUT_LEAK


def as_text(report: Mapping[str, Any], long: bool = False) -> str:
    """An audit as plain text, five lines first; `long` adds the table of attacks and all else that the page has."""
    sides = f"{report['members']:,} members, {report['non_members']:,} non-members"
    if report["train_accuracy"] is not None:
        sides += f"; accuracy {report['train_accuracy']:.3f} on members, {report['test_accuracy']:.3f} on others"
    lines = [
        _line("answer", answer(report)),
        _line("best", f"{best(report)}; {sides}"),
        _line("found", found(report)),
        _line("epsilon", epsilon(report)),
        _line("not tested", "; ".join(report["not_tested"])),
    ]
    doubts = [*report["cautions"], *report["notes"]]
    lines += [_line("note", doubt) for doubt in doubts]
    if long:
        lines += ["", *_table(report), "", *_more(report)]
    return "\n".join(lines) + "\n"


def _line(word: str, text: str) -> str:
    return f"{word:{WIDTH}}{one_line(text, 600)}"


def _table(report: Mapping[str, Any]) -> Iterable[str]:
    head = ("attack", "AUC", "advantage", "at 1% FPR", "at 0.1% FPR", "p")
    rows = [
        (
            result["attack"],
            f"{result['auc']:.3f} [{result['auc_low']:.3f}, {result['auc_high']:.3f}]",
            f"{result['advantage']:.3f} [{result['advantage_low']:.3f}, {result['advantage_high']:.3f}]",
            *(percent(point["tpr"]) for point in result["found"]),
            p_text(min(result["p_auc"], result["p_found"] or 1)),
        )
        for result in report["attacks"]
    ]
    widths = [max(len(row[i]) for row in [head, *rows]) + 2 for i in range(len(head))]
    for row in [head, *rows]:
        yield "".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
    yield f"Intervals hold for all {len(rows)} attacks at once; p by max-T over {report['permutations']} permutations."


def _more(report: Mapping[str, Any]) -> Iterable[str]:
    for name, why in report["left_out"].items():
        yield _line("left out", f"{name}: {why}")
    for one in report["blind"]:
        yield _line(
            "blind", f"{one['classifier']} classifier of the inputs alone: AUC {one['auc']:.3f}, p {p_text(one['p'])}"
        )
    for row in report["precision"]:
        bounds = f"[{percent(row['low'])}, {percent(row['high'])}]"
        yield _line("precision", f"{percent(row['precision'])} {bounds} where {percent(row['prior'])} are members")
    for kind in ("by_class", "by_group"):
        for row in report["at_risk"][kind][:10]:
            yield _line(kind.replace("_", " "), f"{row['name']}: {row['found']} of {row['members']} members found")
    rows = [str(row["row"]) for row in report["at_risk"]["most_exposed"] if row["found"]]
    if rows:
        yield _line("exposed", f"rows of the members, most exposed first: {', '.join(rows)}")
    if report["criteria"]:
        yield _line("criteria", f"(yours) {report['criteria']}")
    for step in next_steps(report):
        yield _line("next", step)
