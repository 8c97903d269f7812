"""Runs a chapter's code here, on tiny settings, with every claim turning out as a test wishes; reads what it says."""

import contextlib
import importlib
import io
import pkgutil
import re
import sys
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
import pytest

import mia_book
import mia_core.display.figures
import mia_core.measures.claims
from mia_core.display.shown import plain
from mia_core.measures.claims import CANNOT_TELL, DOES_NOT_HOLD, HOLDS, Claim, Verdict
from mia_core.report.parameters import known_parameters
from mia_core.studies.study import Study
from prose import CITATION, GLUE, asserted, markdown

for _module in pkgutil.iter_modules(mia_book.__path__):
    # One that is first imported while a chapter runs would keep the made-up verdicts for the next chapter.
    importlib.import_module(f"mia_book.{_module.name}")

OUTCOMES = (HOLDS, DOES_NOT_HOLD, CANNOT_TELL)
# Enough non-members for a TPR at 1% FPR.
TINY = {"seeds": 2, "epochs": 2, "part": 120, "models": 6, "repeats": 2, "clones": 4}
JUDGE = mia_core.measures.claims.judge
ATTACK = "adversary1"


def made_up_table(claim: Claim, outcome: str) -> pd.DataFrame:
    """A study's table on which the claim turns out so: `of` and `than` differ by just such amounts, seed by seed."""
    sign = {"lower": -1, "higher": 1, "same": 0}[claim.direction]
    clear = claim.margin + 0.2
    shift = {HOLDS: sign * clear, DOES_NOT_HOLD: -sign * clear or clear, CANNOT_TELL: 0.0}[outcome]
    spread = 5.0 if outcome == CANNOT_TELL else claim.margin / 4 if claim.direction == "same" else 0.01
    rows = []
    for seed, noise in zip(range(6), cycle((-spread, 0.0, spread)), strict=False):
        than = claim.than if isinstance(claim.than, float | int) else 0.5
        values = {claim.of: than + shift + noise} | ({claim.than: than} if isinstance(claim.than, str) else {})
        own = {"seed": seed, "attack": ATTACK}
        rows += [own | {"defenses": name, claim.measure: value} for name, value in values.items()]
    return pd.DataFrame(rows)


def turned_judge(outcome: str, judged: list[Claim]) -> Any:
    """The judge on a table that is made up for the claim; the claims are remembered in `judged`."""

    def judge(
        claim: Claim, table: pd.DataFrame, attack: str = ATTACK, confidence: float = 0.95, certain: str = ""
    ) -> Verdict:
        JUDGE(claim, table, attack, confidence, certain)  # the real table must have what the claim needs
        judged.append(claim)
        exact = claim.direction == "same" and claim.margin == 0 and outcome != CANNOT_TELL  # no chance can show that
        return JUDGE(claim, made_up_table(claim, outcome), ATTACK, confidence, "made up" if exact else "")

    return judge


REFERENCE = re.compile(r"^:::\{reference-run\}$.*?^:::$", re.MULTILINE | re.DOTALL)
SENTENCE_END = re.compile(r"(?:(?<=[.?!:])|(?<=[.?!][\"”)*])) (?=[A-Z\"“{\[*`$])")


@dataclass
class Run:
    """What a chapter said: glued values, captions, tables as shown, and what it printed."""

    text: str
    glued: dict[str, str] = field(default_factory=dict)
    captions: list[str] = field(default_factory=list)
    tables: list[pd.DataFrame] = field(default_factory=list)
    judged: list[Claim] = field(default_factory=list)
    printed: str = ""

    def assertions(self) -> list[str]:
        """What is asserted of this run and would stay when a verdict turns: effects and verdicts in captions, verdicts
        in the text, which may explain what a method does. What it says of the reference run has a test of its own."""
        own = REFERENCE.sub("", self.text)
        captions = [part for caption in self.captions for part in sentences(caption)]
        found = [(sentence, assertions(sentence)) for sentence in captions]
        found += [(sentence, verdicts_said(sentence)) for sentence in sentences(own)]
        return [f"{sentence}: {words}" for sentence, words in found if words]

    def rendered(self, sentence: str) -> str:
        """A sentence of the text as it reads in this run."""
        return GLUE.sub(lambda found: self.glued[found["name"] or found["other"]], sentence)


def sentences(text: str) -> list[str]:
    """A text in sentences; headings, items of lists and titles of boxes count as sentences."""
    blocks = re.split(r"\n\s*\n|\n(?=\s*(?:[-*#|]|\d+\.|:::|```))", text)
    flat = [re.sub(r"\s+", " ", block).strip() for block in blocks]
    return [part for block in flat for part in SENTENCE_END.split(block) if part]


