"""A report of an attack as plain text: ASCII only, at most four decimals, readable in a pipe."""

from typing import Any

MEASURES = {
    "attack_accuracy": "attack accuracy",
    "balanced_accuracy": "balanced accuracy",
    "recall_members": "recall of members",
    "recall_non_members": "recall of non-members",
    "auc": "AUC",
}
WIDTH = 24
_INTERVALS = (
    "Intervals: bootstrap over examples; of a TPR, Clopper-Pearson at its threshold (the bootstrap cannot see",
    "beyond the highest scores that it has). Neither holds the spread over trainings.",
)


def as_text(report: dict[str, Any]) -> str:
    """The report of `mia_core.attack_report` in lines; characters outside ASCII are written as escapes."""
    lines = [_side(role, report[role]) for role in ("shadow", "target", "scores") if role in report]
    if "direction" in report:
        lines.append(f"{'direction':{WIDTH}}fitted on the {report['fitted_on']}, attacks the {report['attacked']}")
        lines.append(f"{'reference models':{WIDTH}}{report['reference_models']}")
        lines.append(f"{'queries per example':{WIDTH}}{report['queries_per_example']}")
    for result in report["attacks"]:
        lines += ["", *_attack(result, report)]
    lines += ["", *_INTERVALS] if report["bootstrap_replicates"] else []
    text = "\n".join(lines) + "\n"
    return text.encode("ascii", "backslashreplace").decode("ascii")


def _side(role: str, side: dict[str, Any]) -> str:
    parts = [f"{side['members']} members", f"{side['non_members']} non-members"]
    if "classes" in side:
        parts.append(f"{side['classes']} classes")
        known = side["train_accuracy"] is not None
        parts.append(
            f"accuracy {side['train_accuracy']:.4f} train, {side['test_accuracy']:.4f} test"
            if known
            else "accuracy unknown (no labels given)"
        )
    return f"{role:{WIDTH}}{side['file']}: {', '.join(parts)}"


def _attack(result: dict[str, Any], report: dict[str, Any]) -> list[str]:
    title = result["attack"]
    if result.get("classifier"):
        title += f" ({result['classifier']} classifier on the {result['k']} largest values, as {result['features']})"
    interval = f"{report['confidence'] * 100:g}% interval" if report["bootstrap_replicates"] else ""
    lines = [title, f"  {'measure':{WIDTH}}{'value':10}{interval}".rstrip()]
    for name, words in MEASURES.items():
        lines.append(_row(words, result[name], result[f"{name}_interval"], result["reasons"].get(name)))
    for point in result["tpr_at_fpr"]:
        remark = point["reason"]
        if point["tpr"] is not None:
            remark = f"realised FPR {point['realised_fpr']:.4f}, false positives {point['false_positives']}"
        words = f"TPR at FPR <= {point['level']:g}"
        lines.append(_row(words, point["tpr"], point["tpr_clopper_pearson"], remark))
    if result["remark"]:
        lines.append(f"  {result['remark']}")
    return lines


def _row(words: str, value: float | None, interval: list[float] | None, remark: str | None) -> str:
    number = "-" if value is None else f"{value:.4f}"
    bounds = "" if interval is None else f"{interval[0]:.4f} to {interval[1]:.4f}"
    return f"  {words:{WIDTH}}{number:10}{bounds:20}{remark or ''}".rstrip()
