"""A path that starts with ~ is one in the home folder, wherever a file is read or written."""

import pytest

from arrays import save, six
from mia_core.audits.one_shadow import attack_outputs
from mia_core.base.errors import RunError, SettingsError
from mia_core.cli.main import main
from mia_core.report.compare.page import check_out
from mia_core.report.compare.results import Results, read_results


@pytest.fixture
def home(tmp_path, monkeypatch):
    folder = tmp_path / "home"
    (tmp_path / "work").mkdir()
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.chdir(tmp_path / "work")
    return folder


def test_scores_are_written_into_the_home_folder_and_read_from_it(home, tmp_path, capsys):
    save(home, "outputs", six())
    attack_outputs("~/outputs.npz", "~/outputs.npz", scores="~/s.npz")
    assert (home / "s.npz").is_file() and not list((tmp_path / "work").iterdir())
    assert main(["measure", "--scores=~/s.npz", "--replicates=0"]) == 0
    with pytest.raises(SettingsError, match="is one of the inputs"):
        attack_outputs("~/outputs.npz", home / "outputs.npz", scores="~/outputs.npz")


def test_a_file_of_settings_in_the_home_folder_is_read_by_the_commands(home, capsys):
    (home / "x.yml").write_text("epoch: 3")
    for command in ("study", "references", "report"):
        assert main([command, "--params=~/x.yml"]) == 2
        assert "epoch: unknown; did you mean epochs?" in capsys.readouterr().err


def test_reports_in_the_home_folder_are_compared(home):
    (home / "a").mkdir()
    (home / "a" / "results.json").write_text(Results(parameters={}, chapters={}).as_json())
    assert read_results("~/a").chapters == {}
    with pytest.raises(RunError, match="is no folder"):
        read_results("~no-such-user/a")
    assert check_out("~no-such-user/a.html").name == "a.html"
