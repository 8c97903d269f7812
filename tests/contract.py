"""What every chapter is held to, each rule as a function from a notebook to the list of its faults."""

import ast
import io
import re
import tokenize
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mia_core.report.sources import open_book
from prose import markdown, typed_results, words

MOST_WORDS, MOST_LINES, MOST_COLUMNS, LEAST_METHOD, SHORT = 2400, 15, 88, 0.6, "## In short"
NO_CODE = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
HIDDEN = {"hide-input", "hide-cell", "remove-input", "remove-cell"}
FIGURE = re.compile(r'<figure class="mia-figure mia-(?P<kind>fig|tab)" id="(?P<id>[a-z0-9-]+)">')
SOLUTION = re.compile(r"`{3,}\{solution-start\}\s+(?P<label>[\w-]+)(?P<options>(?:\s*\n:[^\n]*)*)")

# Pages of the back matter that run code answer no question of their own.
BACK_MATTER = ("how-this-book-was-run", "made-fast", "what-goes-in", "my-numbers-differ", "all-attacks")

# Chapters that are still to be rewritten, and the rules that wait for it.
NOT_YET = (
    "adversaries", "reference-attacks", "who-is-at-risk",
)  # fmt: skip
WAITING = ("narrow_cells", "method_in_sight", "method_by_hand", "in_short")


def chapters() -> dict[str, Path]:
    """The chapters that are held to the contract, by name."""
    return {name: path for name, path in open_book().chapters.items() if name not in BACK_MATTER}


def length(notebook: Any) -> list[str]:
    """At most 2,400 words, exercises and folded answers included."""
    count = len(words(notebook))
    return [f"{count} words, more than {MOST_WORDS}"] if count > MOST_WORDS else []


def short_cells(notebook: Any) -> list[str]:
    """No code cell of more than 15 lines, blank ones not counted."""
    lines = {
        cell.id: sum(bool(line.strip()) for line in cell.source.splitlines())
        for cell in notebook.cells
        if cell.cell_type == "code"
    }
    long = {name: count for name, count in lines.items() if count > MOST_LINES}
    return [f"cell {name} has {count} lines, more than {MOST_LINES}" for name, count in long.items()]


def narrow_cells(notebook: Any) -> list[str]:
    """No visible line of code is wider than the page, which has room for 88 characters."""
    wide = {
        cell.id: max(map(len, cell.source.splitlines()), default=0)
        for cell in notebook.cells
        if cell.cell_type == "code" and not HIDDEN & set(cell.metadata.get("tags", ()))
    }
    return [
        f"cell {name} has a line of {columns} characters" for name, columns in wide.items() if columns > MOST_COLUMNS
    ]


def method_in_sight(notebook: Any) -> list[str]:
    """At least 60% of the visible lines of code are about the experiment, see `code_lines`."""
    method, all_lines = code_lines(notebook)
    faults = [f"{method} of {all_lines} visible lines of code are about the experiment, fewer than {LEAST_METHOD:.0%}"]
    return faults if method < LEAST_METHOD * all_lines else []


def method_by_hand(notebook: Any) -> list[str]:
    """At least one method is written out and compared with the package's, in a cell whose output is compared."""
    said = [
        output.text
        for cell in notebook.cells
        if cell.cell_type == "code" and "nbval-ignore-output" not in cell.metadata.get("tags", ())
        for output in cell.outputs
        if output.output_type == "stream" and "by hand and by the package" in output.text
    ]
    faults = [] if said else ["nothing is written by hand and compared with the package"]
    return faults + [f"not equal: {line}" for text in said for line in text.splitlines() if ": DIFF" in line]


def in_short(notebook: Any) -> list[str]:
    """A section "In short" of three bullets right before the exercises."""
    text = "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    if text.count(f"{SHORT}\n") != 1:
        return [f"no section '{SHORT[3:]}', or several"]
    section, head, _ = text.partition(f"{SHORT}\n")[2].partition("\n## Exercises")
    bullets = len(re.findall(r"^- ", section, re.MULTILINE))
    kept = head and bullets == 3 and "\n## " not in section
    return [] if kept else ["'In short' is not three bullets before the exercises"]


