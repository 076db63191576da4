"""Instances in the layout of the Cityscapes benchmark: a text file and masks per image.

Source: `evaluation/evalInstanceLevelSemanticLabeling.py` of cityscapesScripts, which finds the
text file of an image by its city, sequence and frame, and reads lines `mask.png labelID score`.
"""

from __future__ import annotations

import math
import os
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING, NamedTuple

from urban_segmentor.datasets.findings import shown
from urban_segmentor.errors import PredictionError
from urban_segmentor.evaluation.predictions.collector import PredictionCollector
from urban_segmentor.evaluation.predictions.json_values import as_score
from urban_segmentor.evaluation.predictions.png import read_mask
from urban_segmentor.evaluation.predictions.prediction import FramePrediction
from urban_segmentor.evaluation.predictions.untrusted_files import read_inside
from urban_segmentor.structures.cityscapes_labels import BY_NAME, CITYSCAPES
from urban_segmentor.structures.masks import Masks

if TYPE_CHECKING:
    from collections.abc import Mapping

_MAX_TEXT_BYTES = 2**24
_BY_ID = {label.label_id: label.name for label in CITYSCAPES if label.label_id >= 0}
_THINGS = tuple(label.name for label in CITYSCAPES if label.is_thing)
_FORMAT_HINT = "each line should be: path/of/mask.png labelID score"


class _Line(NamedTuple):
    number: int
    mask: Path
    class_name: str
    score: float


class CityscapesPredictions:
    """Predicted instances in the layout of the Cityscapes benchmark.

    `class_names` are the thing classes, in the order of their label ids, then others that occur.
    Scores are kept as float32.

    Args:
        root: The folder that all masks must lie in.
        texts: Path of the text file by stem.
        resize: True when masks may be scaled to the ground truth.

    Raises:
        PredictionError: A text file cannot be read or a line is damaged, or no line is of a class
            of the benchmark.
    """

    kind = "Cityscapes instances"

    def __init__(self, root: Path, texts: Mapping[str, Path], *, resize: bool) -> None:
        self._root = root
        self._texts = dict(texts)
        self._resize = resize
        self._lines = {stem: _read_lines(path, root=root) for stem, path in texts.items()}
        class_names = {line.class_name for lines in self._lines.values() for line in lines}
        if class_names and class_names.isdisjoint(_THINGS):
            things = ", ".join(f"{name} {BY_NAME[name].label_id}" for name in _THINGS)
            raise PredictionError(
                f"no line in the text files of `{root}` is of a class with instances, "
                f"but of {', '.join(sorted(class_names))}",
                hint=f"write label ids, not train ids: {things}",
            )
        others = sorted(class_names.difference(_THINGS), key=lambda name: BY_NAME[name].label_id)
        self.class_names = (*_THINGS, *others)
        self.stems = frozenset(texts)

    def of(self, stem: str, *, size: tuple[int, int]) -> FramePrediction:
        """Return the predicted instances of an image.

        Args:
            stem: Its name, one of `stems`.
            size: Height and width of the ground truth, pixels.

        Raises:
            PredictionError: There is no text file of it, or a mask is missing, damaged, of
                another size, or lies outside the folder.
        """
        if stem not in self.stems:
            raise PredictionError(
                f"`{self._root}` has no text file of `{stem}`",
                hint="write one for each picture, an empty one where nothing was found",
            )
        collector = PredictionCollector(size, context=f"`{self._texts[stem]}`")
        for line in self._lines[stem]:
            try:
                mask = read_mask(line.mask, root=self._root, size=size, resize=self._resize)
            except PredictionError as error:
                context = f"`{self._texts[stem]}`, line {line.number}"
                raise PredictionError(f"{context}: {error}", hint=error.hint) from error
            tight = Masks.from_dense(mask[None])
            x, y = tight.origins[0].tolist()
            collector.add(
                tight.crops[0],
                (x, y),
                image_size=tight.image_size,
                class_id=self.class_names.index(line.class_name),
                score=line.score,
            )
        return FramePrediction(instances=collector.instances(), panoptic=None, label_ids=None)


def _read_lines(path: Path, *, root: Path) -> list[_Line]:
    text = read_inside(root, path, max_bytes=_MAX_TEXT_BYTES).decode("utf-8", "surrogateescape")
    lines: list[_Line] = []
    line_numbers: dict[Path, int] = {}
    for number, raw in enumerate(text.split("\n"), start=1):
        if not raw.strip():
            continue
        context = f"`{path}`, line {number}"
        fields = raw.split()
        if len(fields) != 3:
            raise PredictionError(
                f"{context} has {len(fields)} words, expected 3: {shown(raw)}",
                hint=_FORMAT_HINT,
            )
        mask = _mask_path(fields[0], text_file=path, root=root, context=context)
        if mask in line_numbers:
            raise PredictionError(
                f"{context} names the mask `{fields[0]}` of line {line_numbers[mask]} again",
                hint="write one mask for each instance: the official script would keep the last",
            )
        line_numbers[mask] = number
        name = _BY_ID.get(_label_id(fields[1]))
        if name is None:
            raise PredictionError(
                f"{context} has the label id {shown(fields[1])}, expected a whole number, 0 to 33",
                hint=_FORMAT_HINT,
            )
        lines.append(
            _Line(number, mask, name, as_score(_number(fields[2]), context=f"{context}: score"))
        )
    return lines


def _mask_path(text: str, *, text_file: Path, root: Path, context: str) -> Path:
    """Return the path of a mask, which must lie in the folder; links are checked when reading."""
    absolute = PurePosixPath(text).is_absolute() or PureWindowsPath(text).anchor
    path = Path(os.path.normpath(text_file.parent / text))
    if absolute or "\0" in text or not path.is_relative_to(os.path.normpath(root)):
        raise PredictionError(
            f"{context} names the mask {shown(text)}, which leads out of `{root}`",
            hint="write the paths of masks relative to the text file, inside the folder",
        )
    return path


def _label_id(text: str) -> int:
    """Return a label id, or -1 when the text is none; the official script takes `26.0` too."""
    value = _number(text)
    return int(value) if value is not None and math.isfinite(value) and value % 1 == 0 else -1


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
