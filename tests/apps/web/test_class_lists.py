"""The page with models of any class list: of COCO, of one class, names twice, numbers."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from tests.class_lists import MODELS, ClassListModel
from urban_segmentor.apps.live.view_controls import ViewControls
from urban_segmentor.apps.web.class_counts import ClassCounts
from urban_segmentor.apps.web.image import segment_image
from urban_segmentor.apps.web.limits import UploadLimits
from urban_segmentor.apps.web.model_pool import ModelPool
from urban_segmentor.apps.web.segment_options import SegmentOptions
from urban_segmentor.apps.web.temp_files import TempFiles
from urban_segmentor.visualization.style import PALETTES

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module", params=sorted(MODELS))
def model(request: pytest.FixtureRequest) -> ClassListModel:
    """Return each kind of class list in turn."""
    return MODELS[request.param]


@pytest.fixture(scope="module")
def pool(model: ClassListModel, tmp_path_factory: pytest.TempPathFactory) -> ModelPool:
    """Return the models of a page that begins with it."""
    return ModelPool(str(model.save(tmp_path_factory.mktemp("model"))))


def test_controls_offer_each_name_once(model: ClassListModel, pool: ModelPool) -> None:
    """And the presets that the class list allows; as they are, all classes count."""
    from urban_segmentor.apps.web.page.controls import _preset_words, read_controls, set_controls

    values = set_controls({}, engine=pool)
    names = list(dict.fromkeys(model.names))
    assert [value for _, value in values[1].choices] == values[1].value == names
    viewing = ViewControls(pool.classes(pool.model))
    presets = [value for _, value in _preset_words(viewing)]
    assert presets == ["all", *model.presets, "own"]
    options = read_controls([values[0], values[1].value, *values[2:-1]], engine=pool)
    assert options == SegmentOptions(model=pool.model)
    assert values[-1] == "all"


def test_links_choose_classes_by_name(model: ClassListModel, pool: ModelPool) -> None:
    """A link with a class ticks that name, and the preset that consists of it."""
    from urban_segmentor.apps.web.page.controls import read_controls, set_controls

    name = model.names[model.seen[0]]
    values = set_controls({"classes": name}, engine=pool)
    assert values[1].value == [name]
    options = read_controls([values[0], values[1].value, *values[2:-1]], engine=pool)
    assert options.classes == (None if set(model.names) == {name} else (name,))
    presets = {"all": tuple(dict.fromkeys(model.names)), **model.presets}
    found = [preset for preset, members in presets.items() if members == (name,)]
    assert values[-1] == (found[0] if found else "own")


@pytest.mark.parametrize("palette", PALETTES)
@pytest.mark.parametrize("panoptic", [False, True], ids=["instances", "panoptic"])
def test_images(
    model: ClassListModel, pool: ModelPool, tmp_path: Path, *, palette: str, panoptic: bool
) -> None:
    """What is found and saved has the names of the class list; a filter takes all of a name."""
    path = tmp_path / "photo.png"
    cv2.imwrite(str(path), np.full((48, 64, 3), 120, dtype=np.uint8))
    name = model.names[model.seen[0]]
    store = TempFiles(parent=tmp_path)
    for classes in (None, (name,)):
        answer = store.new_result("visitor")
        options = SegmentOptions(
            model=pool.model, palette=palette, panoptic=panoptic, classes=classes
        )
        found = segment_image(
            path, title="photo.png", engine=pool, choices=options, limits=UploadLimits(),
            answer=answer,
        )  # fmt: skip
        counts = {key: n for key, n in model.counts.items() if classes is None or key == name}
        if panoptic and name == "ground":
            counts = {"ground": 1}  # two regions of stuff of one name are one segment
        assert {row["name"]: row["count"] for row in found["classes"]} == counts
        assert Counter(one["name"] for one in found["instances"]) == counts
        coco = json.loads((answer.folder / "coco.json").read_text())
        assert [entry["name"] for entry in coco["categories"]] == list(model.names)
        assert coco["images"][0]["file_name"] == "photo.png"
    store.close()


def test_charts_count_names(model: ClassListModel, pool: ModelPool) -> None:
    """Classes of one name are one line."""
    result = pool.segmenter_for(SegmentOptions(model=pool.model))(
        np.full((48, 64, 3), 120, dtype=np.uint8)
    )
    counts = ClassCounts(pool.class_names(pool.model))
    for i in range(3):
        counts.add(result.instances, time_s=i / 25)
    assert {name: most for name, _, most in counts.totals()} == model.counts
    assert sorted(point["name"] for point in counts.points()) == sorted([*model.counts] * 3)
