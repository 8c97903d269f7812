"""The command `mia measure`: scores that any attack has saved, judged."""

from typing import Annotated

import typer

from mia_core.cli.shown import show


def measure(
    scores: Annotated[
        str, typer.Option(help="An .npz file with scores [N] (or [S, N], S sets) and members [N].", metavar="FILE")
    ],
    replicates: Annotated[str | None, typer.Option(help="Bootstrap replicates (default 1000, 0 for none).")] = None,
    confidence: Annotated[str | None, typer.Option(help="Confidence of the intervals (default 0.95).")] = None,
    seed: Annotated[str | None, typer.Option(help="Seed of the bootstrap (default 0).")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print strict JSON instead of text.")] = False,
) -> None:
    """Measure the scores that any attack has saved: AUC, TPR at low FPR, bounds on epsilon, with intervals.

    A higher score means more likely a member; members are coded 1 = member, 0 = non-member. Where the file has judged
    [N], as that of mia attack-models has, examples with a 0 there are left out.
    """
    from mia_core.attacks import AttackSettings
    from mia_core.audits.scores import measure_file
    from mia_core.audits.text import as_text

    given = {"replicates": replicates, "confidence": confidence, "attack_seed": seed}
    report = measure_file(scores, AttackSettings(**{name: value for name, value in given.items() if value is not None}))
    show(report, as_text(report), as_json)
