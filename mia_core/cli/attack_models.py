"""The command `mia attack-models`: attacks with reference models on saved outputs."""

from typing import Annotated

import typer

HELP = (
    "lira (default), lira-offline, lira-own-variance, lira-hinge, t-lira, base, rmia, attack-r, attack-p, "
    "calibrated-loss, label-only, rapid and others; may be given several times."
)
PARAM_HELP = (
    "A setting of the attack, such as -p form=offline_density for lira; may be given several times. "
    "Defaults: lira form=online variance=fixed pooled=residuals centre=mean divisor=n-1; t-lira form=online; "
    "base form=online c=1.0; rmia form=online a=0.3 gamma=1.0 comparison=strict; "
    "rapid units=0,16,64 folds=3 choose_by=4000 attack_seed=0."
)


def attack_models(
    models: Annotated[str, typer.Option(help="Outputs of all models, an .npz file.", metavar="FILE")],
    target: Annotated[str, typer.Option(help="Row of the attacked model, from 0, or all.")] = "0",
    attack: Annotated[list[str] | None, typer.Option(help=HELP)] = None,
    references: Annotated[
        int | None, typer.Option(help="How many of the other models are used (default: all).", min=1)
    ] = None,
    param: Annotated[
        list[str] | None,
        typer.Option("--param", "-p", help=PARAM_HELP),
    ] = None,
    replicates: Annotated[str | None, typer.Option(help="Bootstrap replicates (default 1000, 0 for none).")] = None,
    confidence: Annotated[str | None, typer.Option(help="Confidence of the intervals (default 0.95).")] = None,
    seed: Annotated[str | None, typer.Option(help="Seed of the bootstrap (default 0).")] = None,
    scores: Annotated[
        str | None, typer.Option(help="Write each example's score to this .csv or .npz file.", metavar="FILE")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print strict JSON instead of text.")] = False,
) -> None:
    """Attack one of several saved models with the others as references: LiRA, RMIA and others.

    The .npz file holds logits or posteriors [M, N, K] of M models with labels [N], or one statistic [M, N] that is
    higher for members; and members [M, N], coded 1 = the model trained on the example. Where rows 2i and 2i + 1 are
    complementary, the target's partner is left out. Examples that no reference trained on are scored and not judged;
    the file of --scores marks the others in judged.
    """
    from mia_core.attacks import AttackSettings
    from mia_core.audits.many_models import attack_models as run
    from mia_core.audits.text import as_text
    from mia_core.base.settings import pairs
    from mia_core.cli.shown import show

    given = {"replicates": replicates, "confidence": confidence, "attack_seed": seed}
    settings = AttackSettings(**{name: value for name, value in given.items() if value is not None})
    report = run(models, attack or ["lira"], target, references, dict(pairs(param or [])), settings, scores)
    show(report, as_text(report), as_json)
