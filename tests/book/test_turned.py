"""The text follows the verdicts: chapters are run with every claim turned, and nothing still says the opposite."""

import warnings
from collections import defaultdict
from collections.abc import Callable
from copy import copy
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sklearn.datasets

from books import code, write_chapter
from contract import chapters
from mia_core.measures.claims import CANNOT_TELL, DOES_NOT_HOLD, Claim
from mia_core.report.audit import audit
from mia_core.studies.augmented import label_only_table
from mia_core.studies.finding import options
from mia_core.studies.reference_rows import table as table_of
from mia_core.studies.reference_summary import over_targets
from mia_core.studies.study import Study
from turned import JUDGE, OUTCOMES, Run, assertions, made_up_table, replace, run_chapter, sentences

CHAPTERS = chapters()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("store")


@pytest.mark.parametrize("name", CHAPTERS)
def test_tables_and_text_follow_the_verdicts(name: str, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIA_CACHE", str(store))
    monkeypatch.setattr("os.fsync", lambda descriptor: None)  # the store lives as long as the test
    runs, answers = {}, defaultdict[Callable, list](list)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # so little training learns nothing, and says so
        for outcome in TURNED:
            with monkeypatch.context() as patch:
                for function in COMPUTED:
                    replace(patch, function, once(function, answers[function]))
                patch.setattr(Study, "table", once(STUDY_TABLE, answers[STUDY_TABLE]))
                if name == "your-own-model":
                    patch.setattr(sklearn.datasets, "load_digits", some_digits)
                runs[outcome] = run_chapter(CHAPTERS[name], outcome, monkeypatch)
    assert faults(runs) == []
    assert runs[DOES_NOT_HOLD].judged, "a chapter judges claims"


TURNED = (DOES_NOT_HOLD, CANNOT_TELL)
"""Two outcomes tell what is fixed from what follows, whichever of all outcomes it is fixed to."""
COMPUTED = (audit, table_of, label_only_table, options, over_targets)
"""What does not depend on the verdicts, and takes time; none of them calls another."""
STUDY_TABLE = Study.table
DIGITS = sklearn.datasets.load_digits(return_X_y=True)


def some_digits(return_X_y: bool) -> tuple[np.ndarray, np.ndarray]:
    """A third of the digits: enough for audits of forests."""
    return DIGITS[0][::3], DIGITS[1][::3]


def once(function: Callable, answers: list) -> Callable:
    """The function, whose n-th answer is kept in `answers`."""
    calls = count()

    def answer(*given: Any, **named: Any) -> Any:
        if (call := next(calls)) == len(answers):
            answers.append(function(*given, **named))
        return copy(answers[call])

    return answer


def faults(runs: dict[str, Run]) -> list[str]:
    """Where a chapter goes on saying what a verdict said before it turned."""
    found = []
    for outcome, run in runs.items():
        texts = {claim.text for claim in run.judged}
        for table in run.tables:
            if {"claim", "verdict"} <= set(table.columns):
                lines = zip(table["claim"], table["verdict"], strict=True)
                found += [f"table: {claim} {said}" for claim, said in lines if claim in texts and said != outcome]
        for line in run.printed.splitlines():
            claim = next((text for text in texts if line.startswith(text)), None)
            if claim and not line.removeprefix(claim).strip().startswith(outcome):
                found.append(f"printed: {line}")
        found += run.assertions()
        read = [run.rendered(sentence) for sentence in sentences(run.text)]
        found += [f"not glued: {sentence}" for sentence in read if "{glue" in sentence]
    glued = {name: {run.glued[name] for run in runs.values()} for name in runs[DOES_NOT_HOLD].glued}
    # Sums of effects are judged by a test of their own, which is not turned.
    stays = {name: said for name, said in glued.items() if len(said) == 1 and said <= set(OUTCOMES)}
    return found + [f"glued: {name} stays {said}" for name, said in stays.items() if not name.startswith("sum-")]


@pytest.mark.parametrize("outcome", OUTCOMES)
@pytest.mark.parametrize("margin", [0.0, 0.05])
@pytest.mark.parametrize("than", ["none", 0.5])
@pytest.mark.parametrize("direction", ["lower", "higher", "same"])
def test_claims_can_be_made_to_turn_out_any_way(direction: str, than: str | float, margin: float, outcome: str) -> None:
    margin = 0.01 if direction == "same" else margin  # without any, three distinct values are never the same
    claim = Claim("It is so.", "I", "auc", "dropout", than, direction, margin)
    assert JUDGE(claim, made_up_table(claim, outcome)).outcome == outcome


CELL = """\
import pandas as pd

from mia_core import Claim, glue, judge, show
from mia_core.display.tables import verdicts_table

rows = [{"defenses": d, "seed": s, "attack": "adversary1", "auc": 0.5} for d in ("none", "dropout") for s in (0, 1)]
verdict = judge(Claim("It lowers AUC.", "I", "auc", "dropout", "none", "lower"), pd.DataFrame(rows))
"""
FOLLOWS = """\
show(verdicts_table([verdict], evidence="tab-verdicts"), name="verdicts", caption="Verdicts.")
print(verdict.claim.text, verdict.outcome)
glue("outcome", verdict.outcome)
"""
NO = FOLLOWS.replace("verdict.outcome)", "'does not hold')", 1)
TABLE = 'show(pd.DataFrame({"claim": [verdict.claim.text], "verdict": "holds"}), name="v", caption="C.")'


@pytest.mark.parametrize(
    ("text", "more", "words"),
    [
        ("The claim {glue:text}`outcome`. Whether it lowers AUC, the table says.", FOLLOWS, []),
        ("The claim {glue:text}`outcome`. So dropout lowers AUC.", FOLLOWS, []),
        ("So the claim holds.", FOLLOWS, ["So the claim holds.: ['holds']"]),
        ("Text.", FOLLOWS + 'glue("typed", "holds")', ["glued: typed stays {'holds'}"]),
        ("Text.", FOLLOWS.replace("verdict.outcome)", "'holds')", 1), ["printed: It lowers AUC. holds"] * 2),
        ("Text.", NO, ["printed: It lowers AUC. does not hold"]),
        ("Text.", TABLE, ["table: It lowers AUC. holds"] * 2),
        ("Text.", FOLLOWS.replace("Verdicts.", "Dropout works."), ["Dropout works.: ['works']"]),
    ],
    ids=["follows", "explains", "verdict", "glued", "printed", "printed no", "table", "caption"],
)
def test_chapter_that_goes_on_asserting_is_found(tmp_path: Path, monkeypatch, text: str, more: str, words) -> None:
    path = tmp_path / "chapter.ipynb"
    write_chapter(path, ["# A chapter\n\n" + text, code("seeds = 5", "parameters"), code(CELL + more)])
    runs = {outcome: run_chapter(path, outcome, monkeypatch) for outcome in TURNED}
    found = faults(runs)
    assert list(dict.fromkeys(found)) == list(dict.fromkeys(words)) and (len(words) != 2 or found == words)
    assert runs[CANNOT_TELL].glued.get("outcome", CANNOT_TELL) == CANNOT_TELL


ASSERTED = (
    "Label smoothing raises the attack's accuracy.", "Both defenses lower the attack.", "It costs accuracy.",
    "Smoothing is worse than nothing.", "The mask changes nothing.", "The claim does not hold.",
    "On these data it holds.",
)  # fmt: skip
NOT_ASSERTED = (
    "Does smoothing raise the attack?", "If it lowers the attack, the curve falls.",
    'The report says: "Dropout lowers the attack".', "{cite:t}`kaya2021` found that smoothing helps the attacker.",
    "The claim {glue:text}`outcome`, so it helps.", "A claim *holds* or *does not hold*.", "A file holds posteriors.",
    "Dropout switches off units at random.",
)  # fmt: skip


@pytest.mark.parametrize("sentence", ASSERTED + NOT_ASSERTED)
def test_conditions_quotations_and_glued_verdicts_are_no_assertions(sentence: str) -> None:
    assert bool(assertions(sentence)) == (sentence in ASSERTED)


def test_sentences_are_told_apart() -> None:
    assert sentences('# A title\n\nOne, i.e. two. Three "four." Five?\n- six\n- seven [](#fig-a). Eight') == [
        "# A title", "One, i.e. two.", 'Three "four."', "Five?", "- six", "- seven [](#fig-a).", "Eight",
    ]  # fmt: skip
