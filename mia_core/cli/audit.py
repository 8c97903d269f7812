"""The command `mia audit`: one model's saved outputs, audited without a shadow, as five lines or a page."""

from typing import Annotated

import typer

from mia_core.cli.options import AsJson, Confidence, ScoresFile, Seed, given


def audit(
    outputs: Annotated[
        str, typer.Argument(help="The model's outputs: an .npz, .csv or .parquet file.", metavar="FILE")
    ],
    out: Annotated[
        str | None, typer.Option(help="Write the audit to this .html, .pdf or .json file.", metavar="FILE")
    ] = None,
    criteria: Annotated[
        str | None, typer.Option(help="What you will decide by, in your words; the page repeats it.")
    ] = None,
    long: Annotated[bool, typer.Option("--long", help="Print the table of attacks and all else.")] = False,
    permutations: Annotated[str | None, typer.Option(help="Permutations of membership (default 999).")] = None,
    confidence: Confidence = None,
    seed: Seed = None,
    scores: ScoresFile = None,
    as_json: AsJson = False,
) -> None:
    """Audit one model: does it tell who was in its training data? No shadow model is needed.

    The file holds posteriors or logits [N, K], members [N], coded 1 = member and 0 = non-member, and labels [N]. In a
    .csv or .parquet file the columns are member, label and, for each class, p_0, p_1, ... or logit_0, logit_1, ...

    From Python, mia_core.audit asks the model itself and can train reference models, which find far more.
    """
    import json

    from mia_core.base.stderr import write
    from mia_core.report.audit import audit_file, write_audit

    chosen = given(permutations=permutations, confidence=confidence, seed=seed)
    report = audit_file(outputs, criteria=criteria, **chosen)
    if scores is not None:
        report.to_scores(scores)
    if out is not None:
        write_audit(report, out)
    write(json.dumps(report.numbers, indent=2, allow_nan=False) + "\n" if as_json else report.text(long))