def question(notebook: Any) -> list[str]:
    """One question in bold right under the title."""
    first = notebook.cells[0].source.split("\n\n") if notebook.cells[0].cell_type == "markdown" else []
    if len(first) < 2 or not re.match(r"# \S", first[0]):
        return ["the first cell is not a title and text"]
    return [] if re.fullmatch(r"\*\*[^*]+\?\*\*", first[1].strip()) else ["no question in bold right under the title"]


def prediction(notebook: Any) -> list[str]:
    """A box "Predict first" with folded answers, before any code."""
    text = notebook.cells[0].source
    box = re.search(r":::+\{admonition\} Predict first", text)
    answers = re.findall(r":::+\{dropdown\} \S", text[box.end() :]) if box else []
    return [] if len(answers) >= 2 else ["no box 'Predict first' with at least two folded answers in the first cell"]


def first_figure(notebook: Any) -> list[str]:
    """The first code cell that shows anything shows a figure."""
    for cell in notebook.cells:
        found = [match["kind"] for match in FIGURE.finditer(shown(cell))]
        if found:
            return [] if found[0] == "fig" else [f"cell {cell.id} shows a table before any figure"]
    return ["shows no figure"]


def verdicts(notebook: Any) -> list[str]:
    """A section "What we learned" whose table gives verdicts and links to their evidence, before the exercises."""
    learned = [i for i, cell in enumerate(notebook.cells) if "## What we learned" in cell.source]
    exercises = [i for i, cell in enumerate(notebook.cells) if "{exercise-start}" in cell.source]
    if len(learned) != 1:
        return ["no section 'What we learned', or several"]
    after = notebook.cells[learned[0] : min(exercises, default=len(notebook.cells))]
    head = re.compile(r"<th[^>]*>claim</th>.*<th[^>]*>verdict</th>")
    every = [table for cell in after for table in re.findall(r"<figure .*?</figure>", shown(cell), re.DOTALL)]
    pages = [table for table in every if head.search(table)]
    if not pages:
        return ["no table of verdicts under 'What we learned'"]
    names = {match["id"] for cell in notebook.cells for match in FIGURE.finditer(shown(cell))}
    rows = [row for page in pages for row in re.findall(r"<tr><th scope=\"row\">.*?</tr>", page)]
    links = [re.findall(r'<a class="mia-evidence" href="#([a-z0-9-]+)">', row) for row in rows]
    lost = [found for found in links if len(found) != 1 or found[0] not in names]
    return [f"a verdict links to {found or 'no evidence'}" for found in lost]


def exercises(notebook: Any) -> list[str]:
    """Two or three exercises, each with a folded solution right below it, in which code has run."""
    parts = [cell.source if cell.cell_type == "markdown" else "{code}" for cell in notebook.cells]
    text = "\n".join(parts)
    labels = re.findall(r"\{exercise-start\}\s*\n:label: ([\w-]+)", text)
    faults = [] if len(labels) in (2, 3) else [f"{len(labels)} exercises instead of 2 or 3"]
    for label in labels:
        after = text.partition(f":label: {label}\n")[2].partition("{exercise-end}")[2]
        between, _, rest = after.partition("{solution-start}")
        solution = SOLUTION.match("```{solution-start}" + rest)
        if not rest or between.strip("`\n ") or solution is None or solution["label"] != label:
            faults.append(f"exercise {label} has no solution right below it")
        elif ":class: dropdown" not in solution["options"]:
            faults.append(f"the solution of {label} is not folded")
        elif "{code}" not in rest.partition("{solution-end}")[0]:
            faults.append(f"the solution of {label} runs nothing")
    return faults


def results_are_glued(notebook: Any) -> list[str]:
    """No decimal and no percentage is typed into the text."""
    return [f"typed: {found}" for found in typed_results(markdown(notebook))]


