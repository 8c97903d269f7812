"""Images of CIFAR-10 that reference models give away most and least, recorded with their pixels.

`python -m mia_book.recorded_images OUT.csv folder:cifar10-jpeg`, typed where that folder is, with `book` on Python's
path, trains the models that are not in the store yet and writes the images and what made them.
"""

import base64
import io
import sys
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mia_core.base.errors import SettingsError, run_as_program
from mia_core.studies.recorded import write_recorded
from mia_core.studies.reference_study import ReferenceStudy
from mia_core.studies.results import check_out, provenance
from mia_core.studies.settings import ReferenceSettings
from mia_core.studies.vulnerability import vulnerability

SETTINGS = {"models": 16, "part": 2_500, "population": 0, "epochs": 30, "precision": "auto"}
"""Small, so that one core takes minutes: each model trains on 2,500 images, and each image on eight models."""
NUMBER = 12
"""How many images are kept of those most at risk, and of those least at risk."""
MOST, LEAST = "most at risk", "least at risk"
SOURCE = "CIFAR-10 (A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009), a JPEG copy"


def images_table(study: ReferenceStudy, number: int = NUMBER) -> pd.DataFrame:
    """The images most and least at risk of a study's undefended models, without canaries: one row per image.

    Columns: group (`MOST` or `LEAST`), row (of the data set), label (its name), targets (models that trained on the
    image, each the target once), found (how many of these t-LiRA gives the image away on, at 1% FPR), others (models
    that did not train on it), others_right (how many of these classify it correctly) and png (the image, base64).
    Ordered as `mia_core.studies.vulnerability.vulnerability` orders.
    """
    risk = vulnerability(study, ())
    ordinary = risk[~risk["canary"]]
    chosen = pd.concat([ordinary.head(number).assign(group=MOST), ordinary.tail(number).assign(group=LEAST)])
    images, rows = study.dataset, chosen["row"].to_numpy()
    models = range(study.settings.models)
    right = np.stack([study.run(model, ()).logits[rows].argmax(axis=-1) for model in models]) == images.labels[rows]
    outside = ~study.split.members[:, rows]
    return pd.DataFrame(
        {
            "group": chosen["group"],
            "row": rows,
            "label": [str(images.classes[label]) for label in chosen["label"]],
            "targets": chosen["targets"],
            "found": (chosen["found"] * chosen["targets"]).round().astype(int),
            "others": outside.sum(axis=0),
            "others_right": (right & outside).sum(axis=0),
            "png": [_png(images.images[row]) for row in rows],
        }
    ).reset_index(drop=True)


def pixels(png: str) -> NDArray[np.uint8]:
    """The image of a row of `images_table`, uint8 [H, W, 3], or [H, W] of a grey one."""
    from PIL import Image

    return np.asarray(Image.open(io.BytesIO(base64.b64decode(png))))


def _png(image: NDArray[np.uint8]) -> str:
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(np.moveaxis(image, 0, -1).squeeze()).save(file, "PNG", optimize=True)
    return base64.b64encode(file.getvalue()).decode()


def main(arguments: Sequence[str], number: int = NUMBER, **given: int | str) -> None:
    """Write the images to the .csv file named first, of the data set named second, and their provenance next to it."""
    if len(arguments) != 2:
        raise SettingsError(f"recorded images: expected OUT.csv DATASET, found {len(arguments)} arguments")
    out = check_out(arguments[0])
    wanted = {"dataset": arguments[1], "defenses": "none", "attacks": "t-lira"} | SETTINGS | given
    study = ReferenceStudy(ReferenceSettings(**wanted)).train()
    found = vulnerability(study, ())["found"]
    shares = {"mean": found.mean(), "never": (found == 0).mean(), "always": (found == 1).mean()}
    about = {"source": SOURCE, "found_at_1_percent_fpr": {name: round(float(one), 4) for name, one in shares.items()}}
    for path in write_recorded(out, images_table(study, number), provenance(study) | about):
        print(f"mia: note: wrote {path}", file=sys.stderr)


if __name__ == "__main__":
    run_as_program(lambda: main(sys.argv[1:]))
