"""One gate for settings: YAML, command line and Python say the same, and what is wrong is one line."""

import math
import random
import string
import time
from itertools import pairwise

import numpy as np
import pytest

from mia_core.base.errors import SettingsError
from mia_core.base.messages import harmless, name_text, one_line
from mia_core.base.settings import pairs, read_settings_file
from mia_core.base.stderr import say, write
from mia_core.cli.main import main
from mia_core.defenses.dropout import Dropout
from mia_core.model.recipe import Recipe
from mia_core.studies.settings import ReferenceSettings, StudySettings


def from_yaml(tmp_path, text):
    (tmp_path / "settings.yml").write_bytes(text if isinstance(text, bytes) else text.encode())
    return StudySettings(**read_settings_file(tmp_path / "settings.yml"))


@pytest.mark.parametrize("spelling", ["1e-3", "1E-3", "0.001", ".001", "1.0e-3", "'0.001'", "+1e-3"])
def test_a_number_is_a_number_in_every_spelling(tmp_path, spelling):
    assert from_yaml(tmp_path, f"learning_rate: {spelling}") == StudySettings(learning_rate=0.001)
    assert StudySettings(**pairs([f"learning_rate={spelling.strip(chr(39))}"])) == StudySettings(learning_rate=0.001)


TEN = ("10", "1e1", "1E1", "10.0", "010", "+10")
NO_NUMBERS = ("1_0", "0x11", "0b11", "1:30", "1:30.5", "0o17", "1e", "\uff11\uff10", ".inf")


@pytest.mark.parametrize("spelling", TEN + NO_NUMBERS)
def test_a_whole_number_reads_the_same_in_a_file_on_the_command_line_and_in_python(tmp_path, spelling):
    def outcome(make):
        try:
            return repr(make().epochs)
        except SettingsError as error:
            return str(error)

    found = {
        outcome(lambda: from_yaml(tmp_path, f"epochs: {spelling}")),
        outcome(lambda: StudySettings(**pairs([f"epochs={spelling}"]))),
        outcome(lambda: StudySettings(epochs=spelling)),
    }
    assert found == {"10" if spelling in TEN else f"epochs: expected a number, found '{spelling}'"}


def test_a_count_of_seeds_is_a_whole_number_in_every_spelling(tmp_path):
    for spelling in (*TEN, "'10'"):
        assert from_yaml(tmp_path, f"seeds: {spelling}").seeds == tuple(range(10))


def test_python_numbers_of_any_library_are_taken():
    for ten in (10, 10.0, np.int32(10), np.float32(10), np.int64(10)):
        assert type(Recipe(epochs=ten).epochs) is int and Recipe(epochs=ten).epochs == 10
    assert Recipe(epochs=str(2**53 + 1)).epochs == 2**53 + 1  # not rounded


@pytest.mark.parametrize("value", [True, None, "ten", 1.5, math.nan, math.inf, [1], {}, "0x10", b"10", "1e400", ""])
def test_what_is_no_whole_number_is_said(value):
    with pytest.raises(SettingsError, match=r"^epochs: expected a (whole |finite )?number, found "):
        Recipe(epochs=value)


