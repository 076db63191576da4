"""INT8: the head stays in float, and what loses too much is not handed out."""

from __future__ import annotations

import itertools
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import openvino as ov
import openvino.opset13 as opset
import pytest

from tests.cli.tiny import save_tiny_model
from tests.exporters.test_export import files_of, random_yolo26
from tests.exporters.test_panoptic import save_checkpoint
from tests.networks.test_panoptic import base
from urban_segmentor import Segmenter
from urban_segmentor.errors import DatasetError, MissingExtraError, ModelError, SettingError
from urban_segmentor.exporters import int8
from urban_segmentor.exporters.checkpoint import load_checkpoint
from urban_segmentor.exporters.export import export
from urban_segmentor.exporters.int8 import AccuracyGate
from urban_segmentor.exporters.model_files import read_model, save_openvino
from urban_segmentor.exporters.options import ExportOptions, QuantizationOptions
from urban_segmentor.exporters.quantize import float_nodes, quantize
from urban_segmentor.models.registry import embedded_models
from urban_segmentor.synthetic import Street, save_cityscapes

if TYPE_CHECKING:
    from numpy.typing import NDArray

pytestmark = pytest.mark.filterwarnings("ignore")  # of torch and NNCF, not ours

SIZE = (192, 384)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a small data set in the official layout."""
    folder = tmp_path_factory.mktemp("street") / "cityscapes"
    save_cityscapes(folder, frames=5, size=(256, 512), workers=1)
    return folder


@pytest.fixture(scope="module")
def inputs() -> list[NDArray[np.uint8]]:
    """Return pictures as a network gets them."""
    shots = Street(size=SIZE, fps=1.0, seed=3, camera="dashcam").shots(seconds=4.0)
    return [shot.frame.image[None] for shot in shots]


def quantizers(model: ov.Model) -> list[Any]:
    """Return the nodes that round activations or weights to eight bits."""
    return [node for node in model.get_ops() if node.get_type_name() == "FakeQuantize"]


@pytest.mark.parametrize("whole_head", [False, True], ids=["end", "whole"])
def test_the_head_stays_in_float(
    inputs: list[NDArray[np.uint8]], tmp_path: Path, *, whole_head: bool
) -> None:
    """Nothing in it or behind it is rounded; the rest is, and finds nearly the same."""
    path = embedded_models()["urban-n"]
    model = quantize(read_model(path), inputs, count=len(inputs), whole_head=whole_head)
    head = set(float_nodes(model, whole_head=whole_head))
    sums = {name for name in head if re.search(r"Conv(/WithoutBiases)?$", name)} & {
        node.get_friendly_name()
        for node in model.get_ops()
        if node.get_type_name() == "Convolution"
    }
    ends = {"/model.22/proto/cv3/conv/Conv/WithoutBiases", "/model.22/dfl/conv/Conv"}
    for k, i in itertools.product((2, 3, 4), range(3)):
        ends.add(f"/model.22/cv{k}.{i}/cv{k}.{i}.2/Conv/WithoutBiases")
    assert sums > ends if whole_head else sums == ends
    assert not any(name.startswith("/model.21/") for name in head)
    rounded = quantizers(model)
    assert len(rounded) > 60
    for node in rounded:
        for port in node.output(0).get_target_inputs():
            assert port.get_node().get_friendly_name() not in head
    spec = Segmenter("urban-n").spec
    said = {
        "task": "segment",
        "names": list(spec.class_names),
        "imgsz": list(SIZE),
        "stride": 32,
    }
    xml = save_openvino(model, tmp_path / "q", stem="q", half=False, metadata=said)
    assert xml.with_suffix(".bin").stat().st_size < 6e6
    for precision in ("auto", "f32"):
        ours = Segmenter(xml, precision=precision)
        theirs = Segmenter("urban-n", precision="f32", imgsz=max(SIZE))
        found = [(len(ours(one[0])), len(theirs(one[0]))) for one in inputs]
        assert min(count for _, count in found) > 3
        assert all(abs(a - b) <= 0.35 * b for a, b in found), found
    assert len(Segmenter(xml, imgsz=320)(inputs[0][0])) > 3


def test_a_head_without_nms(inputs: list[NDArray[np.uint8]], tmp_path: Path) -> None:
    """Its selection is cut off, which OpenVINO fails to compile, and put back."""
    checkpoint = load_checkpoint(random_yolo26(tmp_path / "end.pt"))
    (tmp_path / "made").mkdir()
    onnx = checkpoint.export_onnx(tmp_path / "made", imgsz=SIZE)
    model = quantize(read_model(onnx), inputs[:1], count=1)
    assert len(quantizers(model)) > 60
    said = {
        "task": "segment",
        "names": list(checkpoint.class_names),
        "imgsz": list(SIZE),
        "stride": 32,
        "end2end": True,
    }
    xml = save_openvino(model, tmp_path / "q", stem="q", half=True, metadata=said)
    found = Segmenter(xml, conf=0.0)(inputs[0][0]).instances
    assert len(found) > 20
    assert np.isfinite(found.boxes).all()


def test_a_semantic_branch(
    inputs: list[NDArray[np.uint8]], data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of it computes in INT8; the gate looks at its figures too, and the file has them."""
    monkeypatch.chdir(tmp_path)
    path = save_checkpoint(tmp_path / "best.pt", base("yolov8n-seg"))
    plan = QuantizationOptions(calibration=1, gate_images=1, accept_loss=True)
    done = export(
        ExportOptions(model=str(path), format="openvino", imgsz=SIZE, data=data, quantization=plan)
    )
    assert done.gate is not None
    assert set(done.gate.in_float) == set(done.gate.in_int8) == {"AP", "PQ", "mIoU"}
    assert {"ap_int8", "pq_int8", "miou_int8", "miou_float"} <= done.metadata.keys()
    assert Segmenter(done.model)(inputs[0][0]).semantic is not None
    model = ov.Core().read_model(done.model)
    branch = [
        node
        for node in model.get_ops()
        if node.get_type_name() == "Convolution" and "/semantic/" in node.get_friendly_name()
    ]
    assert len(branch) == 9
    assert all("FakeQuantize" in node.input_value(0).get_node().get_type_name() for node in branch)


