"""Runs chapters side by side: most of a chapter's time is one core's, while others idle."""

import os
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from typing import TypeVar

Result = TypeVar("Result")


def run_side_by_side(
    names: Sequence[str], run: Callable[[str], Result], last: Collection[str] = (), jobs: int | None = None
) -> dict[str, Result]:
    """Call `run` with each name, `jobs` at a time (by default one a core); returns the results in that order.

    last  names that look at what the others have done: they run one by one when the rest is complete

    Each chapter has a process of its own that trains in further processes; two that need the same model do not train
    it twice (see `mia_core.runs.Store.held`). The first failure is raised, once what was running then has ended:
    nothing new is begun.
    """
    done: dict[str, Result] = {}
    with ThreadPoolExecutor(jobs or os.cpu_count() or 1) as pool:
        futures = {name: pool.submit(run, name) for name in names if name not in last}
        try:
            wait(futures.values(), return_when=FIRST_EXCEPTION)
        finally:
            for future in futures.values():
                future.cancel()
        failed = [future for future in futures.values() if not future.cancelled() and future.exception() is not None]
        if failed:
            raise failed[0].exception()
        done = {name: future.result() for name, future in futures.items()}
    done |= {name: run(name) for name in names if name in last}
    return {name: done[name] for name in names}
