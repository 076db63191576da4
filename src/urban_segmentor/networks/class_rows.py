"""Which row of a head that was trained on other classes each class begins from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from urban_segmentor.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

USUAL_SOURCES: Mapping[str, str] = {
    "rider": "person",
    "pedestrian": "person",
    "cyclist": "person",
    "bike": "bicycle",
    "motorbike": "motorcycle",
    "van": "car",
    "caravan": "truck",
    "trailer": "truck",
    "lorry": "truck",
}
"""Class of COCO that a class of street data is most like, where their names differ."""


def class_rows(
    names: Sequence[str], known: Sequence[str], *, sources: Mapping[str, str] | None = None
) -> tuple[int | None, ...]:
    """Return the row of a trained head that each class takes over, None for a fresh one.

    Args:
        names: The classes wanted.
        known: The classes of the trained head, by row.
        sources: Class of the trained head by class wanted, before the usual ones.

    Raises:
        SettingError: A source names a class that there is not.

    >>> class_rows(["person", "rider", "tram"], ["person", "bicycle"])
    (0, 0, None)
    """
    sources = sources or {}
    for name, source in sources.items():
        if name not in names or source not in known:
            missing, there = (name, names) if name not in names else (source, known)
            raise SettingError(
                f"`class_rows` takes `{name}` from `{source}`, but there is no class `{missing}`",
                hint=f"choose from {', '.join(there)}",
            )
    rows = {name: row for row, name in enumerate(known)}
    return tuple(
        rows[sources[name]]
        if name in sources
        else rows.get(name, rows.get(USUAL_SOURCES.get(name, "")))
        for name in names
    )
