"""Maps of classes that are smoothed over time: calm where nothing happens, and no ghosts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.inference.fake_model import (
    CAR,
    CLASSES,
    INPUT_SIZE,
    ROAD,
    SKY,
    fake_segmenter,
    final_head,
    prototypes,
    semantic_logits,
)
from tests.io.clips import write_clip
from urban_segmentor import Frame, Pipeline, Result
from urban_segmentor.errors import SettingError
from urban_segmentor.inference.panoptic_segmenter import PanopticSegmenter
from urban_segmentor.inference.semantic_smoother import SemanticSmoother
from urban_segmentor.io.clip_range import ClipRange
from urban_segmentor.io.inputs import find_inputs
from urban_segmentor.io.output_options import OutputOptions
from urban_segmentor.predict import PredictRun
from urban_segmentor.structures.boxes import Letterbox
from urban_segmentor.structures.instances import Instances
from urban_segmentor.structures.panoptic import SemanticMap

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

SIZE = (16, 32)  # of the map; images have four times as many pixels
LETTERBOX = Letterbox.fit(INPUT_SIZE, INPUT_SIZE)
EVEN = np.full(SIZE, SKY, dtype=np.int32)


def found(logits: NDArray[np.float32], time_s: float) -> Result:
    """Return a result without objects."""
    frame = Frame(pixels=np.zeros((*INPUT_SIZE, 3), dtype=np.uint8), time_s=time_s)
    semantic = SemanticMap(logits=logits, letterbox=LETTERBOX)
    return Result(
        frame=frame,
        instances=Instances.empty(INPUT_SIZE, classes=CLASSES),
        semantic=semantic,
    )


def map_of(result: Result) -> SemanticMap:
    """Return its map, which is there."""
    assert result.semantic is not None
    return result.semantic


def logits(labels: NDArray[np.integer], margin: float) -> NDArray[np.float32]:
    """Return logits of a map, float32 (4, h, w)."""
    return semantic_logits(labels, margin)[0]


def in_doubt(frame: int) -> NDArray[np.float32]:
    """Return a map that says sky, but in its middle sky and road by turns, neither surely."""
    labels = EVEN.copy()
    labels[4:8, 8:16] = SKY if frame % 2 else ROAD
    unsure = np.zeros(SIZE, dtype=np.bool_)
    unsure[4:8, 8:16] = True
    return np.where(unsure, logits(labels, 0.4), logits(labels, 8))


def test_the_same_frame_again_and_again_is_the_plain_map() -> None:
    """Smoothing adds nothing of its own: neither to classes nor to instances."""
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(4, *SIZE)).astype(np.float32)
    smoother, plain = SemanticSmoother(), found(noise, 0)
    for number in range(5):
        result = smoother(found(noise, 0.04 * number))
    np.testing.assert_array_equal(map_of(result).class_ids, map_of(plain).class_ids)
    np.testing.assert_allclose(map_of(result).scores, map_of(plain).scores, atol=1e-5)
    expected = SemanticSmoother()(plain).instances
    np.testing.assert_array_equal(result.instances.class_ids, expected.class_ids)
    np.testing.assert_array_equal(result.instances.masks.dense(), expected.masks.dense())


def test_doubts_do_not_flicker() -> None:
    """Where the map is of two minds, it changes at every frame; smoothed it keeps to one."""
    smoother = SemanticSmoother()
    plain, smoothed = [], []
    for number in range(12):
        result = found(in_doubt(number), 0.04 * number)
        plain.append(map_of(result).class_ids[24, 48])
        smoothed.append(map_of(smoother(result)).class_ids[24, 48])
    assert np.count_nonzero(np.diff(plain)) == 11
    assert np.count_nonzero(np.diff(smoothed)) <= 1


def test_what_clearly_changes_is_taken_over_at_once() -> None:
    """A car that comes and goes leaves no ghost, while doubts around it stay calm."""
    smoother, labels = SemanticSmoother(), EVEN.copy()
    labels[10:14, 20:26] = CAR
    for number in range(6):
        seen = logits(labels if number == 4 else EVEN, 8)
        result = smoother(found(seen, 0.04 * number))
        is_car = map_of(result).class_ids == CAR
        np.testing.assert_array_equal(is_car, map_of(found(seen, 0)).class_ids == CAR)


def test_probabilities_are_an_exponential_mean_by_time() -> None:
    """After one time constant a former frame has 1/e of its weight, in however many steps."""
    first, second = logits(EVEN, 0.2), logits(np.full(SIZE, ROAD), 0.2)
    old = SemanticMap(logits=first, letterbox=LETTERBOX).probabilities
    new = SemanticMap(logits=second, letterbox=LETTERBOX).probabilities
    expected = new + (old - new) * np.exp(-1)
    for steps in (1, 4):
        smoother = SemanticSmoother(time_constant_s=0.5)
        result = smoother(found(first, 2.0))
        for step in range(1, steps + 1):
            result = smoother(found(second, 2.0 + 0.5 * step / steps))
        np.testing.assert_allclose(map_of(result).probabilities, expected, rtol=1e-5)


def test_a_cut_begins_anew() -> None:
    """A frame of another scene is what it would be alone."""
    smoother = SemanticSmoother()
    smoother(found(logits(EVEN, 2), 0.0))
    after = found(logits(np.full(SIZE, ROAD), 2), 0.04)
    assert smoother(after).semantic is after.semantic


@pytest.mark.parametrize("time_s", [1.0, 0.9, 0.0])
def test_frames_that_are_not_later_stand_alone(time_s: float) -> None:
    """Stills have no time, and the next video begins at 0 again."""
    smoother = SemanticSmoother()
    smoother(found(in_doubt(0), 1.0))
    again = found(in_doubt(1), time_s)
    assert smoother(again).semantic is again.semantic


def test_reset_and_another_size_begin_anew() -> None:
    smoother = SemanticSmoother()
    smoother(found(in_doubt(0), 0.0))
    smoother.reset()
    again = found(in_doubt(1), 0.04)
    assert smoother(again).semantic is again.semantic
    other = SemanticMap(
        logits=np.zeros((4, 8, 8), np.float32), letterbox=Letterbox.fit((32, 32), (32, 32))
    )
    frame = Frame(pixels=np.zeros((32, 32, 3), dtype=np.uint8), time_s=0.08)
    nothing = Instances.empty((32, 32), classes=CLASSES)
    smaller = Result(frame=frame, instances=nothing, semantic=other)
    assert smoother(smaller).semantic is other


def test_results_without_a_map_pass() -> None:
    frame = Frame(pixels=np.zeros((8, 8, 3), dtype=np.uint8))
    plain = Result(frame=frame, instances=Instances.empty((8, 8), classes=CLASSES))
    assert SemanticSmoother()(plain) is plain


@pytest.mark.parametrize("value", [0, -1, float("nan")])
def test_time_constants_are_positive(value: float) -> None:
    with pytest.raises(SettingError, match="`time_constant_s`"):
        SemanticSmoother(time_constant_s=value)


class Blinking:
    """A source whose frames are bright and dark by turns; from them the doubts of `answer`."""

    def __iter__(self) -> Iterator[Frame]:
        """Yield ten frames."""
        for number in range(10):
            pixels = np.full((*INPUT_SIZE, 3), 30 + 150 * (number % 2), dtype=np.uint8)
            yield Frame(pixels=pixels, index=number, time_s=0.04 * number)

    def close(self) -> None:
        """Release nothing."""


def answer(batch: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
    """Return a car, and a map in doubt by the brightness of the frame."""
    head = final_head((16, 20, 56, 48, 0.9, 0))
    return [head, prototypes(), in_doubt(int(batch.mean() > 100))[None]]


def changes(results: list[Result]) -> int:
    """Return how often the class in the middle of the doubts changes."""
    return int(np.count_nonzero(np.diff([map_of(one).class_ids[24, 48] for one in results])))


def test_streams_are_smoothed_unless_nobody_wants_it() -> None:
    segmenter = fake_segmenter(answer)
    smooth = list(segmenter.stream(Blinking()))
    plain = list(segmenter.stream(Blinking(), smooth=False))
    assert changes(smooth) <= 1
    assert changes(plain) == 9
    assert all(set(result.instances.class_names) >= {"car", "sky"} for result in smooth)
    frames = [frame.image for frame in Blinking()]
    assert changes(list(segmenter.stream(frames))) == 9  # images are no video
    only_sky = list(segmenter.stream(Blinking(), classes=["sky"]))
    assert all(result.instances.class_names == ("sky",) for result in only_sky)


def test_merging_comes_after_smoothing() -> None:
    merged = list(PanopticSegmenter(fake_segmenter(answer)).stream(Blinking()))
    assert changes(merged) <= 1
    for result in merged:
        assert result.panoptic is not None
        classes = {segment.class_id for segment in result.panoptic.segments}
        assert classes == set(result.instances.class_ids.tolist()) >= {CAR, SKY}


def test_models_without_a_map_are_streamed_as_they_are() -> None:
    segmenter = fake_segmenter(
        [final_head((16, 20, 56, 48, 0.9, 0)), prototypes()], has_semantic=False
    )
    assert segmenter.for_video() == (segmenter, ())
    assert PanopticSegmenter(segmenter).for_video()[1] == ()


def test_a_pipeline_takes_the_smoother_as_a_stage() -> None:
    kept: list[Result] = []
    segmenter = fake_segmenter(answer).with_config(surfaces=False)
    Pipeline(Blinking(), segmenter, stages=[SemanticSmoother()]).run(on_result=kept.append)
    assert changes(kept) <= 1
    assert all("sky" in result.instances.class_names for result in kept)


@pytest.mark.parametrize("smooth", [True, False])
def test_predict_smooths_videos(tmp_path: Path, *, smooth: bool) -> None:
    images = np.stack([frame.image for frame in Blinking()])
    clip = write_clip(tmp_path / "clip.mp4", images=[*images])
    kept: list[int] = []

    class Middle:
        """A renderer that notes the class in the middle of the doubts."""

        def __call__(self, frame: Frame, result: Result, /) -> NDArray[np.uint8]:
            kept.append(int(map_of(result).class_ids[24, 48]))
            return frame.image

    PredictRun(
        find_inputs([str(clip)]),
        segmenter=fake_segmenter(answer),
        renderers=[Middle()],
        outputs=OutputOptions(folder=tmp_path / "out"),
        selection=ClipRange(),
        smooth=smooth,
    ).run()
    assert len(kept) == 10
    flips = np.count_nonzero(np.diff(kept))
    assert flips <= 1 if smooth else flips == 9
