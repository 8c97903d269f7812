"""Trains on a cluster: joblib's Dask backend, the address of a scheduler, and what the workers are given once."""

import contextlib
from collections.abc import Iterator

from mia_core.base.errors import SettingsError
from mia_core.base.messages import one_line
from mia_core.data.dataset import Dataset

SECONDS_TO_ANSWER = 10


@contextlib.contextmanager
def cluster(scheduler: str | None) -> Iterator[None]:
    """Inside, trainings go to the workers of the Dask scheduler at this address; None trains on this machine.

    scheduler  such as tcp://host:8786, as `dask scheduler` prints it. Its workers need this package and, under the same
               path, the folder of trained models (set MIA_CACHE to a shared one); give each worker one thread
    Raises `SettingsError` where Dask is not installed or no scheduler answers.
    """
    if scheduler is None:
        yield
        return
    from joblib import parallel_config

    try:
        from distributed import Client
    except ImportError:
        raise SettingsError("scheduler: needs Dask, which is not installed: pip install 'mia-core[cluster]'") from None
    try:
        client = Client(scheduler, timeout=SECONDS_TO_ANSWER)
    except (OSError, ValueError, TimeoutError) as error:
        raise SettingsError(
            f"scheduler: no Dask scheduler answers at {one_line(scheduler, 80)} ({type(error).__name__}); expected an "
            f"address such as tcp://host:8786"
        ) from None
    with client, parallel_config(backend="dask"):
        yield


def on_workers(dataset: Dataset) -> contextlib.AbstractContextManager | None:
    """The joblib context in which the active Dask backend has the data set on every worker; None without Dask.

    joblib sends the arguments of a call with every call. The data set is the same for all, so it is sent once.
    """
    from joblib import parallel_config
    from joblib.parallel import get_active_backend

    backend, _ = get_active_backend()
    if type(backend).__name__ != "DaskDistributedBackend":
        return None
    return parallel_config(backend="dask", client=backend.client, scatter=[dataset])
