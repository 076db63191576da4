"""Images and categories of a COCO file by their ids."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

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
    describe,
)
from urban_segmentor.evaluation.predictions.resizing import MAX_PIXELS
from urban_segmentor.evaluation.predictions.untrusted_files import read_json

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class CocoIndex:
    """Images and categories of a COCO file by their ids.

    Attributes:
        path: The COCO file.
        stems: Stem of the file name by image id.
        sizes: Height and width by stem, pixels, or None where the file does not say.
        class_names: In the order of the file.
        class_ids: Position in `class_names` by category id.
    """

    path: Path
    stems: dict[Id, str]
    sizes: dict[str, tuple[int, int] | None]
    class_names: tuple[str, ...]
    class_ids: dict[int, int]

    def class_id(self, category_id: object, *, context: str) -> int:
        """Return the class id, the position in `class_names`, of a category id.

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
                f"{context} has the category id {describe(number)}, not one of `{self.path}`: "
                f"{known}",
                hint="predictions must have the category ids of the annotations; "
                "many count from 1, not from 0",
            )
        return self.class_ids[number]

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
            f"{context} has the image id {describe(parsed_id)}, which `{self.path}` does not have",
            hint="predictions must have the image ids of the annotations",
        )


def read_index(path: Path) -> CocoIndex:
    """Return the images and categories of a COCO annotation file.

    Args:
        path: A COCO file; its annotations are not kept.

    Raises:
        PredictionError: It cannot be read, or is no such file.
    """
    return parse_index(read_json(path, compact=_without_annotations), path=path)


def parse_index(content: object, *, path: Path) -> CocoIndex:
    """Return the images and categories of a COCO file's content.

    Args:
        content: The parsed JSON: an object with `images` and `categories`.
        path: The file, named in messages.

    Raises:
        PredictionError: It has no such lists, an id or image twice, or no Cityscapes class.
    """
    fields = as_object(content, context=f"`{path}`")
    class_names, class_ids = parse_categories(fields.get("categories"), path=path)
    stems: dict[Id, str] = {}
    sizes: dict[str, tuple[int, int] | None] = {}
    images = as_list(fields.get("images"), context=f"`{path}`: `images`")
    for position, entry in enumerate(images):
        context = f"`{path}`: image {position}"
        image = as_object(entry, context=context)
        image_id = as_id(image.get("id"), context=f"{context}: `id`")
        stem = stem_of(as_text(image.get("file_name"), context=f"{context}: `file_name`"))
        if image_id in stems or stem in sizes:
            twice = f"the id {describe(image_id)}" if image_id in stems else f"the picture `{stem}`"
            raise PredictionError(
                f"{context} has {twice} a second time", hint="list every picture once"
            )
        stems[image_id] = stem
        sizes[stem] = as_size(
            image.get("height"), image.get("width"), max_pixels=MAX_PIXELS, context=context
        )
    if not images:
        raise PredictionError(f"`{path}` has no images", hint="save the predictions again")
    return CocoIndex(
        path=path, stems=stems, sizes=sizes, class_names=class_names, class_ids=class_ids
    )


def parse_categories(content: object, *, path: Path) -> tuple[tuple[str, ...], dict[int, int]]:
    """Return the class names, and the class id of each category id.

    Names may repeat, as in the class lists of some models.

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
                f"{context} has the id {describe(number)} a second time",
                hint="give every category an id of its own",
            )
        class_ids[number] = len(names)
        names.append(name)
    check_class_names(names, path=path)
    return tuple(names), class_ids


def _without_annotations(entry: dict[str, Any]) -> dict[str, Any] | None:
    return None if "category_id" in entry or "segments_info" in entry else entry
