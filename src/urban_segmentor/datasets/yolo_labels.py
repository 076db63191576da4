"""Label files of YOLO, line by line, and all that is wrong with them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from urban_segmentor.datasets.files import limited_bytes
from urban_segmentor.datasets.findings import Finding, WrongEntryError, shown

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

MAX_LABEL_BYTES = 2**26
"""A label file of 64 MB has a million points; what is larger is something else."""

SLACK = 0.01
"""Outside by up to this share of a side is cut off, as Ultralytics does; more is wrong."""

_BOX = 4  # values of a box


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class YoloLabel:
    """One line.

    Attributes:
        class_id: Position in the list of classes.
        ring: float64 (K, 2), K at least 3, x and y as shares of the sides.
    """

    class_id: int
    ring: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class YoloLabels:
    """A label file.

    Attributes:
        labels: Its lines with a polygon, in order.
        findings: What is wrong with the others.
    """

    labels: tuple[YoloLabel, ...]
    findings: tuple[Finding, ...]


def read_yolo_labels(path: Path, *, n_classes: int) -> YoloLabels:
    """Return what a label file holds; lines that are no polygon of a class are findings.

    Args:
        path: The file.
        n_classes: How many classes there are.

    Raises:
        DatasetError: It cannot be read, or is too large to be labels.
    """
    hint = "labels are lines of `class x1 y1 x2 y2 ...`; is it another file?"
    data = limited_bytes(path, max_bytes=MAX_LABEL_BYTES, hint=hint)
    labels: list[YoloLabel] = []
    findings: list[Finding] = []
    for number, line in enumerate(data.splitlines(), start=1):
        fields = line.split()
        if not fields:
            continue
        try:
            labels.append(_parsed(fields, n_classes=n_classes))
        except WrongEntryError as error:
            findings.append(error.at(f"{path}:{number}"))
    return YoloLabels(labels=tuple(labels), findings=tuple(findings))


def _parsed(fields: list[bytes], *, n_classes: int) -> YoloLabel:
    word = fields[0]
    # Long numbers are no class, and cost time.
    if not word.isdigit() or len(word) > 9 or int(word) >= n_classes:
        text = word.decode("ascii") if word.isdigit() else shown(word.decode("utf-8", "replace"))
        known = f"0 to {n_classes - 1}" if n_classes > 1 else "0"
        raise WrongEntryError("label", f"has class {text[:60]}, but `names` has only {known}")
    try:
        values = np.array(fields[1:], dtype=np.float64)
    except ValueError:
        text = next(field for field in fields[1:] if not _is_number(field))
        raise WrongEntryError(
            "number", f"has {shown(text.decode('utf-8', 'replace'))}, no number"
        ) from None
    if not np.isfinite(values).all():
        raise WrongEntryError("number", "has a coordinate that is not finite")
    if len(values) == _BOX:
        raise WrongEntryError("box", "is a box, not a mask")
    if not len(values):
        raise WrongEntryError("polygon", "has an empty polygon")
    if len(values) % 2 or len(values) < 6:
        raise WrongEntryError(
            "values", f"has {len(values)} values, expected x and y of at least 3 points"
        )
    lowest, highest = float(values.min()), float(values.max())
    if lowest < -SLACK or highest > 1 + SLACK:
        raise WrongEntryError(
            "outside",
            f"has coordinates from {lowest:.4g} to {highest:.4g}, expected shares from 0 to 1",
        )
    return YoloLabel(class_id=int(word), ring=values.reshape(-1, 2))


def _is_number(field: bytes) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return True
