"""Results come in the order of their frames, with bounded memory, and all threads end."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import cv2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.parts import STREAMS, Counting, Numbers
from tests.waiting import NEVER_S, settled, wait_until
from urban_segmentor.errors import ModelError, SourceError, UrbanSegmentorError
from urban_segmentor.inference.result_stream import ResultStream
from urban_segmentor.profiling import StageTimes

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from urban_segmentor.result import Result

WAITING = 2 * STREAMS + 2 + 1
"""In work, queued for it, spare, and in the hands of the reader: more are never read ahead."""


@pytest.fixture(autouse=True)
def _no_thread_stays() -> Generator[None]:
    before, opencv = set(threading.enumerate()), cv2.getNumThreads()
    yield
    assert set(threading.enumerate()) <= before
    assert cv2.getNumThreads() == opencv


def indices(results: list[Result]) -> list[int]:
    """Return the numbers of the frames."""
    return [result.frame.index for result in results]


def until_it_fails(stream: ResultStream) -> tuple[list[Result], Exception | None]:
    """Return the results that came, and the error that ended them."""
    results: list[Result] = []
    try:
        for result in stream:
            results.append(result)  # noqa: PERF402 - they are kept when it fails
    except UrbanSegmentorError as error:
        return results, error
    return results, None


def failing(at: int, error: BaseException) -> Callable[[int], None]:
    """Return what raises an error at a number."""

    def fail(number: int) -> None:
        if number == at:
            raise error

    return fail


@settings(max_examples=20)
@given(st.integers(0, 30), st.randoms(use_true_random=False))
def test_the_order_is_that_of_the_frames(count: int, chance: object) -> None:
    """However long each takes."""
    pauses_s = [chance.random() / 500 for _ in range(count)]
    source = Numbers(count)
    segmenter = Counting(lambda number: time.sleep(pauses_s[number]))
    with ResultStream(source, segmenter) as stream:
        results = list(stream)
    assert indices(results) == list(range(count))
    assert [len(result) for result in results] == [number % 3 for number in range(count)]
    assert source.closed == 1


def test_it_reads_a_bounded_number_ahead() -> None:
    """However slow the loop is; memory does not grow with the length of a video."""
    source = Numbers(500)
    with ResultStream(source, Counting()) as stream:
        for taken in range(1, 4):
            next(stream)
            wait_until(lambda: source.given > taken)  # noqa: B023 - called at once
            assert settled(lambda: source.given) <= taken + WAITING
    assert source.given <= 3 + WAITING + 1
    assert source.closed == 1


def test_reading_and_segmenting_overlap() -> None:
    """As many frames are in work at once as there are streams."""
    together = threading.Barrier(STREAMS)
    segmenter = Counting(lambda _: together.wait(300) and None)
    with ResultStream(Numbers(2 * STREAMS), segmenter) as stream:
        assert indices(list(stream)) == list(range(2 * STREAMS))


def test_leaving_the_loop_ends_everything() -> None:
    """The source is closed, threads end, and nothing comes any more."""
    source = Numbers(10_000)
    with ResultStream(source, Counting()) as stream:
        for result in stream:
            if result.frame.index == 5:
                break
    assert source.closed == 1
    assert source.given < 50
    assert list(stream) == []
    stream.close()
    assert source.closed == 1


def test_an_exception_in_the_loop_comes_out_as_itself() -> None:
    """After everything has been closed."""
    source = Numbers(10_000)

    def loop() -> None:
        with ResultStream(source, Counting()) as stream:
            for result in stream:
                if result.frame.index == 3:
                    raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        loop()
    assert source.closed == 1


@pytest.mark.parametrize("at", [0, 1, 7])
def test_a_source_that_fails_gives_what_was_read(at: int) -> None:
    """And then its error, once."""
    error = SourceError("damaged", hint="fetch it again")
    source = Numbers(20, failing(at, error))
    stream = ResultStream(source, Counting())
    results, raised = until_it_fails(stream)
    assert raised is stream.source_error is error
    assert indices(results) == list(range(at))
    assert list(stream) == []
    assert source.closed == 1


def test_a_source_that_cannot_begin() -> None:
    """What `iter` raises is an error of the source, too."""

    class Broken(Numbers):
        def __iter__(self) -> Generator:
            raise SourceError("no camera", hint="plug it in")

    source = Broken(3)
    with pytest.raises(SourceError, match="no camera"):
        next(ResultStream(source, Counting()))
    assert source.closed == 1


@pytest.mark.parametrize("at", [0, 1, 7])
def test_a_segmenter_that_fails(at: int) -> None:
    """Results before it come; then its error, and nothing behind it."""
    source = Numbers(10_000)
    stream = ResultStream(source, Counting(failing(at, ModelError("no", hint="x"))))
    results, raised = until_it_fails(stream)
    assert isinstance(raised, ModelError)
    assert indices(results) == list(range(at))
    assert stream.source_error is None
    assert list(stream) == []
    assert source.closed == 1
    assert source.given < 50


def test_stop_finishes_what_was_read() -> None:
    """Nothing is lost of what a recording had already seen."""
    source = Numbers(10_000)
    with ResultStream(source, Counting()) as stream:
        results = [next(stream)]
        stream.stop()
        results += list(stream)
    assert indices(results) == list(range(source.given))
    assert len(results) <= 2 + WAITING
    assert source.closed == 1


def test_stop_before_the_start() -> None:
    """Then there is nothing, and the source is closed all the same."""
    source = Numbers(5)
    stream = ResultStream(source, Counting())
    stream.stop()
    assert list(stream) == []
    assert (source.given, source.closed) == (0, 1)


def test_a_stream_that_nobody_reads() -> None:
    """It starts no thread, and closes its source."""
    source = Numbers(5)
    threads = threading.active_count()
    stream = ResultStream(source, Counting())
    assert threading.active_count() == threads
    stream.close()
    assert (source.given, source.closed) == (0, 1)


def test_live_sources_are_stopped() -> None:
    """One that waits for a frame that never comes does not hold up the end."""

    class Waiting(Numbers):
        def __init__(self) -> None:
            self.stopped = threading.Event()
            super().__init__(3, lambda number: number == 2 and self.stopped.wait(NEVER_S))

        def stop(self) -> None:
            self.stopped.set()

    source = Waiting()
    started_s = time.monotonic()
    with ResultStream(source, Counting()) as stream:
        assert indices([next(stream), next(stream)]) == [0, 1]
    assert time.monotonic() - started_s < NEVER_S / 2
    assert source.closed == 1


def test_the_newest_frame_is_read_when_a_network_is_free() -> None:
    """None waits in a queue and grows old."""
    source = Numbers(10_000)
    go_on = threading.Event()
    with ResultStream(source, Counting(lambda _: go_on.wait(300) and None), newest=True) as stream:
        reader = threading.Thread(target=next, args=(stream,))
        reader.start()
        wait_until(lambda: source.given >= STREAMS)
        assert settled(lambda: source.given) == STREAMS
        go_on.set()
        reader.join()


def test_a_source_that_cannot_be_closed_hides_no_error() -> None:
    """The first error counts; the second is a note to it."""

    class Stuck(Numbers):
        def close(self) -> None:
            super().close()
            raise SourceError("stuck", hint="x")

    with pytest.raises(ModelError) as caught:
        list(ResultStream(Stuck(9), Counting(failing(2, ModelError("no", hint="x")))))
    assert caught.value.__notes__ == ["then closing failed: stuck"]


def test_preparing_and_times() -> None:
    """`prepare` runs once before the first frame, and every stage is noted for each."""
    done: list[int] = []
    times = StageTimes()
    source = Numbers(4, lambda _: done.append(0))
    with ResultStream(source, Counting(), prepare=lambda: done.append(1), times=times) as stream:
        assert len(list(stream)) == 4
    assert done == [1, 0, 0, 0, 0]
    assert times.latest(4)["infer"] == pytest.approx(1.5)
    assert "decode" in times.latest(4)