@pytest.mark.parametrize(("text", "message"), [
    ("epoch: 3", "epoch: unknown; did you mean epochs? Known: "),
    ("EPOCHS: 3", "EPOCHS: unknown; did you mean epochs? "), ("batchsize: 3", "did you mean batch_size? "),
    ("zzz: 3", "zzz: unknown; Known: "), ("epochs: [1, 2]", "epochs: expected a number, found [1, 2]"),
    ("epochs: 0", "epochs: expected greater than or equal to 1, found 0"),
    ("epochs:", "epochs: expected a number, found None"),
    ("precision: bfloat", "precision: expected 'float32', 'bfloat16' or 'auto', found 'bfloat'"),
    ("epochs: 3\nepochs: 4", "epochs: given twice"),
    ("- epochs", "expected a mapping of setting names to values, found list"),
    ("3: 4", "settings.yml: setting names must be text, found 3"),
    ("yes: 2", "settings.yml: setting names must be text, found True"),
    ("epochs: &a 3\nseeds: *a", "settings.yml: line 2: aliases and merge keys (*a, <<) are not taken"),
    ("base: &a {epochs: 3}\n<<: *a", "settings.yml: line 2: aliases and merge keys (*a, <<) are not taken"),
    ("<<: {epochs: 3}", "settings.yml: merge keys (<<) are not taken"), ("self: 1", "self: unknown; Known: "),
    ("'': 1", "'': unknown; Known: "),
    ("epochs: !!python/object/apply:os.system ['touch HACKED']", "not plain YAML (line 1)"),
    ("epochs: &a [*a]", "aliases"), ("epochs: 3\n bad", "found '3 bad'"), ("a: b: c", "not plain YAML (line 1)"),
    (b"epochs: \xff\xfe", "not UTF-8 text"), (b"epochs: 3\x00", "not plain YAML"),
])  # fmt: skip
def test_files_that_are_wrong(tmp_path, monkeypatch, text, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SettingsError) as caught:
        from_yaml(tmp_path, text)
    assert message in str(caught.value) and "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["settings.yml"]


def test_files_of_settings_are_read_with_a_byte_order_mark_and_from_the_home_folder(tmp_path, monkeypatch):
    assert from_yaml(tmp_path, "") == StudySettings()
    assert from_yaml(tmp_path, b"\xef\xbb\xbfepochs: 3\r\n") == StudySettings(epochs=3)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert read_settings_file("~/settings.yml") == {"epochs": 3}
    with pytest.raises(SettingsError, match="cannot be read: No such file"):
        read_settings_file(tmp_path / "none.yml")
    with pytest.raises(SettingsError, match="cannot be read: Is a directory"):
        read_settings_file(tmp_path)


@pytest.mark.parametrize("text", ["epochs", "=3", "  = 3"])
def test_pairs_have_a_form(text):
    with pytest.raises(SettingsError, match="expected NAME=VALUE"):
        pairs([text])
    with pytest.raises(SettingsError, match="epochs: given twice"):
        pairs(["epochs=3", "epochs=4"])


def test_several_mistakes_are_told_at_once():
    with pytest.raises(SettingsError, match=r"noise: .*; epoch: unknown"):
        StudySettings(epoch=3, noise=-1)


def test_settings_cannot_be_changed_afterwards():
    with pytest.raises(Exception, match="frozen"):
        Recipe().epochs = 3


def test_messages_stay_on_one_short_line():
    assert one_line("a\nb\tc\x1b[31m\ud800") == r"a b c\x1b[31m\ud800"
    assert len(one_line("x" * 1000)) == 200
    with pytest.raises(SettingsError) as caught:
        StudySettings(**{"k\n" * 500: 1})
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 1000


def test_codes_from_outside_are_seen_and_not_obeyed(capsys):
    codes = "\x1b]0;title\x07 \x9b2J \r\u202eexe.\u2066\u200f\u200b\ufeff\U000e0041"
    shown = r"\x1b]0;title\x07 \x9b2J \x0d\u202eexe.\u2066\u200f\u200b\ufeff\U000e0041"
    write(f"猫\t{codes}\n")
    say(codes)
    assert capsys.readouterr() == (f"猫\t{shown}\n", f"{shown}\n")
    assert name_text(codes) == shown.replace(r"\x0d", " ")
    words = "שלום, می\u200cخواهم, नमस्ते, 猫 👩\u200d🔬 é"
    assert harmless(words) == words, "letters of any script are no codes"


def test_a_path_shows_undecodable_bytes_and_keeps_its_file_name():
    path = "ü→ε/ś≥x.npz".encode().decode("ascii", "surrogateescape")
    assert one_line(path) == r"\xc3\xbc\xe2\x86\x92\xce\xb5/\xc5\x9b\xe2\x89\xa5x.npz"
    long = one_line("/start/" + "deep/" * 100 + "scores.npz")
    assert len(long) == 200 and long.startswith("/start/deep/") and long.endswith("/scores.npz")


