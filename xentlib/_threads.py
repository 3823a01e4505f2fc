"""Parts of some work, shared among the threads of this process."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache
from typing import TypeVar

__all__ = ["cores", "share"]

_Part = TypeVar("_Part")


def cores() -> int:
    """Return on how many cores this process may run.

    Returns
    -------
    int
        At least 1.
    """
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@lru_cache(maxsize=1)
def _pool() -> ThreadPoolExecutor:
    """Return the threads that are kept: to start them anew costs as much as a million logits."""
    return ThreadPoolExecutor(max(1, cores() - 1), "xentlib")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.cache_clear)  # a child has none of its parent's threads


def share(work: Callable[[Iterator[_Part]], None], parts: Sequence[_Part], threads: int) -> None:
    """Let threads work on parts, each taking the next one when it is done with the last.

    Parameters
    ----------
    work : callable
        It takes parts from an iterator, in order, until an error or the end.
    parts : sequence
        Not None.
    threads : int
        At most as many work, the calling one among them; nor are there more than cores.

    Raises
    ------
    Exception
        Of the errors, that of the first part.
    """
    threads = min(threads, len(parts))
    if threads <= 1:
        work(iter(parts))
        return
    queue = deque([*enumerate(parts), *[None] * threads])
    task, failed = [work], list[tuple[int, Exception]]()

    def run() -> None:
        place = 0

        def mine() -> Iterator[_Part]:
            nonlocal place
            for taken in iter(queue.popleft, None):
                place, part = taken
                yield part

        try:
            task[0](mine())
        except Exception as error:  # it is raised when all are done
            failed.append((place, error))

    helpers = _started(run, threads - 1)
    run()
    # One that has not begun has nothing left to do: its thread is busy for another caller.
    for helper in helpers:
        if not helper.cancel():
            helper.result()
    # The pool lets go of what it ran a little later: the arrays must not wait for that, or the next call
    # finds their memory taken, and fresh memory costs more than all that is computed in it.
    task.clear()
    if failed:
        raise min(failed, key=lambda found: found[0])[1]


def _started(run: Callable[[], None], count: int) -> list[Future[None]]:
    try:
        return [_pool().submit(run) for _ in range(count)]
    except RuntimeError:  # Python is about to end, or may not start threads
        return []
