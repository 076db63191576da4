"""Networks with a semantic branch: exported whole, compared whole, and they say what they are."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import openvino as ov
import pytest

from tests.exporters.test_export import answer, copied_checkpoint
from tests.networks.test_panoptic import BASES, base
from urban_segmentor import Segmenter
from urban_segmentor.errors import ModelError
from urban_segmentor.exporters import export as exporting
from urban_segmentor.exporters import export_images
from urban_segmentor.exporters.checkpoint import load_checkpoint
from urban_segmentor.exporters.export import export
from urban_segmentor.exporters.options import ExportOptions
from urban_segmentor.exporters.verify_export import (
    EXACT,
    HALF,
    NamedImage,
    semantic_gap,
    verify_same_outputs,
)
from urban_segmentor.io.image_codec import read_image
from urban_segmentor.result import Result
from urban_segmentor.structures.boxes import Letterbox
from urban_segmentor.structures.cityscapes_labels import TRAIN_LABELS, TRAIN_NAMES
from urban_segmentor.structures.frame import Frame
from urban_segmentor.structures.panoptic import SemanticMap
from urban_segmentor.synthetic import Street

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from urban_segmentor.structures.frame import Image

pytestmark = pytest.mark.filterwarnings("ignore")  # of torch and Ultralytics, not ours

THINGS = [label.is_thing for label in TRAIN_LABELS]
THING_IDS = list(range(11, 19))
SIZE = (64, 128)


@pytest.fixture(autouse=True)
def _one_image(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """One street is enough here."""
    shot = next(iter(Street(size=(160, 320), fps=1.0, seed=7, camera="dashcam").shots(seconds=1.0)))
    street = [NamedImage("street", shot.frame.image)]
    monkeypatch.setattr(export_images, "_street_images", lambda: street)
    monkeypatch.chdir(tmp_path)


def save_checkpoint(path: Path, start: Any, *, is_trained: bool = False, **said: Any) -> Path:
    """Save a panoptic network of Cityscapes' classes, its branch untrained.

    Args:
        path: The file.
        start: A `SegmentationModel` that it begins from.
        is_trained: False where its weights are random.
        said: Settings and figures of a training.
    """
    import torch

    from urban_segmentor.networks.panoptic import begin_from
    from urban_segmentor.networks.panoptic_checkpoint import save_panoptic

    torch.manual_seed(1)
    network = begin_from(start, names=TRAIN_NAMES, is_thing=THINGS)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d) and not is_trained:
            module.momentum = None  # a plain mean over the picture below
    shot = next(iter(Street(size=(160, 320), fps=1.0, seed=7).shots(seconds=1.0)))
    with torch.no_grad():  # features of random weights would vanish on their way
        network.train(not is_trained)(
            torch.from_numpy(shot.frame.image.copy()).permute(2, 0, 1)[None] / 255
        )
    torch.nn.init.normal_(network.semantic.out.weight, std=0.05)
    head = network.base.model[-1]
    for branch in [] if is_trained else [*head.cv3, *getattr(head, "one2one_cv3", [])]:
        torch.nn.init.zeros_(branch[-1].weight)  # chance must find no objects
    given = {"train_args": {}, "metrics": {}} | said
    save_panoptic(path, network.architecture, network.state_dict(), **given)
    return path


@pytest.fixture(scope="module", params=BASES)
def of_any_base(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a checkpoint with random weights; read it only."""
    return save_checkpoint(tmp_path_factory.mktemp("any") / "best.pt", base(request.param))


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a checkpoint with random weights, that of a training; read it only."""
    path = tmp_path_factory.mktemp("start") / "best.pt"
    start = base("yolov8n-seg")
    start.yaml["yaml_file"] = "yolov8n-seg.yaml"
    said = {"imgsz": 128, "epochs": 3, "data": "streets", "scored_images": 7}
    figures = {"metrics/AP": 20.13, "metrics/PQ": 44.0, "metrics/mIoU": 62.0}
    return save_checkpoint(path, start, train_args=said, metrics=figures)


def original_outputs(path: Path, batch: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
    """Return what a checkpoint gives in PyTorch, float32."""
    found = load_checkpoint(path)
    return list(found.network({}, ends_in_nms=False).infer(batch))


def test_a_graph_for_any_size(
    of_any_base: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Three outputs with their names, of any size and batch, the same numbers as in PyTorch."""
    import onnxruntime

    path = tmp_path / "out.onnx"
    done = export(ExportOptions(model=str(of_any_base), imgsz=SIZE, output=path))
    assert done.metadata["end2end"] is (request.node.callspec.params["of_any_base"] == BASES[2])
    assert done.agreement.logit_gap is not None
    assert done.agreement.logit_gap < EXACT.output
    assert done.agreement.pixels_differ == 0
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    assert [output.name for output in session.get_outputs()] == ["output0", "output1", "semantic"]
    batch = np.random.default_rng(0).integers(0, 256, (2, 96, 160, 3), dtype=np.uint8)
    given = batch.transpose(0, 3, 1, 2).astype(np.float32) / 255
    ours = session.run(None, {"images": given})
    theirs = original_outputs(of_any_base, batch)
    assert [output.shape for output in ours][1:] == [(2, 32, 24, 40), (2, 19, 24, 40)]
    first = 1 if done.metadata["end2end"] else 0  # a selection has the best of its own size
    for mine, expected in zip(ours[first:], theirs[first:], strict=True):
        assert np.abs(mine - expected).max() < EXACT.output * np.abs(expected).max()
    assert Segmenter(path)(batch[0]).semantic is not None


