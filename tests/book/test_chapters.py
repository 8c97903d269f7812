"""Every chapter keeps to the contract of chapters, and each rule of the contract refuses a chapter that breaks it."""

import re
from functools import cache
from pathlib import Path
from typing import Any

import nbformat
import pytest
from bs4 import BeautifulSoup

from books import code
from contract import RULES, chapters, code_lines
from mia_core.report.sources import open_book
from prose import typed_results, words

CHAPTERS = chapters()


@pytest.mark.parametrize("name", CHAPTERS)
def test_chapter_keeps_every_rule(name: str) -> None:
    notebook = nbformat.read(CHAPTERS[name], as_version=4)
    assert [fault for rule in RULES.values() for fault in rule(notebook)] == []


@pytest.mark.parametrize("page", open_book().pages)
def test_no_page_types_a_result(page: str) -> None:
    path = open_book().root / f"{page}.md"
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    assert typed_results(text) == []


GOOD = """\
# A chapter

**Does it hold?**

:::{{admonition}} Predict first
:class: tip
What do you think?
:::

:::{{dropdown}} Yes
Then look at [](#fig-one).
:::

:::{{dropdown}} No
Then {{glue:text}}`outcome` says more than {{py:func}}`mia_core.measures.claims.judge` {{cite:p}}`salem2019`.
:::

{more}
"""
EXERCISE = """\
```{{exercise-start}}
:label: {label}
```
**Do it.** Now.
```{{exercise-end}}
```

````{{solution-start}} {label}
:class: dropdown
````
So:
"""
SHORT = "## In short\n\n- One.\n- Two,\n  indeed.\n- Three."
FIGURE = '<figure class="mia-figure mia-fig" id="fig-one"><svg></svg></figure>'
VERDICTS = (
    '<figure class="mia-figure mia-tab" id="tab-v"><tr><th scope="col">claim</th><th>verdict</th></tr>'
    '<tr><th scope="row">It does.</th><td>holds</td><td><a class="mia-evidence" href="#fig-one">figure</a></td></tr>'
    "</figure>"
)


def html_of(source: str, page: str) -> Any:
    cell = code(source)
    cell.outputs = [nbformat.v4.new_output("display_data", data={"text/html": page})]
    return cell


def chapter(more: str = "", lines: int = 1, move: tuple[int, int] = (0, 0)) -> Any:
    """A chapter that keeps every rule, with more text in its first cell, or a cell moved from here to there."""
    first, last, end = EXERCISE.format(label="one"), EXERCISE.format(label="two"), "````{solution-end}\n````\n\n"
    figure = html_of("\n".join(["from mia_core import judge"] * lines), FIGURE)
    method = code("agree(mine, package)")
    method.outputs = [nbformat.v4.new_output("stream", text="by hand and by the package: equal to 1e-06\n")]
    cells: list[Any] = [
        GOOD.format(more=more), code("epochs = 1", "parameters"), figure, "## What we learned",
        html_of("judge(claim)", VERDICTS), method, SHORT, f"## Exercises\n\n{first}", code("1"), end + last,
        code("2"), end,
    ]  # fmt: skip
    cells.insert(move[1], cells.pop(move[0]))
    text = nbformat.v4.new_markdown_cell
    return nbformat.v4.new_notebook(cells=[text(cell) if isinstance(cell, str) else cell for cell in cells])


def replaced(*texts: str) -> Any:
    """The good chapter with texts replaced in its cells and outputs: old, new, old, new; each must be there once."""
    notebook = chapter()
    for old, new in zip(texts[::2], texts[1::2], strict=True):
        places = 0
        holders = [part for cell in notebook.cells for part in (cell, *cell.get("outputs", ()))]
        for holder in [*holders, *(part.data for part in holders if "data" in part)]:
            for key in {"source", "text", "text/html"} & set(holder):
                places += old in holder[key]
                holder[key] = holder[key].replace(old, new)
        assert places == 1, old
    return notebook


def test_good_chapter_keeps_every_rule() -> None:
    assert [fault for rule in RULES.values() for fault in rule(chapter())] == []


