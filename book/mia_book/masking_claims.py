"""What the chapter on masking asks beyond the report: the third posterior, and the mark that clipping leaves."""

from mia_core.defenses.clipping import Clipping
from mia_core.measures.claims import Claim
from mia_core.measures.text import number
from mia_core.studies.paper import SAME
from mia_core.studies.study import TARGET, Study


def two_claim(two: str, three: str) -> Claim:
    """That adversary 1 reads as much from the two largest posteriors as from three.

    two, three  what the masks that keep so many are called in the table
    """
    return Claim(
        f"Two posteriors serve as well as three, to within {SAME}.",
        "this chapter", "attack_accuracy", two, three, "same", SAME,
    )  # fmt: skip


def clipping_moves(study: Study) -> str:
    """How clipping moves the mean largest posterior of a target's members, in words, the mean over the study's seeds.

    "0.981 to 0.973, by -0.008"
    """
    seeds, before, after = study.settings.seeds, 0.0, 0.0
    for seed in seeds:
        seen = study.outputs(seed, TARGET, ())
        posteriors = seen.posteriors[seen.members]
        before += float(posteriors.max(axis=1).mean()) / len(seeds)
        after += float(Clipping().outputs(posteriors).max(axis=1).mean()) / len(seeds)
    return f"{number(before)} to {number(after)}, by {number(after - before, sign='+')}"
