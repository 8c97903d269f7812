"""The command `mia measure`: scores that any attack has saved, judged."""

from typing import Annotated

import typer

from mia_core.cli.options import AsJson, Confidence, Replicates, Seed, given


def measure(
    scores: Annotated[
        str,
        typer.Option(
            help="A file with scores [N] (or [S, N], S sets) and members [N]: .npz, .csv or .parquet.", metavar="FILE"
        ),
    ],
    replicates: Replicates = None,
    confidence: Confidence = None,
    seed: Seed = None,
    as_json: AsJson = False,
) -> None:
    """Measure the scores that any attack has saved: AUC, TPR at low FPR, bounds on epsilon, with intervals.

    A higher score means more likely a member; members are coded 1 = member, 0 = non-member. Where the file has judged
    [N], as that of mia attack-models has, examples with a 0 there are left out.
    """
    from mia_core.attacks import AttackSettings
    from mia_core.audits.scores import measure_file
    from mia_core.cli.shown import show

    settings = AttackSettings(**given(replicates=replicates, confidence=confidence, attack_seed=seed))
    show(measure_file(scores, settings), as_json)
