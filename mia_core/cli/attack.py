"""The command `mia attack`: one model's saved outputs, attacked with the help of another's."""

from typing import Annotated

import typer

from mia_core.cli.options import AsJson, Confidence, Replicates, ScoresFile, Seed, given


def attack(
    target: Annotated[str, typer.Option(help="Outputs of the attacked model: .npz, .csv or .parquet.", metavar="FILE")],
    shadow: Annotated[str | None, typer.Option(help="Outputs of the shadow model, likewise.", metavar="FILE")] = None,
    attack: Annotated[
        list[str] | None,
        typer.Option(help="One of those below (default adversary1), or all; may be given several times."),
    ] = None,
    k: Annotated[str | None, typer.Option(help="How many of the largest posteriors are seen (default 3).")] = None,
    features: Annotated[str | None, typer.Option(help="posteriors (default) or logs.")] = None,
    classifier: Annotated[str | None, typer.Option(help="logistic (default) or network.")] = None,
    direction: Annotated[
        str | None,
        typer.Option(help="shadow_to_target (default): fit on the shadow; target_to_shadow: the reverse."),
    ] = None,
    replicates: Replicates = None,
    confidence: Confidence = None,
    seed: Seed = None,
    scores: ScoresFile = None,
    as_json: AsJson = False,
) -> None:
    """Attack saved outputs: fit on the shadow's, score the target's, print every measure.

    Without a shadow, mia audit does what one model's outputs allow.

    Each .npz file holds posteriors or logits [N, K] and members [N], coded 1 = member (the model trained on it) and
    0 = non-member; labels [N] are optional. Files with arr_0 and arr_1 are read as posteriors and members.
    """
    from mia_core.attacks import ATTACKS, AttackSettings
    from mia_core.audits.one_shadow import attack_outputs
    from mia_core.base.errors import SettingsError
    from mia_core.base.messages import one_line
    from mia_core.cli.shown import show
    from mia_core.references import REFERENCE_ATTACKS

    if shadow is None:
        raise SettingsError(f"shadow: missing; for one model without a shadow: mia audit {one_line(target)}")
    with_references = [name for name in attack or [] if name in REFERENCE_ATTACKS and name not in ATTACKS]
    if with_references:
        raise SettingsError(
            f"attack: {with_references[0]} needs reference models: mia attack-models takes a file of several models' "
            "outputs, and mia_core.audit in Python trains them (models=16)"
        )

    options = given(attacks=attack, k=k, features=features, classifier=classifier, direction=direction)
    options |= given(replicates=replicates, confidence=confidence, attack_seed=seed)
    show(attack_outputs(shadow, target, AttackSettings(**options), scores), as_json)