def test_names_that_do_not_tell_the_head(tmp_path: Path) -> None:
    """What is not known is not guessed."""
    model = read_model(save_tiny_model(tmp_path / "tiny.onnx"))
    with pytest.raises(ModelError, match="where the head of the model begins"):
        quantize(model, [], count=0)


@pytest.mark.parametrize(
    ("images", "said"),
    [([], "must not be empty"), ([np.zeros((1, 64, 64, 1), dtype=np.uint8)], "are incompatible")],
    ids=["none", "grey"],
)
def test_images_that_cannot_calibrate(images: list[NDArray[np.uint8]], said: str) -> None:
    """None at all, or of another shape than the network's: the export in float is still there."""
    node: Any = opset.parameter((1, 3, 64, 64), dtype=np.float32, name="images")
    given = node
    for name in ("/model.0/conv/Conv", "/model.1/conv/Conv"):
        weights = np.ones((3, 3, 1, 1), dtype=np.float32)
        node = opset.convolution(node, weights, [1, 1], [0, 0], [0, 0], [1, 1], name=name)
    model = ov.Model([opset.result(node)], [given])
    with pytest.raises(ModelError, match="NNCF cannot quantize the model: ") as caught:
        quantize(model, images, count=1)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.hint == "use the export in float"


def test_nncf_is_optional(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "nncf", None)
    model = read_model(save_tiny_model(tmp_path / "tiny.onnx"))
    with pytest.raises(MissingExtraError, match="`nncf`") as caught:
        quantize(model, [], count=0)
    assert caught.value.hint == "pip install 'urban-segmentor[train]'"


def gate(before: dict[str, float], after: dict[str, float]) -> AccuracyGate:
    """Return an outcome."""
    return AccuracyGate(
        in_float=before, in_int8=after, frames=9, of_frames=10, dataset="city/val", imgsz=640
    )


def three(ap: float, pq: float, miou: float) -> dict[str, float]:
    """Return the figures of a model with a semantic branch."""
    return {"AP": ap, "PQ": pq, "mIoU": miou}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"AP": 20.0}, {"AP": 19.0}),
        ({"AP": 20.0}, {"AP": 25.0}),
        ({"AP": 1.1}, {"AP": 0.2}),
        (three(20, 44, 62), three(19, 43, 61)),
        (three(0.5, 10, 30), three(0.5, 10, 30)),
    ],
)
def test_small_losses_pass(before: dict[str, float], after: dict[str, float]) -> None:
    """One point of each figure may go, however weak the model is."""
    gate(before, after).check()


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ({"AP": 20.0}, {"AP": 18.9}, r"costs 1\.1 points of AP"),
        ({"AP": 1.0}, {"AP": 1.0}, r"has AP 1\.0 .* too little to see"),
        (three(20, 44, 62), three(18.5, 43.5, 61.5), r"costs 1\.5 points of AP"),
        (three(20, 44, 62), three(19.5, 42, 61.5), r"costs 2\.0 points of PQ"),
        (three(20, 44, 62), three(21, 43, 60.8), r"costs 1\.2 points of mIoU"),
        (three(0, 0.5, 1), three(0, 0.5, 1), "AP 0.0, PQ 0.5, mIoU 1.0 .* too little to see"),
    ],
)
def test_large_losses_do_not(
    before: dict[str, float], after: dict[str, float], message: str
) -> None:
    """Nor does a model that had nothing to lose."""
    with pytest.raises(ModelError, match=message) as caught:
        gate(before, after).check()
    assert "--accept-loss" in str(caught.value.hint)
    assert "9 of 10 frames of city/val" in gate(before, after).describe()