@pytest.mark.parametrize("name", ["self", "cls", "values", "args", "__class__", "__init__", "model_config",
                                  "model_fields", "", "a b", "é"])  # fmt: skip
def test_any_name_can_be_an_unknown_setting(name):
    for group in (StudySettings, ReferenceSettings, Dropout):
        for make in (group, group().replace):
            with pytest.raises(SettingsError, match=r"unknown; (did you mean .*)?Known: "):
                make(**{name: 1})


def nested(levels):
    """A list of lists of lists, which is small in memory and has 9 ** levels parts."""
    value = ["x"] * 9
    for _ in range(levels):
        value = [value] * 9
    return value


def test_a_bomb_of_aliases_is_refused_at_once(tmp_path):
    lines = ["a: &a [x, x, x, x, x, x, x, x, x]"]
    lines += [f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]" for a, b in pairwise("abcdefgh")]
    start = time.process_time()
    with pytest.raises(SettingsError, match=r"line 2: aliases and merge keys \(\*a, <<\) are not taken"):
        from_yaml(tmp_path, "\n".join([*lines, "epochs: *h"]))
    for name in ("epochs", "noise", "seeds", "defenses", "precision", "part", "attacks", "unknown"):
        for value in (nested(9), {"a": nested(9)}):
            with pytest.raises(SettingsError, match=f"^{name}[.:]"):
                StudySettings(**{name: value})
    assert time.process_time() - start < 5


def test_a_large_file_is_no_file_of_settings(tmp_path):
    with pytest.raises(SettingsError, match=r"settings\.yml: found more than 100,000 bytes; expected a short file"):
        from_yaml(tmp_path, "# \n" * 50_000)


def nonsense(generator):
    """A value as it may come out of a file, a command line or a notebook."""
    letters = "".join(generator.choices(string.printable + "εß日\x00\u2028", k=generator.randrange(12)))
    return generator.choice(
        [letters, None, True, [], [letters], {letters: 1}, -1, 0, 10**30, 1e308, math.nan, -math.inf, 0.5, "1e-3", "-0",
         b"x", (1, 2), object(), "none,none", "dropout(rate=2)", "folder:", "a" * 5000, [[[]]], "1,2,x", np.nan]
    )  # fmt: skip


def test_a_thousand_malformed_settings():
    generator = random.Random(0)
    names = [*StudySettings.known(), "epoch", "seed", "", "εpochs", "__class__", "model_config", "replace"]
    refused = 0
    for _ in range(1000):
        given = {generator.choice(names): nonsense(generator) for _ in range(generator.randrange(1, 4))}
        try:
            StudySettings(**given)
        except SettingsError as error:
            refused += 1
            assert "\n" not in str(error) and len(str(error)) < 2500
    assert refused > 800


def test_a_hundred_malformed_files_on_the_command_line(tmp_path, capsys, monkeypatch):
    reached = "mia_core.studies.study.Study.__init__"
    monkeypatch.setattr(reached, lambda *_: pytest.fail("a malformed file reached the study"))
    generator = random.Random(1)
    path = tmp_path / "s.yml"
    for _ in range(100):
        noise = bytes(generator.randrange(256) for _ in range(generator.randrange(40)))
        path.write_bytes(generator.choice([b"epoch: 1\n", b"self: 1\n", b"!!python/name:os.system : 1\n"]) + noise)
        assert main(["study", "--params", str(path), "--out", str(tmp_path / "out.csv")]) == 2
        out, err = capsys.readouterr()
        assert out == "" and err.startswith("mia: error: ") and err.count("\n") == 1
    assert [p.name for p in tmp_path.iterdir()] == ["s.yml"]


def test_the_same_words_on_the_command_line_and_in_a_file(tmp_path, capsys):
    path = tmp_path / "s.yml"
    path.write_text("learning_rate: fast")
    words = "learning_rate: expected a number, found 'fast'\n"
    for option, value, where in (("--params", str(path), f"{path}: "), ("-p", "learning_rate=fast", "")):
        assert main(["study", option, value]) == 2
        assert capsys.readouterr().err == f"mia: error: {where}{words}"