def run_chapter(path: Path, outcome: str | None, monkeypatch: pytest.MonkeyPatch, **given: Any) -> Run:
    """Run all code cells of a notebook in this process; claims turn out as `outcome`, or as they do (None).

    given  parameters of the chapter, beyond those of `TINY`
    """
    notebook = nbformat.read(path, as_version=4)
    run, printed = Run(markdown(notebook)), io.StringIO()
    with monkeypatch.context() as patch, contextlib.redirect_stdout(printed):
        patch.chdir(path.parent)
        _record(patch, run)
        if outcome is not None:
            replace(patch, JUDGE, turned_judge(outcome, run.judged))
        space: dict[str, Any] = {"__name__": "__main__"}
        for cell in notebook.cells:
            if cell.cell_type == "code":
                exec(compile(cell.source, f"{path.name}, cell {cell.id}", "exec"), space)
                if "parameters" in cell.metadata.get("tags", ()):
                    space |= {name: value for name, value in TINY.items() if name in known_parameters(path)} | given
    run.printed = printed.getvalue()
    return run


def _record(patch: pytest.MonkeyPatch, run: Run) -> None:
    figures = mia_core.display.figures

    def glue(name: str, value: Any, digits: int = 3) -> None:
        run.glued[name] = str(plain(value, digits))

    def table_html(table: pd.DataFrame, caption: str, digits: int = 3) -> str:
        run.tables.append(table)
        return "<table></table>"

    train = Study.train
    replace(patch, figures.glue, glue)
    patch.setattr(figures, "table_html", table_html)
    patch.setattr(figures, "themed_svg", lambda fig, name, alt: run.captions.append(alt) or "<svg></svg>")
    patch.setattr(figures, "_display", lambda page, words, data: run.captions.append(data["caption"]))
    patch.setattr(Study, "train", lambda self, jobs=None: train(self, 1))


def replace(patch: pytest.MonkeyPatch, old: Any, new: Any) -> None:
    """Wherever the package has imported a function by name, another one."""
    for module in [module for name, module in sys.modules.items() if name.startswith(("mia_core", "mia_book"))]:
        for name in [name for name, value in vars(module).items() if value is old]:
            patch.setattr(module, name, new)


# What a sentence may not say of a result by itself: it would stay when the verdict turns.
VERBS = "lower|raise|reduce|increase|decrease|weaken|strengthen|protect|help|hurt|harm|leak|beat|outperform|improve|win"
EFFECT = re.compile(
    rf"\b(?:(?:{VERBS}|gain|lose|fail|work|succeed|fall|rise|drop|grow|shrink)s"
    rf"|(?:defenses|combinations|attacks|they|both|all|two|three) (?:{VERBS}|fail|work|fall|rise)"
    r"|(?:lower|rais|reduc|increas|decreas|weaken|strengthen|protect|improv|help)ed"
    r"|costs? (?:\w+ )?(?:accuracy|utility)|keeps? (?:target|its|the) accuracy"
    r"|(?:is|are) (?:clearly )?(?:better|worse|best|worst|higher|safer|safest|useless|enough|stronger|weaker)"
    r"|makes? (?:it|the attack|no difference)|adds? (?:nothing|little)|changes? (?:nothing|little)"
    r"|does (?:not )?(?:help|protect|matter|work))\b",
    re.IGNORECASE,
)
# What makes a sentence no assertion about this run: a condition, a question, someone else's words, a way to read.
CONDITION = (
    r"\?|\b(?:if|whether|when|where|would|could|can|may|might|should|must|unless|suppose|expect|predict|then|until)\b"
)
OPEN = re.compile(
    rf"{CONDITION}|\b(?:claims?|claimed|says?|said|states?|conclu\w+|report'?s?|argues?|look|compare|how|above|below|further|"
    r"up|down)\b",
    re.IGNORECASE,
)
VERDICT = re.compile(r"(?<!\*)\b(?:holds(?=[.,;:)]|$| (?:here|on|in|for|up)\b)|does not hold|cannot be told)\b(?!\*)")


def assertions(sentence: str) -> list[str]:
    """Words of a sentence that assert an effect or a verdict, though nothing in it comes from the run."""
    if GLUE.search(sentence) or CITATION.search(sentence):
        return []
    said = asserted(sentence)
    return verdicts_said(sentence) + ([] if OPEN.search(said) else [match[0] for match in EFFECT.finditer(said)])


def verdicts_said(sentence: str) -> list[str]:
    """Verdicts that a sentence states by itself."""
    if GLUE.search(sentence) or CITATION.search(sentence):
        return []
    said = asserted(sentence)
    return [] if re.search(CONDITION, said, re.IGNORECASE) else [match[0] for match in VERDICT.finditer(said)]
