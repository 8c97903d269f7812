"""The builder of the report, on small books made here: what is on the pages and next to them."""

import ast
import json
import os
import pickle
import platform
import re
import sys
from pathlib import Path
from urllib.parse import unquote

import nbformat
import pytest

from books import CHAPTER, MORE, ROOT, TEXT, code, write_book
from image_folders import put, two_classes
from mia_core.report import build_report
from mia_core.report.compare.page import read_figures
from mia_core.report.compare.results import read_results
from mia_core.report.sources import open_book
from mia_core.report.stored import store_outputs

pytest.importorskip("jupyter_book")
pytest.importorskip("papermill")
pytestmark = pytest.mark.usefixtures("own_cache")

TABLE = """\
import pandas as pd

from mia_core import show

show(pd.DataFrame({"a": [1]}), caption="First.", name="first")
show(pd.DataFrame({"a": [2]}), caption="Another of this name.", name="all")
"""
WHO = """\
import sys
from pathlib import Path
print("this interpreter:", sys.executable == {python!r}, "- its own folder:", Path.cwd() == Path({folder!r}))
print(epochs, share)
"""
# All that tells a path: a parameter, warnings of the package and of a cell, a traceback, what is shown and glued.
TELLS = """\
import html, sys, tempfile, traceback, warnings
from pathlib import Path

from IPython.display import HTML, display

from mia_core import glue, show
from mia_core.base.files import cache_dir
from mia_core.data.load import DataSettings, load_dataset
from mia_core.display.figures import figure

load_dataset(DataSettings(dataset=dataset))
warnings.warn(dataset)
print(dataset, repr(dataset), sys.executable, sys.path, Path.home(), Path.cwd(), cache_dir())
try:
    load_dataset(DataSettings(dataset=dataset + "/none"))
except Exception:
    traceback.print_exc()
display(HTML(f"<p>{html.escape(dataset)}</p>"))
glue("place", dataset)
fig, ax = figure()
ax.set_title(dataset)
show(fig, caption=dataset, name="place", alt=f"{dataset} is shown.")
dataset
"""


class Bomb:
    """Runs code when its pickle is opened."""

    def __init__(self, told):
        self.told = told

    def __reduce__(self):
        return open, (str(self.told), "w")


