"""Of "Weaker and stronger adversaries": what attackers who know more or less reach on the same targets."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pandas as pd

from mia_book.claims import HERE, after, judged, on, side_by_side
from mia_book.wording import mean_in_words
from mia_core.attacks.adversary3 import Adversary3
from mia_core.data.load import DataSettings
from mia_core.defenses import Combination, describe
from mia_core.measures.claims import Claim, Verdict, corrected
from mia_core.measures.counts import errors
from mia_core.measures.metrics import level_column, measure
from mia_core.measures.text import Measured, heading
from mia_core.studies.augmented import Copies, label_only_table, random_posteriors
from mia_core.studies.settings import StudySettings
from mia_core.studies.shadows import table_with_shadows, train_shadows
from mia_core.studies.study import TARGET, Study, outputs_of
from mia_core.studies.transfer import Transfer

DEFENSES = ("none", "dropout", "smoothing", "masking")
"""The undefended target and the report's three defenses, each alone."""
SHADOWS = 3
"""How many shadows the attacker with several has: each costs a training per seed."""
RANDOM_INPUTS, PERCENT = 1000, 10.0
"""What Salem et al. ask adversary 3 to do: this many pictures of random pixels, of which at most this many percent may
lie above the threshold."""
MEASURES = ("auc", "balanced_accuracy", "recall_members", "recall_non_members", level_column(0.01))
FPR = "false_positive_rate"
NOISES = {"noise as before": 0.05, "twice the noise": 0.1, "four times the noise": 0.2}
"""Of the label-only attack's copies: what `by_copies` calls it -> standard deviation, as a share of the pixel range."""
SCAN = 8
"""Side in pixels of scikit-learn's digits before they are enlarged."""
GAP, LABELS, NO_SHADOW = "gap attack", "label-only", "adversary 3"
OTHER_BOTH, OTHER_NETWORK, UNKNOWN = "adversary 2", "other architecture", "defense unknown"
ALIKE, LOSS, MODIFIED = "adversary 1", "loss", "modified entropy"
ONE, SEVERAL = "1 shadow, by class", f"{SHADOWS} shadows, by class"
PLAIN, CUT_BY_SHADOW = "entropy by class", "adversary 3, threshold from a shadow"


ATTACKERS: dict[str, tuple[str, bool, str, str]] = {
    GAP: ("class", True, "none", "Yeom et al. 2018"),
    LABELS: ("class, of altered copies too", True, "alike, for the threshold", "Choquette-Choo et al. 2021"),
    NO_SHADOW: ("posterior, of random pixels too", False, "none", "Salem et al. 2019"),
    OTHER_BOTH: ("posterior", False, "other data and architecture, no defense", "Salem et al. 2019"),
    OTHER_NETWORK: ("posterior", False, "other architecture, no defense", "Salem et al. 2019"),
    UNKNOWN: ("posterior", False, "alike, but no defense", "this chapter"),
    ALIKE: ("posterior", False, "alike", "Salem et al. 2019"),
    LOSS: ("posterior", True, "alike, for the threshold", "Yeom et al. 2018"),
    PLAIN: ("posterior", True, "alike, for thresholds by class", "Song and Mittal 2021"),
    MODIFIED: ("posterior", True, "alike, for thresholds by class", "Song and Mittal 2021"),
    ONE: ("posterior", True, "alike", "Shokri et al. 2017"),
    SEVERAL: ("posterior", True, f"{SHADOWS} alike", "Shokri et al. 2017"),
}
"""Attacker -> what the target shows, whether they know the true label, which shadow they train, source. In the order of
figures and tables: by what the target shows, then by the shadow, then by label and number."""
STEPS = {
    GAP: "a label:\ngap attack",
    NO_SHADOW: "a posterior:\nadversary 3",
    ALIKE: "and a shadow:\nadversary 1",
    MODIFIED: "and the true label:\nmodified entropy",
    SEVERAL: f"and {SHADOWS} shadows:\nby class",
}
"""The attackers of the chapter's line of thought -> what each has, on an axis."""
OF_STUDY = {
    "gap": GAP,
    "adversary1": ALIKE,
    "loss": LOSS,
    "modified-entropy-per-class": MODIFIED,
    "shokri": ONE,
    "entropy-per-class": PLAIN,
    "confidence": CUT_BY_SHADOW,
}
"""Attacks that a study evaluates by itself, and who makes them. The last one is there for comparison only."""


