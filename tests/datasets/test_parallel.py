"""Work in several processes: order, ends of all sorts, and nothing left running."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.waiting import wait_until
from urban_segmentor.datasets.parallel import in_parallel
from urban_segmentor.errors import SettingError, WorkerError

ROOT = Path(__file__).parents[2]


def square(number: int) -> int:
    """Return a number times itself."""
    return number * number


def die_at_seven(number: int) -> int:
    """End the process at once, as the system does when the memory is full."""
    if number == 7:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def refuse_seven(number: int) -> int:
    """Raise for a number."""
    if number == 7:
        raise SettingError("seven", hint="take eight")
    return number


def sleep_long(_number: int) -> None:
    """Take longer than a test may."""
    time.sleep(600)


@pytest.mark.parametrize("workers", [1, 2])
def test_all_get_done(workers: int) -> None:
    """Once each, with the item that it belongs to."""
    found = dict(in_parallel(square, range(50), workers=workers))
    assert found == {number: number * number for number in range(50)}
    assert list(in_parallel(square, [], workers=workers)) == []


@pytest.mark.parametrize("workers", [1, 2])
def test_stopping(workers: int) -> None:
    """No more items are begun; those that are get done."""
    found: list[int] = []
    for item, _ in in_parallel(square, range(500), workers=workers, stop=lambda: len(found) > 3):
        found.append(item)
    assert 4 <= len(found) <= 4 + 2 * 4


@pytest.mark.parametrize("workers", [1, 2])
def test_errors_arrive_whole(workers: int) -> None:
    """With their hints."""
    with pytest.raises(SettingError, match="seven") as caught:
        list(in_parallel(refuse_seven, range(50), workers=workers))
    assert caught.value.hint == "take eight"


def test_a_process_that_dies() -> None:
    """An error with advice, instead of waiting for ever."""
    with pytest.raises(WorkerError, match="a process died") as caught:
        list(in_parallel(die_at_seven, range(50), workers=2))
    assert "--workers 1" in (caught.value.hint or "")


def test_too_few_processes() -> None:
    """None at all cannot work."""
    with pytest.raises(SettingError, match="`workers` is 0"):
        list(in_parallel(square, range(3), workers=0))


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_no_process_is_left(number: signal.Signals) -> None:
    """However the parent ends."""
    code = (
        "from tests.datasets.test_parallel import sleep_long\n"
        "from urban_segmentor.datasets.parallel import in_parallel\n"
        "if __name__ == '__main__': list(in_parallel(sleep_long, range(9), workers=2))"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT)
    children: list[psutil.Process] = []

    def all_are_there() -> bool:
        children[:] = psutil.Process(parent.pid).children()
        return len(children) >= 3  # two that work, one that keeps track

    wait_until(all_are_there, every_s=0.05)
    time.sleep(1)  # for them to be at work; at any other moment they shall end as well
    parent.send_signal(number)
    parent.wait(300)
    _, alive = psutil.wait_procs(children, timeout=300)
    assert not alive
