"""Speed in turns, accuracy that can be stopped, and pictures of both."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from tests.benchmark.made import made_file, made_row
from tests.cli.tiny import save_tiny_model
from tests.evaluation.validation.scene import write_street
from urban_segmentor.benchmark.accuracy import check_scorable, measure_accuracy
from urban_segmentor.benchmark.benchmark_images import images_of_split, street_images
from urban_segmentor.benchmark.models import read_model
from urban_segmentor.benchmark.plan import BenchmarkCandidate, make_plan
from urban_segmentor.benchmark.plot import plot_png
from urban_segmentor.benchmark.results import BenchmarkRow, LatencyTimer
from urban_segmentor.benchmark.speed import measure_speed
from urban_segmentor.datasets.cityscapes.layout import read_layout
from urban_segmentor.errors import DatasetError, MissingExtraError, ModelError, SettingError
from urban_segmentor.result import Result
from urban_segmentor.structures.frame import Frame
from urban_segmentor.structures.instances import Instances
from urban_segmentor.structures.masks import Masks

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

IMAGES = [np.full((32, 64, 3), i, dtype=np.uint8) for i in range(3)]
MASK = Masks.from_dense(np.ones((1, 32, 64), dtype=np.bool_))
ONE = Instances(
    boxes=MASK.rectangles(),
    masks=MASK,
    scores=np.ones(1, dtype=np.float32),
    class_ids=np.zeros(1, dtype=np.int32),
)
INFER, MASKS = (0, 114, 178), (0, 158, 115)


class Fake:
    """A candidate and its segmenter in one, which notes when it is called.

    Args:
        name: What is noted.
        calls: Where to.
        fails: Called before each picture, with the number of pictures seen.
    """

    def __init__(
        self, name: str, calls: list[str], fails: Callable[[int], None] = lambda _: None
    ) -> None:
        self.file = made_file(name)
        self._calls, self._fails, self._seen = calls, fails, 0

    def load(self, **_: object) -> Fake:
        """Return itself."""
        return self

    def input_size(self, _: tuple[int, int]) -> tuple[int, int]:
        """Return what nobody asks for."""
        return 32, 64

    def __call__(self, image: NDArray[np.uint8]) -> Result:
        """Note the call, and say that inference took as many seconds as the picture is bright."""
        self._fails(self._seen)
        self._seen += 1
        self._calls.append(f"{self.file.path.stem}{image[0, 0, 0]}")
        return Result(
            frame=Frame(pixels=image),
            instances=ONE,
            milliseconds={"infer": 1e3 * float(image[0, 0, 0])},
        )


def test_candidates_take_turns() -> None:
    """A B A B, in each turn one picture before the measured ones."""
    calls: list[str] = []
    candidates: Any = [Fake("a", calls), Fake("b", calls)]
    rows = measure_speed(candidates, IMAGES, rounds=2)
    turn_a, turn_b = (["a0", "a0", "a1", "a2"], ["b0", "b0", "b1", "b2"])
    assert calls == ["a0", "b0", *turn_a, *turn_b, *turn_a, *turn_b]
    for row in rows:
        assert row.speed is not None
        assert row.speed.images == 6
        assert row.speed.stages["infer"]["p50_ms"] == pytest.approx(1000)
        assert row.speed.stages["infer"]["p95_ms"] == pytest.approx(2000)
        assert row.speed.fps == pytest.approx(1, rel=0.01)


def fail_at(number: int, error: Exception) -> Callable[[int], None]:
    """Return what raises an error at one picture and all later ones."""

    def fails(seen: int) -> None:
        if seen >= number:
            raise error

    return fails


@pytest.mark.parametrize("number", [0, 3])
@pytest.mark.parametrize("error", [ModelError("no", hint="x"), RuntimeError("at a.cpp:\nno")])
def test_one_that_fails_stops_no_other(number: int, error: Exception) -> None:
    """Be it while it is loaded or later; the last line of a runtime says why."""
    calls: list[str] = []
    candidates: Any = [Fake("a", calls, fail_at(number, error)), Fake("b", calls)]
    first, second = measure_speed(candidates, IMAGES, rounds=2)
    assert (first.error, first.speed) == ("no", None)
    assert second.speed is not None
    assert calls.count("b1") == 2


def test_a_device_that_was_named_must_be_there() -> None:
    """Where it was not named, the row says that it is not."""
    failing = fail_at(0, SettingError("no CUDA", hint="x"))
    candidates: Any = [Fake("a", [], failing)]
    with pytest.raises(SettingError, match="no CUDA"):
        measure_speed(candidates, IMAGES, device_is_required=True)
    assert measure_speed(candidates, IMAGES)[0].error == "no CUDA"
    with pytest.raises(SettingError, match="`rounds` is 0"):
        measure_speed(candidates, IMAGES, rounds=0)


def test_a_image_is_the_sum_of_its_stages() -> None:
    """The median of the sums, not the sum of the medians."""
    clock = LatencyTimer()
    for infer, masks in ((10.0, 1.0), (1.0, 10.0), (2.0, 2.0)):
        clock.add({"infer": infer, "masks": masks})
    speed = clock.speed((1, 2))
    assert speed.p50_ms == pytest.approx(11)
    assert speed.fps == pytest.approx(1000 / 11)


@pytest.fixture
def scored(tmp_path: Path) -> tuple[list[BenchmarkRow], Any]:
    """Return rows of a tiny model that have speeds, and frames to score them on."""
    file = read_model("tiny", save_tiny_model(tmp_path / "tiny.onnx"))
    plan = make_plan([file], device="cpu", sizes=())
    data = write_street(tmp_path / "data")
    rows = measure_speed(plan.candidates, IMAGES, rounds=1)
    return rows, read_layout(data).of_split("val")


def test_what_is_done_when_it_is_stopped_stays(scored: tuple[list[BenchmarkRow], Any]) -> None:
    """The rows that were scored have figures, that one and later ones have none."""
    rows, samples = scored
    seen: list[BenchmarkCandidate] = []
    frames: list[int] = []
    scores = measure_accuracy(
        rows,
        samples,
        on_candidate=seen.append,
        on_frame=lambda: frames.append(1),
        should_stop=lambda: len(frames) > len(samples),
    )
    assert scores.interrupted
    assert [row.accuracy is not None for row in scores.rows] == [True] + [False] * (len(rows) - 1)
    assert len(seen) == 2

    scores = measure_accuracy(rows, samples)
    assert not scores.interrupted
    assert all(row.accuracy is not None and row.accuracy.images == 3 for row in scores.rows)


def test_rows_that_failed_are_not_scored(scored: tuple[list[BenchmarkRow], Any]) -> None:
    """And one that fails while it is scored says so."""
    rows, samples = scored
    lost = dataclasses.replace(rows[0], candidate=made_row(made_file("gone.onnx")).candidate)
    found = measure_accuracy([BenchmarkRow(model="x", error="damaged"), lost], samples).rows
    assert (found[0].accuracy, found[0].error) == (None, "damaged")
    assert found[1].accuracy is None
    assert "gone.onnx" in found[1].error


def test_what_cannot_be_scored_is_refused_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without labels or pictures, or without the library, no work is begun."""
    samples = read_layout(write_street(tmp_path)).of_split("val")
    check_scorable(samples)
    blind = [dataclasses.replace(sample, polygons=None) for sample in samples]
    with pytest.raises(DatasetError, match="has no polygons file"):
        check_scorable(blind)
    check_scorable([*blind, *samples])
    dark = [dataclasses.replace(sample, image_path=None) for sample in samples]
    with pytest.raises(DatasetError, match="none of 3 frames has a picture"):
        images_of_split(dark, source="here")
    assert images_of_split(samples, source="here").sizes == ("256x128",)
    monkeypatch.setattr("urban_segmentor.errors.find_spec", lambda _: None)
    with pytest.raises(MissingExtraError):
        check_scorable(samples)


