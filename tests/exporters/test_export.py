"""Exports give the same answers as what they were made from, say what they are, and are whole."""

from __future__ import annotations

import builtins
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pytest
import yaml

import urban_segmentor as us
from tests.class_lists import COCO_NAMES
from tests.cli.tiny import save_tiny_model
from tests.training.conftest import checkpoint
from urban_segmentor import Segmenter
from urban_segmentor.errors import (
    MissingExtraError,
    ModelError,
    OutputError,
    SettingError,
)
from urban_segmentor.exporters import export as exporting
from urban_segmentor.exporters import export_images, model_files, ultralytics_env, verify_export
from urban_segmentor.exporters import metadata as export_metadata
from urban_segmentor.exporters.export import export
from urban_segmentor.exporters.export_plan import input_size_of
from urban_segmentor.exporters.options import ExportOptions, ModelDescription
from urban_segmentor.exporters.verify_export import EXACT, HALF, NamedImage, verify_same_outputs
from urban_segmentor.inference.panoptic_segmenter import PanopticSegmenter
from urban_segmentor.io.image_codec import read_image
from urban_segmentor.result import Result
from urban_segmentor.structures.cityscapes_labels import TRAIN_LABELS, TRAIN_NAMES
from urban_segmentor.structures.frame import Frame, Image
from urban_segmentor.structures.instances import Instances
from urban_segmentor.structures.masks import Masks
from urban_segmentor.synthetic import Street
from urban_segmentor.visualization.style import PALETTES, OverlayStyle

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.filterwarnings("ignore")  # of torch and Ultralytics, not ours

__all__ = ["checkpoint"]


