"""The command `mia attack`: one model's saved outputs, attacked with the help of another's."""

from typing import Annotated

import typer

from mia_core.cli.options import ATTACK_HELP
from mia_core.cli.shown import show


def attack(
    shadow: Annotated[str, typer.Option(help="Outputs of the shadow model, an .npz file.", metavar="FILE")],
    target: Annotated[str, typer.Option(help="Outputs of the attacked model, an .npz file.", metavar="FILE")],
    attack: Annotated[
        list[str] | None,
        typer.Option(help=ATTACK_HELP),
    ] = None,
    k: Annotated[str | None, typer.Option(help="How many of the largest posteriors are seen (default 3).")] = None,
    features: Annotated[str | None, typer.Option(help="posteriors (default) or logs.")] = None,
    classifier: Annotated[str | None, typer.Option(help="logistic (default) or network.")] = None,
    direction: Annotated[
        str | None,
        typer.Option(help="shadow_to_target (default): fit on the shadow; target_to_shadow: the reverse."),
    ] = None,
    replicates: Annotated[str | None, typer.Option(help="Bootstrap replicates (default 1000, 0 for none).")] = None,
    confidence: Annotated[str | None, typer.Option(help="Confidence of the intervals (default 0.95).")] = None,
    seed: Annotated[str | None, typer.Option(help="Seed of the bootstrap and the network (default 0).")] = None,
    scores: Annotated[
        str | None, typer.Option(help="Write each example's score to this .csv or .npz file.", metavar="FILE")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print strict JSON instead of text.")] = False,
) -> None:
    """Attack saved outputs: fit on the shadow's, score the target's, print every measure.

    Each .npz file holds posteriors or logits [N, K] and members [N], coded 1 = member (the model trained on it) and
    0 = non-member; labels [N] are optional. Files with arr_0 and arr_1 are read as posteriors and members.
    """
    from mia_core.attacks import AttackSettings
    from mia_core.audits.one_shadow import attack_outputs
    from mia_core.audits.text import as_text

    given = {
        "attacks": attack or None,
        "k": k,
        "features": features,
        "classifier": classifier,
        "direction": direction,
        "replicates": replicates,
        "confidence": confidence,
        "attack_seed": seed,
    }
    settings = AttackSettings(**{name: value for name, value in given.items() if value is not None})
    report = attack_outputs(shadow, target, settings, scores)
    show(report, as_text(report), as_json)