def test_drawn_images(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are of a usual size, and not all the same."""
    monkeypatch.setattr("urban_segmentor.benchmark.benchmark_images.MAX_IMAGES", 2)
    images = street_images()
    assert images.sizes == ("1920x1080",)
    assert len({image.tobytes() for image in images.images}) == len(images.images) == 2


def count(png: bytes, color: tuple[int, int, int]) -> int:
    """Return how many pixels have exactly a color."""
    image = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR_RGB)
    assert image is not None
    return int(np.count_nonzero((image == color).all(axis=2)))


def test_bars_show_stages() -> None:
    """As long as they take; rows without a speed have none."""
    pytest.importorskip("matplotlib")
    file = made_file("$a_model$.onnx")
    rows = [made_row(file, ms=ms, scored=False) for ms in (10.0, 20.0)]
    both = plot_png([*rows, made_row(file, ms=None)], recommended=None, title="Times")
    first = plot_png([rows[0], rows[0]], recommended=None, title="Times")
    # Two bars of one length fill what a half and a whole one fill three quarters of.
    assert count(both, INFER) / count(first, INFER) == pytest.approx(0.75, rel=0.05)
    assert count(both, MASKS) < count(both, INFER) / 20  # but for the legend


def test_points_show_speed_and_ap() -> None:
    """With a ring around what is recommended; figures without AP are no points."""
    pytest.importorskip("matplotlib")
    file = made_file()
    rows = [
        made_row(file, imgsz=640, ms=10, ap=14.0),
        made_row(file, imgsz=1024, ms=30, ap=18.0),
        made_row(file, computes_in="bf16", ms=5, scored=False),
    ]
    plain = plot_png(rows, recommended=None, title="AP")
    ringed = plot_png(rows, recommended=0, title="AP")
    dark = (32, 32, 32)
    assert count(ringed, dark) > count(plain, dark) + 50
    assert count(plot_png(rows[:2], recommended=None, title="AP"), dark) == count(plain, dark)
