"""Sphinx extension: mends what the theme and the other extensions leave behind, and keeps pictures out of their way."""

import pickle
import re
from pathlib import Path
from typing import Any

from docutils import nodes
from joblib import cpu_count
from sphinx.application import Sphinx
from sphinx_codeautolink.extension.block import CodeBlockAnalyser
from sphinx_tippy import get_tippy_data

TOGGLE = '<summary><span class="toctree-toggle"'
PICTURE = re.compile(r"<svg\b.*?</svg>", re.DOTALL)
LIFTED = re.compile(r'<svg id="mia-lifted-(\d+)"></svg>')
CITATION = re.compile(r'<div\b[^>]*\bclass="citation(?:-list)?"[^>]*>')
ROLE = re.compile(r' role="[^"]*"')
CITED = re.compile(r'(<a class="reference internal" href="[^"#]*bibliography\.html#[^"]*") title="[^"]*"')
CONTENTS = ("exercise-content", "solution-content", "proof-content")
SUMMARY = re.compile(r"<summary>.*?</summary>", re.DOTALL)
LINK = re.compile(r"</?a\b[^>]*>")
TWICE = re.compile(r'(<div class="output text_html") id="([^"]*)">(?=\s*<figure class="[^"]*" id="\2")')


def mend_pages(app: Sphinx, error: Exception | None) -> None:
    """Five things that a screen reader or a link stumbles over.

    The bibliography becomes a plain block: its lists have roles that their children do not fit. A fold that lists the
    chapters in which a function is used names the function without a link: a link inside of what opens the fold cannot
    be told from it. What opens a list of pages in the navigation gets a name. A citation loses its title: what is cited
    opens on hover and on focus already, and would be shown and read out twice. A figure alone has its id, and not what
    is around it too.
    """
    if error or app.builder.format != "html":
        return
    for path in Path(app.outdir).rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        mended = CITATION.sub(lambda found: ROLE.sub("", found[0]), text)
        mended = SUMMARY.sub(lambda found: LINK.sub("", found[0]), mended)
        mended = TWICE.sub(r"\1>", CITED.sub(r"\1", mended))
        mended = mended.replace(TOGGLE, TOGGLE.replace("<summary", '<summary aria-label="Pages below"'))
        if mended != text:
            path.write_text(mended, encoding="utf-8")


def name_contents(app: Sphinx, doctree: nodes.document) -> None:
    """Exercises, solutions and definitions of a page all call what is in them the same; it gets the name of its box."""
    for section in doctree.findall(nodes.section):
        box = section.parent["ids"] if isinstance(section.parent, nodes.Element) else []
        if box and len(section["ids"]) == 1 and section["ids"][0] in CONTENTS:
            section["ids"] = [f"{box[0]}-content"]


def lift_pictures(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Take the figures out of a page before other extensions parse and print it, each for itself.

    Half of the elements of a chapter are those of its figures, and none of them is what they look for.
    """
    if doctree is not None and "body" in context:
        pictures: list[str] = []

        def lift(found: re.Match[str]) -> str:
            pictures.append(found[0])
            return f'<svg id="mia-lifted-{len(pictures) - 1}"></svg>'

        context["body"] = PICTURE.sub(lift, context["body"])
        context["mia_lifted"] = pictures


def put_pictures_back(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Put them back, into what hovering shows too."""
    pictures = context.pop("mia_lifted", None)
    if pictures:
        tips = get_tippy_data(app)["pages"][page]["id_to_html"]
        for key, html in tips.items():
            tips[key] = LIFTED.sub(lambda found: pictures[int(found[1])], html)
        context["body"] = LIFTED.sub(lambda found: pictures[int(found[1])], context["body"])


def hand_over_tips(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Leave what hovering shows where the main process finds it: pages may be written by several at a time."""
    if doctree is not None:
        with open(_handed_over(app, page), "wb") as file:
            pickle.dump(get_tippy_data(app)["pages"][page], file)


def collect_tips(app: Sphinx, error: Exception | None) -> None:
    """Give sphinx_tippy what other processes have left, before it writes it for the pages to load."""
    if error or app.builder.format != "html":
        return
    for page in sorted(app.env.all_docs):
        place = _handed_over(app, page)
        if place.is_file():
            get_tippy_data(app)["pages"][page] = pickle.loads(place.read_bytes())


def _handed_over(app: Sphinx, page: str) -> Path:
    return Path(app.doctreedir) / f"{page.replace('/', '-')}.tips"


def allow_sections_without_title() -> None:
    """Code inside a gated solution is in a section without a title, on which sphinx_codeautolink fails."""
    leave = CodeBlockAnalyser.depart_section

    def depart_section(self: CodeBlockAnalyser, node: Any) -> None:
        if self.title_stack:
            leave(self, node)

    CodeBlockAnalyser.depart_section = depart_section


def write_side_by_side(app: Sphinx, env: Any) -> None:
    """Pages are written several at a time. They are read one by one: not every extension can merge what it read."""
    app.parallel = cpu_count() + 1  # the process that hands out the pages only waits


def refuse_to_overwrite(app: Sphinx) -> None:
    """A report of `mia report` is not replaced by this book as it is stored, whose chapters nobody has run here."""
    if Path(app.outdir, "report.json").is_file():
        # An exception would end in Jupyter Book's traceback.
        raise SystemExit(
            f"error: {app.outdir} holds a report that mia report has made, which this would overwrite. To make it "
            "again: make book. To see the book with its stored outputs: jupyter-book build . --path-output OTHER_FOLDER"
        )


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    allow_sections_without_title()
    app.connect("builder-inited", refuse_to_overwrite, priority=100)
    app.connect("doctree-read", name_contents, priority=100)
    app.connect("env-updated", write_side_by_side)
    app.connect("html-page-context", lift_pictures, priority=100)
    app.connect("html-page-context", put_pictures_back, priority=900)
    app.connect("html-page-context", hand_over_tips, priority=950)
    app.connect("build-finished", collect_tips, priority=100)
    app.connect("build-finished", mend_pages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
