"""Pictures and classes that a COCO file names, by their ids."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from urban_segmentor.errors import PredictionError
from urban_segmentor.evaluation.predictions.files import read_json
from urban_segmentor.evaluation.predictions.names import check_class_names, stem_of
from urban_segmentor.evaluation.predictions.parsing import (
    Id,
    as_id,
    as_list,
    as_number,
    as_object,
    as_size,
    as_text,
    shown,
)
from urban_segmentor.evaluation.predictions.resizing import MAX_PIXELS

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class CocoIndex:
    """Pictures and classes by their ids.

    Attributes:
        path: The file that says so.
        stems: The picture of each id.
        sizes: Height and width of each picture, pixels, or None where the file does not say.
        class_names: In the order of the file.
        class_ids: Position in `class_names` by category id.
    """

    path: Path
    stems: dict[Id, str]
    sizes: dict[str, tuple[int, int] | None]
    class_names: tuple[str, ...]
    class_ids: dict[int, int]

    def class_id(self, category_id: object, *, where: str) -> int:
        """Return the position in the class list.

        Args:
            category_id: What the file has.
            where: What annotation it is, for messages.

        Raises:
            PredictionError: There is no such category.
        """
        number = as_number(category_id, where=f"{where}: `category_id`")
        if number not in self.class_ids:
            known = ", ".join(map(str, sorted(self.class_ids)[:20]))
            raise PredictionError(
                f"{where} has the category id {shown(number)}, not one of `{self.path}`: {known}",
                hint="predictions must have the category ids of the annotations; "
                "many count from 1, not from 0",
            )
        return self.class_ids[number]

    def stem(self, image_id: object, *, where: str) -> str:
        """Return the picture of an id; a text that is no id is the name of a file.

        Args:
            image_id: What the file has.
            where: What annotation it is, for messages.

        Raises:
            PredictionError: There is no such picture.
        """
        found = as_id(image_id, where=f"{where}: `image_id`")
        if found in self.stems:
            return self.stems[found]
        if isinstance(found, str):
            return stem_of(found)
        raise PredictionError(
            f"{where} has the image id {shown(found)}, which `{self.path}` does not have",
            hint="predictions must have the image ids of the annotations",
        )


def read_index(path: Path) -> CocoIndex:
    """Return the pictures and classes of an annotation file.

    Args:
        path: A COCO file; of its annotations nothing is kept.

    Raises:
        PredictionError: It cannot be read, or is no such file.
    """
    return parse_index(read_json(path, compact=_without_annotations), path=path)


def parse_index(content: object, *, path: Path) -> CocoIndex:
    """Return the pictures and classes of a file's content.

    Args:
        content: What is in the file: an object with `images` and `categories`.
        path: The file, named in messages.

    Raises:
        PredictionError: It has no such lists, an id or picture twice, or no Cityscapes class.
    """
    fields = as_object(content, where=f"`{path}`")
    class_names, class_ids = parse_categories(fields.get("categories"), path=path)
    stems: dict[Id, str] = {}
    sizes: dict[str, tuple[int, int] | None] = {}
    images = as_list(fields.get("images"), where=f"`{path}`: `images`")
    for place, entry in enumerate(images):
        where = f"`{path}`: image {place}"
        image = as_object(entry, where=where)
        image_id = as_id(image.get("id"), where=f"{where}: `id`")
        stem = stem_of(as_text(image.get("file_name"), where=f"{where}: `file_name`"))
        if image_id in stems or stem in sizes:
            twice = f"the id {shown(image_id)}" if image_id in stems else f"the picture `{stem}`"
            raise PredictionError(
                f"{where} has {twice} a second time", hint="list every picture once"
            )
        stems[image_id] = stem
        sizes[stem] = as_size(image.get("height"), image.get("width"), most=MAX_PIXELS, where=where)
    if not images:
        raise PredictionError(f"`{path}` has no images", hint="save the predictions again")
    return CocoIndex(
        path=path, stems=stems, sizes=sizes, class_names=class_names, class_ids=class_ids
    )


def parse_categories(content: object, *, path: Path) -> tuple[tuple[str, ...], dict[int, int]]:
    """Return the class list, and the position in it of each category id.

    Args:
        content: The list `categories` of a file.
        path: The file, named in messages.

    Raises:
        PredictionError: It is no such list, has an id or name twice, or no Cityscapes class.
    """
    class_ids: dict[int, int] = {}
    names: list[str] = []
    for place, entry in enumerate(as_list(content, where=f"`{path}`: `categories`")):
        where = f"`{path}`: category {place}"
        category = as_object(entry, where=where)
        number = as_number(category.get("id"), where=f"{where}: `id`")
        name = as_text(category.get("name"), where=f"{where}: `name`")
        if number in class_ids or name in names:
            twice = f"the id {shown(number)}" if number in class_ids else f"the name `{name}`"
            raise PredictionError(
                f"{where} has {twice} a second time", hint="list every category once"
            )
        class_ids[number] = len(names)
        names.append(name)
    check_class_names(names, path=path)
    return tuple(names), class_ids


def _without_annotations(entry: dict[str, Any]) -> dict[str, Any] | None:
    return None if "category_id" in entry or "segments_info" in entry else entry
