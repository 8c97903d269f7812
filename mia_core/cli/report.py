"""The command `mia report`: the whole book on the reader's own parameters."""

from typing import Annotated

import typer


def report(
    params: Annotated[
        str | None, typer.Option(help="A YAML file of parameters of the chapters.", metavar="FILE")
    ] = None,
    param: Annotated[
        list[str] | None,
        typer.Option("--param", "-p", help="One parameter, such as -p epochs=10; may be given several times."),
    ] = None,
    out: Annotated[
        str,
        typer.Option(
            help="The folder to put the site in; an older report there is replaced when the new one is whole.",
            metavar="FOLDER",
        ),
    ] = "_build/report",
    chapter: Annotated[
        list[str] | None,
        typer.Option(help="Run this chapter only, such as combinations; may be given several times."),
    ] = None,
    pdf: Annotated[
        str | None,
        typer.Option(help="Also print the report into this .pdf file, by Chromium or Chrome.", metavar="FILE"),
    ] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Run chapters even if nothing about them has changed.")
    ] = False,
) -> None:
    """Run every chapter of the book with these parameters and render it as a site.

    Parameters are checked before anything runs. The site appears only when every cell of every chapter has run; what
    was trained on the way is kept either way (see MIA_CACHE). A chapter is not run again as long as nothing about it
    has changed, neither its text, parameters and data nor any code. Open index.html in a browser; no network needed.
    """
    from mia_core.base.files import file_to_write
    from mia_core.base.stderr import say
    from mia_core.cli.options import given_settings, naming_file
    from mia_core.report import build_report
    from mia_core.report import pdf as paper
    from mia_core.report.sources import open_book

    given = given_settings(params, param)
    # Before anything runs for nothing.
    target, browser = (file_to_write(pdf, "pdf", ".pdf"), paper.find_chromium()) if pdf is not None else (None, "")
    with naming_file(params, given, param):
        site = build_report(given, out, chapter or None, fresh=fresh)
    say(f"mia: note: wrote {site}; open {site / 'index.html'}")
    if target is not None:
        say("mia: printing")
        paper.print_pdf(site, paper.printed_pages(site, open_book().pages), target, browser)
        say(f"mia: note: wrote {target}")
