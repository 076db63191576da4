"""Changes of the view controls as JSON, validated before any is applied."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

from starlette.exceptions import HTTPException

from urban_segmentor.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Callable

    from urban_segmentor.apps.live.view_controls import ViewControls

_MAX_STEPS = 100


def apply_controls(controls: ViewControls, body: bytes) -> None:
    """Apply the changes in a JSON body: all of them, or none when one is invalid.

    Args:
        controls: The view controls to change.
        body: A JSON object with some of `classes` (names, or null for all), `conf` (0 to 1),
            `conf_steps` and `next_filter` (steps up or down), `masks_only`, `figures`, `paused`
            (true or false), and `quit` (true).

    Raises:
        HTTPException: It is not such an object.
    """
    try:
        changes = json.loads(body)
    except (ValueError, RecursionError):
        raise HTTPException(400, "the body is not JSON") from None
    if not isinstance(changes, dict):
        raise HTTPException(400, "the body is not a JSON object")
    actions = _actions(controls)
    checked: list[tuple[Callable[[Any], None], object]] = []
    # Only unknown classes can still be refused by a setter, so `classes` is sorted first.
    for name, value in sorted(cast("dict[str, object]", changes).items()):
        if name not in actions:
            raise HTTPException(400, f"there is no `{name[:40]}`; expected {', '.join(actions)}")
        check, action = actions[name]
        if not check(value):
            raise HTTPException(400, f"`{name}` cannot have this value")
        checked.append((action, value))
    try:
        for action, value in checked:
            action(value)
    except SettingError as error:
        raise HTTPException(400, f"{error}; {error.hint}") from None


def _actions(
    controls: ViewControls,
) -> dict[str, tuple[Callable[[object], bool], Callable[[Any], None]]]:
    """Return validator and setter for each name."""
    return {
        "classes": (_is_classes, controls.set_classes),
        "conf": (_is_fraction, controls.set_conf),
        "conf_steps": (_is_steps, controls.step_conf),
        "figures": (_is_bool, controls.set_figures),
        "masks_only": (_is_bool, controls.set_masks_only),
        "next_filter": (_is_steps, controls.next_filter),
        "paused": (_is_bool, controls.set_paused),
        "quit": (lambda value: value is True, lambda _: controls.quit()),
    }


def _is_bool(value: object) -> bool:
    return isinstance(value, bool)


def _is_fraction(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return 0 <= value <= 1  # neither NaN nor infinity is


def _is_steps(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) <= _MAX_STEPS


def _is_classes(value: object) -> bool:
    if value is None:
        return True
    names = cast("list[object]", value) if isinstance(value, list) else [None]
    return all(isinstance(name, str) for name in names)