def plant_pickles(cache, told):
    """Put into a cache, with Matplotlib's folder open to all, what Sphinx keeps of a book where it is let."""
    for place in ("rendering", "rendering/_build/.doctrees", "_build/.doctrees", "matplotlib"):
        (cache / place / "book").mkdir(parents=True, exist_ok=True)
        for name in ("environment.pickle", "book/first.doctree", "book-first.tips"):
            (cache / place / name).write_bytes(pickle.dumps(Bomb(told)))
    (cache / "matplotlib").chmod(0o777)
    (cache / "matplotlib" / "matplotlibrc").write_text("figure.figsize: 1, 1")


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A whole book, built from another folder into a relative path with spaces.

    Its chapters name a kernel that exists nowhere, and the user has a kernel called python3 that cannot start.
    """
    top = tmp_path_factory.mktemp("built")
    settings = code("epochs = 50\nshare = 0.5", "parameters")
    source, pictures = top / "the source", top / "disk of Ada" / 'my "best" <pictures> é'
    put(two_classes(pictures) / "cat" / "notes.txt", b"which is warned of")
    second = ["# Another\n\nSee [](#fig-both) and [](#tab-all).", code(TABLE), settings]
    second.append(code(WHO.format(python=sys.executable, folder=str(source / "book"))))
    third = ["# Pictures of {glue:text}`place`", code('dataset = "digits"', "parameters"), code(TELLS)]
    chapters = {"first": [TEXT, settings, code(CHAPTER), code(MORE)], "second": second, "third": third}
    write_book(source, chapters, kernel="conda-env-x-py")
    stray = top / "jupyter" / "kernels" / "python3"
    stray.mkdir(parents=True)
    (stray / "kernel.json").write_text('{"argv": ["/bin/false"], "display_name": "stray", "language": "python"}')
    elsewhere, home = top / "elsewhere", top / "home"
    elsewhere.mkdir()
    home.mkdir()
    before = sorted(source.rglob("*"))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(elsewhere)
        patch.setenv("HOME", str(home))
        for name in ("MPLCONFIGDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"):
            patch.delenv(name, raising=False)
        patch.setenv("JUPYTER_PATH", str(top / "jupyter"))
        patch.setenv("MIA_CACHE", "a relative store")
        for name in ("USER", "LOGNAME"):
            patch.setenv(name, "ada-lovelace")
        plant_pickles(elsewhere / "a relative store", top / "exploded")
        out = build_report({"epochs": "1e1", "dataset": f"folder:{pictures}"}, "some where/r 1", source=source)
    assert not (top / "exploded").exists(), "a pickle from the cache was opened, which runs code"
    assert sorted(source.rglob("*")) == before, "nothing may be written into the sources"
    assert list(home.rglob("*")) == [], "nor into the user's home"
    assert sorted(path.name for path in elsewhere.iterdir()) == ["a relative store", "some where"]
    assert [path.name for path in (elsewhere / "some where").iterdir()] == ["r 1"]
    return {"out": out, "source": source, "elsewhere": elsewhere, "pictures": pictures}


def page(out: Path, name: str) -> str:
    return (out / "book" / f"{name}.html").read_text(encoding="utf-8")


def test_report_lies_where_it_was_asked_for_with_its_settings(built):
    assert built["out"] == built["elsewhere"] / "some where" / "r 1"
    assert "book/index.html" in (built["out"] / "index.html").read_text()
    record = json.loads((built["out"] / "report.json").read_text())
    assert record["parameters"] == {"epochs": 10, "dataset": f"folder:{built['pictures'].name}"}
    assert list(record["chapters"]) == ["first", "second", "third"]


def test_no_file_of_a_report_tells_a_path_or_a_name_of_this_machine(built):
    private = [built["elsewhere"].parent, ROOT, Path.home(), sys.prefix, "disk of Ada", "ada-lovelace", "ipykernel_"]
    told = re.compile("|".join(re.escape(str(part)) for part in private))
    host = re.compile(rf"\b{re.escape(platform.node())}\b")
    files = [path for path in built["out"].rglob("*") if path.is_file()]
    assert {".html", ".ipynb", ".json", ".js", ".md"} <= {path.suffix for path in files}
    for file in files:
        text = file.read_bytes().decode("utf-8", "replace")
        for spelt in (text, unquote(text)):
            assert not (found := told.search(spelt)), f"{file}: {spelt[found.start() - 60 : found.end() + 60]}"
        assert "_static" in file.parts or not host.search(text), f"{file}: {host.search(text)}"


def test_a_data_folder_is_called_by_its_name(built):
    notebook = nbformat.read(built["out"] / "_sources" / "book" / "third.ipynb", as_version=4)
    name = built["pictures"].name
    given = next(cell.source for cell in notebook.cells if "injected-parameters" in cell.metadata.tags)
    assert ast.literal_eval(given.partition(" = ")[2]) == f"folder:{name}"
    (said, *_) = (output.text for output in notebook.cells[-1].outputs if output.get("name") == "stdout")
    assert said.startswith(f"folder:{name} ") and "~ ./book MIA_CACHE" in said
    warned = "".join(output.text for output in notebook.cells[-1].outputs if output.get("name") == "stderr")
    assert "this cell:" in warned and 'File "./mia_core/data/' in warned and f"DataError: {name}/none: no" in warned
    (drawn,) = read_figures(built["out"], read_results(built["out"]))["third", "place"]
    assert drawn[1].startswith("<svg") and drawn[1].endswith("</svg>"), "the data still points at its drawing"


def test_all_cells_run_with_this_interpreter_in_their_own_folder_with_typed_parameters(built):
    text = page(built["out"], "second")
    assert "this interpreter: True - its own folder: True" in text and "10 0.5" in text
    files = sorted((built["out"] / "_sources" / "book").glob("*.ipynb"))
    assert [file.stem for file in files] == ["first", "second", "third"]
    cells = [cell for file in files for cell in nbformat.read(file, as_version=4).cells if cell.cell_type == "code"]
    assert all(cell.execution_count for cell in cells)


def test_page_numbers_its_figures_links_to_them_and_shows_no_numpy(built):
    text, second = page(built["out"], "first"), page(built["out"], "second")
    for words in ("Figure 1.</span> Members and non-members.", "Figure 2.</span> A sweep.", "Table 1.</span> All."):
        assert words in text
    assert re.search(r'href="#fig-both"[^>]*>Figure 1</a>', text)
    assert re.search(r'href="first.html#fig-both"[^>]*><span[^>]*>Figure 1</span>', second)
    assert re.search(r'href="#tab-all"[^>]*>Table 3</a>', second), "its own page's, and numbers run on"
    assert "0.837" in text and "0.8371" not in re.sub(r"<pre.*?</pre>", "", text, flags=re.DOTALL)
    assert "np.float64(0.837)" not in text


def test_page_says_what_made_it_and_its_settings_once(built):
    text = page(built["out"], "second")
    line = re.sub(r"<[^>]+>", " ", text[text.index('class="mia-provenance"') :])
    assert all(part in line for part in ("epochs = 10", "share = 0.5", "python 3.", "torch", "UTC"))
    table = re.sub(r"<[^>]+>", " ", page(built["out"], "index"))
    assert "A chapter" in table and "Another" in table and "UTC" in table
    plain = re.sub(r"<[^>]+>", "", text)
    assert plain.count("share = 0.5") == 2, "the cell, and the line under the page"
    assert "epochs = 50" not in plain


def test_one_chapter_can_be_built_alone(tmp_path):
    chapters = {"one": ["# One\n\n[](#fig-gone), {doc}`two`", code("1 + 1")], "two": ["# Two", code("1/0")]}
    out = build_report({}, tmp_path / "out", chapters=["one"], source=write_book(tmp_path / "source", chapters))
    assert "One" in page(out, "one") and not (out / "book" / "two.html").exists()


SLOW = "import time\n\nfor number in (1, 2):\n    print(number, flush=True)\n    time.sleep(0.5)"


def test_stored_outputs_hold_nothing_of_the_run_but_its_results(tmp_path):
    chapters = {"chapter": ["# A chapter", code("epochs = 1", "parameters"), code("epochs + 1"), code(SLOW)]}
    source = write_book(tmp_path / "source", chapters, kernel="conda-env-x-py")
    (file,) = store_outputs(source=source)
    text = file.read_text()
    notebook = nbformat.reads(text, as_version=4)
    assert [cell.execution_count for cell in notebook.cells if cell.cell_type == "code"] == [1, 2, 3]
    assert notebook.cells[-2].outputs[0].data["text/plain"] == "2"
    assert [output.text for output in notebook.cells[-1].outputs] == ["1\n2\n"]
    assert notebook.metadata.kernelspec.name == "python3"
    assert "papermill" not in text and str(tmp_path) not in text and "iopub" not in text
    store_outputs(source=source)
    assert file.read_text() == text


def test_a_chapter_about_the_run_is_stored_again_only_if_it_says_something_else(tmp_path):
    clock = code("import time\n\ntime.perf_counter_ns()", "run-every-time", "nbval-ignore-output")
    source = write_book(tmp_path / "source", {"run": ["# A run", clock, code("1 + 1")]})
    (file,) = store_outputs(source=source)
    first = file.read_text()
    store_outputs(source=source)
    assert file.read_text() == first
    file.write_text(first.replace("1 + 1", "1 + 2"))
    store_outputs(source=source)
    again = file.read_text()
    assert again != first and again.count("perf_counter_ns") == 1 and "3" in again


def test_the_books_own_table_of_contents_is_complete():
    book = open_book()
    assert book.root == ROOT
    files = {path.relative_to(ROOT).with_suffix("").as_posix() for path in (ROOT / "book").rglob("*.ipynb")}
    files |= {f"book/{path.stem}" for path in (ROOT / "book").glob("*.md")}
    files = {name for name in files if not any(part.startswith((".", "_")) for part in Path(name).parts)}
    assert set(book.pages) == files
    assert os.path.commonpath([ROOT, *book.chapters.values()]) == str(ROOT)
