"""A finished site as one PDF: all its pages in one, printed by Chromium."""

import html
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from mia_core.base.files import reason, temporary_folder, write_atomically
from mia_core.base.interrupts import ended_by_sigterm, undone
from mia_core.base.messages import one_line
from mia_core.report.kernels import kill_group
from mia_core.report.sources import BookError

VARIABLE = "CHROMIUM"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
MACOS = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"
LIMIT = 600  # seconds that Chromium may take
STYLE = "print.css"
NOT_PRINTED = "book/api"  # pages to look functions up in, as long as all else together

_PAGE = """<!doctype html>
<html lang="en" data-theme="light" data-mode="light">
<head><meta charset="utf-8"><title>{title}</title>{head}</head>
<body><div class="bd-content"><article class="bd-article">{body}</article></div></body>
</html>
"""


def find_chromium() -> str:
    """The browser that prints: that of the variable CHROMIUM, else Chromium or Chrome on PATH.

    Raises `BookError`, which says how to get one.
    """
    given = os.environ.get(VARIABLE, "").strip()
    if given:
        found = shutil.which(given)
        if found is None:
            raise BookError(f"{VARIABLE}: {one_line(given)} is no program; expected the path of Chromium or Chrome")
        return found
    found = next(filter(None, map(shutil.which, (*NAMES, MACOS))), None)
    if found is None:
        raise BookError(
            "a PDF needs Chromium or Chrome, and neither is on PATH: apt-get install chromium (or your system's way "
            f"to install it), or name one in the variable {VARIABLE}"
        )
    return found


def printed_pages(site: Path, pages: Sequence[str]) -> list[str]:
    """Those of the book's pages that a site has and that are printed, in their order."""
    return [page for page in pages if not page.startswith(NOT_PRINTED) and (site / f"{page}.html").is_file()]


def print_pdf(site: Path, pages: Sequence[str], out: Path, browser: str) -> Path:
    """Print these pages of a rendered site, such as book/index, in this order into the file `out`; returns it.

    Nothing is written into the site, whatever happens. Raises `BookError` where the browser fails, and `RunError` where
    `out` cannot be written.
    """
    with ended_by_sigterm(), temporary_folder("mia-print-") as folder:
        # A page of its own among links to all that the pages of the site load.
        combined = folder / "site" / PurePosixPath(pages[0]).parent / "print.html"
        combined.parent.mkdir(parents=True)
        for part in site.iterdir():
            if not (folder / "site" / part.name).exists():
                (folder / "site" / part.name).symlink_to(part)
        combined.write_text(combine(site, pages), encoding="utf-8")
        made = folder / "report.pdf"
        _run_browser(browser, combined, made, folder)
        content = made.read_bytes()
    write_atomically(out, lambda file: file.write(content))
    return out


def combine(site: Path, pages: Sequence[str]) -> str:
    """All pages as one, for paper: what is folded or behind a slider is in sight, and links stay within it."""
    from bs4 import BeautifulSoup

    soups = {page: BeautifulSoup((site / f"{page}.html").read_text(encoding="utf-8"), "html.parser") for page in pages}
    first = soups[pages[0]]
    title = first.title.get_text().strip() if first.title else "Report"
    links = "".join(str(link) for link in first.head.find_all("link", rel="stylesheet"))
    # Formulas need one copy of MathJax, which is on those pages only that have any.
    with_formulas = next((soup for soup in soups.values() if soup.find("script", src=re.compile("mathjax"))), None)
    scripts = _mathjax(with_formulas) if with_formulas else ""
    static = "../" * (len(PurePosixPath(pages[0]).parts) - 1) + f"_static/{STYLE}"
    head = f'{links}<link rel="stylesheet" href="{static}">{scripts}'
    body = "\n".join(_section(page, soup, pages) for page, soup in soups.items())
    return _PAGE.format(title=html.escape(title), head=head, body=body)


def _mathjax(soup: Any) -> str:
    found = [
        script
        for script in soup.head.find_all("script")
        if "mathjax" in str(script.get("src", "")) or "window.MathJax" in script.get_text()
    ]
    return "".join(str(script) for script in found)


def _section(page: str, soup: Any, pages: Sequence[str]) -> str:
    """One page's article as a section of the whole, its ids made unique by the page's name."""
    article = soup.select_one("article.bd-article")
    for folded in article.select("details"):
        folded["open"] = ""
    for frame in article.select(".mia-frame"):
        del frame["hidden"]
        slider = frame.find_parent("figure").select_one(".mia-slider input")
        value = soup.new_tag("p", attrs={"class": "mia-frame-value"})
        value.string = f"{slider['aria-label']} = {frame['data-value']}"
        frame.insert(0, value)
    # Folded code is out of sight on the page too, and the rest serves what paper does not have.
    for element in article.select("script, .headerlink, .copybtn, .toggle-button, details.hide, .mia-slider"):
        element.decompose()
    for link in article.select("a[href]"):
        target = _within(page, link["href"], pages)
        if target is None:
            del link["href"]
        else:
            link["href"] = target
    text = article.decode_contents()
    prefix = _anchor(page)
    text = re.sub(r' (id|for|aria-labelledby|aria-describedby)="', rf' \1="{prefix}--', text)
    text = re.sub(r"url\(#|(?<=xlink:)href=\"#", lambda m: f"{m[0]}{prefix}--", text)
    return f'<section class="mia-page" id="{prefix}">{text}</section>'


def _within(page: str, href: str, pages: Sequence[str]) -> str | None:
    """Where a link leads in the combined page; None for a page that is not in it. Other sites stay as they are."""
    if re.match(r"[a-z]+:", href):
        return href
    path, _, fragment = href.partition("#")
    target = page
    if path:
        target = os.path.normpath(PurePosixPath(page).parent / path).removesuffix(".html")
    if target not in pages:
        return None
    return f"#{_anchor(target)}--{fragment}" if fragment else f"#{_anchor(target)}"


def _anchor(page: str) -> str:
    return re.sub(r"[^\w-]", "-", page)


def _run_browser(browser: str, page: Path, out: Path, folder: Path) -> None:
    command = [
        browser,
        "--headless",
        "--disable-gpu",
        "--disable-background-networking",
        "--no-first-run",
        "--no-default-browser-check",
        f"--user-data-dir={folder / 'profile'}",
        # Time enough, in the page's own clock, for MathJax.
        "--virtual-time-budget=60000",
        "--no-pdf-header-footer",
        "--generate-pdf-document-outline",
        f"--print-to-pdf={out}",
        page.as_uri(),
    ]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.insert(1, "--no-sandbox")  # Chromium refuses to run as root with it
    try:
        started = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,  # so that it ends with the processes in which it draws
        )
        with started as process, undone(lambda: kill_group(process)):
            complaints = process.communicate(timeout=LIMIT)[1]
    except subprocess.TimeoutExpired:
        raise BookError(f"{browser} did not print the report within {LIMIT} s") from None
    except OSError as error:
        raise BookError(f"{browser} cannot be run: {reason(error)}") from None
    if process.returncode or not out.is_file() or not out.read_bytes().startswith(b"%PDF-"):
        said = [line for line in complaints.splitlines() if line.strip()]
        last = said[-1] if said else "it said nothing"
        raise BookError(f"{browser} did not print the report (exit status {process.returncode}): {one_line(last)}")
