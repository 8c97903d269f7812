"""The book in a browser: what only a browser can tell. Skips where Chromium or Playwright is missing."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from books import CHAPTER, MORE, TEXT, code, write_book
from mia_core.report import build_report

sync_api = pytest.importorskip("playwright.sync_api", reason="no Playwright: pip install playwright")
CHROMIUM = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium: apt-get install chromium, or name one in the variable CHROMIUM"
)
WIDTHS = {"wide": (1440, 900), "phone": (390, 844)}
# What axe takes seconds for, it looks at on one page of each kind: contrast, the size of what is pressed, and all its
# rules on a narrow page.
EACH_KIND = ("index", "measuring-an-attack", "api-core", "search")
SLOW_RULES = ("color-contrast", "target-size")

# Contrast of each text with the nearest background behind it (WCAG 2, relative luminance; large text may have less).
FAINT_TEXT = """() => {
  const numbers = colour => (colour.match(/[\\d.]+/g) || []).map(Number);
  const luminance = colour => {
    const linear = v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
    const [r, g, b] = numbers(colour).map(v => linear(v / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const over = (colour, under) => {
    const [...top] = numbers(colour), alpha = top.length > 3 ? top[3] : 1, back = numbers(under);
    return `rgb(${[0, 1, 2].map(i => alpha * top[i] + (1 - alpha) * back[i]).join(', ')})`;
  };
  const behind = element => {
    if (!element) return 'rgb(255, 255, 255)';
    const colour = getComputedStyle(element).backgroundColor, [,,, alpha = 1] = numbers(colour);
    return alpha === 1 ? colour : over(colour, behind(element.parentElement));
  };
  // Text of a fixed colour lies on something of a fixed colour, such as a cell of a heat map.
  const fixed = element => element.outerHTML.includes('fill: #');
  const below = text => {
    if (text.tagName !== 'text' || !fixed(text)) return behind(text);
    const box = text.getBoundingClientRect(), x = (box.left + box.right) / 2, y = (box.top + box.bottom) / 2;
    const under = [...text.closest('svg').querySelectorAll('path')].filter(fixed).filter(path => {
      const r = path.getBoundingClientRect();
      return r.left <= x && x <= r.right && r.top <= y && y <= r.bottom;
    });
    return under.length ? getComputedStyle(under.at(-1)).fill : behind(text);
  };
  const said = element => [...element.childNodes].some(node => node.nodeType === 3 && node.textContent.trim());
  const seen = element => element.checkVisibility({checkOpacity: true, checkVisibilityCSS: true});
  const outside = '[disabled], [aria-disabled=true], [aria-hidden=true], mjx-container, .search-button__kbd-shortcut';
  const inactive = element => element.closest(outside);
  const large = style => parseFloat(style.fontSize) >= (style.fontWeight >= 700 ? 18.66 : 24);
  const texts = [...document.querySelectorAll('body *')].filter(e => said(e) && seen(e) && !inactive(e));
  return texts.filter(text => !/^(SCRIPT|STYLE|TITLE|desc|title|OPTION)$/.test(text.tagName)).map(text => {
    const style = getComputedStyle(text), colour = text.tagName === 'text' ? style.fill : style.color;
    const under = below(text);
    const [a, b] = [luminance(over(colour, under)), luminance(under)].sort((x, y) => y - x);
    return [text.textContent.slice(0, 60), (a + 0.05) / (b + 0.05), large(style) ? 3 : 4.5];
  }).filter(([, ratio, least]) => ratio < least);
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield started
        started.close()


@pytest.fixture(scope="module")
def small_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A book with one of everything."""
    top = tmp_path_factory.mktemp("small")
    solution = ["```{exercise-start}\n:label: one\n```\nDo it.\n```{exercise-end}\n```", code("1 + 1")]
    gates = ("````{solution-start} one\n:class: dropdown\n````", "````{solution-end}\n````")
    cells = [TEXT, code(CHAPTER), code(MORE), solution[0], gates[0], solution[1], gates[1]]
    note = ":::{margin}\nA note in the margin.\n:::\n\n## More\n\nText."
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MIA_CACHE", str(top / "store"))
        return build_report({}, top / "site", source=write_book(top / "source", {"chapter": [*cells, note]}))


class Visit:
    """An open page, and what the browser said and asked for while it loaded."""

    def __init__(self, browser: Any, path: Path, width: str = "wide", scheme: str = "light", **options: Any) -> None:
        size = {"width": WIDTHS[width][0], "height": WIDTHS[width][1]}
        self.context = browser.new_context(viewport=size, color_scheme=scheme, **options)
        self.page = self.context.new_page()
        self.said: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", lambda m: self.said.append(m.text) if m.type in ("error", "warning") else None)
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.scripts = options.get("java_script_enabled", True)
        self.turn_to(path)

    def turn_to(self, path: Path) -> None:
        self.said.clear()
        self.asked.clear()
        self.page.goto(path.as_uri())
        if self.scripts:
            self.page.evaluate("() => window.MathJax?.startup?.promise?.then(() => true)")

    def __enter__(self) -> "Visit":
        return self

    def __exit__(self, *_: object) -> None:
        self.context.close()

    def foreign(self) -> list[str]:
        return [url for url in self.asked if not url.startswith(("file:", "data:", "blob:"))]


def turn(page: Any, scheme: str) -> None:
    """The open page as it is in the dark, or in the light again, its colours no longer on their way there."""
    page.add_style_tag(content="*, *::before, *::after { transition: none !important }")
    page.emulate_media(color_scheme=scheme)
    page.wait_for_function(f"document.documentElement.dataset.theme === '{scheme}'", timeout=30_000)


def put_on_paper(page: Any) -> None:
    page.set_viewport_size({"width": 718, "height": 1000})  # A4 between margins of 1 cm
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")


def dress(page: Any, width: str, scheme: str) -> None:
    """The open page at this width, once the theme has let the keyboard into what scrolls there, and in this scheme."""
    page.set_viewport_size(dict(zip(("width", "height"), WIDTHS[width], strict=True)))
    scrolls = "[...document.querySelectorAll('pre, .pst-scrollable-table-container, .cell_output > .output')]"
    reached = f"{scrolls}.every(e => e.scrollWidth <= e.clientWidth || e.tabIndex === 0)"
    with contextlib.suppress(sync_api.TimeoutError):  # axe says where
        page.wait_for_function(reached, timeout=10_000)
    turn(page, scheme)


def serious(page: Any, **options: Any) -> list[str]:
    from axe_playwright_python.sync_playwright import Axe

    # Without "preload" axe would fetch style sheets again, which a page opened as a file may not,
    # and the nodes that pass need not be listed.
    found = Axe().run(page, options={"preload": False, "resultTypes": ["violations"]} | options).response["violations"]
    return [f"{v['id']}: {v['nodes'][0]['html'][:120]}" for v in found if v["impact"] in ("serious", "critical")]


def faint(page: Any) -> list[str]:
    return serious(page, runOnly=["color-contrast"])


@pytest.mark.parametrize("part", [0, 1])
def test_every_page_is_quiet_fits_and_can_be_used_by_everyone(browser: Any, part: int, stored_site: Path) -> None:
    """Each page is loaded once, light and wide, then made dark and narrow, and those of each kind the other way, too.

    What a page has of its own is seen in two looks: at a width the same elements are in the same places by day and by
    night, and what is there at one width alone, such as the contents at the side, is there on each page.
    """
    faults = []
    every = sorted([*stored_site.glob("book/*.html"), stored_site / "search.html", stored_site / "genindex.html"])
    with Visit(browser, every[part]) as visit:  # in one window, which keeps the scripts that all pages share
        for path in every[part::2]:
            visit.page.set_viewport_size(dict(zip(("width", "height"), WIDTHS["wide"], strict=True)))
            visit.page.emulate_media(color_scheme="light")
            visit.turn_to(path)
            found, page, kind = [], visit.page, path.stem in EACH_KIND
            looks = [("wide", "light"), ("phone", "dark")] + kind * [("wide", "dark"), ("phone", "light")]
            for width, scheme in looks:
                dress(page, width, scheme)
                sideways = page.evaluate("document.documentElement.scrollWidth - innerWidth")
                found += [f"{sideways} px sideways, {width}"] if sideways > 0 else []
                rules = {"rules": {rule: {"enabled": False} for rule in SLOW_RULES[: 1 if kind else 2]}}
                rules = rules if kind or width == "wide" else {"runOnly": ["scrollable-region-focusable"]}
                found += [f"{fault}, {width}" for fault in serious(page, **rules)]
                found += [f"faint text {text}, {width}, {scheme}" for text in page.evaluate(FAINT_TEXT)]
            # It takes axe minutes to look at all entries of the API, whose colours are those of the first ones.
            page.evaluate("document.querySelectorAll('section:nth-of-type(n+3) dl.py').forEach(dl => dl.remove())")
            for look in looks if kind else ():
                dress(page, *look)
                found += [f"{fault}, {look}" for fault in faint(page)]
            found += [f"said {text}" for text in visit.said] + [f"asked {url}" for url in visit.foreign()]
            faults += [f"{path.name}: {fault}" for fault in found]
    assert not faults


def test_wide_tables_reach_beside_the_text_and_a_phone_scrolls_them_alone(browser: Any, stored_site: Path) -> None:
    with Visit(browser, stored_site / "book" / "layout.html") as visit:
        boxes = visit.page.locator(".pst-scrollable-table-container")
        table, text = boxes.first.bounding_box(), visit.page.locator("article p").first.bounding_box()
        assert table["width"] > text["width"] + 50
        assert visit.page.locator("aside.bd-sidebar-secondary.hide, .bd-sidebar-secondary.hide").count() == 1
        visit.page.set_viewport_size({"width": 390, "height": 844})
        broken = "[...document.querySelectorAll('td:first-child code .pre')].filter(e => e.getClientRects().length > 1)"
        assert visit.page.evaluate(f"{broken}.map(e => e.textContent)") == []


def test_faint_text_is_found_in_the_dark_alone(browser: Any, small_site: Path, tmp_path: Path) -> None:
    """The test of every page changes the scheme of a page that is open, which must not hide a fault."""
    dark = "html[data-theme=dark]"
    grey = f"<style>{dark} h1, {dark} svg text {{color: #444; fill: #444 !important}}</style>"
    site = Path(shutil.copytree(small_site, tmp_path / "site"))
    page = site / "book" / "chapter.html"
    page.write_text(page.read_text(encoding="utf-8").replace("</head>", f"{grey}</head>"), encoding="utf-8")
    with Visit(browser, page) as visit:
        assert serious(visit.page) == [] == visit.page.evaluate(FAINT_TEXT)
        turn(visit.page, "dark")
        assert any("<h1" in fault for fault in faint(visit.page))
        assert visit.page.evaluate(FAINT_TEXT)


def test_tooltips_open_on_focus_with_figures_terms_and_formulas(browser: Any, small_site: Path) -> None:
    with Visit(browser, small_site / "book" / "chapter.html") as visit:
        assert visit.page.locator("figure.mia-figure svg:visible").count() == 2
        assert visit.page.locator("mjx-container svg").count() >= 3, "formulas are typeset"
        tip = visit.page.locator(".tippy-box")
        found = {"Figure 1": "svg[role=img]", "posterior": "text=What a model says", "Definition": "mjx-container"}
        for link, inside in found.items():
            visit.page.locator("article a.internal", has_text=link).first.focus()
            tip.locator(inside).first.wait_for(timeout=30_000)
            visit.page.keyboard.press("Escape")
            visit.page.evaluate("document.activeElement.blur()")
            tip.wait_for(state="detached", timeout=30_000)
        assert visit.said == []


def test_search_field_opens_by_keys(browser: Any, small_site: Path) -> None:
    with Visit(browser, small_site / "book" / "chapter.html", "phone") as visit:
        visit.page.keyboard.press("Control+k")
        assert visit.page.evaluate("document.activeElement.type") == "search"


def test_page_can_be_read_without_scripts(browser: Any, small_site: Path) -> None:
    with Visit(browser, small_site / "book" / "chapter.html", java_script_enabled=False) as visit:
        assert visit.page.locator("#fig-sweep .mia-frame:visible").count() == 1
        assert visit.page.locator(".mia-slider:visible").count() == 0
        assert visit.page.locator("#fig-both figcaption").is_visible()


def test_dark_page_prints_dark_on_white_with_its_notes(browser: Any, small_site: Path) -> None:
    with Visit(browser, small_site / "book" / "chapter.html", scheme="dark") as visit:
        put_on_paper(visit.page)
        fill = visit.page.evaluate("getComputedStyle(document.querySelector('figure svg text')).fill")
        assert sum(int(part) for part in fill.removeprefix("rgb(").rstrip(")").split(",")) < 200
        assert visit.page.evaluate(FAINT_TEXT) == []
        note = visit.page.get_by_text("A note in the margin.").bounding_box()
        article = visit.page.locator("article.bd-article").bounding_box()
        assert note["x"] + note["width"] <= article["x"] + article["width"] + 1
        assert visit.page.locator(".mia-slider:visible").count() == 0


def test_every_slider_of_the_book_shows_each_of_its_frames_by_keys(browser: Any, stored_site: Path) -> None:
    moved = 0
    for path in sorted(stored_site.glob("book/*.html")):
        if 'class="mia-slider"' not in path.read_text(encoding="utf-8"):
            continue
        with Visit(browser, path) as visit:
            for box in visit.page.locator("figure:has(.mia-slider)").all():
                slider, frames = box.get_by_role("slider"), box.locator(".mia-frame")
                slider.focus()
                visit.page.keyboard.press("Home")
                for at in range(frames.count()):
                    assert box.locator(".mia-frame:visible").count() == 1 and frames.nth(at).is_visible(), path.name
                    value = frames.nth(at).get_attribute("data-value")
                    assert slider.get_attribute("aria-valuetext").endswith(f"= {value}"), path.name
                    assert box.locator("output").text_content() == value, path.name
                    visit.page.keyboard.press("ArrowRight")
                moved += 1
            assert visit.said == [], path.name
    assert moved >= 3


def test_a_citation_shows_what_is_cited_on_focus(browser: Any, stored_site: Path) -> None:
    with Visit(browser, stored_site / "book" / "label-smoothing.html") as visit:
        link = visit.page.locator('article a[href^="bibliography.html#"]').first
        assert link.get_attribute("title") is None, "the browser would show it a second time"
        link.focus()
        tip = visit.page.locator(".tippy-box .citation")
        tip.wait_for(timeout=30_000)
        assert len(tip.text_content()) > 40 and visit.said == []


def test_the_books_own_words_are_found(browser: Any, stored_site: Path) -> None:
    for words, page in (("negative epsilon", "label-smoothing"), ("canaries", "all-attacks"), ("budget", "what-it-")):
        with Visit(browser, stored_site / "search.html") as visit:
            visit.page.goto((stored_site / "search.html").as_uri() + f"?q={words.replace(' ', '+')}")
            visit.page.locator(f'#search-results a[href*="{page}"]').first.wait_for(timeout=30_000)
            assert visit.said == [] and visit.foreign() == []


def test_the_search_puts_chapters_before_entries_of_the_api(browser: Any, stored_site: Path) -> None:
    with Visit(browser, stored_site / "search.html") as visit:
        visit.page.goto((stored_site / "search.html").as_uri() + "?q=dropout")
        visit.page.locator(".search-summary", has_text="found").wait_for(timeout=30_000)
        api = ["book/api" in str(a.get_attribute("href")) for a in visit.page.locator("#search-results li a").all()]
        assert api == sorted(api) and 3 < api.count(True) < len(api) - 3


def test_pages_print_within_the_paper_and_dark_on_white(browser: Any, stored_site: Path) -> None:
    for name in ("combinations", "all-attacks", "promises", "api-core"):
        with Visit(browser, stored_site / "book" / f"{name}.html", scheme="dark") as visit:
            put_on_paper(visit.page)
            assert visit.page.evaluate(FAINT_TEXT) == [], name
            assert visit.page.locator(".mia-slider:visible").count() == 0, name
            boxes = "article :is(figure, pre, table, .mia-scroll, .pst-scrollable-table-container, div.math, dt)"
            wide = f"[...document.querySelectorAll('{boxes}')].filter(e => e.scrollWidth > e.clientWidth + 1"
            wide += " || e.getBoundingClientRect().right > innerWidth + 1)"
            assert visit.page.evaluate(f"{wide}.map(e => e.outerHTML.slice(0, 80))") == [], name