@pytest.fixture(autouse=True)
def _few_images(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """One street is enough here."""
    shot = next(iter(Street(size=(320, 640), fps=1.0, seed=7, camera="dashcam").shots(seconds=1.0)))
    street = [NamedImage("street", shot.frame.image)]
    monkeypatch.setattr(export_images, "_street_images", lambda: street)
    monkeypatch.chdir(tmp_path)


def files_of(folder: Path) -> list[str]:
    """Return all files below a folder, hidden ones included."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def copied_checkpoint(path: Path, folder: Path) -> Path:
    """Return a copy of a checkpoint as `run/best.pt`; skip where the file is not whole."""
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
    except (OSError, zipfile.BadZipFile) as error:
        damaged = str(error)
    if damaged is not None:
        pytest.skip(f"{path.name} is damaged: {damaged}")
    start = folder / "run" / "best.pt"
    start.parent.mkdir()
    shutil.copyfile(path, start)
    return start


@pytest.mark.parametrize("output_format", ["onnx", "openvino"])
def test_a_checkpoint_of_other_classes(shared: Path, tmp_path: Path, output_format: Any) -> None:
    """The 80 classes of COCO are as good as Cityscapes'."""
    start = copied_checkpoint(shared / "models" / "yolov8n-seg-coco.pt", tmp_path)
    done = export(ExportOptions(model=str(start), format=output_format))
    assert done.agreement.instances > 5
    assert done.agreement.mask_iou > 0.95
    spec = Segmenter(done.model).spec
    assert spec.class_names == COCO_NAMES
    assert spec.classes.is_thing.all()
    assert len(np.unique(spec.classes.colors, axis=0)) == 80
    assert done.metadata["is_thing"] == [True] * 80
    assert done.metadata["colors"] == spec.classes.colors.tolist()
    segmenter = Segmenter(done.model, conf=0.1)
    image = read_image(next((shared / "media").glob("street-*.png")))
    result = segmenter(image)
    assert {"car", "person"} & set(result.instances.class_names)
    merged = PanopticSegmenter(segmenter)(image)
    assert merged.panoptic is not None
    assert all(segment.is_thing for segment in merged.panoptic.segments)
    assert set(segmenter(image, classes=["car"]).instances.class_names) == {"car"}
    for palette in PALETTES:
        assert (result.plot(style=OverlayStyle(palette=palette)) != image).any()


@pytest.mark.parametrize("output_format", ["onnx", "openvino"])
@pytest.mark.parametrize("half", [False, True], ids=["full", "half"])
def test_a_checkpoint(shared: Path, tmp_path: Path, *, output_format: Any, half: bool) -> None:
    """It becomes a file that says all of itself, and that predicts; nothing else is written."""
    start = copied_checkpoint(shared / "models" / "urban-yolov8n-seg-v0.pt", tmp_path)
    done = export(ExportOptions(model=str(start), format=output_format, half=half))
    one_file = ["best.onnx", "best.pt"]
    folder = ["best.bin", "best.xml", "metadata.yaml"]
    expected = one_file if output_format == "onnx" else ["best.pt", "best_openvino"]
    assert sorted(path.name for path in start.parent.iterdir()) == expected
    if output_format == "openvino":
        assert [path.name for path in done.files] == folder
    weights = max(path.stat().st_size for path in done.files)
    assert (weights < 8e6) is half
    assert done.agreement.instances > 20
    assert done.agreement.mask_iou > 0.95
    assert (done.agreement.score_gap > 1e-4) is half
    spec = Segmenter(done.model).spec
    assert spec.class_names == TRAIN_NAMES
    assert done.metadata["is_thing"] == [label.is_thing for label in TRAIN_LABELS]
    assert done.metadata["colors"] == [list(label.color) for label in TRAIN_LABELS]
    assert (spec.imgsz, spec.stride, spec.ends_in_nms) == ((384, 640), 32, False)
    assert spec.description == "YOLOv8n-seg, 19 Cityscapes classes"
    assert spec.training_data == "`train/d.yaml`, 10 epochs, 640 px"
    assert "mask mAP50-95 14.8" in spec.accuracy
    assert "non-commercial" in spec.license
    assert done.metadata["version"] == "8.4.190"


@pytest.mark.parametrize("half", [False, True], ids=["full", "half"])
def test_a_wrong_file_is_not_handed_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, half: bool
) -> None:
    """Weights that went wrong on the way are found out; what was there before stays."""
    import onnx

    def damaging(source: Path, target: Path, **how: Any) -> None:
        from urban_segmentor.exporters.model_files import save_onnx

        save_onnx(source, target, **how)
        model = onnx.load(str(target))
        for tensor in model.graph.initializer:
            if "model.22.cv3.0.2.bias" in tensor.name:
                values = onnx.numpy_helper.to_array(tensor).copy()
                values[13] -= 0.3  # cars become a little less likely, no more than that
                tensor.CopyFrom(onnx.numpy_helper.from_array(values, tensor.name))
        onnx.save(model, str(target))

    target = tmp_path / "out.onnx"
    target.write_bytes(b"before")
    found = pytest.raises(ModelError, match=r"differs from `urban-n` in \d+ of \d+ .*`car`")
    with monkeypatch.context() as patch, found as caught:
        patch.setattr(exporting, "save_onnx", damaging)
        export(ExportOptions(model="urban-n", half=half, output=target, overwrite=True))
    assert "--half" in str(caught.value.hint) if half else "--half" not in str(caught.value.hint)
    assert files_of(tmp_path) == ["out.onnx"]
    assert target.read_bytes() == b"before"
    done = export(ExportOptions(model="urban-n", half=half, output=target, overwrite=True))
    assert target.stat().st_size == sum(path.stat().st_size for path in done.files) > 6e6


