"""Every instance over 0.3 has its partner in Ultralytics' answer, and the other way round."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from tests.inference.oracle import LARGE_PX, compare, export_onnx, faint_pixels, reference
from urban_segmentor import Segmenter
from urban_segmentor.exporters.ultralytics_env import require_modules
from urban_segmentor.models.registry import embedded_models

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

RUNTIMES = ("openvino", "onnx")
COCO = ("yolov8n-seg-coco", "yolo11n-seg-coco")

pytestmark = pytest.mark.filterwarnings("ignore")  # of torch and Ultralytics, not ours


def check(
    exported: Path,
    oracle: Path,
    images: Sequence[NDArray[np.uint8]],
    *,
    runtime: str,
    imgsz: int | tuple[int, int] | None = None,
) -> None:
    """Assert that both find the same in all images, within the limits of float32 arithmetic."""
    segmenter = Segmenter(exported, runtime=runtime, precision="f32", imgsz=imgsz)
    answers = [
        compare(segmenter(image).instances, reference(oracle, image, imgsz=size))
        for image in images
        for size in [segmenter.input_size(image.shape[:2])]
    ]
    ious = np.concatenate([answer.mask_ious for answer in answers])
    areas = np.concatenate([answer.areas_px for answer in answers])
    assert len(ious) > 4 * len(images)  # or there was nothing to compare
    assert sum(answer.missing for answer in answers) == 0
    assert max(answer.score_gaps.max(initial=0) for answer in answers) <= 0.02
    assert max(answer.box_gaps_px.max(initial=0) for answer in answers) <= 1.5
    assert ious[areas > LARGE_PX].min() >= 0.95
    assert np.median(ious) >= 0.98


@pytest.fixture(scope="module", params=COCO)
def coco_models(
    request: pytest.FixtureRequest, shared: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path]:
    """Return the export of a COCO checkpoint, and the checkpoint."""
    checkpoint = shared / "models" / f"{request.param}.pt"
    return export_onnx(checkpoint, tmp_path_factory.mktemp("coco"), dynamic=True), checkpoint


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_given_images_with_coco_checkpoints(
    coco_models: tuple[Path, Path], given_images: list[NDArray[np.uint8]], runtime: str
) -> None:
    """Pictures and clip frames, exported ONNX against the checkpoint in PyTorch."""
    check(*coco_models, given_images, runtime=runtime)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_the_street_with_the_embedded_model(
    street_images: list[NDArray[np.uint8]], runtime: str
) -> None:
    """The procedural street and the embedded model prove it to strangers too."""
    embedded = embedded_models()["urban-n"]
    check(embedded, embedded, street_images, runtime=runtime)


@pytest.mark.parametrize("imgsz", [320, 960, (256, 640), (480, 480), (640, 384)])
def test_rectangles_of_other_sizes(
    street_images: list[NDArray[np.uint8]], imgsz: int | tuple[int, int]
) -> None:
    """Small and large inputs, with padding at the sides or above and below.

    Far from the size of its training the network is unsure of thin poles; pixels that it hardly
    puts in or out differ with the way of interpolating, all others may not.
    """
    embedded = embedded_models()["urban-n"]
    segmenter = Segmenter(embedded, runtime="openvino", precision="f32", imgsz=imgsz)
    for image in street_images:
        size = segmenter.input_size(image.shape[:2])
        theirs = reference(embedded, image, imgsz=size)
        found = compare(segmenter(image).instances, theirs, faint=faint_pixels(segmenter, image))
        large = found.areas_px > LARGE_PX
        assert len(found.mask_ious) > 4
        assert found.missing == 0
        assert found.score_gaps.max() <= 0.02
        assert found.box_gaps_px.max() <= 1.5
        assert np.median(found.mask_ious) >= 0.98
        assert found.settled_ious[large].min() >= 0.98
        assert found.mask_ious[large].min() >= 0.9


def test_a_static_export_on_openvino_xml(
    shared: Path, given_images: list[NDArray[np.uint8]], tmp_path: Path
) -> None:
    """An export for one size, in OpenVINO's own format, with metadata.yaml beside it."""
    checkpoint = shared / "models" / "yolov8n-seg-coco.pt"
    folder = export_onnx(checkpoint, tmp_path, format="openvino", imgsz=(320, 512))
    segmenter = Segmenter(folder, precision="f32")
    image = given_images[0]
    assert segmenter.input_size(image.shape[:2]) == (320, 512)
    answer = compare(segmenter(image).instances, reference(folder, image, imgsz=(320, 512)))
    assert len(answer.mask_ious) > 4
    assert answer.missing == 0
    assert answer.box_gaps_px.max() <= 1.5
    assert np.median(answer.mask_ious) >= 0.98


@pytest.fixture(scope="module")
def end_to_end(
    street_images: list[NDArray[np.uint8]], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Return a YOLO26-seg that ends without NMS: random weights whose scores spread over [0, 1]."""
    require_modules("ultralytics")
    import torch
    from ultralytics import YOLO

    torch.manual_seed(0)
    model = YOLO("yolo26n-seg.yaml")
    for module in model.model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = None  # a plain mean over the pictures below
    images = np.stack([cv2.resize(image, (640, 384)) for image in street_images[:2]])
    batch = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255
    model.model.train()
    with torch.no_grad():
        model.model(batch)
        model.model.eval()
        head = model.model.model[-1]
        logits = model.model(batch)[1]["one2one"]["scores"]
        spread = float(logits.std())
        lift = 1.0 - float(logits.amax(dim=1).flatten().topk(60).values[-1]) / spread
        for branch in head.one2one_cv3:
            branch[-1].weight.div_(spread)
            branch[-1].bias.div_(spread).add_(lift)
    folder = tmp_path_factory.mktemp("yolo26")
    model.save(folder / "checkpoint.pt")
    (folder / "export").mkdir()
    return export_onnx(folder / "checkpoint.pt", folder / "export", nms=False)


@pytest.mark.slow
@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_head_without_nms(
    end_to_end: Path, street_images: list[NDArray[np.uint8]], runtime: str
) -> None:
    """YOLO26-seg hands out final boxes, which are taken as they are."""
    segmenter = Segmenter(end_to_end, runtime=runtime, precision="f32", conf=0.3)
    assert segmenter.spec.ends_in_nms
    for image in street_images[:2]:
        found = segmenter(image).instances
        found = found.select(found.masks.areas() > 0)  # Ultralytics leaves empty ones out
        theirs = reference(end_to_end, image, imgsz=(384, 640), conf=0.3)
        assert len(found) == len(theirs.scores) > 4
        np.testing.assert_allclose(np.sort(found.scores), np.sort(theirs.scores), atol=0.02)
        answer = compare(found, theirs)
        assert answer.missing == 0
        assert np.median(answer.box_gaps_px) <= 1.5
        assert np.median(answer.mask_ious) >= 0.98
