"""Settings of a panoptic training: read from plain values, checked, and the rate they give."""

from __future__ import annotations

from typing import Any

import pytest

from urban_segmentor.errors import SettingError
from urban_segmentor.training.panoptic.schedule import learning_rate, progress
from urban_segmentor.training.panoptic.settings import PanopticSettings
from urban_segmentor.training.recipes import load_recipe


def test_the_recipe_is_what_is_usual() -> None:
    assert PanopticSettings.parsed(load_recipe("panoptic")) == PanopticSettings()


def test_plain_values_there_and_back() -> None:
    settings = PanopticSettings(minutes=3, class_rows={"tram": "train"}, scale=(0.7, 1.2))
    assert PanopticSettings.parsed(settings.as_dict()) == settings


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"lr0": 0.1}, "`lr0` is no setting"),
        ({"epochs": 0}, "`epochs` is 0, expected a number over 0"),
        ({"epochs": "many"}, "`epochs` is many"),
        ({"minutes": -1}, "`minutes` is -1"),
        ({"minutes": True}, "`minutes` is True"),
        ({"lr": float("nan")}, "`lr` is nan"),
        ({"paste": 1.5}, "from 0 to 1"),
        ({"imgsz": 16}, "from 64 to 8192"),
        ({"scale": [2, 1]}, "`scale` is"),
        ({"scale": 2}, "no such value"),
        ({"shapes": []}, "`shapes` is"),
        ({"shapes": [[1, 2]]}, "no such value"),
        ({"class_rows": 3}, "no such value"),
    ],
)
def test_values_that_are_none(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingError) as caught:
        PanopticSettings.parsed(settings)
    assert said in str(caught.value)
    assert caught.value.hint


def test_shapes_are_multiples_of_32() -> None:
    sizes = [size for size, _ in PanopticSettings(imgsz=768).batch_shapes()]
    assert (384, 768) in sizes
    assert all(side % 32 == 0 for size in sizes for side in size)
    assert max(h * w for h, w in sizes) < 1.1 * min(h * w for h, w in sizes)


def test_the_rate_rises_and_falls() -> None:
    settings = PanopticSettings(lr=1.0, lrf=0.1, warmup=10)
    assert learning_rate(settings, step=0, done=0.0) == pytest.approx(0.1)
    assert learning_rate(settings, step=10, done=0.0) == pytest.approx(1.0)
    assert learning_rate(settings, step=10, done=1.0) == pytest.approx(0.1)
    line = PanopticSettings(lr=1.0, lrf=0.0, warmup=0, cosine=False)
    assert learning_rate(line, step=0, done=0.25) == pytest.approx(0.75)
    kept = PanopticSettings(lr=1.0, lrf=1.0, warmup=0)
    assert learning_rate(kept, step=9, done=0.9) == pytest.approx(1.0)


def test_progress_by_epochs_or_minutes() -> None:
    by_epochs = PanopticSettings(epochs=2)
    assert progress(by_epochs, step=5, seconds=1e9, steps_per_epoch=5) == 0.5
    by_minutes = PanopticSettings(epochs=2, minutes=1)
    assert progress(by_minutes, step=500, seconds=30, steps_per_epoch=5) == 0.5
    assert progress(by_minutes, step=0, seconds=90, steps_per_epoch=5) == 1.0