def shared_study(defenses: Sequence[str] = DEFENSES, **own: Any) -> Study:
    """The trained study whose targets all attackers of the chapter attack.

    defenses  combinations, "none" among them; own: further settings of
              `mia_core.studies.settings.StudySettings`, such as dataset, seeds and epochs
    Other chapters train the same models, so nothing is trained twice. Raises what a study raises.
    """
    settings = StudySettings(**own, defenses=defenses, attacks=tuple(OF_STUDY), replicates=0)
    return Study(settings).train()


def by_attacker(study: Study, shadows: int = SHADOWS, copies: Copies | None = None) -> pd.DataFrame:
    """All attackers on all targets of a trained study: defenses, seed, attack, members, non_members, `MEASURES`
    and `FPR`.

    shadows  of `SEVERAL`, who attack the undefended targets only
    copies   what the label-only attacker asks about
    Trains, where the store lacks them, the shadows of `other_network` and of `other_both`, and the further ones. The
    attackers stand in the order of `ATTACKERS`. Raises what studies raise.
    """
    undefended = Study(study.settings.replace(defenses=["none"], attacks=["shokri"]), study.store, study.dataset)
    parts = [
        study.table().replace({"attack": OF_STUDY}),
        label_only_table(study, copies).assign(attack=LABELS),
        pd.DataFrame(_without_shadow(study)),
        _transferred(study, other_both(study.settings)).assign(attack=OTHER_BOTH),
        _transferred(study, other_network(study.settings)).assign(attack=OTHER_NETWORK),
        _transferred(study, study.settings).assign(attack=UNKNOWN),
        table_with_shadows(train_shadows(undefended, shadows), shadows).assign(attack=SEVERAL),
    ]
    columns = ["defenses", "seed", "attack", "members", "non_members", *MEASURES]
    table = pd.concat([part[columns] for part in parts], ignore_index=True)
    table[FPR] = 1 - table["recall_non_members"]
    order = [*ATTACKERS, CUT_BY_SHADOW]
    return table.sort_values("attack", key=lambda names: names.map(order.index), kind="stable", ignore_index=True)


