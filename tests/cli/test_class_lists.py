"""The commands with models of any class list: of COCO, of one class, names twice, numbers."""

import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from pycocotools.coco import COCO

from tests.class_lists import COCO_NAMES, MODELS, ClassListModel
from tests.cli.runner import Result, Shell, save_image
from tests.evaluation.validation.scene import write_street
from tests.io.clips import write_clip
from urban_segmentor import Segmenter
from urban_segmentor.exporters import export_images
from urban_segmentor.exporters.verify_export import NamedImage
from urban_segmentor.io.writers.cutouts import safe_file_name
from urban_segmentor.models.known_classes import known_classes

GENERIC = "overlay,coco,yolo,jsonl,csv,masks,color,cutouts,frames,panoptic"
Predict = Callable[..., Result]


@pytest.fixture(params=sorted(MODELS))
def model(request: pytest.FixtureRequest) -> ClassListModel:
    """Return each kind of class list in turn."""
    return MODELS[request.param]


@pytest.fixture
def predict(shell: Shell, model: ClassListModel, tmp_path: Path) -> Predict:
    """Return what runs `predict` with the model."""
    shell.model = model.save(tmp_path)
    return shell.predict


def test_predict_writes_every_kind(predict: Predict, model: ClassListModel, tmp_path: Path) -> None:
    """All files have the names, the kinds and the colors of the class list."""
    save_image(Path("in/sub/photo.png"))
    write_clip(Path("in/clip.mp4"), images=2)
    result = predict("in", "-o", "out", "--save", GENERIC, "--json")
    assert result.code == 0, result.err
    # In a panoptic map the two regions of stuff of one name are one segment.
    counts = Counter({name: 3 * count for name, count in model.counts.items()})
    if model.names[model.seen[0]] == "ground":
        counts = Counter(ground=3)
    assert result.json["by_class"] == counts
    classes = Segmenter(tmp_path / "model.onnx").classes
    assert classes.names == model.names
    coco = json.loads(Path("out/coco.json").read_text())
    rows = [(entry["id"], entry["name"], entry["supercategory"]) for entry in coco["categories"]]
    kinds = ["thing" if info.is_thing else "stuff" for info in classes]
    assert rows == list(zip(range(1, len(classes) + 1), model.names, kinds, strict=True))
    for entry in coco["images"]:
        folder = "out" if "video" in entry else "in"
        assert Path(folder, entry["file_name"]).is_file()
    cutouts = [
        re.sub(r".*_[0-9]{3}_", "", path.stem) for path in Path("out/cutouts").rglob("*.png")
    ]
    assert Counter(cutouts) == {safe_file_name(name): count for name, count in counts.items()}
    assert _colors(Path("out/color/sub/photo.png")) == {
        (0, 0, 0),
        *(classes[annotation["category_id"] - 1].color for annotation in coco["annotations"]),
    }


def _colors(path: Path) -> set[tuple[int, ...]]:
    image = cv2.imread(str(path))
    assert image is not None
    return {tuple(color) for color in np.unique(image[..., ::-1].reshape(-1, 3), axis=0).tolist()}


@pytest.mark.parametrize("palette", ["cityscapes", "safe"])
@pytest.mark.parametrize("panoptic", [False, True], ids=["instances", "panoptic"])
def test_predict_draws_with_both_palettes(
    predict: Predict, *, palette: str, panoptic: bool
) -> None:
    """Something is drawn, as instances and as segments; what cannot be written is left out."""
    save_image(Path("photo.png"))
    result = predict(
        *("photo.png", "-o", "out", "--palette", palette, "--masks-only"),
        *(["--panoptic"] if panoptic else []),
    )
    assert result.code == 0, result.err
    drawn = cv2.imread("out/photo.png")
    assert drawn is not None
    assert (drawn != 90).any()
    assert Path("out/panoptic.json").is_file() is panoptic


# pycocotools itself is behind NumPy 2.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_a_class_filter_means_all_of_the_name(predict: Predict, model: ClassListModel) -> None:
    """Names come before numbers, and a name that repeats stands for each of its classes."""
    save_image(Path("photo.png"))
    name = model.names[model.seen[0]]
    result = predict("photo.png", "-o", "out", "--classes", name, "--save", "coco", "--json")
    assert result.code == 0, result.err
    assert result.json["by_class"] == {name: model.counts[name]}
    coco = COCO("out/coco.json")
    found = {annotation["category_id"] - 1 for annotation in coco.loadAnns(coco.getAnnIds())}
    assert found == {class_id for class_id in model.seen if model.names[class_id] == name}


@pytest.mark.parametrize("palette", ["cityscapes", "safe"])
def test_live(shell: Shell, model: ClassListModel, tmp_path: Path, palette: str) -> None:
    """Every frame is segmented, and drawn on for the recording."""
    clip = write_clip(tmp_path / "clip.mp4", images=3)
    result = shell(
        *("live", clip, "--model", model.save(tmp_path), "--display", "none", "--no-pace"),
        *("--palette", palette, "--save", "jsonl", "--record", "seen.mp4", "--json"),
    )
    assert result.code == 0, result.err
    assert result.json["frames"] == 3
    for line in Path("urban-out/results.jsonl").read_text().splitlines():
        names = Counter(row["class"] for row in json.loads(line)["instances"])
        assert names == model.counts
    assert Path("seen.mp4").stat().st_size > 0


@pytest.mark.parametrize("kind", ["coco", "one class", "names twice"])
def test_val(shell: Shell, tmp_path: Path, kind: str) -> None:
    """Classes that the data have are scored, and so are the predictions that were kept."""
    data = write_street(Path("data"))
    path = MODELS[kind].save(tmp_path)
    first = shell("val", "--data", data, "--model", path, "--save", "coco", "--json")
    assert first.code == 0, first.err
    again = shell(
        *("val", "--data", data, "--predictions", "urban-out/val/coco.json", "-o", "again"),
        "--json",
    )
    assert again.code == 0, again.err
    ours, theirs = json.loads(first.out), json.loads(again.out)
    assert ours["images"] == theirs["images"] == 3
    assert ours["classes"]["car"]["ap"] is not None
    assert ours["classes"]["car"] == theirs["classes"]["car"]


@pytest.mark.parametrize("form", ["onnx", "openvino"])
def test_export_keeps_classes_kinds_and_colors(
    shell: Shell,
    model: ClassListModel,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    form: str,
) -> None:
    """The class list of an export is that of the model, written in its metadata."""
    grey = np.full((64, 64, 3), 90, dtype=np.uint8)
    monkeypatch.setattr(export_images, "_street_images", lambda: [NamedImage("grey", grey)])
    path = model.save(tmp_path)
    out = "out.onnx" if form == "onnx" else "out"
    result = shell("export", path, "--format", form, "-o", out, "--json")
    assert result.code == 0, result.err
    before, after = Segmenter(path).classes, Segmenter(result.json["model"]).classes
    assert before == after
    metadata = result.json["metadata"]
    assert metadata["is_thing"] == before.is_thing.tolist()
    assert metadata["colors"] == before.colors.tolist()


def test_all_classes_of_coco_are_things() -> None:
    """COCO counts traffic lights, which are stuff in Cityscapes."""
    assert known_classes(COCO_NAMES).is_thing.all()
