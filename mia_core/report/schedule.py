"""Runs chapters side by side: most of a chapter's time is one core's, while others idle."""

import math
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from typing import TypeVar

Result = TypeVar("Result")


def places(chapters: int) -> tuple[int, int]:
    """How many of this many chapters run at a time here, and how many processes each may train in.

    Two at a time keep a core busy while one draws or fits; with more cores, both numbers grow.
    """
    from joblib import cpu_count

    cores = cpu_count()
    at_once = max(1, min(cores, chapters, max(2, math.isqrt(cores))))
    return at_once, max(1, cores // at_once)


def run_side_by_side(
    names: Sequence[str],
    run: Callable[[str], Result],
    last: Collection[str] = (),
    jobs: int = 1,
    interrupted: Callable[[], None] = lambda: None,
) -> dict[str, Result]:
    """Call `run` with each name, `jobs` at a time; returns the results in that order.

    last         names that look at what the others have done: they run one by one when the rest is complete
    interrupted  called when the user interrupts, so that what is running ends instead of being waited for

    Each chapter has a process of its own; two that need the same models share the work of training them (see
    `mia_core.store.trainings`). A failure is raised, once what was running then has ended: nothing new is begun.
    """
    # From the back: later chapters tend to take longer, and a long one begun last would leave the others idle.
    rounds = [[name for name in reversed(names) if name not in last], *([name] for name in names if name in last)]
    done: dict[str, Result] = {}
    # None runs in the main thread: there, nbclient would answer signals in its own way.
    with ThreadPoolExecutor(jobs) as pool:
        for chosen in rounds:
            futures = {name: pool.submit(run, name) for name in chosen}
            try:
                wait(futures.values(), return_when=FIRST_EXCEPTION)
                for future in futures.values():
                    future.cancel()
                wait(futures.values())
            except BaseException:  # an interrupt: what a chapter raises is not raised here
                for future in futures.values():
                    future.cancel()
                interrupted()
                raise
            for future in futures.values():
                if not future.cancelled():
                    future.result()
            done |= {name: future.result() for name, future in futures.items()}
    return {name: done[name] for name in names}