@pytest.mark.parametrize(
    ("rule", "broken"),
    [
        ("length", chapter("```{math}\nb\n```\n\n" + "word " * 2400 + "\n\n```python\n1\n```")),
        ("short_cells", chapter(lines=16)),
        ("narrow_cells", replaced("agree(mine, package)", f"agree(mine, {'package' * 12})")),
        ("method_in_sight", replaced("agree(mine, package)", "show(1)\nglue(2)\ncaption = 3\nshow(4)\nshow(5)")),
        ("method_by_hand", replaced("agree(mine, package)", "print(1)", "by hand and by the package", "I say")),
        ("method_by_hand", replaced("equal to 1e-06", "DIFFERENT, by up to 2")),
        ("in_short", replaced("## In short", "## Summary")),
        ("in_short", replaced("- Two,", "Two,")),
        ("in_short", replaced("- Three.", "- Three.\n\n## More")),
        ("question", replaced("**Does it hold?**", "Does it hold?")),
        ("question", replaced("**Does it hold?**", "**It does.**")),
        ("prediction", replaced("Predict first", "Think")),
        ("prediction", replaced(":::{dropdown} No", "No")),
        ("first_figure", replaced('mia-fig"', 'mia-tab"')),
        ("verdicts", replaced(">verdict<", ">value<")),
        ("verdicts", replaced("## What we learned", "## The end")),
        ("verdicts", chapter(move=(4, 11))),
        ("verdicts", replaced('href="#fig-one"', 'href="#fig-two"')),
        ("verdicts", replaced('<a class="mia-evidence" href="#fig-one">figure</a>', "")),
        ("exercises", replaced(":label: two", ":name: two")),
        ("exercises", replaced("````{solution-start} two", "````{solution-start} one")),
        ("exercises", replaced("````{solution-start} one\n:class: dropdown", "````{solution-start} one")),
        ("exercises", chapter(move=(8, 11))),
        ("results_are_glued", chapter("```{math}\nb\n```\n\nIt reaches 0.83.\n\n```python\n0.5\n```")),
        ("calls_the_package", replaced("from mia_core import judge", "import numpy")),
        ("calls_the_package", replaced("{py:func}`mia_core.measures.claims.judge`", "`judge`")),
    ],
)
def test_broken_chapter_is_found(rule: str, broken: Any) -> None:
    assert len(RULES[rule](broken)) == 1


SOME_CODE = """\
import numpy as np  # counts
from mia_core import glue, judge
from mia_core.display import plots

# no code
mean = np.mean(
    values
)
for name in names:
    glue(name, mean)
    caption = "One."
if mean:
    other = 1
    show(other)
"""


def test_lines_count_that_are_visible_and_those_that_do_more_than_show() -> None:
    hidden = [code("x = 1", tag) for tag in ("hide-input", "remove-input", "remove-cell", "hide-cell", "parameters")]
    notebook = nbformat.v4.new_notebook(cells=[code(SOME_CODE, "nbval-ignore-output"), *hidden])
    assert code_lines(notebook) == (6, 12)


TYPED = (
    "It reaches 0.83.", "It falls by −0.05 or so.", "Nine of ten, or 90%, are found.", "About 12.5 % of them.",
    "Some 60 percent.", "$a = 0.9$", "- **0.7** of all", ":::{note} Only 0.5 of them\nMore.\n:::",
)  # fmt: skip
FINE = (
    'The report says "83.5% of members" and “0.82”.', "`Recipe(dropout=0.5)` and {glue:text}`tpr-at-fpr-0.01`",
    "```python\nx = 0.5\n```\n\n```{math}\n0.5 x\n```", "[](#tab-0.8)",
    "The TPR at 1% FPR and at 0.1% FPR, with 95% intervals, at 95% confidence.",
    "Python 3.11, section 4.2, CIFAR-10, 2 seeds, 1,200 words, one half.",
)  # fmt: skip


@pytest.mark.parametrize("text", TYPED + FINE)
def test_typed_results_are_no_conventions_quotations_and_glued_values(text: str) -> None:
    assert len(typed_results(text)) == (text in TYPED)


def test_words_are_counted_as_they_stand_on_the_page() -> None:
    box = ":::{dropdown} Two words\n:class: tip\nOne {glue:text}`x` {cite:p}`y`, [](#fig-a).\n:::"
    text = nbformat.v4.new_markdown_cell(f"# A title\n\n{box}\n\n$$x$$")
    notebook = nbformat.v4.new_notebook(cells=[text, code("not counted")])
    assert words(notebook) == ["A", "title", "Two", "words", "One", "glued", "cited,", "Figure", "1."]


@cache
def links(page: Path) -> set[str]:
    parsed = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")
    return {str(a["href"]) for a in parsed.select("article a[href]")}


@pytest.mark.parametrize("name", CHAPTERS)
def test_chapter_and_package_link_to_each_other(name: str, stored_site: Path) -> None:
    pages = stored_site / "book"
    ours = re.compile(r"\bapi-\w+\.html#mia_(?:core|book)\.")
    assert sum(map(bool, map(ours.search, links(pages / f"{name}.html")))) >= 3, "it names functions, which are links"
    back = {link for page in pages.glob("api-*.html") for link in links(page)}
    assert any(link.startswith(f"{name}.html") for link in back), "and back"