def test_an_embedded_model_for_openvino(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It needs neither torch nor Ultralytics; metadata lie beside it and inside it."""
    real = builtins.__import__

    def without(name: str, *args: Any, **more: Any) -> Any:
        if name.split(".", maxsplit=1)[0] in {"torch", "ultralytics", "nncf", "onnx"}:
            raise ImportError(name)
        return real(name, *args, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    described = ModelDescription(description="one\nline", training_data="streets", license="free")
    done = export(
        ExportOptions(model="urban-n", format="openvino", imgsz=(320, 640), description=described)
    )
    assert done.model == Path("urban-n_openvino/urban-n.xml")
    assert files_of(tmp_path / "urban-n_openvino") == [
        "metadata.yaml",
        "urban-n.bin",
        "urban-n.xml",
    ]
    beside = yaml.safe_load((tmp_path / "urban-n_openvino/metadata.yaml").read_text())
    assert beside["names"][13] == "car"
    for segmenter in (Segmenter("urban-n_openvino"), Segmenter(done.model)):
        spec = segmenter.spec
        assert (spec.description, spec.training_data) == ("one line", "streets")
        assert (spec.license, spec.imgsz) == ("free", (320, 640))
        assert spec.accuracy == Segmenter("urban-n").spec.accuracy
    (tmp_path / "urban-n_openvino/metadata.yaml").unlink()
    assert Segmenter(done.model).spec == spec


def test_a_head_without_nms(tmp_path: Path) -> None:
    """Of the two heads of YOLO26-seg the one that was exported is compared."""
    done = export(ExportOptions(model=str(random_yolo26(tmp_path / "end.pt"))))
    assert Segmenter(done.model).spec.ends_in_nms
    assert done.metadata["license"] == "AGPL-3.0"
    assert done.agreement.instances > 10


def random_yolo26(path: Path) -> Path:
    """Save a YOLO26-seg with random weights, whose scores differ from one another."""
    ultralytics_env.require_modules("torch", "ultralytics")
    import torch
    from ultralytics import YOLO

    torch.manual_seed(0)
    model = YOLO("yolo26n-seg.yaml")
    for module in model.model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = None  # a plain mean over the picture below
    shot = next(iter(Street(size=(320, 640), fps=1.0, seed=7, camera="dashcam").shots(seconds=1.0)))
    batch = torch.from_numpy(shot.frame.image.copy()).permute(2, 0, 1)[None].float() / 255
    model.model.train()
    with torch.no_grad():
        model.model(batch)
        model.model.eval()
        logits = model.model(batch)[1]["one2one"]["scores"]
        spread = float(logits.std())
        lift = 1.0 - float(logits.amax(dim=1).flatten().topk(60).values[-1]) / spread
        for branch in model.model.model[-1].one2one_cv3:
            branch[-1].weight.div_(spread)
            branch[-1].bias.div_(spread).add_(lift)
    model.save(path)
    return path


class _Evil:
    """Runs code when it is unpickled."""

    def __init__(self, proof: Path) -> None:
        self.proof = proof

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return Path.touch, (self.proof,)


@pytest.mark.parametrize("inside", ["model", "train_args"])
def test_code_in_checkpoints_is_not_run(tmp_path: Path, inside: str) -> None:
    """A pickle that does more than building a model is refused, unless it is trusted."""
    import torch

    path, proof = tmp_path / "best.pt", tmp_path / "proof"
    torch.save({"model": None, "train_args": {}} | {inside: _Evil(proof)}, path)
    with pytest.raises(ModelError, match="can run any code") as caught:
        export(ExportOptions(model=str(path)))
    assert "--trust" in str(caught.value.hint)
    assert not proof.exists()
    with pytest.raises(ModelError, match="no checkpoint that can be loaded"):
        export(ExportOptions(model=str(path), trust=True))
    assert proof.exists()


def test_what_is_no_checkpoint(tmp_path: Path) -> None:
    """Each is told apart, and nothing is downloaded in its place."""
    ultralytics_env.require_modules("torch", "ultralytics")
    from ultralytics import YOLO

    YOLO("yolov8n.yaml").save(tmp_path / "detect.pt")
    whole = (tmp_path / "detect.pt").read_bytes()
    (tmp_path / "cut.pt").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "empty.pt").touch()
    (tmp_path / "page.pt").write_text("<html>")
    with zipfile.ZipFile(tmp_path / "zip.pt", "w") as file:
        file.writestr("a", "b")
    cases = {
        "yolov8n-seg.pt": "cannot read the checkpoint `yolov8n-seg.pt`: No such file",
        "detect.pt": "for the task `detect`, expected `segment`",
        "cut.pt": "no checkpoint that can be loaded",
        "empty.pt": "it is empty",
        "page.pt": "no PyTorch file",
        "zip.pt": "no checkpoint that can be loaded",
    }
    before = files_of(tmp_path)
    for name, message in cases.items():
        with pytest.raises(ModelError, match=message) as caught:
            export(ExportOptions(model=name))
        assert caught.value.hint
    assert files_of(tmp_path) == before


def test_without_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hint can be pasted."""
    import sys

    (tmp_path / "best.pt").write_bytes(b"PK\x03\x04")
    monkeypatch.setitem(sys.modules, "ultralytics", None)
    with pytest.raises(MissingExtraError, match="`ultralytics`") as caught:
        export(ExportOptions(model="best.pt"))
    assert caught.value.hint == "pip install 'urban-segmentor[train]'"


def test_a_model_for_one_size(tmp_path: Path) -> None:
    """Its size cannot be changed any more; the wish is told before anything is written."""
    save_tiny_model(tmp_path / "tiny.onnx")
    with pytest.raises(SettingError, match=r"only takes \(64, 64\) pixels") as caught:
        export(ExportOptions(model="tiny.onnx", imgsz=96, format="openvino"))
    assert "--imgsz" in str(caught.value.hint)
    with pytest.raises(SettingError, match="multiple of 32"):
        export(ExportOptions(model="tiny.onnx", imgsz=(64, 100), format="openvino"))
    assert files_of(tmp_path) == ["tiny.onnx"]


def test_places(tmp_path: Path) -> None:
    """A model is not replaced by its own export, nor a folder that holds something else."""
    save_tiny_model(tmp_path / "tiny.onnx")
    with pytest.raises(OutputError, match="would replace its own source"):
        export(ExportOptions(model="tiny.onnx", overwrite=True))
    with pytest.raises(SettingError, match="does not end in"):
        export(ExportOptions(model="tiny.onnx", output=Path("out")))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").touch()
    options = ExportOptions(
        model="tiny.onnx", format="openvino", output=Path("mine"), overwrite=True
    )
    with pytest.raises(OutputError, match=r"holds `thesis.txt`"):
        export(options)
    done = export(replace(options, output=Path("new/folder"), overwrite=False))
    with pytest.raises(OutputError, match="exists already") as caught:
        export(replace(options, output=Path("new/folder"), overwrite=False))
    assert "--overwrite" in str(caught.value.hint)
    with pytest.raises(ModelError, match="OpenVINO's format already"):
        export(replace(options, model=str(done.model)))


def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The export that was there stays whole."""
    save_tiny_model(tmp_path / "tiny.onnx")
    options = ExportOptions(
        model="tiny.onnx", format="openvino", output=Path("out"), overwrite=True
    )
    export(options)
    before = {path.name: path.read_bytes() for path in Path("out").iterdir()}

    def full(_source: Path, target: Path) -> None:
        target.mkdir()
        (target / "tiny.xml").write_bytes(b"half of i")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(model_files.shutil, "copytree", full)
    with pytest.raises(OutputError, match="No space left on device"):
        export(options)
    assert {path.name: path.read_bytes() for path in Path("out").iterdir()} == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "tiny.onnx"]


@pytest.mark.parametrize(
    ("imgsz", "size"),
    [(640, (384, 640)), ([320, 640], (320, 640)), (None, (384, 640)), (700, (416, 704))],
)
def test_sizes_of_trainings(imgsz: object, size: tuple[int, int]) -> None:
    """A long side alone means the shape that cameras give."""
    assert input_size_of(imgsz, stride=32) == size


def test_licenses() -> None:
    """Classes of Cityscapes mean its terms, those of others do not."""
    assert "non-commercial" in export_metadata._license(TRAIN_NAMES)
    assert export_metadata._license(("person", "car", "giraffe")) == "AGPL-3.0"


SIZE = (64, 128)


def answer(*, score: float = 0.8, shift: float = 0.0, kind: int = 0, grow: int = 0) -> Instances:
    """Return two instances, the first of which differs as wished."""
    masks = np.zeros((2, *SIZE), dtype=np.bool_)
    masks[0, 10:40, 10 : 50 + grow] = True
    masks[1, 20:60, 70:120] = True
    boxes = np.array([[10, 10, 50, 40], [70, 20, 120, 60]], dtype=np.float32)
    boxes[0, 2] += np.float32(shift)
    return Instances(
        boxes=boxes,
        masks=Masks.from_dense(masks),
        scores=np.array([score, 0.7], dtype=np.float32),
        class_ids=np.array([kind, 1], dtype=np.int32),
    )


class _Fixed:
    """A segmenter that always gives the same answer."""

    def __init__(self, found: Instances) -> None:
        self.found = found
        self.spec = type("Spec", (), {"class_names": ("car", "person", "bus")})

    def __call__(self, image: Image) -> Result:
        return Result(frame=Frame(pixels=image), instances=self.found)

    def input_size(self, size: tuple[int, int]) -> tuple[int, int]:
        return size


def agreement_of(ours: Instances, theirs: Instances, limits: Any = EXACT) -> Any:
    """Return how two answers agree."""
    image = NamedImage("street", np.zeros((*SIZE, 3), dtype=np.uint8))
    export_of, original = cast("Any", _Fixed(ours)), cast("Any", _Fixed(theirs))
    return verify_same_outputs(
        export_of,
        original,
        [image],
        tolerances=limits,
        original_name="m.pt",
        hint="no",
    )


@pytest.mark.parametrize(
    "change",
    [{"score": 0.79}, {"shift": 0.6}, {"kind": 2}, {"grow": 3}, {"score": 0.1}],
    ids=str,
)
def test_differences(change: dict[str, Any]) -> None:
    """Each is found in either direction, whichever side has it."""
    for pair in ((answer(**change), answer()), (answer(), answer(**change))):
        with pytest.raises(ModelError, match=r"differs from `m.pt` .*`street`"):
            agreement_of(*pair)


def test_what_is_the_same() -> None:
    """Rounding is no difference, and half-size weights may round more."""
    found = agreement_of(answer(), answer(score=0.8001, shift=0.01))
    assert (found.instances, found.images) == (4, 1)
    assert found.score_gap == pytest.approx(0.0001, abs=1e-5)
    assert found.box_gap_px == pytest.approx(0.01, abs=1e-5)
    found = agreement_of(answer(), answer(score=0.79, shift=1.0, grow=3), HALF)
    assert 0.9 < found.mask_iou < 0.95


def test_an_extra_instance() -> None:
    """One that only the export finds counts as well; a weak one is not looked at."""
    one = answer().select(np.array([1]))
    with pytest.raises(ModelError, match=r"in 1 of 3 instances.*it finds a `car` of score 0.80"):
        agreement_of(answer(), one)
    with pytest.raises(ModelError, match=r"it does not find a `car`"):
        agreement_of(one, answer())


def test_nothing_to_compare() -> None:
    """A model that finds nothing proves nothing here; its raw outputs are compared."""
    none = answer().select(np.array([], dtype=np.intp))
    assert agreement_of(none, none).instances == 0
    assert verify_export.MIN_INSTANCES > 0


class _Outputs:
    """A network that always gives the same outputs."""

    def __init__(self, *outputs: Any) -> None:
        self.outputs = [np.asarray(output, dtype=np.float32) for output in outputs]

    def infer(self, _batch: object) -> list[Any]:
        return self.outputs


def test_gaps_of_raw_outputs() -> None:
    """The largest difference counts, in units of the largest value of its output."""
    batch = np.zeros((1, 32, 32, 3), dtype=np.uint8)
    one = _Outputs([[[1.0, 200.0]]], [[[[0.5]]]])
    other = _Outputs([[[1.0, 199.0]]], [[[[0.4]]]])
    gap = verify_export.output_gap
    assert gap(one, one, [batch], ends_in_nms=False) == 0
    assert gap(one, other, [batch], ends_in_nms=False) == pytest.approx(0.25)
    chosen = _Outputs([[[0, 0, 9, 9, 0.9, 1], [0, 0, 5, 5, 0.9, 2]]], [[[[0.5]]]])
    swapped = _Outputs(chosen.outputs[0][:, ::-1], [[[[0.5]]]])
    assert gap(chosen, swapped, [batch], ends_in_nms=True) == 0


def test_a_wrong_export_of_a_model_that_finds_nothing(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is refused by its raw outputs; the right one is written."""
    out = tmp_path / "out.onnx"
    done = export(ExportOptions(model=str(checkpoint), imgsz=(64, 128), output=out))
    assert done.agreement.output_gap is not None
    assert done.agreement.output_gap < EXACT.output
    out.unlink()
    from urban_segmentor.networks.torch_runtime import TorchModel

    infer = TorchModel.infer

    def shifted(self: Any, batch: Any) -> Any:
        head, prototypes = infer(self, batch)
        return [head, prototypes + 0.01 * np.abs(prototypes).max()]

    monkeypatch.setattr(TorchModel, "infer", shifted)
    with pytest.raises(ModelError, match="raw outputs differ"):
        export(ExportOptions(model=str(checkpoint), imgsz=(64, 128), output=out))
    assert not out.exists()


def test_export_in_one_call(tmp_path: Path) -> None:
    """From Python: a file that the segmenter takes; eight bits want images."""
    model = save_tiny_model(tmp_path / "tiny.onnx")
    done = us.export(model, "openvino", output=tmp_path / "exported")
    assert us.Segmenter(done.model).names == us.Segmenter(model).names
    with pytest.raises(us.OutputError, match="exists already"):
        us.export(model, "openvino", output=tmp_path / "exported")
    with pytest.raises(us.SettingError, match="calibrate"):
        us.export(model, int8=True)
