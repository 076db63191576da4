"""What holds for the answer to any picture, whatever the weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.cli.tiny import CAR, PERSON, save_tiny_model
from urban_segmentor import Frame, Segmenter, Yuv420
from urban_segmentor.errors import ModelError, ShapeError, SourceError
from urban_segmentor.inference import prototypes

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Segmenter:
    """Return a segmenter that sees one car and one person in every picture."""
    return Segmenter(save_tiny_model(tmp_path_factory.mktemp("tiny") / "tiny.onnx"))


@pytest.fixture(scope="module")
def small() -> Segmenter:
    """Return the embedded model with a small input, which finds more at a low threshold."""
    return Segmenter("urban-n", imgsz=160, conf=0.05, precision="f32")


def check(segmenter: Segmenter, image: NDArray[np.uint8]) -> None:
    """Assert that an answer lies inside its picture and agrees with itself."""
    found = segmenter(image).instances
    height, width = image.shape[:2]
    assert found.masks.image_size == (height, width)
    assert np.all((found.boxes >= 0) & (found.boxes <= [width, height, width, height]))
    assert np.all(found.boxes[:, :2] <= found.boxes[:, 2:])
    assert np.all((found.scores > segmenter.config.conf) & (found.scores <= 1))
    assert np.all(np.diff(found.scores) <= 0)
    assert np.all((found.class_ids >= 0) & (found.class_ids < len(segmenter.spec.class_names)))
    rectangles = found.masks.rectangles()
    assert np.all((rectangles >= 0) & (rectangles <= [width, height, width, height]))
    assert np.all(np.abs(rectangles - found.boxes) <= 1)


@settings(max_examples=40)
@given(st.integers(1, 400), st.integers(1, 400), st.integers(0, 255))
def test_any_size(tiny: Segmenter, height: int, width: int, grey: int) -> None:
    """Every picture has its car and its person, inside it, of the share of it that is known."""
    image = np.full((height, width, 3), grey, dtype=np.uint8)
    check(tiny, image)
    found = tiny(image).instances
    assert set(found.class_ids.tolist()) <= {CAR, PERSON}
    if min(height, width) > 8 and max(height, width) < 3 * min(height, width):
        assert len(found) == 2


@pytest.mark.parametrize(
    "size", [(1, 1), (1, 2), (3, 5000), (5000, 3), (10_000, 40), (40, 10_000), (2, 10_000)]
)
def test_extreme_sizes(small: Segmenter, tiny: Segmenter, size: tuple[int, int]) -> None:
    """Points, lines and banners."""
    image = np.random.default_rng(1).integers(0, 256, (*size, 3), dtype=np.uint8)
    for segmenter in (small, tiny):
        check(segmenter, image)
        assert segmenter(image).instances.masks.dense().shape[1:] == size


def test_a_huge_image(small: Segmenter) -> None:
    """100 megapixels cost memory in proportion to what is found, not a plane for each."""
    image = np.zeros((10_000, 10_000, 3), dtype=np.uint8)
    image[3000:7000, 2000:9000] = 120
    check(small, image)


def test_nothing_to_find() -> None:
    """Empty arrays have their shapes and dtypes, too."""
    segmenter = Segmenter("urban-n", imgsz=64, conf=1.0)
    found = segmenter(np.zeros((30, 40, 3), dtype=np.uint8)).instances
    assert len(found) == len(found.masks) == 0
    assert (found.boxes.shape, found.boxes.dtype) == ((0, 4), np.float32)
    assert (found.scores.dtype, found.class_ids.dtype) == (np.float32, np.int32)
    assert found.masks.dense().shape == (0, 30, 40)
    assert found.masks.image_size == (30, 40)


def test_how_an_array_lies_in_memory_does_not_matter(
    small: Segmenter, street_images: list[NDArray[np.uint8]]
) -> None:
    """Mirrored, cropped, transposed and read-only views are pictures like any other."""
    image = street_images[0]
    views = [image[:, ::-1], image[::-1], image[100:600:2, 7:907:3], image[..., ::-1]]
    views.append(image.transpose(1, 0, 2))
    views.append(np.asfortranarray(image))
    frozen = image.copy()
    frozen.flags.writeable = False
    views.append(frozen)
    for view in views:
        ours, theirs = (small(one).instances for one in (view, np.ascontiguousarray(view)))
        np.testing.assert_array_equal(ours.boxes, theirs.boxes)
        np.testing.assert_array_equal(ours.scores, theirs.scores)


def test_the_image_is_not_changed(small: Segmenter, street_images: list[NDArray[np.uint8]]) -> None:
    """What comes in belongs to the caller."""
    image = street_images[0].copy()
    small(image)
    np.testing.assert_array_equal(image, street_images[0])
    assert image.flags.writeable


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((4, 4, 3), dtype=np.float32),
        np.zeros((4, 4, 3), dtype=np.int8),
        np.zeros((4, 4, 3), dtype=np.bool_),
        np.zeros((4, 4, 2), dtype=np.uint8),
        np.zeros((3, 4, 5), dtype=np.uint8),
        np.zeros((1, 4, 4, 3), dtype=np.uint8),
        np.zeros((0, 4, 3), dtype=np.uint8),
        np.zeros((4, 0, 3), dtype=np.uint8),
        np.zeros((), dtype=np.uint8),
    ],
    ids=lambda array: f"{array.dtype}{array.shape}".replace(" ", ""),
)
def test_other_arrays_are_refused(tiny: Segmenter, wrong: NDArray[np.generic]) -> None:
    """The message says what was found."""
    with pytest.raises(ShapeError, match=r"expected uint8|expected height x width x 3|is empty"):
        tiny(wrong)


@pytest.mark.parametrize("wrong", [None, 7, 0.5, {1, 2}, object()])
def test_what_is_no_array_is_refused(tiny: Segmenter, wrong: object) -> None:
    """The message names its type, and the hint what is taken."""
    with pytest.raises(ShapeError, match=rf"a {type(wrong).__name__} is no image") as caught:
        tiny(wrong)
    assert caught.value.hint


def test_what_a_list_holds_is_looked_at(tiny: Segmenter) -> None:
    """Numbers in it are no images, and a path must lead to one."""
    with pytest.raises(ShapeError, match="a int is no image"):
        tiny([1, 2])
    with pytest.raises(SourceError, match=r"cannot read `street\.jpg`"):
        tiny("street.jpg")


def test_frames_of_video_agree_with_rgb(
    tiny: Segmenter, street_images: list[NDArray[np.uint8]]
) -> None:
    """Planes in any matrix and range give what their RGB picture gives, nearly."""
    whole = Segmenter("urban-n", precision="f32", conf=0.4)
    for matrix in ("bt601", "bt709"):
        for full_range in (False, True):
            planes = Yuv420.from_rgb(street_images[1], matrix=matrix, full_range=full_range)
            rgb = whole(Frame(pixels=planes).image).instances
            strong = np.flatnonzero(rgb.scores > 0.6)
            assert len(strong) > 2
            found = whole(Frame(pixels=planes).pixels).instances
            dense = found.masks.dense()
            for i in strong:
                mask = rgb.masks.select(np.array([i])).dense()[0]
                rivals = dense[found.class_ids == rgb.class_ids[i]]
                common = (rivals & mask).sum(axis=(1, 2))
                assert np.max(common / (rivals | mask).sum(axis=(1, 2))) > 0.9
            assert len(tiny(planes)) == 2


def test_odd_planes(tiny: Segmenter) -> None:
    """Chroma of odd sizes is rounded up."""
    for size in ((1, 1), (5, 7), (3, 500)):
        planes = Yuv420.from_rgb(np.full((*size, 3), 80, dtype=np.uint8))
        assert tiny(planes).instances.masks.image_size == size


def test_no_mask_is_decoded_that_nobody_reads(
    monkeypatch: pytest.MonkeyPatch, street_images: list[NDArray[np.uint8]]
) -> None:
    """Scores and classes are filtered first; then masks wait until they are read, once."""
    decoded: list[int] = []
    decode = prototypes._decode

    def counting(*args: object) -> NDArray[np.bool_]:
        decoded.append(1)
        return decode(*args)

    monkeypatch.setattr(prototypes, "_decode", counting)
    found = Segmenter("urban-n", classes=["car"])(street_images[0]).instances
    assert len(found) > 0
    assert set(found.class_ids.tolist()) == {CAR}
    assert decoded == []
    found.masks.areas()
    found.masks.dense()
    assert len(decoded) == len(found)


@pytest.mark.parametrize("imgsz", [64, 320, (64, 256), (96, 32)])
def test_imgsz(imgsz: int | tuple[int, int], street_images: list[NDArray[np.uint8]]) -> None:
    """The network works at the size that was asked for, whatever the picture is."""
    segmenter = Segmenter("urban-n", imgsz=imgsz, conf=0.1)
    height, width = street_images[0].shape[:2]
    size = segmenter.input_size((height, width))
    if isinstance(imgsz, tuple):
        assert size == imgsz
    else:
        assert max(size) == imgsz
        assert 0 <= size[0] - imgsz * height / width < 32
    check(segmenter, street_images[0])
    assert list(segmenter._network._runtimes) == [size]


def test_a_static_export_refuses_others(tmp_path: Path) -> None:
    """A fixed graph says what it takes; on ONNX Runtime, too."""
    from urban_segmentor.errors import SettingError

    path = save_tiny_model(tmp_path / "tiny.onnx")
    for runtime in ("openvino", "onnx"):
        assert Segmenter(path, runtime=runtime, imgsz=64).input_size((9, 99)) == (64, 64)
        with pytest.raises(SettingError, match="only takes 64 x 64"):
            Segmenter(path, runtime=runtime, imgsz=128)


@pytest.mark.parametrize("runtime", ["openvino", "onnx"])
def test_a_size_that_the_graph_cannot_run(
    tmp_path: Path, runtime: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """Where the metadata promise more than the graph holds, the file and the size are named."""
    import onnx
    from onnx import TensorProto, helper

    model = onnx.load(save_tiny_model(tmp_path / "tiny.onnx"))
    free = helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, "h", "w"])
    model.graph.input[0].CopyFrom(free)
    model.graph.node.insert(0, helper.make_node("Reshape", ["images", "to"], ["flat"]))
    shape = onnx.numpy_helper.from_array(np.array([1, 3, 64, 64]), "to")
    model.graph.initializer.append(shape)
    model.graph.node[1].input[0] = "flat"
    onnx.save(model, tmp_path / "bent.onnx")
    image = np.zeros((64, 64, 3), dtype=np.uint8)
    assert len(Segmenter(tmp_path / "bent.onnx", runtime=runtime, imgsz=64)(image)) == 2
    with pytest.raises(ModelError, match=r"bent\.onnx` cannot run at 96 x 96") as caught:
        Segmenter(tmp_path / "bent.onnx", runtime=runtime, imgsz=96)(image)
    assert "--imgsz" in str(caught.value.hint)
    assert capfd.readouterr().out == ""


def test_stages_are_reported_in_order(tiny: Segmenter) -> None:
    """Three stages, each with a time that is no guess."""
    milliseconds = tiny(np.zeros((9, 9, 3), dtype=np.uint8)).milliseconds
    assert list(milliseconds) == ["preprocess", "infer", "postprocess"]
    assert all(0 < took_ms < 5000 for took_ms in milliseconds.values())


def test_a_letter_is_no_class() -> None:
    """One name may stand for a list of one."""
    named = Segmenter("urban-n", imgsz=64, classes="car")
    assert named.config.classes == ("car",)
