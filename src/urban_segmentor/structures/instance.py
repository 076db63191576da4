"""One object that was found."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Never

if TYPE_CHECKING:
    from collections.abc import Mapping

    from urban_segmentor.structures.masks import Mask

_INSTANCE_HABITS = {
    "xyxy": "box",
    "bbox": "box",
    "conf": "score",
    "confidence": "score",
    "cls": "class_id",
    "name": "class_name",
    "label": "class_name",
    "area": "mask.area_px",
    "tracker_id": "track_id",
}
"""What others call it, and what it is here."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Instance:
    """One object.

    Attributes:
        class_id: Position in the class list of the model.
        class_name: Its name there.
        score: In [0, 1].
        box: `x1, y1, x2, y2`, pixels, half-open.
        mask: Its pixels.
        track_id: Of the object over time, or None where nobody tracks.
        extra: More values of this object, by name.
    """

    class_id: int
    class_name: str
    score: float
    box: tuple[float, float, float, float]
    mask: Mask
    track_id: int | None = None
    extra: Mapping[str, Any] = field(default_factory=dict[str, Any])

    if not TYPE_CHECKING:  # type checkers say so by themselves

        def __getattr__(self, name: str) -> Never:
            """Name the right word for what users of other tools type by habit."""
            raise unknown_attribute(self, name, _INSTANCE_HABITS)

    def __repr__(self) -> str:
        """Return one short line."""
        track = "" if self.track_id is None else f" #{self.track_id}"
        box = ", ".join(f"{edge:.1f}" for edge in self.box)
        return f"<Instance {self.class_name}{track} {self.score:.2f} box=({box})>"


def unknown_attribute(owner: object, name: str, habits: Mapping[str, str]) -> AttributeError:
    """Return the error for an attribute that does not exist, with the word that is meant.

    Args:
        owner: Was asked for it.
        name: What was typed.
        habits: What others call it, and what it is here.
    """
    hint = f"; it is `{habits[name]}`" if name in habits else ""
    kind = type(owner).__name__
    return AttributeError(f"`{kind}` has no `{name}`{hint}", name=name, obj=owner)
