"""The images most and least at risk, recorded with their pixels: on a made study, and as a command."""

from pathlib import Path

import pytest

from mia_book import recorded_images, who_is_at_risk
from mia_core.base.errors import SettingsError
from mia_core.studies.recorded import recorded
from mia_core.studies.vulnerability import vulnerability
from references_made import made_study


@pytest.mark.filterwarnings("ignore::mia_core.base.errors.MiaWarning")
def test_images_are_those_of_the_study_with_what_was_found(tmp_path: Path) -> None:
    study = made_study(tmp_path, record=(), attacks="t-lira")
    images = recorded_images.images_table(study, 2)
    assert images["group"].tolist() == [recorded_images.MOST] * 2 + [recorded_images.LEAST] * 2
    risk = vulnerability(study, ())
    ordinary = risk[~risk["canary"]]
    assert images["row"].tolist() == [*ordinary["row"].head(2), *ordinary["row"].tail(2)]
    for image in images.itertuples():
        assert (recorded_images.pixels(image.png) == study.dataset.images[image.row].squeeze()).all()
        outside = [model for model in range(study.settings.models) if not study.split.members[model, image.row]]
        right = [
            study.dataset.classes[study.run(model, ()).logits[image.row].argmax()] == image.label for model in outside
        ]
        assert (image.others, image.others_right) == (len(outside), sum(right))
        assert image.found / image.targets == pytest.approx(risk.set_index("row").loc[image.row, "found"])


def test_command_records_what_the_chapter_can_draw(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIA_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("MIA_RESULTS", str(tmp_path))
    small = {"models": 4, "part": 110, "epochs": 1}
    recorded_images.main([str(tmp_path / "some-images.csv"), "digits"], number=3, **small)
    images, made = recorded("some-images")
    assert len(images) == 6 and made["settings"]["models"] == 4
    assert 0 <= made["found_at_1_percent_fpr"]["mean"] <= 1 and "Krizhevsky" in made["source"]
    fig, alt = who_is_at_risk.recorded_images(images, across=2)
    assert len(fig.axes) == 2 * 2 * 2 and alt.count(" of 2)") == 6
    with pytest.raises(SettingsError, match=r"expected OUT\.csv DATASET, found 1 arguments"):
        recorded_images.main([str(tmp_path / "x.csv")])
