"""Of "More defenses": losses of members and others under defenses, what others measured, and claims on accuracy."""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from mia_book.claims import HERE, after, judged, on
from mia_book.wording import named
from mia_core.defenses import DEFENSES, combination
from mia_core.display.svg import figure, style
from mia_core.measures.claims import Claim, Verdict
from mia_core.measures.text import number
from mia_core.studies.reference_study import ReferenceStudy
from mia_core.studies.reference_summary import by_unit

MOST = 6.0
"""Losses above are drawn in the last bin, in nats."""


def losses(study: ReferenceStudy, name: str) -> tuple[np.ndarray, np.ndarray]:
    """-log of the true class's posterior, for all models of a combination: of their members, and of others [n]."""
    inside, outside, pool = [], [], np.isin(np.arange(len(study.dataset.labels)), study.pool) & ~study.canaries
    for model in range(study.settings.models):
        run = study.run(model, combination(name))
        logits = run.logits.astype(np.float64)
        top = logits.max(axis=1)
        loss = top + np.log(np.exp(logits - top[:, None]).sum(axis=1)) - logits[np.arange(len(logits)), run.labels]
        inside.append(loss[run.members & pool])
        outside.append(loss[~run.members & run.counted & pool])
    return np.concatenate(inside), np.concatenate(outside)


