"""The command `mia attack-models`: attacks with reference models on saved outputs."""

from typing import Annotated

import typer

from mia_core.cli.options import AsJson, Confidence, Replicates, ScoresFile, Seed, given


def attack_models(
    models: Annotated[str, typer.Option(help="Outputs of all models, an .npz file.", metavar="FILE")],
    target: Annotated[str, typer.Option(help="Row of the attacked model, from 0, or all.")] = "0",
    attack: Annotated[
        list[str] | None, typer.Option(help="One of those below (default lira); may be given several times.")
    ] = None,
    references: Annotated[
        int | None, typer.Option(help="How many of the other models are used (default: all).", min=1)
    ] = None,
    param: Annotated[
        list[str] | None,
        typer.Option(
            "--param",
            "-p",
            help="A setting of the attack, such as -p form=offline_density for lira; may be given several times.",
        ),
    ] = None,
    replicates: Replicates = None,
    confidence: Confidence = None,
    seed: Seed = None,
    scores: ScoresFile = None,
    as_json: AsJson = False,
) -> None:
    """Attack one of several saved models with the others as references: LiRA, RMIA and others.

    The .npz file holds logits or posteriors [M, N, K] of M models with labels [N], or one statistic [M, N] that is
    higher for members; and members [M, N], coded 1 = the model trained on the example. A model that trained on
    exactly the examples that the target did not, wherever it stands, is no reference. Examples that no reference
    trained on are scored and not judged; the file of --scores marks the others in judged.
    """
    from mia_core.attacks import AttackSettings
    from mia_core.audits.many_models import attack_models as run
    from mia_core.base.settings import pairs
    from mia_core.cli.shown import show

    settings = AttackSettings(**given(replicates=replicates, confidence=confidence, attack_seed=seed))
    show(run(models, attack or ["lira"], target, references, dict(pairs(param or [])), settings, scores), as_json)
