"""Settings of a training: a recipe, and what the user says beside it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import yaml

from urban_segmentor.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Iterable

DEFAULT_RECIPE = "cityscapes"
OWN = ("zoom", "repeat", "plain")
_MAX_BYTES = 100_000
_POWER = re.compile(r"[-+]?\d+(?:\.\d*)?[eE][-+]?\d{1,3}")
# What has an option of its own, or is decided by the folder that the run fills.
_RESERVED = {
    "data": "--data",
    "model": "--model",
    "resume": "--resume",
    "project": "-o",
    "name": "-o",
    "save_dir": "-o",
    "exist_ok": "--overwrite",
    "task": "--model",
    "mode": "--model",
}


def recipes_folder() -> Path:
    """Return the folder with the recipes: `configs` of the package, or of the checkout."""
    inside = Path(__file__).parent / "configs"
    return inside if inside.is_dir() else Path(__file__).parents[3] / "configs"


def load_recipe(recipe: str) -> dict[str, Any]:
    """Return the settings of a recipe.

    Args:
        recipe: The name of one in `configs/`, or the path of a YAML file.

    Raises:
        SettingError: There is no such recipe, or it is no table of settings.
    """
    known = sorted(path.stem for path in recipes_folder().glob("*.yaml"))
    path = recipes_folder() / f"{recipe}.yaml" if recipe in known else Path(recipe)
    if not path.is_file():
        hint = f"take one of {', '.join(known)}, or the path of a YAML file"
        raise SettingError(f"there is no recipe `{recipe}`", hint=hint)
    data = path.read_bytes()
    try:
        content = yaml.safe_load(data[:_MAX_BYTES])
    except (yaml.YAMLError, ValueError) as error:
        raise SettingError(f"`{path}` is no YAML: {error}", hint="look at configs/") from error
    if not isinstance(content, dict):
        raise SettingError(
            f"`{path}` is no table of settings", hint="write lines such as `imgsz: 768`"
        )
    settings = {key: _number(value) for key, value in cast("dict[Any, Any]", content).items()}
    return _checked(settings, where=f"`{path}`")


def parse_settings(words: Iterable[str]) -> dict[str, Any]:
    """Return settings out of texts such as `mosaic=0.5`, with values as YAML reads them.

    Raises:
        SettingError: A text has no `=`, or names what has an option of its own.

    >>> parse_settings(["mosaic=0.5", "cos_lr=true", "classes=[11, 13]"])
    {'mosaic': 0.5, 'cos_lr': True, 'classes': [11, 13]}
    """
    found: dict[Any, Any] = {}
    for word in words:
        key, sign, value = word.partition("=")
        if not sign or not key:
            raise SettingError(f"`--set {word}` has no value", hint="--set mosaic=0.5")
        try:
            found[key.strip()] = _number(yaml.safe_load(value))
        except yaml.YAMLError as error:
            raise SettingError(
                f"`--set {word}` is no value of YAML", hint="--set mosaic=0.5"
            ) from error
    return _checked(found, where="`--set`")


def _number(value: Any) -> Any:
    """Return a value, and as a number what people write as one: YAML takes `1e-3` for a text."""
    return float(value) if isinstance(value, str) and _POWER.fullmatch(value) else value


def _checked(settings: dict[Any, Any], *, where: str) -> dict[str, Any]:
    """Return settings whose keys are for the user to set, and whose own values make sense."""
    for key in settings:
        if not isinstance(key, str) or key in _RESERVED:
            raise SettingError(
                f"{where} sets `{key}`, which is not its to set",
                hint=f"use {_RESERVED.get(str(key), 'names of settings')} instead",
            )
    _check_own(settings, where)
    return settings


def _check_own(settings: dict[str, Any], where: str) -> None:
    zoom = settings.get("zoom")
    if zoom is not None and not (
        isinstance(zoom, list)
        and len(cast("list[Any]", zoom)) == 2
        and all(isinstance(x, int | float) for x in cast("list[Any]", zoom))
        and 0.05 <= zoom[0] <= zoom[1] <= 20
    ):
        raise SettingError(
            f"{where} has `zoom: {zoom}`, expected two factors", hint="zoom: [0.75, 1.5]"
        )
    repeat = settings.get("repeat")
    is_share = isinstance(repeat, int | float) and 0 <= repeat <= 1
    if repeat is not None and not is_share:
        raise SettingError(
            f"{where} has `repeat: {repeat}`, expected a share of pictures", hint="repeat: 0.15"
        )