def other_network(settings: StudySettings) -> StudySettings:
    """The settings of a target with the other of the two architectures; of a table, which the CNN cannot take, with
    half the hidden units."""
    if settings.is_table:
        return settings.replace(hidden_units=max(1, settings.hidden_units // 2))
    return settings.replace(network="cnn" if settings.network == "mlp" else "mlp")


def other_both(settings: StudySettings) -> StudySettings:
    """The settings of a target with the other architecture and other data, none of which need a download.

    Digits for a target on anything else. For a target on digits there is no second data set of pictures that comes
    with the packages, so these are digits again, but other scans, with half the noise, and at their own size if the
    network can take it: data of another quality, with the same classes. Since the split depends on the seed alone,
    scans of the target's examples are never among them.
    """
    changed, usual = other_network(settings), DataSettings()
    if settings.dataset != "digits":
        network = "cnn" if settings.is_table else changed.network
        return changed.replace(network=network, dataset="digits", noise=usual.noise, size=None, part=None)
    return changed.replace(noise=settings.noise / 2 or usual.noise, size=SCAN if changed.network == "mlp" else None)


def data_in_words(settings: StudySettings) -> str:
    """What the data of `other_both` are, for a sentence."""
    found = other_both(settings)
    what = f"digits with noise of {found.noise:g} of the pixel range"
    return what if found.size is None else f"{what}, {found.size} by {found.size} pixels, from other scans"


def named(table: pd.DataFrame, defended: bool = False) -> pd.DataFrame:
    """The rows of the attackers that a figure shows.

    defended  whether the targets are defended: a shadow that lacks the defense then differs from one that has it,
              several shadows were not trained for them, and plain entropy is there for a claim on undefended ones
    """
    left_out = {CUT_BY_SHADOW} | ({SEVERAL, PLAIN} if defended else {UNKNOWN})
    return table[~table["attack"].isin(left_out)]


def reached(table: pd.DataFrame, attacker: str, defenses: str = "none", name: str = "balanced_accuracy") -> str:
    """What an attacker reaches by one measure, as "0.812 [0.803, 0.821]": the mean over seeds and its interval."""
    rows = table[(table["attack"] == attacker) & (table["defenses"] == defenses)]
    return mean_in_words(rows[name], errors=errors(rows, name))


def steps(table: pd.DataFrame) -> pd.DataFrame:
    """`two_measures` of `STEPS` on the undefended targets of `by_attacker`, under the names of the steps."""
    chosen = side_by_side(table[table["attack"].isin(list(STEPS))])
    return two_measures(chosen.replace({"defenses": STEPS}))


def two_measures(units: pd.DataFrame) -> pd.DataFrame:
    """AUC and balanced accuracy of `side_by_side` below each other: attacker, measure, value, seed.

    AUC is over all thresholds, balanced accuracy at the attacker's own: where they part, a threshold was missed.
    """
    words = {"auc": "AUC, any threshold", "balanced_accuracy": "balanced accuracy, own threshold"}
    parts = [
        units[["defenses", "seed"]].rename(columns={"defenses": "attacker"}).assign(measure=word, value=units[name])
        for name, word in words.items()
    ]
    return pd.concat(parts, ignore_index=True)


def strongest(table: pd.DataFrame, measured: str = "balanced_accuracy") -> pd.DataFrame:
    """Every target under the attacker who is strongest against it by the mean over seeds; one row per seed.

    Among those who attack every kind of target. Their name stands in `named`, and "attack" is "strongest". The largest
    of many means is a little too large by chance.
    """
    means = named(table, defended=True).groupby(["defenses", "attack"], sort=False)[measured].mean()
    best = {name for _, name in means.groupby(level="defenses", sort=False).idxmax().items()}
    rows = [name in best for name in zip(table["defenses"], table["attack"], strict=True)]
    return table[rows].assign(named=table["attack"], attack="strongest").reset_index(drop=True)


def strongest_in_words(table: pd.DataFrame) -> str:
    """Whom of `strongest` which targets meet: "adversary 1 on none, dropout; loss on smoothing"."""
    against = strongest(table).drop_duplicates("defenses").groupby("named", sort=False)["defenses"]
    return "; ".join(f"{name} on {targets}" for name, targets in against.agg(", ".join).items())


def by_percent(
    study: Study, percents: Sequence[float] = (1, 5, 10, 25, 50), defenses: Combination = ()
) -> pd.DataFrame:
    """Adversary 3's threshold from random pixels at several settings, and one from a shadow that does not depend on it.

    percents  how many percent of the random pictures may lie above the threshold, see
              `mia_core.attacks.adversary3.Adversary3.fit_random`
    defenses  of the targets, one of the study's combinations
    Columns: attack ("random pixels" or "shadow"), value (the percentage), defenses, seed, `FPR`, and
    those of `mia_core.measures.metrics.measure`.
    """
    rows = []
    for seed in study.settings.seeds:
        run, shadow = study.run(seed, TARGET, defenses), study.outputs(seed, 1, defenses)
        target, random = outputs_of(run, defenses), random_posteriors(run, defenses, RANDOM_INPUTS, seed)
        scores, about = Adversary3().score(target.posteriors), {"defenses": describe(defenses), "seed": seed}
        fitted = Adversary3().fit(shadow.posteriors, shadow.members).threshold
        for percent in percents:
            found = {"random pixels": Adversary3().fit_random(random, percent).threshold, "shadow": fitted}
            for name, threshold in found.items():
                row = {"attack": name, "value": percent} | about | measure(scores, target.members, threshold)
                rows.append(row | {FPR: 1 - row["recall_non_members"]})
    return pd.DataFrame(rows)


def by_copies(study: Study, numbers: Sequence[int] = (4, 16)) -> pd.DataFrame:
    """The label-only attack on the undefended targets by number of noisy copies and noise: in "attack" stands "9
    questions", those about one picture in all, in "defenses" one of `NOISES`."""
    plain = Study(study.settings.replace(defenses=["none"]), study.store, study.dataset)
    most, fewer = max(numbers), [number for number in numbers if number < max(numbers)]
    found = {kind: label_only_table(plain, Copies(noisy=most, noise=noise), fewer) for kind, noise in NOISES.items()}
    asked = [Copies(noisy=number) for number in numbers]
    asked = [copies.of_table() if study.dataset.is_table else copies for copies in asked]
    return pd.concat(
        rows[rows["queries"] == queries].assign(attack=f"{queries} questions", defenses=kind)
        for queries in (copies.queries for copies in asked)
        for kind, rows in found.items()
    )


def best_percent(cuts: pd.DataFrame) -> str:
    """The share at which random pixels give the best threshold, with its mean: "5% (balanced accuracy 0.835)".

    cuts  of `by_percent`; by the mean balanced accuracy over seeds, which is a little too large where it is the largest
    """
    means = cuts[cuts["attack"] == "random pixels"].groupby("value")["balanced_accuracy"].mean()
    return Measured(f"{means.idxmax():g}% (balanced accuracy {means.max():.3f})", means.idxmax() / 100)


def widest_range(table: pd.DataFrame, name: str = "auc") -> str:
    """How far the means of several attacks lie apart at most, and where: "0.008 in AUC under smoothing"."""
    means = table.groupby(["defenses", "attack"])[name].mean().groupby(level="defenses")
    ranges = means.max() - means.min()
    where = "without a defense" if ranges.idxmax() == "none" else f"under {ranges.idxmax()}"
    return f"{ranges.max():.3f} in {heading(name)} {where}"


def described() -> pd.DataFrame:
    """`ATTACKERS` as a table."""
    rows = [[name, *words] for name, words in ATTACKERS.items()]
    return pd.DataFrame(rows, columns=["attacker", "the target shows", "true label", "shadow", "source"])


def _without_shadow(study: Study) -> Iterator[dict[str, Any]]:
    """Adversary 3's rows, with the threshold that random pixels give."""
    for seed in study.settings.seeds:
        for defenses in study.combinations:
            run = study.run(seed, TARGET, defenses)
            target, random = outputs_of(run, defenses), random_posteriors(run, defenses, RANDOM_INPUTS, seed)
            attack = Adversary3().fit_random(random, PERCENT)
            about = {"defenses": describe(defenses), "seed": seed, "attack": NO_SHADOW}
            counts = {"members": int(target.members.sum()), "non_members": int((~target.members).sum())}
            yield about | counts | measure(attack.score(target.posteriors), target.members, attack.threshold)


def _transferred(study: Study, shadow: StudySettings) -> pd.DataFrame:
    """Adversary 1's attack with undefended shadows of these settings; those that the store lacks are trained."""
    same = study.settings.only(DataSettings) == shadow.only(DataSettings)
    settings = study.settings.replace(attacks=["adversary1"]), shadow.replace(defenses=["none"])
    return Transfer(*settings, (study.store,) * 2, (study.dataset, study.dataset if same else None)).train().table()


CLOSE = 0.05
"""Attacks whose balanced accuracies, or AUCs, are this close count as alike."""
_REACHED = "balanced_accuracy"
KNOWLEDGE_CLAIMS: tuple[Claim, ...] = (
    Claim(f"A shadow of another architecture serves adversary 1 as well, to within {CLOSE}.",
        after("Salem et al."), _REACHED, OTHER_NETWORK, ALIKE, "same", CLOSE),
    Claim(f"A shadow of other data and architecture serves as well, to within {CLOSE}.",
        after("Salem et al."), _REACHED, OTHER_BOTH, ALIKE, "same", CLOSE),
    Claim(f"Without a shadow, adversary 3 has the AUC of adversary 1, to within {CLOSE}.",
        after("Salem et al."), "auc", NO_SHADOW, ALIKE, "same", CLOSE),
    Claim(f"Random pixels give adversary 3 a threshold as good as a shadow's, to within {CLOSE}.",
        after("Salem et al."), _REACHED, NO_SHADOW, CUT_BY_SHADOW, "same", CLOSE),
    Claim(f"One shadow and three posteriors do as well as {SHADOWS} shadows by class, to within {CLOSE}.",
        after("Salem et al."), _REACHED, ALIKE, SEVERAL, "same", CLOSE),
    Claim(f"By class, {SHADOWS} shadows attack better than one.",
        after("Shokri et al."), _REACHED, SEVERAL, ONE, "higher"),
    Claim("With thresholds by class, modified entropy attacks better than entropy.",
        after("Song and Mittal"), _REACHED, MODIFIED, PLAIN, "higher"),
    Claim("Labels of altered copies attack better than the label alone.",
        after("Choquette-Choo et al."), _REACHED, LABELS, GAP, "higher"),
    Claim(f"Labels of altered copies attack as well as adversary 1, to within {CLOSE}.",
        after("Choquette-Choo et al."), _REACHED, LABELS, ALIKE, "same", CLOSE),
)  # fmt: skip
"""On `mia_book.claims.side_by_side` of the undefended targets, attack "none"."""
MASKING_CLAIM = Claim("Masking changes nothing for the label-only attack.",
    after("Choquette-Choo et al."), _REACHED, "masking", "none", "same")  # fmt: skip
"""On `by_attacker`, attack "label-only"."""


def unknown_claim(defense: str) -> Claim:
    """On `mia_book.claims.side_by_side` of targets with this defense, attack its name: that attackers have to adapt."""
    text = f"Not knowing of {defense} costs adversary 1 accuracy."
    return Claim(text, after("Song and Mittal"), _REACHED, UNKNOWN, ALIKE, "lower")


def strongest_claim(defense: str) -> Claim:
    """On `strongest`, attack "strongest": that the defense protects."""
    text = f"Against its strongest attacker here, {defense} lowers the attack's accuracy."
    return Claim(text, after("IV-A") if defense in DEFENSES else HERE, _REACHED, defense, "none", "lower")


def verdicts(table: pd.DataFrame) -> list[Verdict]:
    """The verdicts on all claims of the chapter, from the table of `by_attacker`, after Holm's correction over all of
    them."""
    defended = [name for name in table["defenses"].unique() if name != "none"]
    found = judged(on("none", KNOWLEDGE_CLAIMS), side_by_side(table))
    for defense in defended:
        found += judged(on(defense, [unknown_claim(defense)]), side_by_side(table, defense))
    found += judged(on(LABELS, [MASKING_CLAIM]), table)
    return corrected(found + judged(on("strongest", map(strongest_claim, defended)), strongest(table)))


def on_copies(table: pd.DataFrame) -> list[Verdict]:
    """What more and what noisier copies add, judged on `by_copies`."""
    few, many = table["attack"].iloc[0], table["attack"].iloc[-1]
    usual, *_, noisy = NOISES
    more = Claim(f"{many} in place of {few} raise its AUC.", HERE, "auc", many, few, "higher")
    noisier = Claim(f"With {few}, {noisy} raises its AUC.", HERE, "auc", noisy, usual, "higher")
    return judged([(more, usual)], side_by_side(table, usual)) + judged([(noisier, few)], table)


def evidence(verdicts: Iterable[Verdict]) -> list[str]:
    """Which figure of the chapter shows what each verdict rests on."""

    def figure(claim: Claim) -> str:
        if claim.than == CUT_BY_SHADOW:
            return "fig-threshold"
        return "fig-attackers" if claim in KNOWLEDGE_CLAIMS else "fig-defended"

    return [figure(verdict.claim) for verdict in verdicts]
