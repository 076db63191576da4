"""Settings come from recipes and from the command line, and are judged there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from urban_segmentor.errors import SettingError
from urban_segmentor.training.recipes import load_recipe, parse_settings, recipes_folder

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("name", ["cityscapes", "original"])
def test_recipes_that_come_with_the_package(name: str) -> None:
    recipe = load_recipe(name)
    assert recipe["patience"] == 25
    assert recipe["epochs"] == 50
    assert (recipes_folder() / f"{name}.yaml").is_file()


def test_the_original_recipe_is_ultralytics_alone() -> None:
    assert load_recipe("original") == {
        "plain": True,
        "epochs": 50,
        "patience": 25,
        "imgsz": 640,
        "plots": False,
    }


def test_a_recipe_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("imgsz: 320\nzoom: [0.5, 2]\n")
    assert load_recipe(str(path)) == {"imgsz": 320, "zoom": [0.5, 2]}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("a: [", "is no YAML"),
        ("- 1\n", "no table"),
        ("", "no table"),
        ("data: x\n", "sets `data`"),
        ("1: 2\n", "sets `1`"),
        ("zoom: 2\n", "two factors"),
        ("zoom: [2, 1]\n", "two factors"),
        ("zoom: [0, 1]\n", "two factors"),
        ("zoom: [a, b]\n", "two factors"),
        ("repeat: 2\n", "a share"),
        ("repeat: often\n", "a share"),
        ("\x00", "is no YAML"),
    ],
)
def test_bad_recipes(tmp_path: Path, content: str, told: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(content)
    with pytest.raises(SettingError, match=told) as caught:
        load_recipe(str(path))
    assert caught.value.hint


@pytest.mark.parametrize("recipe", ["cityscape", "configs", "/", ""])
def test_unknown_recipes(recipe: str) -> None:
    with pytest.raises(SettingError, match="no recipe") as caught:
        load_recipe(recipe)
    assert caught.value.hint is not None
    assert "cityscapes" in caught.value.hint


def test_powers_of_ten(tmp_path: Path) -> None:
    """YAML takes `1e-3` for a text; people do not."""
    (tmp_path / "mine.yaml").write_text("lr0: 1e-3\n")
    assert load_recipe(str(tmp_path / "mine.yaml")) == {"lr0": 0.001}
    assert parse_settings(["lr0=1E-3", "lrf=2.5e+1"]) == {"lr0": 0.001, "lrf": 25.0}


@pytest.mark.parametrize("word", ["mosaic", "=1", "mosaic=[", "model=x.pt", "project=x", "zoom=1"])
def test_bad_settings(word: str) -> None:
    with pytest.raises(SettingError):
        parse_settings([word])