def calls_the_package(notebook: Any) -> list[str]:
    """The code imports from mia_core, whose names the page then links to, and the text links to it or to `mia_book`."""
    code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    faults = [] if re.search(r"^(from|import) mia_core", code, re.MULTILINE) else ["imports nothing from mia_core"]
    link = r"\{(?:py:)?(?:func|class|meth|mod|attr|data)\}`[~.]*[^`]*mia_(?:core|book)\.[^`]+`"
    return faults + ([] if re.search(link, markdown(notebook)) else ["no link in the text to our code"])


IN_ORDER = (
    length, short_cells, narrow_cells, method_in_sight, method_by_hand, question, prediction, first_figure, verdicts,
    in_short, exercises, results_are_glued, calls_the_package,
)  # fmt: skip
RULES: dict[str, Callable[[Any], list[str]]] = {rule.__name__: rule for rule in IN_ORDER}


# What only shows: a statement that uses one of these names, or imports them or from these modules.
SHOWING = {
    "show", "show_slider", "glue", "source", "figure", "fig", "frames", "caption", "alt", "alts", "shown", "tables",
    "plotting",
}  # fmt: skip
SHOWING_MODULES = ("mia_core.display", "mia_book.by_hand")


def code_lines(notebook: Any) -> tuple[int, int]:
    """Visible lines of code that are about the experiment, and all visible lines.

    Visible is what a reader of the page sees, in solutions too: not the settings at the top, and no cell that hides its
    code. Not about the experiment are the statements that only show (`SHOWING`). Lines without code do not count.
    """
    method = everything = 0
    for cell in notebook.cells:
        if cell.cell_type == "code" and not ({"parameters"} | HIDDEN) & set(cell.metadata.get("tags", ())):
            showing = {line for part in ast.parse(cell.source).body for line in _showing_lines(part)}
            tokens = tokenize.generate_tokens(io.StringIO(cell.source).readline)
            spans = [(token.start[0], token.end[0]) for token in tokens if token.type not in NO_CODE]
            code = {line for first, last in spans for line in range(first, last + 1)}
            method, everything = method + len(code - showing), everything + len(code)
    return method, everything


def _showing_lines(part: ast.stmt) -> set[int]:
    """The lines of a statement that only show; of a loop, a condition or a function those of its body."""
    body = [inner for name in ("body", "orelse") for inner in getattr(part, name, ())]
    if body:
        found = set().union(*map(_showing_lines, body))
        lines = {line for inner in body for line in range(inner.lineno, inner.end_lineno + 1)}
        return found | (set(range(part.lineno, part.end_lineno + 1)) if found >= lines else set())
    named = {node.id for node in ast.walk(part) if isinstance(node, ast.Name)}
    if isinstance(part, ast.Import | ast.ImportFrom):
        named = {alias.asname or alias.name for alias in part.names}
        if isinstance(part, ast.ImportFrom) and (part.module or "").startswith(SHOWING_MODULES):
            named |= SHOWING
    return set(range(part.lineno, part.end_lineno + 1)) if named & SHOWING else set()


def shown(cell: Any) -> str:
    """The HTML that a cell shows."""
    outputs = cell.get("outputs", ()) if cell.cell_type == "code" else ()
    return "\n".join(output.data.get("text/html", "") for output in outputs if "data" in output)


def has_run(notebook: Any) -> list[str]:
    """Every code cell has run, in order, without an error; one whose output is not compared has some.
    Not a rule for chapters alone: nbval compares nothing where a cell has not run."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    in_order = [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    faults = [] if in_order else ["its code cells have not run from top to bottom"]
    for cell in cells:
        if any(output.output_type == "error" for output in cell.outputs):
            faults.append(f"cell {cell.id} ended with an error")
        if "nbval-ignore-output" in cell.metadata.get("tags", ()) and not cell.outputs:
            faults.append(f"cell {cell.id} shows nothing, though its output is not compared")
    return faults
