"""The page of promises names tests that there are, and shows the campaign that is recorded."""

import json
import re
from pathlib import Path

import pytest

from campaign.__main__ import PARTS
from campaign.summary import counted, read, record, table
from mia_core.base.errors import DataError
from mia_core.report.campaign import recorded_campaign

TESTS = Path(__file__).resolve().parents[1]
PAGE = (TESTS.parent / "book" / "promises.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\* - (.*?)(?=^\* - |^```)", PAGE, re.MULTILINE | re.DOTALL)
CASES = [
    {"part": "kills", "case": 0, "seed": 0, "held": True},
    {"part": "kills", "case": 1, "seed": 0, "held": False},
    {"part": "disks", "case": 0, "seed": 3, "held": None},
]


def test_every_promise_has_its_limits_and_a_holder_that_there_is() -> None:
    promises = [row.split("\n  - ") for row in ROWS if not row.startswith("Promised")]
    assert len(promises) > 13
    for promised, *rest in promises:
        assert len(rest) == 2, promised
        for holder in " ".join(rest[1].split()).split("; "):
            if holder.startswith("campaign: "):
                assert set(holder.removeprefix("campaign: ").split(", ")) <= set(PARTS), holder
            else:
                name, file = re.fullmatch(r"([\w ]+) \(`([\w/]+\.py)`\)", holder).groups()
                code = (TESTS / file).read_text(encoding="utf-8")
                assert re.search(rf"\bdef test_{name.replace(' ', '_')}\(", code), holder


def test_counts_of_a_campaign_are_recorded_and_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "cases.jsonl"
    file.write_text("".join(json.dumps(case) + "\n" for case in CASES) + '{"part": "ki')
    cases = read(file)  # the last line was cut when the campaign was killed
    assert cases == CASES
    kills, disks = {"tried": 2, "held": 1, "left out": 0}, {"tried": 0, "held": 0, "left out": 1}
    assert counted(cases) == {"kills": kills, "disks": disks}
    assert re.search(r"^kills +2 +1 +0$", table(counted(cases)), re.MULTILINE)
    record(cases, tmp_path / "campaign.json")
    monkeypatch.setenv("MIA_RESULTS", str(tmp_path))
    shown = recorded_campaign()
    assert 'id="tab-campaign"' in shown and "seed 0, 3." in shown
    assert [re.findall(r">(\w+)</t[hd]>", row) for row in shown.split("<tr>")[2:]] == [
        ["kills", "2", "1", "0"],
        ["disks", "0", "0", "1"],
    ]
    (tmp_path / "campaign.json").write_text((tmp_path / "campaign.json").read_text().replace('"held": 1', '"held": 2'))
    with pytest.raises(DataError, match=r"campaign.json: no recorded campaign, or damaged: its content does not match"):
        recorded_campaign()


def test_the_recorded_campaign_has_every_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MIA_RESULTS", raising=False)
    shown = recorded_campaign()
    assert all(f">{name}<" in shown for name in PARTS)