@pytest.mark.parametrize("output_format", ["onnx", "openvino"])
@pytest.mark.parametrize("half", [False, True], ids=["full", "half"])
def test_all_formats_say_the_same(
    checkpoint: Path, tmp_path: Path, *, output_format: Any, half: bool
) -> None:
    """Outputs, instance classes, names, kinds and colors come through, and once more."""
    options = ExportOptions(
        model=str(checkpoint), format=output_format, half=half, output=tmp_path / "a.onnx"
    )
    done = export(options)
    spec = Segmenter(done.model).spec
    assert spec.has_semantic
    assert spec.outputs == ("instances", "prototypes", "semantic")
    assert list(spec.instance_class_ids) == done.metadata["instance_classes"] == THING_IDS
    assert spec.class_names == TRAIN_NAMES
    assert spec.classes.is_thing.tolist() == THINGS
    assert spec.classes.colors.tolist() == [list(label.color) for label in TRAIN_LABELS]
    assert spec.description == "YOLOv8n with a semantic branch, 19 Cityscapes classes"
    assert spec.training_data == "`streets`, 3 epochs, 128 px"
    assert spec.accuracy == "AP 20.1, PQ 44.0, mIoU 62.0 on 7 frames of streets/val, input 128 px"
    assert done.metadata["version"]
    gap = done.agreement.logit_gap
    assert gap is not None
    assert (gap > 3e-5) is half
    if output_format == "onnx":
        again = export(
            ExportOptions(model=str(done.model), format="openvino", output=tmp_path / "b")
        )
        assert again.metadata == done.metadata
        assert Segmenter(again.model).spec == spec
    else:
        kinds = {node.get_type_name() for node in ov.Core().read_model(done.model).get_ops()}
        assert "ConvolutionBackpropData" not in kinds  # prototypes are doubled at the very end


