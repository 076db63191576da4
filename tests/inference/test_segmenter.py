"""What a caller of the segmenter sees."""

from __future__ import annotations

import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import numpy as np
import pytest

from urban_segmentor import Segmenter, Yuv420
from urban_segmentor.errors import ModelError, SettingError, ShapeError, UrbanSegmentorError
from urban_segmentor.inference.runtimes.selection import select_runtime

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


@pytest.fixture(scope="module")
def segmenter() -> Segmenter:
    """Return the embedded model, small and fast."""
    return Segmenter("urban-n", imgsz=160)


def test_input_follows_the_shape_of_the_image(segmenter: Segmenter) -> None:
    """Wide pictures get wide inputs, tall ones tall inputs, never a square of padding."""
    assert segmenter.input_size((1080, 1920)) == (96, 160)
    assert segmenter.input_size((1024, 2048)) == (96, 160)
    assert segmenter.input_size((2048, 1024)) == (160, 96)
    assert segmenter.input_size((500, 500)) == (160, 160)


@pytest.mark.parametrize("size", [(1, 1), (1, 700), (700, 1), (3, 2), (33, 47)])
def test_tiny_and_thin_images(segmenter: Segmenter, size: tuple[int, int]) -> None:
    """Whatever its shape, a picture gets an answer inside itself."""
    found = segmenter(np.full((*size, 3), 90, dtype=np.uint8)).instances
    assert found.masks.image_size == size
    assert np.all(found.boxes[:, 2:] <= [size[1], size[0]])
    assert found.masks.dense().shape == (len(found), *size)


def test_planes_and_rgb_agree(street_images: list[NDArray[np.uint8]]) -> None:
    """A video frame in planes gives what its RGB picture gives, nearly."""
    whole = Segmenter("urban-n", precision="f32", conf=0.5)
    rgb = whole(street_images[0]).instances
    planes = whole(Yuv420.from_rgb(street_images[0])).instances
    assert abs(len(rgb) - len(planes)) <= max(2, len(rgb) // 5)
    strong = rgb.scores > 0.7
    assert strong.any()
    for box, class_id in zip(rgb.boxes[strong], rgb.class_ids[strong], strict=True):
        same = planes.boxes[planes.class_ids == class_id]
        assert np.abs(same - box).max(axis=1).min() < 12


def test_classes_are_filtered_by_name_and_number(street_images: list[NDArray[np.uint8]]) -> None:
    """Only the classes that were asked for come back, however they were named."""
    every = Segmenter("urban-n")(street_images[0]).instances
    some = Segmenter("urban-n", classes=["Car", 0, "2"])(street_images[0]).instances
    wanted = np.isin(every.class_ids, [13, 0, 2])
    assert 0 < wanted.sum() < len(every)
    np.testing.assert_array_equal(np.sort(some.scores), np.sort(every.scores[wanted]))


def test_at_most_so_many(street_images: list[NDArray[np.uint8]]) -> None:
    """`max_det` keeps the best."""
    every = Segmenter("urban-n")(street_images[0]).instances
    best = Segmenter("urban-n", max_det=3)(street_images[0]).instances
    np.testing.assert_array_equal(best.scores, every.scores[:3])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"conf": 7}, "`conf` is 7"),
        ({"iou": -0.1}, "`iou` is -0.1"),
        ({"conf": float("nan")}, "`conf` is nan"),
        ({"max_det": 0}, "`max_det` is 0"),
        ({"imgsz": 100}, "multiple of 32"),
        ({"imgsz": 0}, "`imgsz` is 0"),
        ({"imgsz": 10**9}, "`imgsz`"),
        ({"classes": ["caar"]}, "no class `caar`"),
        ({"classes": [19]}, "no class 19"),
        ({"classes": [-1]}, "no class -1"),
        ({"device": "tpu"}, "`tpu` is no device"),
        ({"device": "gpu"}, "no device `gpu`"),
        ({"device": "cuda"}, "CUDA"),
        ({"runtime": "onnx", "device": "npu"}, "ONNX Runtime does not run on NPU"),
    ],
)
def test_nonsense_is_refused(options: dict[str, object], message: str) -> None:
    """Every setting that makes no sense is named, with what would."""
    with pytest.raises(SettingError, match=message):
        Segmenter("urban-n", **options)


def test_near_names_are_offered() -> None:
    """The hint of an unknown class names its neighbours."""
    with pytest.raises(SettingError) as caught:
        Segmenter("urban-n", classes=["trafic sign"])
    assert "`traffic sign`" in str(caught.value.hint)


def test_only_images_are_taken(segmenter: Segmenter) -> None:
    """Floats and empty ones are refused by name; `as_frame` knows all kinds."""
    with pytest.raises(ShapeError, match=r"the image is float64 \(4 x 4 x 3\), expected uint8"):
        segmenter(np.zeros((4, 4, 3)))
    with pytest.raises(ShapeError, match="empty"):
        segmenter(np.zeros((0, 4, 3), np.uint8))


@pytest.mark.parametrize("content", [b"", b"not a model", b"\x08\x07" + b"\xff" * 900])
def test_damaged_models_are_told(tmp_path: Path, content: bytes) -> None:
    """A file that is no model gives an error that names it, on both runtimes."""
    path = tmp_path / "broken.onnx"
    path.write_bytes(content)
    for runtime in ("openvino", "onnx"):
        with pytest.raises(ModelError, match=r"broken\.onnx"):
            Segmenter(path, runtime=runtime)


def test_the_choice_says_why() -> None:
    """What runs the model, and the reason, can be shown."""
    selection = Segmenter("urban-n").selection
    assert (selection.runtime, selection.device) == ("openvino", "cpu")
    assert selection.reason
    with pytest.raises(UrbanSegmentorError, match=r"\.xml"):
        select_runtime(device="auto", runtime="onnx", suffix=".xml")


def test_a_bounded_number_of_sizes_stays_compiled(segmenter: Segmenter) -> None:
    """A folder of odd shapes does not fill the memory with networks."""
    for width in (40, 80, 120, 160, 200, 240):
        segmenter(np.zeros((160, width, 3), dtype=np.uint8))
    assert len(segmenter._network._runtimes) <= 4


RACE = """
import threading
import numpy as np
from urban_segmentor import Segmenter
segmenter = Segmenter("urban-n", imgsz=64, streams=2)
start = threading.Barrier(3)
def work():
    start.wait()
    for _ in range(3):
        segmenter(np.zeros((64, 64, 3), np.uint8))
threads = [threading.Thread(target=work) for _ in range(3)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
"""


def test_the_first_calls_may_come_from_several_threads() -> None:
    """A fresh process does not lock up when its threads call the network together."""
    for _ in range(4):
        subprocess.run([sys.executable, "-c", RACE], check=True, timeout=300)


def test_threads_get_their_own_answers(
    segmenter: Segmenter, street_images: list[NDArray[np.uint8]]
) -> None:
    """Answers of parallel calls are those of calls one by one."""
    alone = [segmenter(image).instances.scores for image in street_images]
    together: dict[int, NDArray[np.float32]] = {}

    def work(number: int) -> None:
        for _ in range(3):
            together[number] = segmenter(street_images[number]).instances.scores

    threads = [threading.Thread(target=work, args=(i,)) for i in range(len(street_images))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number, scores in enumerate(alone):
        np.testing.assert_array_equal(together[number], scores)