def test_what_the_gate_says() -> None:
    """All figures, for people and for programs."""
    outcome = gate(three(20.04, 44, 62), three(19.5, 44.5, 61.251))
    assert outcome.describe() == (
        "AP 19.5, PQ 44.5, mIoU 61.3 in INT8, AP 20.0, PQ 44.0, mIoU 62.0 in float32 "
        "(9 of 10 frames of city/val, input 640 px)"
    )
    said = outcome.metadata()
    assert (said["ap_float"], said["pq_int8"], said["miou_int8"]) == (20.04, 44.5, 61.25)
    assert outcome.losses["PQ"] == pytest.approx(-0.5)


def test_the_gate_decides(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is written when too much is lost, unless that was accepted; the file says it."""
    measured = {"f32": 30.0, "auto": 28.0}
    asked: list[tuple[int, int]] = []

    def measure(
        _model: Path, samples: Any, *, imgsz: int, precision: str, **_: Any
    ) -> dict[str, float]:
        asked.append((len(samples), imgsz))
        return {"AP": measured[precision]}

    monkeypatch.setattr(int8, "measure_accuracy", measure)
    monkeypatch.chdir(tmp_path)
    plan = QuantizationOptions(calibration=1, gate_images=0)
    options = ExportOptions(
        model="urban-n", format="openvino", imgsz=256, data=data, quantization=plan
    )
    with pytest.raises(ModelError, match=r"costs 2\.0 points of AP"):
        export(options)
    assert files_of(tmp_path) == []
    assert asked == [(1, 256), (1, 256)]
    measured["auto"] = 29.5
    done = export(options)
    assert done.model == Path("urban-n_int8_openvino/urban-n.xml")
    network = Segmenter(done.model)
    assert network.spec.accuracy.startswith("AP 29.5 in INT8, 30.0 in float32 (1 of 1 frames of")
    assert (done.metadata["ap_float"], done.metadata["ap_int8"]) == (30.0, 29.5)
    assert done.summary()["gate"]["losses"] == {"AP": 0.5}
    assert done.inference_ms is not None
    assert set(done.inference_ms) == {"f32", "auto", "int8"}
    assert quantizers(ov.Core().read_model(done.model)) or b"int8" in done.model.read_bytes()


def test_accepted_losses(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are measured by the official rules all the same, and the file says so."""
    monkeypatch.chdir(tmp_path)
    plan = QuantizationOptions(calibration=1, gate_images=1, accept_loss=True)
    options = ExportOptions(
        model="urban-n", format="openvino", imgsz=256, data=data, quantization=plan
    )
    done = export(options)
    assert done.gate is not None
    assert set(done.gate.in_int8) == {"AP"}
    assert 0 <= done.gate.in_int8["AP"] <= 100
    assert done.gate.frames == 1


def test_data_that_do_not_do(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is missing is told before the model is read."""
    monkeypatch.chdir(tmp_path)

    def options(folder: Path | None, output_format: Any = "openvino", **plan: Any) -> ExportOptions:
        return ExportOptions(
            model="urban-n",
            format=output_format,
            data=folder,
            quantization=QuantizationOptions(**plan),
        )

    with pytest.raises(SettingError, match="needs pictures to calibrate on") as caught:
        export(options(None))
    assert "--data" in str(caught.value.hint)
    with pytest.raises(SettingError, match="for OpenVINO alone"):
        export(options(data, output_format="onnx"))
    with pytest.raises(SettingError, match="`calibration` is 0"):
        export(options(data, calibration=0))
    with pytest.raises(SettingError, match="`gate_images` is -1"):
        export(options(data, gate_images=-1))
    with pytest.raises(DatasetError, match="is no Cityscapes folder"):
        export(options(tmp_path))
    (tmp_path / "half").mkdir()
    for part in ("gtFine", "leftImg8bit"):
        (tmp_path / "half" / part).mkdir()
        (tmp_path / "half" / part / "train").symlink_to(data / part / "train")
    with pytest.raises(SettingError, match="has no split `val`"):
        export(options(tmp_path / "half"))
    assert files_of(tmp_path)[0] == "half"
