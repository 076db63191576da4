"""One function over many items, in several processes, with flat memory."""

from __future__ import annotations

import os
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from multiprocessing import get_context
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

Item = TypeVar("Item")
Result = TypeVar("Result")

_IN_FLIGHT = 4  # items that wait for each process


def in_parallel(
    function: Callable[[Item], Result], items: Sequence[Item], *, workers: int | None
) -> Iterator[tuple[Item, Result]]:
    """Yield each item and what the function makes of it, as they get done.

    Args:
        function: Can be pickled; what it raises ends the work.
        items: Can be pickled.
        workers: How many processes; None for one a core, 1 to stay in this process.
    """
    count = min(workers or os.cpu_count() or 1, len(items))
    if count <= 1:
        for item in items:
            yield item, function(item)
        return
    # Forked children would share the locks of threads that they do not have.
    context = get_context("spawn")
    with ProcessPoolExecutor(count, mp_context=context, initializer=_start) as pool:
        running: dict[Future[Result], Item] = {}
        try:
            for item in items:
                running[pool.submit(function, item)] = item
                if len(running) >= count * _IN_FLIGHT:
                    yield from _finished(running)
            while running:
                yield from _finished(running)
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def _finished(running: dict[Future[Result], Item]) -> Iterator[tuple[Item, Result]]:
    """Wait for at least one item, and yield what is done."""
    for future in wait(running, return_when=FIRST_COMPLETED).done:
        item = running.pop(future)
        yield item, future.result()


def _start() -> None:
    """Give a process one thread: there are as many processes as cores."""
    import cv2  # noqa: PLC0415

    cv2.setNumThreads(1)
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
