"""Parameters of a report: names and values are checked before any chapter runs."""

import pytest

from attack_commands import refused
from books import code, write_book, write_chapter
from mia_core.base.errors import SettingsError
from mia_core.report import BookError, build_report
from mia_core.report.parameters import check_limits, check_parameters, known_parameters, make_absolute

pytest.importorskip("jupyter_book")
pytest.importorskip("papermill")
pytestmark = pytest.mark.usefixtures("own_cache")

KNOWN = {"dataset": "digits", "seeds": 2, "epochs": 50, "learning_rate": 0.001, "shares": [0.1], "title": "x"}


@pytest.mark.parametrize(("given", "words"), [
    ({"epoch": 2}, "epoch: unknown; did you mean epochs? Known: dataset, seeds, epochs, learning_rate, shares, title"),
    ({"EPOCHS": 2}, "EPOCHS: unknown; did you mean epochs?"),
    ({"precision": "float32"}, "precision: unknown; Known: dataset"),
    ({"epochs": "many"}, "epochs: expected a number, found 'many'"), ({"epochs": 0}, "epochs: "),
    ({"learning_rate": "fast"}, "learning_rate: "), ({"seeds": 2000}, "seeds: expected 1 to 1000 seeds"),
    ({"shares": 0.5}, "shares: "), ({"title": 5}, "title: "), ({"dataset": "digit"}, "dataset: unknown"),
])  # fmt: skip
def test_parameters_are_checked(given, words):
    with pytest.raises(SettingsError) as failure:
        check_parameters(given, KNOWN)
    assert words in str(failure.value) and "\n" not in str(failure.value)


@pytest.mark.parametrize(("name", "given", "value"), [
    ("learning_rate", "1e-3", 0.001), ("learning_rate", "1E-3", 0.001), ("epochs", "1e1", 10),
    ("epochs", 10.0, 10), ("seeds", 2, 2), ("seeds", "2", [0, 1]), ("seeds", 2.0, [0, 1]), ("seeds", "1e0", [0]),
    ("seeds", [3, 5], [3, 5]), ("shares", ["1e-1", 2], [0.1, 2.0]),
])  # fmt: skip
def test_parameters_become_plain_values(name, given, value):
    found = check_parameters({name: given}, KNOWN)[name]
    assert found == value and type(found) is type(value)


LIMITED = (
    "models = 8  # pairs: an even number, at least 4\nepochs = 50  # not fewer than it takes\npart = None  # at least 9"
)


@pytest.mark.parametrize(("given", "words"), [
    ({"models": 2}, "models: chapter limited needs at least 4, found 2"),
    ({"models": 5}, "models: chapter limited needs an even number, found 5"),
    ({"part": 8}, "part: chapter limited needs at least 9, found 8"),
])  # fmt: skip
def test_limits_of_a_chapter_are_checked_before_anything_runs(tmp_path, given, words):
    chapters = {"free": [code("models = 8", "parameters"), code("1/0")], "limited": [code(LIMITED, "parameters")]}
    source = write_book(tmp_path / "source", chapters)
    with pytest.raises(SettingsError, match=words):
        build_report(given, tmp_path / "site", source=source)
    assert not (tmp_path / "site").exists()
    for values in ({"models": 4, "epochs": 1, "part": None}, {"models": 8, "part": 9}, {}):
        check_limits("limited", source / "book" / "limited.ipynb", values)


@pytest.mark.parametrize("given", [{"models": 4}, {"models": 7}, {"epochs": 1}, {"canaries": 0}])
def test_the_books_own_limits_are_told_at_once(tmp_path, given):
    with pytest.raises(SettingsError, match=f"^{next(iter(given))}: chapter [a-z-]+ needs (at least|an even)"):
        build_report(given, tmp_path / "site")


def test_parameter_of_a_chapter_that_is_left_out_is_no_mistake(tmp_path):
    cells = {"a": [code("epochs = 1", "parameters"), "# A"], "b": [code("shares = [0.1]", "parameters"), "# B"]}
    source = write_book(tmp_path / "source", cells)
    (tmp_path / "used").write_text("")  # so that parameters that pass are told by the next check
    for given, words in (
        ({"shares": ["0.5"]}, r"out: .* is a file"),
        ({"share": 1}, "share: unknown; did you mean shares"),
        ({"shares": ["x"]}, r"shares\.0: expected a number"),
    ):
        with pytest.raises(SettingsError, match=words):
            build_report(given, tmp_path / "used", chapters=["a"], source=source)


def test_folder_of_data_counts_from_where_the_command_is_typed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert make_absolute({"dataset": "folder:pictures"}) == {"dataset": f"folder:{tmp_path / 'pictures'}"}
    assert make_absolute({"dataset": "folder:~/p"}) == {"dataset": f"folder:{tmp_path / 'home' / 'p'}"}
    assert make_absolute({"dataset": "digits", "epochs": 1}) == {"dataset": "digits", "epochs": 1}


def test_parameters_cell_holds_plain_values_only(tmp_path):
    chapter = tmp_path / "a.ipynb"
    write_chapter(chapter, [code("a = 1\nb: float = 0.5\nc = [1, -2]", "parameters")])
    assert known_parameters(chapter) == {"a": 1, "b": 0.5, "c": [1, -2]}
    for source in ("a = range(3)", "import os", "a, b = 1, 2", "a = "):
        write_chapter(chapter, [code(source, "parameters")])
        with pytest.raises(BookError, match="parameters cell"):
            known_parameters(chapter)


@pytest.mark.parametrize(("words", "message"), [
    (["-p", "epoch=2"], "epoch: unknown; did you mean epochs? Known: "),
    (["--chapter", "combination"], "chapter: combination: unknown; did you mean combinations? Known: "),
    (["--params", "no such file.yml"], "no such file.yml: cannot be read"),
])  # fmt: skip
def test_command_refuses_in_one_line(words, message, capsys):
    assert refused(capsys, "report", *words).startswith(f"mia: error: {message}")
