"""A report of an attack as plain text: ASCII only, at most four decimals, readable in a pipe."""

from typing import Any

from mia_core.audits.scores import SAME, not_judged

MEASURES = {
    "attack_accuracy": "attack accuracy",
    "balanced_accuracy": "balanced accuracy",
    "advantage": "advantage (TPR - FPR)",
    "recall_members": "recall of members",
    "recall_non_members": "recall of non-members",
    "auc": "AUC",
}
WIDTH = 24
_INTERVALS = (
    "Intervals over examples: of accuracy and recalls Clopper-Pearson, of a TPR the same at its threshold; of AUC,",
    "balanced accuracy and advantage bootstrap, never narrower than the counts allow. None holds the spread over",
    "trainings.",
)
_EXACT = ("Intervals: Clopper-Pearson at the TPR's threshold. They do not hold the spread over trainings.",)


def as_text(report: dict[str, Any]) -> str:
    """The report of `mia_core.audits.one_shadow` in lines; characters outside ASCII are written as escapes."""
    lines = [_side(role, report[role]) for role in ("shadow", "target", "scores") if role in report]
    if "models" in report:
        lines.append(
            f"{'models':{WIDTH}}{report['models']['file']}: {report['models']['models']} models, "
            f"{report['models']['examples']} examples"
        )
    if "direction" in report:
        lines.append(f"{'direction':{WIDTH}}fitted on the {report['fitted_on']}, attacks the {report['attacked']}")
        lines.append(f"{'reference models':{WIDTH}}{report['reference_models']}")
        lines.append(f"{'queries per example':{WIDTH}}{report['queries_per_example']}")
    if report.get("scores", {}).get("sets", 1) > 1:
        lines += ["", *_sets(report["attacks"])]
    else:
        for result in report["attacks"]:
            lines += ["", *_attack(result, report)]
    lines += [f"{name} could not be done: {why}" for name, why in report.get("not_done", {}).items()]
    lines += ["", *(_INTERVALS if report["bootstrap_replicates"] else _EXACT)]
    text = "\n".join(lines) + "\n"
    return text.encode("ascii", "backslashreplace").decode("ascii")


def _side(role: str, side: dict[str, Any]) -> str:
    parts = [f"{side['members']} members", f"{side['non_members']} non-members"]
    if side.get("examples_not_judged"):
        parts.append(not_judged(side["examples_not_judged"], side["examples"] + side["examples_not_judged"]))
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
        seen = f"the {result['k']} largest values" if result["k"] else "all values"
        title += f" ({result['classifier']} classifier on {seen}, as {result['features']})"
    if "target" in result:
        known = result["train_accuracy"] is not None
        seen = f", accuracy {result['train_accuracy']:.4f} train, {result['test_accuracy']:.4f} test" if known else ""
        title += f" on model {result['target']}: {result['references']} references, 1 query{seen}"
    lines = [title]
    if result.get("settings"):
        chosen = [f"{name} {_value(value)}" for name, value in result["settings"].items()]
        lines.append(f"  settings: {', '.join(chosen)}")
    if result.get("examples_not_judged"):
        left_out = not_judged(result["examples_not_judged"], report["models"]["examples"])
        lines.append(f"  {left_out}: no reference trained on them")
    lines += [f"  {'measure':{WIDTH}}{'value':10}{report['confidence'] * 100:g}% interval"]
    for name, words in MEASURES.items():
        lines.append(_row(words, result[name], result[f"{name}_interval"], result["reasons"].get(name)))
    for point in result["tpr_at_fpr"]:
        remark = point["reason"]
        if point["tpr"] is not None:
            remark = f"realised FPR {point['realised_fpr']:.4f}, false positives {point['false_positives']}"
        words = f"TPR at FPR <= {point['level']:g}"
        lines.append(_row(words, point["tpr"], point["tpr_clopper_pearson"], remark))
    for point in result["tnr_at_fnr"]:
        remark = point["reason"]
        if point["tnr"] is not None:
            remark = f"realised FNR {point['fnr']:.4f}, false negatives {point['false_negatives']}"
        lines.append(_row(f"TNR at FNR <= {point['level']:g}", point["tnr"], None, remark))
    for known in result["precision"]:
        remark = "nobody is called a member" if known["precision"] is None else None
        words = f"precision, {known['prior'] * 100:g}% members"
        lines.append(_row(words, known["precision"], None, remark))
    for bound in result["epsilon"]:
        remark = bound["reason"] or f"{bound['bound']}, alpha {bound['alpha']:g}, delta {bound['delta']:g}"
        lines.append(_row("epsilon at least", bound["epsilon"], None, remark))
    if result["remark"]:
        lines.append(f"  {result['remark']}")
    return lines


def _sets(results: list[dict[str, Any]]) -> list[str]:
    """Range of each measure over sets of scores, and in how many sets each bound on epsilon is above 0."""
    lines = [f"{len(results)} sets of scores; each by itself with --json"]
    for name, words in MEASURES.items():
        values = [result[name] for result in results if result[name] is not None]
        if values:
            lines.append(f"  {words:{WIDTH}}{min(values):.4f} to {max(values):.4f}")
    for row, bound in enumerate(results[0]["epsilon"]):
        above = sum((result["epsilon"][row]["epsilon"] or 0) > 0 for result in results)
        lines.append(
            f"  {'epsilon above 0':{WIDTH}}{above} of {len(results)} sets: {bound['bound']}, alpha {bound['alpha']:g}"
        )
    same = sum(result["remark"] is not None for result in results)
    if same:
        lines.append(f"  in {same} of {len(results)} sets {SAME}")
    return lines


def _value(value: Any) -> str:
    return "/".join(map(str, value)) if isinstance(value, list) else str(value)


def _row(words: str, value: float | None, interval: list[float] | None, remark: str | None) -> str:
    number = "-" if value is None else f"{value:.4f}"
    bounds = "" if interval is None else f"{interval[0]:.4f} to {interval[1]:.4f}"
    return f"  {words:{WIDTH}}{number:10}{bounds:20}{remark or ''}".rstrip()
