"""One function over many items, in several processes, with flat memory."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import threading
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from urban_segmentor.errors import SettingError, WorkerError
from urban_segmentor.inference.opencv_threads import single_opencv_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence

Item = TypeVar("Item")
Result = TypeVar("Result")

_IN_FLIGHT = 4  # items that wait for each process


def in_parallel(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    *,
    workers: int | None,
    stop: Callable[[], bool] = lambda: False,
) -> Iterator[tuple[Item, Result]]:
    """Yield each item and what the function makes of it, as they get done.

    Args:
        function: Can be pickled; what it raises ends the work.
        items: Can be pickled.
        workers: How many processes; None for one a core, 1 to stay in this process.
        stop: True when no more items are to be begun; those that are begun get done.

    Raises:
        SettingError: There cannot be so many processes.
        WorkerError: A process died.
    """
    if workers is not None and workers < 1:
        raise SettingError(f"`workers` is {workers}", hint="--workers 1, or leave it out")
    count = min(workers or os.cpu_count() or 1, len(items))
    if count <= 1:
        with single_opencv_thread():
            for item in items:
                if stop():
                    return
                yield item, function(item)
        return
    # Forked children would share the locks of threads that they do not have.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(count, mp_context=context, initializer=_start) as pool:
        try:
            yield from _spread(pool, function, items, max_running=count * _IN_FLIGHT, stop=stop)
        except BrokenProcessPool as error:
            raise WorkerError(
                "a process died in the middle of its work; most often the memory was full",
                hint="use fewer processes, such as --workers 1; what is done so far is kept",
            ) from error
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def _spread(
    pool: ProcessPoolExecutor,
    function: Callable[[Item], Result],
    items: Sequence[Item],
    *,
    max_running: int,
    stop: Callable[[], bool],
) -> Iterator[tuple[Item, Result]]:
    """Yield items and results; at most so many items are on their way."""
    running: dict[Future[Result], Item] = {}
    for item in items:
        if stop():
            break
        with _held_back():
            future = pool.submit(function, item)
        running[future] = item
        if len(running) >= max_running:
            yield from _finished(running)
    while running:
        yield from _finished(running)


def _finished(running: dict[Future[Result], Item]) -> Iterator[tuple[Item, Result]]:
    """Wait for at least one item, and yield what is done."""
    for future in wait(running, return_when=FIRST_COMPLETED).done:
        item = running.pop(future)
        yield item, future.result()


@contextmanager
def _held_back() -> Generator[None]:
    """Return a context in which Ctrl-C has to wait.

    Processes that start in it never hear of Ctrl-C: a terminal sends it to all of them, and this
    one alone is to decide what becomes of it.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _start() -> None:
    """Give a process one thread, as there is a process for each core, and bind it to its parent."""
    import cv2  # noqa: PLC0415

    cv2.setNumThreads(1)
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    gc.set_threshold(50_000)  # files of thousands of points set it off for nothing
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """End this process when its parent is gone: a killed parent cannot tell it to."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
