"""One video at work: to its end, stopped, and cut off where it is more than it said."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING

import pytest

from tests.apps.web.conftest import draw_clip
from tests.cli.tiny import save_tiny_model
from tests.io.clips import write_clip
from tests.waiting import wait_until
from urban_segmentor.apps.web import video as video_module
from urban_segmentor.apps.web.class_counts import ClassCounts
from urban_segmentor.apps.web.limits import UploadLimits
from urban_segmentor.apps.web.model_pool import ModelPool
from urban_segmentor.apps.web.segment_options import SegmentOptions
from urban_segmentor.apps.web.temp_files import TempFiles
from urban_segmentor.apps.web.uploads import VideoMetadata
from urban_segmentor.apps.web.video import VIDEO, VideoJob, VideoJobs
from urban_segmentor.errors import UploadError
from urban_segmentor.io.video_reader import VideoReader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


SMALL = (90, 160)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> ModelPool:
    """Return an engine whose model sees a car and a person in every frame."""
    return ModelPool(str(save_tiny_model(tmp_path_factory.mktemp("model") / "tiny.onnx")))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[TempFiles]:
    """Return a store that goes with the test."""
    store = TempFiles(parent=tmp_path)
    yield store
    store.close()


@pytest.fixture
def make(tiny: ModelPool, store: TempFiles) -> Callable[..., VideoJob]:
    """Return what makes a job of a file."""

    def job(path: Path, **limits: float) -> VideoJob:
        return VideoJob(
            path,
            title="my clip.mp4",
            engine=tiny,
            choices=SegmentOptions(model=tiny.model),
            limits=UploadLimits(**limits),
            answer=store.new_result("visitor"),
        )

    return job


def frames_in(path: Path) -> int:
    """Return how many frames a file has."""
    source = VideoReader(path, name="frame")
    try:
        return sum(1 for _ in source)
    finally:
        source.close()


def ended(job: VideoJob) -> VideoJob:
    """Start a job and return it after its end."""
    job.start()
    assert job.wait(300)
    return job


def test_a_video_to_its_end(make: Callable[..., VideoJob], tmp_path: Path) -> None:
    """Film, lines, chart and totals agree, and no path of the server is in them."""
    job = ended(make(draw_clip(tmp_path / "a.mp4", seconds=1.0)))
    progress, answer = job.progress, job.result()
    assert (progress.state, progress.frames, progress.total) == ("done", 25, 25)
    assert progress.fps > 0
    assert frames_in(job.answer.folder / VIDEO) == 25
    text = (job.answer.folder / "results.jsonl").read_text("utf-8")
    rows = [row for row in map(json.loads, text.splitlines()) if "instances" in row]
    assert [len(row["instances"]) for row in rows] == [2] * 25
    assert answer["totals"] == [("car", 1.0, 1), ("person", 1.0, 1)]
    assert {point["name"] for point in answer["points"]} == {"car", "person"}
    assert str(tmp_path) not in text + json.dumps(answer)
    assert "my clip" in text
    assert job.preview().startswith(b"\xff\xd8\xff")


def test_sound_stays(make: Callable[..., VideoJob], tmp_path: Path) -> None:
    """The film has what the upload had."""
    job = ended(make(write_clip(tmp_path / "loud.mp4", sound="aac")))
    assert job.progress.state == "done"
    source = VideoReader(job.answer.folder / VIDEO, name="frame")
    assert source.info.has_audio
    source.close()


@pytest.mark.parametrize("after", [0, 5])
def test_cancel_ends_it(make: Callable[..., VideoJob], tmp_path: Path, after: int) -> None:
    """At once, or in the middle; the thread ends soon, long before the video."""
    path = draw_clip(tmp_path / "a.mp4", seconds=40.0, size=SMALL)
    job = make(path)
    if not after:
        job.cancel()
    job.start()
    wait_until(lambda: job.progress.frames >= after)
    job.cancel()
    assert job.wait(300)
    assert job.progress.state == "cancelled"
    assert job.progress.frames < 1000
    assert not [one for one in threading.enumerate() if one.name == "video"]


def test_time_left_is_told_when_it_is_known(make: Callable[..., VideoJob], tmp_path: Path) -> None:
    """And shrinks to nothing."""
    job = make(draw_clip(tmp_path / "a.mp4", seconds=20.0, size=SMALL))
    job.start()
    seen: list[float] = []
    while not job.wait(0.05):
        if (left := job.progress.left_s) is not None:
            seen.append(left)
    assert job.progress.state == "done"
    assert job.progress.frames == 500
    assert not seen or seen[-1] <= seen[0]


def test_a_file_that_lies_is_cut_off(
    make: Callable[..., VideoJob], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it says is checked before, what it is while it is read."""
    path = draw_clip(tmp_path / "a.mp4", seconds=4.0)
    with pytest.raises(UploadError, match="4 seconds long"):
        make(path, video_s=2.0)
    said = VideoMetadata(width=640, height=360, duration_s=None, frames=None, rate=25.0)
    monkeypatch.setattr(video_module, "check_video", lambda _path, limits: said)  # noqa: ARG005
    job = ended(make(path, video_s=2.0))
    assert frames_in(job.answer.folder / VIDEO) == job.progress.frames == 50
    job = ended(make(path, video_frames=30))
    assert "longer than it said" in job.progress.note
    assert 30 <= frames_in(job.answer.folder / VIDEO) < 60
    job = ended(make(path, video_side=320))
    assert job.progress.state == "failed"
    assert "640 x 360" in job.progress.note


def test_a_file_that_ends_too_soon_is_told(make: Callable[..., VideoJob], tmp_path: Path) -> None:
    """What there is of it is shown, with a note that names the title and no path."""
    part = write_clip(tmp_path / "part.mkv", images=60)
    part.write_bytes(part.read_bytes()[: int(part.stat().st_size * 0.7)])
    job = ended(make(part))
    assert job.progress.state == "done"
    assert 0 < job.progress.frames < 60
    assert job.progress.note
    assert str(tmp_path) not in job.progress.note


def test_a_visitor_has_one_video_at_work(make: Callable[..., VideoJob], tmp_path: Path) -> None:
    """A second one ends the first; those of others go on, until the app ends."""
    path = draw_clip(tmp_path / "a.mp4", seconds=40.0, size=SMALL)
    jobs, (first, second, other) = VideoJobs(), (make(path) for _ in range(3))
    jobs.start("one", first)
    jobs.start("two", other)
    jobs.start("one", second)
    assert first.wait(300)
    assert first.progress.state == "cancelled"
    assert second.progress.state == other.progress.state == "working"
    jobs.remove("one", first)  # which must not forget the second
    jobs.cancel("one")
    assert second.wait(300)
    jobs.close()
    assert other.wait(0.1)
    jobs.cancel("nobody")


def test_a_long_video_has_a_short_chart(tiny: ModelPool) -> None:
    """An hour of frames is as many points as a minute of them, and means stay means."""
    import numpy as np

    found = tiny.segmenter(tiny.model)(np.zeros((64, 64, 3), dtype=np.uint8)).instances
    counts = ClassCounts(tiny.class_names(tiny.model))
    for number in range(3600):
        counts.add(found, time_s=number / 25)
    points = counts.points()
    assert len(points) <= 2 * 200
    assert {point["count"] for point in points} == {1.0}
