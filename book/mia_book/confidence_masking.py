"""Of "Confidence masking": frames by rank, claims, the mark that clipping leaves."""

from collections.abc import Sequence

import numpy as np

from mia_book.claims import HERE
from mia_book.paper import OF_REPORT, SAME
from mia_book.sweeps import Frames, reach
from mia_core.defenses.clipping import Clipping
from mia_core.display.plots import sides
from mia_core.display.svg import figure, style
from mia_core.measures.claims import Claim
from mia_core.measures.text import number
from mia_core.studies.study import TARGET, Study
from mia_core.studies.sweeps import Sweep

LOWEST_SHARE = 1e-5


def rank_frames(sweep: Sweep, values: Sequence[float], most: int = 10) -> Frames:
    """Bars of the first target's mean posterior by rank on a logarithmic axis, for members and non-members, a frame per
    value: what a mask leaves, from the largest posterior to the `most`-th."""
    table, frames, alts = sweep.table(), [], []
    for value in values:
        outputs = sweep.outputs(value)
        ordered = np.sort(outputs.posteriors, axis=1)[:, ::-1][:, :most]
        ranks = np.arange(1, ordered.shape[1] + 1)
        fig, ax = figure(height=2.9)
        words = []
        for place, (side, rows) in enumerate(sides(outputs.members).items()):
            means = ordered[rows].mean(axis=0)
            ax.bar(ranks + (place - 0.5) * 0.4, means, 0.38, label=side, **style(place, fill=True))
            words.append(f"{side} {', '.join(f'{mean:.3g}' for mean in means[means > 0][:3])}")
        reached = reach(table, value)
        ax.set(xlabel="rank of the posterior", ylabel="mean posterior", yscale="log", ylim=(LOWEST_SHARE, 1.5))
        ax.minorticks_off()
        ax.set_xticks(ranks)
        ax.set_title(reached, loc="left")
        ax.legend(loc="upper right")
        frames.append((f"{value:g}", fig))
        left = int((ordered > 0).any(axis=0).sum())
        alts.append(f"{sweep.knob} {value:g}: {left} bars left; largest means of {'; '.join(words)}. {reached}.")
    return frames, alts


MASKING_CLAIMS: dict[str, tuple[Claim, ...]] = {
    "adversary1": (
        OF_REPORT["masking", "attack_accuracy", "none"],
        OF_REPORT["masking", "target_accuracy", "none"],
        Claim(f"Masking leaves the attack as it is, to within {SAME}.",
            HERE, "attack_accuracy", "masking", "none", "same", SAME),
        Claim(f"Clipping leaves the attack as it is, to within {SAME}.",
            HERE, "attack_accuracy", "clipping", "none", "same", SAME),
        Claim(f"Rounding to one decimal leaves the attack as it is, to within {SAME}.",
            HERE, "attack_accuracy", "rounding", "none", "same", SAME),
        Claim(f"With the class only, the attack on posteriors guesses, to within {SAME}.",
            HERE, "attack_accuracy", "label-only", 0.5, "same", SAME),
    ),
    "gap": (
        Claim("With the class only, the gap attack is exactly what it was.",
            HERE, "attack_accuracy", "label-only", "none", "same"),
        Claim("With the class only, the gap attack still beats guessing.",
            HERE, "attack_accuracy", "label-only", 0.5, "higher"),
    ),
}  # fmt: skip
"""Attack -> claims on `none` and the operations on the output."""
MARK_CLAIM = Claim("Clipping the members alone tells adversary 1 more.",
    HERE, "auc", "members", "nobody", "higher")  # fmt: skip
"""On a table whose column `defenses` says whose posteriors are clipped."""


def digits_claim(digits: int, name: str) -> Claim:
    """That rounding to this many decimals, called `name` in the table, leaves the attack as it is."""
    few = f"{digits} decimal{'s' if digits != 1 else ''}"
    return Claim(f"Rounding to {few} leaves the attack as it is, to within {SAME}.",
        HERE, "attack_accuracy", name, "none", "same", SAME)  # fmt: skip


def two_claim(two: str, three: str) -> Claim:
    """That adversary 1 reads as much from the two largest posteriors as from three.

    two, three  what the masks that keep this many are called in the table
    """
    return Claim(f"Two posteriors serve as well as three, to within {SAME}.",
        HERE, "attack_accuracy", two, three, "same", SAME)  # fmt: skip


def clipping_moves(study: Study) -> str:
    """How clipping moves the mean largest posterior of a target's members, in words, the mean over the study's seeds.

    "0.981 to 0.973, by -0.008"
    """
    seen = [study.outputs(seed, TARGET, ()) for seed in study.settings.seeds]
    inside = [out.posteriors[out.members] for out in seen]
    before, then = (
        sum(float(clip(posteriors).max(axis=1).mean()) / len(inside) for posteriors in inside)
        for clip in (np.asarray, Clipping().outputs)
    )
    return f"{number(before)} to {number(then)}, by {number(then - before, sign='+')}"