def losses_plot(study: ReferenceStudy, names: Sequence[str]) -> tuple[Figure, str]:
    """A panel for each combination: how many members and others have which loss."""
    rows = -(-len(names) // 2)
    fig, grid = figure(rows, 2, width=6.0, height=0.4 + 2.0 * rows)
    panels, words = np.atleast_1d(grid).ravel(), []
    edges = np.linspace(0, MOST, 25)
    for axes, name in zip(panels, names, strict=False):
        for side, values, series in zip(("members", "others"), losses(study, name), (1, 0), strict=True):
            look, each = style(series), np.full(len(values), 1 / len(values))
            axes.hist(np.minimum(values, MOST - 1e-9), edges, histtype="step", color=look["color"],
                      linestyle=look["linestyle"], label=side, weights=each)  # fmt: skip
            mean, median = number(values.mean(), 2), number(np.median(values), 2)
            words.append(f"{named(name)}, {side}: mean {mean}, median {median}")
        axes.set_title(named(name))
        axes.set_xlabel("loss (nats)")
    panels[0].legend(frameon=False)
    for axes in panels[len(names) :]:
        axes.set_axis_off()
    return fig, f"Losses after training. {'; '.join(words)}."


def kinds(names: Iterable[str]) -> pd.DataFrame:
    """Defenses by where they act: one row per defense with its strength and the three values that studies try."""
    rows = []
    for name in names:
        kind = DEFENSES[name]
        doses = ", ".join(f"{dose:g}" for dose in kind.doses) or "—"
        rows.append({"defense": name, "acts on": kind.stage, "strength": kind.strength or "—", "values": doses})
    return pd.DataFrame(rows)


OTHERS = (
    ("none", "94.5%", "13.4%", "100%", "Aerni et al., CCS 2024"),
    ("HAMP", "88.3%", "2.1%", "28.5%", "Aerni et al., CCS 2024"),
    ("RelaxLoss", "88.9%", "2.2%", "74.1%", "Aerni et al., CCS 2024"),
    ("SELENA", "93.1%", "6.8%", "52.7%", "Aerni et al., CCS 2024"),
    ("DFKD, a distillation without data", "92.4%", "1.3%", "72.2%", "Aerni et al., CCS 2024"),
    ("DP-SGD, medium noise", "88.3%", "0.7%", "2.7%", "Aerni et al., CCS 2024"),
    ("DP-SGD, little noise", "91.1%", "2.2%", "9.5%", "Aerni et al., CCS 2024"),
    ("DP-SGD, hardly any noise", "91.9%", "4.8%", "63.2%", "Aerni et al., CCS 2024"),
)
"""Printed results on CIFAR-10 with a WRN-16-4: test accuracy, and TPR at 0.1% FPR on ordinary canaries and on those of
the kind that is hardest to protect."""
ELSEWHERE = (
    ("adversarial training (PGD)", "CIFAR-10", "accuracy 95.0% → 87.3%, attack accuracy 57.4% → 74.9%",
     "Song, Shokri and Mittal, CCS 2019, printed in their repository"),
    ("MemGuard", "Location30", "attack accuracy 0.73 → 0.50", "Jia et al., CCS 2019, README of their repository"),
    ("distillation (DMP)", "CIFAR-100",
     "accuracy 65.3% where the attack is right about 53.7%; 33.6% with adversarial regularisation",
     "Shejwalkar and Houmansadr, AAAI 2021, abstract"),
    ("augmentation", "CIFAR-10", "an attack with augmented queries: 61.9% → 70.1%", "Yu et al., AAAI 2021, abstract"),
    ("SELENA", "three data sets", "at most 3.9 points of accuracy lost", "Tang et al., USENIX Security 2022, abstract"),
    ("pruning", "several", "attack accuracy lower by up to 13.6 points", "Wang et al., IJCAI 2021, abstract"),
    ("pruning, then training on", "several", "raises the risk", "Yuan and Zhang, USENIX Security 2022, abstract"),
)  # fmt: skip
"""What single papers report of one defense: data, result, source."""


def others_measured() -> pd.DataFrame:
    """`OTHERS` as a table."""
    columns = ["defense", "accuracy", "TPR at 0.1% FPR, ordinary", "hardest canaries", "source"]
    return pd.DataFrame(OTHERS, columns=columns)


def elsewhere() -> pd.DataFrame:
    """`ELSEWHERE` as a table."""
    return pd.DataFrame(ELSEWHERE, columns=["defense", "data", "reported", "source"])


SAME = 0.01
CLAIMS: tuple[Claim, ...] = (
    Claim("With mixup the model is more accurate on new images.",
        after("Zhang et al. 2018"), "target_accuracy", "mixup", "none", "higher"),
    Claim("With augmentation the model is more accurate on new images.",
        HERE, "target_accuracy", "augmentation", "none", "higher"),
    Claim("With weight decay the model is more accurate on new images.",
        HERE, "target_accuracy", "weight-decay", "none", "higher"),
    Claim("With batch normalisation the model is more accurate on new images.",
        HERE, "target_accuracy", "batch-norm", "none", "higher"),
    Claim("With adversarial training the model is less accurate on new images.",
        after("Song et al."), "target_accuracy", "adversarial-training", "none", "lower"),
    Claim(f"With RelaxLoss the model is as accurate on new images, to within {SAME}.",
        after("Chen et al. 2022"), "target_accuracy", "relaxloss", "none", "same", SAME),
    Claim(f"With HAMP the model is as accurate on new images, to within {SAME}.",
        after("Chen and Pattabiraman"), "target_accuracy", "hamp", "none", "same", SAME),
    Claim(f"With the convex-concave loss the model is as accurate on new images, to within {SAME}.",
        after("Liu et al."), "target_accuracy", "ccl", "none", "same", SAME),
    Claim("With an ensemble the model is more accurate on new images.",
        after("Rezaei et al."), "target_accuracy", "ensemble", "none", "higher"),
    Claim("With DP-SGD the model is less accurate on new images.",
        HERE, "target_accuracy", "dp-sgd", "none", "lower"),
)  # fmt: skip
"""On accuracy alone, which every attack's rows have; on defenses that a table lacks nothing is judged."""


def verdicts(table: pd.DataFrame) -> list[Verdict]:
    """The verdicts on `CLAIMS` by the recorded table of all defenses, after Holm's correction."""
    attack = table["attack"].iloc[0]
    last = table[(table["epochs"] == table["epochs"].max()) & (table["examples"] == "pool")]
    # Pairs of models stand in "seed", where a claim looks for its units.
    units = by_unit(last[last["attack"] == attack]).rename(columns={"unit": "seed"})
    return judged(on(attack, CLAIMS), units)
