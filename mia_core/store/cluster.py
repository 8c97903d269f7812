"""Trains on a cluster: joblib's Dask backend, the address of a scheduler, and what the workers are given once."""

import contextlib
import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from typing import TYPE_CHECKING, Any

from mia_core.base.errors import RunError, SettingsError
from mia_core.base.messages import one_line
from mia_core.data.dataset import Dataset

if TYPE_CHECKING:
    from distributed import Client

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
    # Dask would log, with tracebacks, that a connection is lost and that it tries again; `run_on_cluster` says it.
    for name in ("distributed", "distributed.client"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    with client, parallel_config(backend="dask"):
        yield


def cluster_client() -> "Client | None":
    """The client of the active Dask backend of joblib; None without one."""
    from joblib.parallel import get_active_backend

    return getattr(get_active_backend()[0], "client", None)


def run_on_cluster(
    client: "Client",
    kept: Callable[[], str],
    dataset: Dataset,
    function: Callable[..., Any],
    calls: Sequence[tuple[Any, ...]],
) -> Iterator[Any]:
    """What `function` returns with the data set and each of `calls`, as it comes from the workers of a cluster.

    The data set is sent once and not with every call. (joblib would use this machine where a cluster has one place, and
    wait for ever for workers that have gone.)

    kept  says what is kept, for the `RunError` that is raised where the scheduler or all workers are gone
    """
    from distributed import wait
    from distributed.scheduler import KilledWorker

    try:
        _wait_for_workers(client)
        sent = client.scatter(dataset, broadcast=True)
        waiting = {client.submit(function, sent, *call, pure=False) for call in calls}
        while waiting:
            try:
                done, waiting = wait(waiting, timeout=SECONDS_TO_ANSWER, return_when="FIRST_COMPLETED")
            except TimeoutError:
                _wait_for_workers(client)
                continue
            for future in done:
                yield future.result()
    except (KilledWorker, CancelledError, TimeoutError, OSError) as error:
        raise RunError(
            f"scheduler: it or all of its workers are gone ({type(error).__name__}); {kept()}, and "
            f"the same command goes on"
        ) from None


def _wait_for_workers(client: "Client") -> None:
    client.wait_for_workers(1, timeout=SECONDS_TO_ANSWER)
