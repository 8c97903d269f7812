"""20 Newsgroups (Lang 1995) as TF-IDF, where scikit-learn has its files; they are never downloaded here."""

from functools import lru_cache

import numpy as np

from mia_core.base.errors import DataError
from mia_core.base.files import reason
from mia_core.base.messages import one_line, shown
from mia_core.data.dataset import Dataset
from mia_core.data.source import Source

WORDS = 2000


@lru_cache(1)
def newsgroups() -> Dataset:
    """The posts of the training part as the pool, those of the test part held out, float32 [18846, 2000].

    The words, and how rare they are (TF-IDF), come from the held-out posts alone, on which no model trains: nothing of
    a member or a non-member of the pool is in them. Headers, footers and quotations, which name the group, are removed.
    The files are scikit-learn's, from the folder of the environment variable SCIKIT_LEARN_DATA, else
    ~/scikit_learn_data. Raises `DataError` where they are not there.
    """
    from sklearn.datasets import fetch_20newsgroups, get_data_home
    from sklearn.feature_extraction.text import TfidfVectorizer

    removed = {"remove": ("headers", "footers", "quotes"), "shuffle": False, "download_if_missing": False}
    try:
        inside, outside = (fetch_20newsgroups(subset=part, **removed) for part in ("train", "test"))
    except OSError:
        raise DataError(
            f"20newsgroups: not found in {shown(get_data_home())}, and it is not downloaded; "
            f"sklearn.datasets.fetch_20newsgroups() puts it there"
        ) from None
    except Exception as error:  # what unpacking a damaged file raises
        where = shown(get_data_home())
        raise DataError(f"20newsgroups: damaged in {where}: {one_line(reason(error))}; remove it there") from None
    weigh = TfidfVectorizer(max_features=WORDS, stop_words="english", sublinear_tf=True, dtype=np.float32)
    of_outside = weigh.fit_transform(outside.data)
    inputs = np.concatenate([weigh.transform(inside.data).toarray(), of_outside.toarray()])
    labels = np.concatenate([inside.target, outside.target]).astype(np.int64)
    return Dataset("20newsgroups", inputs, labels, tuple(inside.target_names), len(inside.target))


SOURCE = Source(
    "20newsgroups", "18,846 posts as TF-IDF, where scikit-learn has the files", lambda _: newsgroups(), is_table=True
)
