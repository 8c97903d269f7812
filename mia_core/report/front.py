"""The finding on the front page, from a recorded study when the page is rendered: table, figure, numbers in words."""

from functools import cache

import pandas as pd

from mia_core.display.choice import leak_against_accuracy
from mia_core.display.figures import figure_html, table_html
from mia_core.display.svg import themed_svg
from mia_core.measures.text import NOT_MEASURABLE, around, percent, with_bounds
from mia_core.studies.early_stopping import ACCURACY, ALLOWED
from mia_core.studies.finding import LEAK, options, path
from mia_core.studies.recorded import recorded_parts

STUDY = "cifar10-jpeg-references"
"""The recorded study that the front page and the README speak of."""
NEGATIVE = "smoothing(epsilon=-0.1)"
_SPELT = {"none": "no defense", "smoothing": "label smoothing", NEGATIVE: "negative smoothing"}


def finding_table(name: str = STUDY) -> str:
    """HTML of a numbered table `tab-finding`: no defense, earlier stops and single defenses in the recorded study.

    Raises `DataError` where there is no such recorded study.
    """
    found, about = _study(name)
    single = found[~found["defenses"].str.contains("+", regex=False)]
    rows = [
        {
            "model": _label(row),
            "accuracy": _shown(row, ACCURACY),
            "members found": _shown(row, LEAK),
            "canaries found": _shown(row, "canaries"),
        }
        for _, row in single.iterrows()
    ]
    caption = (
        f"What a model is worth and what it gives away, recorded on {about['data']}: {about['models']} models of each "
        f"kind in {about['pairs']} pairs, trained {about['when']}; ± is the longer arm of the "
        f"95% interval. Members found: by the strongest of "
        f"{about['attacks']} attacks, when it may accuse one non-member in a hundred. Canaries: the same for images "
        "with a wrong label, the worst case."
    )
    return figure_html("tab", "finding", table_html(pd.DataFrame(rows), caption), caption)


def finding_figure(name: str = STUDY) -> str:
    """HTML of a numbered figure `fig-finding`: the leak against accuracy. Raises `DataError` as `finding_table`."""
    _, about = _study(name)
    fig, alt = finding_plot(name)
    caption = (
        f"Members found against accuracy, {about['data']}, recorded. The line is the undefended model at its recorded "
        "epochs, the squares are defenses. Down is safer, to the right is more useful, so a defense is worth its price "
        f"only below the line or to its right. Strongest of {about['attacks']} attacks, means over {about['pairs']} "
        "pairs of models with 95% intervals; vertical axis logarithmic."
    )
    body = f'<div class="mia-plot">{themed_svg(fig, name="finding", alt=alt)}</div>'
    return figure_html("fig", "finding", body, caption)


def finding_plot(name: str = STUDY):
    """The figure itself and its alt text (see `mia_core.display.choice.leak_against_accuracy`)."""
    found, about = _study(name)
    defended = found[found["defenses"] != "none"]
    labels = defended["defenses"].str.replace(NEGATIVE, _SPELT[NEGATIVE], regex=False).replace(_SPELT)
    return leak_against_accuracy(about["path"], defended.assign(defenses=labels), LEAK, int(about["stop"]))


def finding_words(name: str = STUDY) -> dict[str, str]:
    """Numbers of the finding as a sentence has them: "12%" of members, "8.2" points of accuracy, epochs and counts."""
    found, about = _study(name)
    plain = found[found["defenses"] == "none"].reset_index(drop=True)
    rows = {"none": plain.loc[0], "stop": plain.loc[1], "cautious": plain.loc[min(2, len(plain) - 1)]}
    rows |= {"negative" if one == NEGATIVE else one: row for one, row in found.set_index("defenses").iterrows()
             if one != "none" and "+" not in one}  # fmt: skip
    words = {key: str(value) for key, value in about.items() if key != "path"}
    for key, row in rows.items():
        words[f"leak-{key}"] = str(percent(row[LEAK]))
        words[f"accuracy-{key}"] = str(percent(row[ACCURACY], 1))
        words[f"points-{key}"] = f"{100 * abs(row[ACCURACY] - rows['none'][ACCURACY]):.1f}"
        if row["canaries"] == row["canaries"] and row["canaries"] is not None:
            words[f"canaries-{key}"] = str(percent(row["canaries"]))
    return words | {"stop": about["stop"], "cautious": str(rows["cautious"]["epochs"])}


@cache
def _study(name: str) -> tuple[pd.DataFrame, dict]:
    """The options of a recorded study, and what it is."""
    table, parts = recorded_parts(name)
    found = options(table)
    settings, days = parts[0]["settings"], sorted({part["models_made"]["last"][:10] for part in parts})
    data = {"cifar10-jpeg": "CIFAR-10 (JPEG copy)"}.get(table["dataset"].iloc[0], table["dataset"].iloc[0])
    about = {"data": data, "models": settings["models"], "pairs": settings["models"] // 2, "path": path(table)}
    about |= {"epochs": settings["epochs"], "attacks": table["attack"].nunique(), "stop": str(found.loc[1, "epochs"])}
    about["when"] = days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"
    return found, about


def _label(row: pd.Series) -> str:
    if row["within"] == row["within"] and row["within"] is not None:
        kind = "recommended" if row["within"] == ALLOWED else "cautious"
        return f"no defense, stopped at epoch {row['epochs']} ({kind})"
    name = _SPELT.get(row["defenses"], row["defenses"])
    return f"{name}, trained to the end" if row["defenses"] == "none" else name


def _shown(row: pd.Series, name: str) -> str:
    values = [row[f"{name}{end}"] for end in ("", "_low", "_high")]
    if values[0] is None or values[0] != values[0]:
        return NOT_MEASURABLE
    mean, *bounds = (percent(value, 1) for value in values if value is not None and value == value)
    if len(bounds) < 2:
        return mean
    arm = 100 * max(values[0] - values[1], values[2] - values[0])  # the longer one; one line on a phone
    return around(with_bounds(mean, *bounds), f"{mean} ± {arm:.1f}")