def test_a_trained_head(shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its instances are compared as those of others are, under the ids of all classes."""
    from ultralytics import YOLO

    start = copied_checkpoint(shared / "models" / "yolov8n-seg-coco.pt", tmp_path)
    path = save_checkpoint(tmp_path / "panoptic.pt", YOLO(start).model, is_trained=True)
    image = read_image(next((shared / "media").glob("street-*.png")))
    monkeypatch.setattr(export_images, "_street_images", lambda: [NamedImage("street", image)])
    done = export(ExportOptions(model=str(path), imgsz=(192, 384)))
    assert done.agreement.instances > 0
    found = Segmenter(done.model)(image).instances
    assert {"car", "person"} & set(found.class_names)
    for class_id in found.class_ids.tolist():
        assert found.classes[class_id].is_thing == (class_id in THING_IDS)


@pytest.mark.parametrize("half", [False, True], ids=["full", "half"])
@pytest.mark.parametrize("spoilt", ["shifted", "swapped"])
def test_a_spoilt_branch(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, half: bool, spoilt: str
) -> None:
    """Logits that are a little off, or two classes in each other's place: it is not written."""
    import onnx

    def damaging(source: Path, target: Path, **how: Any) -> None:
        from urban_segmentor.exporters.model_files import save_onnx

        save_onnx(source, target, **how)
        model = onnx.load(str(target))
        for tensor in model.graph.initializer:
            if "semantic.out.bias" in tensor.name:
                values = onnx.numpy_helper.to_array(tensor).copy()
                values[0:4] += (0.1 if half else 0.01) * 10.0  # of the first class
                tensor.CopyFrom(onnx.numpy_helper.from_array(values, tensor.name))
            if spoilt == "swapped" and "semantic.out.weight" in tensor.name:
                weights = onnx.numpy_helper.to_array(tensor).copy()
                weights[[0, 1, 2, 3, 4, 5, 6, 7]] = weights[[4, 5, 6, 7, 0, 1, 2, 3]]
                tensor.CopyFrom(onnx.numpy_helper.from_array(weights, tensor.name))
        onnx.save(model, str(target))

    monkeypatch.setattr(exporting, "save_onnx", damaging)
    out = tmp_path / "out.onnx"
    with pytest.raises(ModelError, match=r"classes of pixels differ .* logits by") as caught:
        export(ExportOptions(model=str(checkpoint), half=half, output=out))
    assert ("--half" in str(caught.value.hint)) is half
    assert not out.exists()


class _Fixed:
    """A segmenter that always gives the same logits."""

    def __init__(self, logits: NDArray[np.float32]) -> None:
        self.logits = logits
        self.spec = type("Spec", (), {"class_names": ("car", "person", "bus")})

    def __call__(self, image: Image) -> Result:
        letterbox = Letterbox.fit(SIZE, SIZE)
        return Result(
            frame=Frame(pixels=image),
            instances=answer(),
            semantic=SemanticMap(logits=self.logits.copy(), letterbox=letterbox),
        )

    def input_size(self, size: tuple[int, int]) -> tuple[int, int]:
        return size


def agreement_of(ours: NDArray[np.float32], theirs: NDArray[np.float32], limits: Any) -> Any:
    """Return how two maps of logits agree."""
    image = NamedImage("street", np.zeros((*SIZE, 3), dtype=np.uint8))
    pair: list[Any] = [_Fixed(ours), _Fixed(theirs)]
    return verify_same_outputs(*pair, [image], tolerances=limits, original_name="m.pt", hint="no")


def test_differences_of_logits() -> None:
    """Rounding passes; more does not, nor does what is no number; ties may fall either way."""
    theirs = np.zeros((3, 16, 32), dtype=np.float32)
    theirs[0] = 5.0
    found = agreement_of(theirs + np.float32(0.001), theirs, EXACT)
    assert found.logit_gap == pytest.approx(0.001 / 5, abs=1e-6)
    assert found.pixels_differ == 0
    for wrong in (0.01, np.nan):
        ours = theirs.copy()
        ours[2, 3, 4] += np.float32(wrong)
        with pytest.raises(ModelError, match=r"classes of pixels differ from those of `m\.pt`"):
            agreement_of(ours, theirs, EXACT)
    close = theirs.copy()
    close[1] = 4.95
    turned = close.copy()
    turned[1] = 5.05
    assert agreement_of(turned, close, HALF).pixels_differ == 0
    with pytest.raises(ModelError, match=r"100 % of the classes"):
        agreement_of(turned, close, replace(HALF, tie=0.01))


def test_the_share_of_pixels_that_differ() -> None:
    """A class counts as another one where the original clearly prefers its own."""
    theirs = np.zeros((2, 2, 4), dtype=np.float32)
    theirs[0] = 1.0
    ours = theirs.copy()
    ours[1, 0, 0] = 1.5
    gap = semantic_gap(ours, theirs, tie=0.1)
    assert gap.pixels == pytest.approx(1 / 8)
    assert gap.logit == pytest.approx(1.5)  # of the largest, 1.0
    assert semantic_gap(ours, theirs, tie=1.0).pixels == 0


def test_a_damaged_checkpoint(checkpoint: Path, tmp_path: Path) -> None:
    """It is told as such, not as one of Ultralytics."""
    import torch

    content = torch.load(checkpoint, weights_only=True)
    content["state"].popitem()
    torch.save(content, tmp_path / "cut.pt")
    with pytest.raises(ModelError, match="is no panoptic network"):
        export(ExportOptions(model="cut.pt"))
