"""The command `mia compare`: two reports side by side, in the terminal and as a page."""

import json
from dataclasses import asdict
from typing import Annotated

import typer


def compare(
    a: Annotated[str, typer.Argument(help="The folder of a report.", metavar="A")],
    b: Annotated[str, typer.Argument(help="The folder of another report.", metavar="B")],
    out: Annotated[
        str | None, typer.Option(help="Also write the comparison, with figures, to this .html file.", metavar="FILE")
    ] = None,
    brief: Annotated[bool, typer.Option("--summary", help="Print at most ten lines.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print strict JSON instead of text.")] = False,
) -> None:
    """Compare two reports: settings that differ, verdicts that changed, numbers with intervals and their difference.

    A and B are folders that mia report has made. The page of --out also has their figures side by side; it is one file
    that needs nothing else and no network. Exit status: 0 no verdict changed, 1 some did, 2 an error.
    """
    from mia_core.base.stderr import say, write
    from mia_core.report.compare.differences import compare as compared
    from mia_core.report.compare.page import as_page, check_out, read_figures
    from mia_core.report.compare.results import read_results
    from mia_core.report.compare.text import as_text, summary

    target = check_out(out, (a, b)) if out is not None else None
    left, right = read_results(a), read_results(b)
    comparison = compared(left, right)
    if target is not None:
        from mia_core.base.files import write_atomically

        page = as_page(comparison, left, right, (a, b), (read_figures(a, left), read_figures(b, right)))
        write_atomically(target, lambda file: file.write(page.encode("utf-8")))
        say(f"mia: note: wrote {target}")
    if as_json:
        found = asdict(comparison)  # but for the lines of verdict tables, which are pydantic's
        write(json.dumps(found, indent=2, allow_nan=False, default=lambda line: line.model_dump()) + "\n")
    else:
        write((summary if brief else as_text)(comparison, left, right, (a, b)))
    if comparison.turns:
        raise typer.Exit(1)
