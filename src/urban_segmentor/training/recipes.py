"""Settings of a training: recipes in YAML, and `KEY=VALUE` overrides."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import yaml

from urban_segmentor.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Iterable

OWN_SETTINGS = ("zoom", "repeat", "plain")
_MAX_BYTES = 100_000
_POWER = re.compile(r"[-+]?\d+(?:\.\d*)?[eE][-+]?\d{1,3}")
# Settings with an option of their own, or set by the folder of the run.
_RESERVED = {
    "data": "--data",
    "model": "--model",
    "resume": "--resume",
    "project": "-o",
    "name": "-o",
    "save_dir": "-o",
    "exist_ok": "--overwrite",
    "task": "--task",
    "mode": "--model",
}


def recipes_folder() -> Path:
    """Return the folder with the recipes: `configs` of the package, or of the checkout."""
    packaged = Path(__file__).parent / "configs"
    return packaged if packaged.is_dir() else Path(__file__).parents[3] / "configs"


def load_recipe(recipe: str) -> dict[str, Any]:
    """Return the settings of a recipe.

    Args:
        recipe: Name of a recipe in `configs/`, or path of a YAML file.

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
    return _checked(settings, context=f"`{path}`")


def parse_settings(assignments: Iterable[str]) -> dict[str, Any]:
    """Return settings parsed from `KEY=VALUE` texts such as `mosaic=0.5`, values as YAML.

    Raises:
        SettingError: A text has no `=`, or its key has an option of its own.

    >>> parse_settings(["mosaic=0.5", "cos_lr=true", "classes=[11, 13]"])
    {'mosaic': 0.5, 'cos_lr': True, 'classes': [11, 13]}
    """
    settings: dict[Any, Any] = {}
    for assignment in assignments:
        key, sign, value = assignment.partition("=")
        if not sign or not key:
            raise SettingError(f"`--set {assignment}` has no value", hint="--set mosaic=0.5")
        try:
            settings[key.strip()] = _number(yaml.safe_load(value))
        except yaml.YAMLError as error:
            raise SettingError(
                f"`--set {assignment}` is no value of YAML", hint="--set mosaic=0.5"
            ) from error
    return _checked(settings, context="`--set`")


def _number(value: Any) -> Any:
    """Return a value, texts such as `1e-3` as float: YAML takes them for strings."""
    return float(value) if isinstance(value, str) and _POWER.fullmatch(value) else value


def _checked(settings: dict[Any, Any], *, context: str) -> dict[str, Any]:
    """Return settings after checking their keys, and the values of our own."""
    for key in settings:
        if not isinstance(key, str) or key in _RESERVED:
            raise SettingError(
                f"{context} sets `{key}`, which is not its to set",
                hint=f"use {_RESERVED.get(str(key), 'names of settings')} instead",
            )
    _check_own(settings, context)
    return settings


def _check_own(settings: dict[str, Any], context: str) -> None:
    zoom = settings.get("zoom")
    if zoom is not None and not (
        isinstance(zoom, list)
        and len(cast("list[Any]", zoom)) == 2
        and all(isinstance(x, int | float) for x in cast("list[Any]", zoom))
        and 0.05 <= zoom[0] <= zoom[1] <= 20
    ):
        raise SettingError(
            f"{context} has `zoom: {zoom}`, expected two factors", hint="zoom: [0.75, 1.5]"
        )
    repeat = settings.get("repeat")
    is_share = isinstance(repeat, int | float) and 0 <= repeat <= 1
    if repeat is not None and not is_share:
        raise SettingError(
            f"{context} has `repeat: {repeat}`, expected a share of pictures", hint="repeat: 0.15"
        )
