"""The metadata of an exported model."""

from __future__ import annotations

import ast
import reprlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self, cast

from urban_segmentor.errors import ContentError, ModelError, reading
from urban_segmentor.models.known_classes import known_classes
from urban_segmentor.structures.classes import ClassList

if TYPE_CHECKING:
    from collections.abc import Mapping

    from urban_segmentor.structures.color import Rgb

_EXPORT_HINT = "export it anew, which writes its metadata: urban-segmentor export MODEL.pt"
_MAX_CLASSES = 10_000
_MAX_SIDE = 16_384
_MAX_SHOWN = 2000  # characters
_MAX_TEXT = 400_000  # characters; the parser needs a hundred times the memory
_INSTANCE_OUTPUTS = ("instances", "prototypes")
_KNOWN_OUTPUTS = (_INSTANCE_OUTPUTS, (*_INSTANCE_OUTPUTS, "semantic"))
_MAX_SEMANTIC_CLASSES = 255  # class ids of pixels are bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpec:
    """The metadata of an exported segmentation model, read from the file, never guessed.

    Attributes:
        task: What the model does; always `segment` here.
        classes: Name, kind and color by class id.
        imgsz: Height and width the model was exported for, pixels.
        stride: Stride of the network, of which input sides are multiples, pixels.
        ends_in_nms: True when the head returns final boxes, so that no NMS is needed.
        outputs: What the graph gives, in order: `instances`, `prototypes`, and perhaps
            `semantic`, the logits of all classes.
        instance_class_ids: The class ids that the class rows of the head mean; empty, when it is
            made, for all of them in order.
        description: Description of the model, one line.
        license: License of the weights.
        training_data: Training data, or an empty string when not stated.
        accuracy: Measured accuracy and the frames of the measurement, or an empty string.
    """

    task: str
    classes: ClassList
    imgsz: tuple[int, int]
    stride: int
    ends_in_nms: bool
    description: str
    license: str
    training_data: str
    accuracy: str
    outputs: tuple[str, ...] = _INSTANCE_OUTPUTS
    instance_class_ids: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        """Let the head have all classes where nobody said which."""
        if not self.instance_class_ids:
            object.__setattr__(self, "instance_class_ids", tuple(range(len(self.classes))))

    @property
    def has_semantic(self) -> bool:
        """True when the model tells the class of each pixel, beside the objects."""
        return "semantic" in self.outputs

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names by class id."""
        return self.classes.names

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, object], *, path: str) -> Self:
        """Return the spec that the metadata of an export describes.

        Args:
            metadata: Keys and values as Ultralytics writes them; values may be literals as text.
            path: Path of the file, for messages.

        Raises:
            ModelError: A required key is missing or invalid, or the task is not `segment`.
        """
        with reading(path, ModelError):
            return cls._parsed(metadata)

    @classmethod
    def _parsed(cls, metadata: Mapping[str, object]) -> Self:
        missing = [key for key in ("task", "names", "imgsz", "stride") if key not in metadata]
        if missing:
            raise ContentError(
                f"has no metadata for {', '.join(f'`{key}`' for key in missing)}",
                hint=_EXPORT_HINT,
            )
        task = _text(metadata, "task")
        if task != "segment":
            raise ContentError(
                f"is a model for the task `{task}`, expected `segment`",
                hint="take a segmentation model, such as one that starts from yolov8n-seg",
            )
        classes, outputs = _classes(metadata), _outputs(metadata)
        return cls(
            task=task,
            classes=classes,
            imgsz=_image_size(_value(metadata, "imgsz")),
            stride=_positive(_value(metadata, "stride"), "stride"),
            ends_in_nms=_ends_in_nms(metadata),
            description=_text(metadata, "description"),
            license=_text(metadata, "license"),
            training_data=_text(metadata, "training_data"),
            accuracy=_text(metadata, "accuracy"),
            outputs=outputs,
            instance_class_ids=_instance_class_ids(metadata, classes, outputs),
        )


def _value(metadata: Mapping[str, object], key: str) -> object:
    """Return a value as Python data; exports store literals as text."""
    raw = metadata[key]
    if not isinstance(raw, str):
        return raw
    if len(raw) > _MAX_TEXT:
        raise _invalid_metadata_error(key, raw)
    try:
        return ast.literal_eval(raw)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError) as error:
        raise _invalid_metadata_error(key, raw) from error


def _text(metadata: Mapping[str, object], key: str) -> str:
    """Return a printable value: one line, without escape sequences."""
    raw = metadata.get(key)
    if not isinstance(raw, str):
        return ""
    return "".join(char if char.isprintable() else " " for char in raw[:_MAX_SHOWN]).strip()


def _invalid_metadata_error(key: str, raw: object) -> ContentError:
    # Not str(raw): a few lines of YAML can stand for more text than there is memory.
    formatter = reprlib.Repr()
    formatter.maxlevel = 1
    try:
        shown = formatter.repr(raw)
    except ValueError:  # Python does not print integers of thousands of digits
        shown = type(raw).__name__
    return ContentError(
        f"has metadata `{key}` that makes no sense: {shown}",
        hint=_EXPORT_HINT,
    )


def _class_names(names: object) -> tuple[str, ...]:
    error = _invalid_metadata_error("names", names)
    if isinstance(names, list | tuple):
        entries = list(cast("list[object]", names))
    elif isinstance(names, dict):
        table = cast("dict[object, object]", names)
        if set(table) != set(range(len(table))):
            raise error
        entries = [table[i] for i in range(len(table))]
    else:
        raise error
    if not 1 <= len(entries) <= _MAX_CLASSES:
        raise error
    valid_names = [name for name in entries if isinstance(name, str) and name.isprintable()]
    if len(valid_names) != len(entries):
        raise error  # a line break or an escape sequence would end up in files and terminals
    return tuple(valid_names)


def _classes(metadata: Mapping[str, object]) -> ClassList:
    """Return the classes: kinds and colors as the file has them, else those of known names."""
    names = _class_names(_value(metadata, "names"))
    known = known_classes(names)
    things = [info.is_thing for info in known]
    colors = [info.color for info in known]
    if "is_thing" in metadata:
        things = _kinds(_value(metadata, "is_thing"), len(names))
    if "colors" in metadata:
        colors = _colors(_value(metadata, "colors"), len(names))
    return ClassList.from_names(names, is_thing=things, colors=colors)


def _items(value: object) -> list[object]:
    """Return the items of a list or tuple, and none of anything else."""
    return list(cast("list[object]", value)) if isinstance(value, list | tuple) else []


def _kinds(value: object, count: int) -> list[bool]:
    kinds = _items(value)
    known = [kind for kind in kinds if isinstance(kind, int) and kind in {0, 1}]
    if not len(kinds) == len(known) == count:
        raise _invalid_metadata_error("is_thing", value)
    return [bool(kind) for kind in known]


def _colors(value: object, count: int) -> list[Rgb]:
    rows = _items(value)
    colors: list[Rgb] = []
    for row in rows:
        levels = _items(row)
        whole = [level for level in levels if isinstance(level, int) and 0 <= level <= 255]
        if len(levels) == len(whole) == 3:
            colors.append((int(whole[0]), int(whole[1]), int(whole[2])))
    if len(colors) != count or len(rows) != count:
        raise _invalid_metadata_error("colors", value)
    return colors


def _outputs(metadata: Mapping[str, object]) -> tuple[str, ...]:
    """Return the names of the outputs, in order; those of instances where nothing is said."""
    if "outputs" not in metadata:
        return _INSTANCE_OUTPUTS
    value = _value(metadata, "outputs")
    names = tuple(_items(value))
    for known in _KNOWN_OUTPUTS:
        if names == known:
            return known
    raise _invalid_metadata_error("outputs", value)


def _instance_class_ids(
    metadata: Mapping[str, object], classes: ClassList, outputs: tuple[str, ...]
) -> tuple[int, ...]:
    """Return the class ids of the head: all where nothing is said, things beside a map."""
    key = "instance_classes"
    value: object = list(range(len(classes)))
    if key in metadata:
        value = _value(metadata, key)
    items = _items(value)
    ids = [item for item in items if isinstance(item, int) and not isinstance(item, bool)]
    is_valid = len(ids) == len(items) == len(set(ids)) > 0
    if not is_valid or not all(0 <= class_id < len(classes) for class_id in ids):
        raise _invalid_metadata_error(key, value)
    if outputs == _INSTANCE_OUTPUTS:
        return tuple(ids)
    if not all(classes[class_id].is_thing for class_id in ids):
        raise _invalid_metadata_error(key, value)  # surfaces come from the map alone
    if len(classes) > _MAX_SEMANTIC_CLASSES:
        raise ContentError(
            f"has a map of {len(classes)} classes, expected at most {_MAX_SEMANTIC_CLASSES}",
            hint="train it with fewer classes",
        )
    return tuple(ids)


def _positive(value: object, key: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= _MAX_SIDE:
        raise _invalid_metadata_error(key, value)
    return value


def _image_size(value: object) -> tuple[int, int]:
    error = _invalid_metadata_error("imgsz", value)
    sides = cast("list[object]", value) if isinstance(value, list | tuple) else [value, value]
    if len(sides) != 2:
        raise error
    return _positive(sides[0], "imgsz"), _positive(sides[1], "imgsz")


def _ends_in_nms(metadata: Mapping[str, object]) -> bool:
    """Return whether the graph ends in final boxes: an end-to-end head, or exported NMS."""
    if "end2end" in metadata and _value(metadata, "end2end") is True:
        return True
    args = _value(metadata, "args") if "args" in metadata else None
    return isinstance(args, dict) and cast("dict[str, object]", args).get("nms") is True
