"""Images and categories of a COCO file by their ids."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from urban_segmentor.datasets.files import read_json
from urban_segmentor.datasets.findings import shown
from urban_segmentor.errors import PredictionError
from urban_segmentor.evaluation.predictions.frame_names import check_class_names, stem_of
from urban_segmentor.evaluation.predictions.json_values import (
    Id,
    as_id,
    as_list,
    as_number,
    as_object,
    as_size,
    as_text,
)
from urban_segmentor.evaluation.predictions.resizing import MAX_PIXELS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Categories(NamedTuple):
    """The classes of a file.

    Attributes:
        names: Class names, in the order of the file; they may repeat, as in some models' lists.
        class_ids: Class id, the position in `names`, by category id.
    """

    names: tuple[str, ...]
    class_ids: dict[int, int]

    def class_id(self, category_id: object, *, context: str) -> int:
        """Return the class id of a category id.

        Args:
            category_id: The category id of an annotation.
            context: The annotation, subject of error messages.

        Raises:
            PredictionError: There is no such category.
        """
        number = as_number(category_id, context=f"{context}: `category_id`")
        if number not in self.class_ids:
            known = ", ".join(map(str, sorted(self.class_ids)[:20]))
            raise PredictionError(
                f"{context} has the category id {shown(number)}, not one of those that there are: "
                f"{known}",
                hint="ids are those of `categories`, many count from 1, not from 0; panoptic files "
                "without `categories` have official label ids",
            )
        return self.class_ids[number]


@dataclass(frozen=True, slots=True, kw_only=True)
class CocoIndex:
    """Images and categories of a COCO file by their ids.

    Attributes:
        path: The COCO file.
        stems: Stem of the file name by image id.
        sizes: Height and width by stem, pixels, or None where the file does not say.
        categories: Its classes.
    """

    path: Path
    stems: dict[Id, str]
    sizes: dict[str, tuple[int, int] | None]
    categories: Categories

    def stem(self, image_id: object, *, context: str) -> str:
        """Return the stem of an image id; a text that is no id is taken for a file name.

        Args:
            image_id: The image id of an annotation.
            context: The annotation, subject of error messages.

        Raises:
            PredictionError: There is no such image.
        """
        parsed_id = as_id(image_id, context=f"{context}: `image_id`")
        if parsed_id in self.stems:
            return self.stems[parsed_id]
        if isinstance(parsed_id, str):
            return stem_of(parsed_id)
        raise PredictionError(
            f"{context} has the image id {shown(parsed_id)}, which `{self.path}` does not have",
            hint="predictions must have the image ids of the annotations",
        )


def read_index(path: Path) -> CocoIndex:
    """Return the images and categories of a COCO annotation file.

    Args:
        path: A COCO file; its annotations are not kept.

    Raises:
        PredictionError: It cannot be read, or is no such file.
    """
    return parse_index(
        read_json(path, compact=_without_annotations, error=PredictionError), path=path
    )


def parse_index(content: object, *, path: Path) -> CocoIndex:
    """Return the images and categories of a COCO file's content.

    Args:
        content: The parsed JSON: an object with `images` and `categories`.
        path: The file, named in messages.

    Raises:
        PredictionError: It has no such lists, an id or image twice, or no Cityscapes class.
    """
    fields = as_object(content, context=f"`{path}`")
    categories = parse_categories(fields.get("categories"), path=path)
    stems: dict[Id, str] = {}
    sizes: dict[str, tuple[int, int] | None] = {}
    for image in parse_images(fields.get("images"), path=path):
        stem = stem_of(image.file_name)
        if image.image_id in stems or stem in sizes:
            is_known = image.image_id in stems
            twice = f"the id {shown(image.image_id)}" if is_known else f"the picture `{stem}`"
            raise PredictionError(
                f"{image.context} has {twice} a second time", hint="list every picture once"
            )
        stems[image.image_id] = stem
        sizes[stem] = as_size(
            image.fields.get("height"),
            image.fields.get("width"),
            max_pixels=MAX_PIXELS,
            context=image.context,
        )
    if not stems:
        raise PredictionError(f"`{path}` has no images", hint="save the predictions again")
    return CocoIndex(path=path, stems=stems, sizes=sizes, categories=categories)


class ListedImage(NamedTuple):
    """An entry of `images`: its place for messages, all its fields, and two that are checked."""

    context: str
    fields: dict[str, Any]
    image_id: Id
    file_name: str


def parse_images(content: object, *, path: Path) -> Iterator[ListedImage]:
    """Yield the entries of `images`.

    Args:
        content: The list `images` of a file.
        path: The file, named in messages.

    Raises:
        PredictionError: It is no such list.
    """
    for position, entry in enumerate(as_list(content, context=f"`{path}`: `images`")):
        context = f"`{path}`: image {position}"
        fields = as_object(entry, context=context)
        image_id = as_id(fields.get("id"), context=f"{context}: `id`")
        name = as_text(fields.get("file_name"), context=f"{context}: `file_name`")
        yield ListedImage(context, fields, image_id, name)


def parse_categories(content: object, *, path: Path) -> Categories:
    """Return the classes of a file.

    Args:
        content: The list `categories` of a file.
        path: The file, named in messages.

    Raises:
        PredictionError: It is no such list, has an id twice, or no Cityscapes class.
    """
    class_ids: dict[int, int] = {}
    names: list[str] = []
    for position, entry in enumerate(as_list(content, context=f"`{path}`: `categories`")):
        context = f"`{path}`: category {position}"
        category = as_object(entry, context=context)
        number = as_number(category.get("id"), context=f"{context}: `id`")
        name = as_text(category.get("name"), context=f"{context}: `name`")
        if number in class_ids:
            raise PredictionError(
                f"{context} has the id {shown(number)} a second time",
                hint="give every category an id of its own",
            )
        class_ids[number] = len(names)
        names.append(name)
    check_class_names(names, path=path)
    return Categories(tuple(names), class_ids)


def _without_annotations(entry: dict[str, Any]) -> dict[str, Any] | None:
    return None if "category_id" in entry or "segments_info" in entry else entry
