"""Opening of saved predictions, their format detected from the content."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from urban_segmentor.datasets.files import read_json
from urban_segmentor.errors import PredictionError
from urban_segmentor.evaluation.predictions.cityscapes import CityscapesPredictions
from urban_segmentor.evaluation.predictions.coco import CocoPredictions, parse_coco
from urban_segmentor.evaluation.predictions.coco_index import parse_index, read_index
from urban_segmentor.evaluation.predictions.coco_panoptic import PanopticPredictions, parse_panoptic
from urban_segmentor.evaluation.predictions.frame_names import frame_of
from urban_segmentor.evaluation.predictions.label_images import LabelImagePredictions
from urban_segmentor.evaluation.predictions.untrusted_files import files_below

if TYPE_CHECKING:
    from pathlib import Path

    from urban_segmentor.evaluation.predictions.prediction import SavedPredictions

_FORMATS = (
    "give a COCO JSON file (instances with scores, a list of results, or panoptic with its folder "
    "of pictures), a folder of text files with lines `mask.png labelID score`, or a folder of "
    "label id pictures; files in folders begin with city_sequence_frame"
)
_LIST_HINT = (
    "add --annotations FILE, the COCO file whose ids they are, such as the "
    "annotations/instances_val.json of: urban-segmentor data prepare DIR OUT --format coco"
)


def open_predictions(
    path: Path, *, annotations: Path | None = None, resize: bool = False
) -> SavedPredictions:
    """Return saved predictions; the format is detected.

    - A COCO JSON file of instances, with `images`, `categories`, and `annotations` with scores.
    - A list of COCO results, whose ids are those of an annotation file.
    - A COCO panoptic JSON file, with a folder of PNG images of the same name beside it.
    - A folder in the layout of the benchmark: text files with lines `mask.png labelID score`.
    - A folder of PNG images of label ids, or one that has them in a folder `labelIds`.

    Masks are decoded when the predictions of their image are read.

    Args:
        path: The file or folder.
        annotations: The COCO annotation file that the ids of a list of results refer to.
        resize: True when masks may be scaled to the ground truth, nearest pixel centres; its
            shape must be the same to 1 %.

    Raises:
        PredictionError: The format is none of these, a file is damaged, or classes are others.
    """
    if path.is_dir():
        # `predict --save labelids` has one folder for each kind of picture.
        labels = path / "labelIds"
        return _open_folder(labels if labels.is_dir() else path, resize=resize)
    content = read_json(path, error=PredictionError)
    if isinstance(content, list):
        return _open_list(
            cast("list[object]", content), path, annotations=annotations, resize=resize
        )
    fields = cast("dict[str, Any]", content) if isinstance(content, dict) else {}
    entries: object = fields.get("annotations")
    if not isinstance(entries, list):
        raise PredictionError(
            f"`{path}` is no file of predictions: it has no list `annotations`", hint=_FORMATS
        )
    first = cast("list[object]", entries)[0] if entries else None
    if isinstance(first, dict) and "segments_info" in first:
        return _open_panoptic(fields, path, annotations=annotations, resize=resize)
    return parse_coco(
        cast("object", entries), parse_index(fields, path=path), path=path, resize=resize
    )


def _open_list(
    content: list[object], path: Path, *, annotations: Path | None, resize: bool
) -> CocoPredictions:
    if not content:
        raise PredictionError(
            f"`{path}` has no predictions at all", hint="was the tool's lowest score too high?"
        )
    if annotations is None:
        raise PredictionError(
            f"`{path}` is a list of results, whose ids do not say which pictures and classes "
            "they are",
            hint=_LIST_HINT,
        )
    return parse_coco(content, read_index(annotations), path=path, resize=resize)


def _open_panoptic(
    fields: dict[str, Any], path: Path, *, annotations: Path | None, resize: bool
) -> PanopticPredictions:
    categories = None
    if annotations is not None and fields.get("categories") is None:
        categories = read_index(annotations).categories
    return parse_panoptic(fields, path=path, categories=categories, resize=resize)


def _open_folder(folder: Path, *, resize: bool) -> SavedPredictions:
    texts = _by_frame(folder, ".txt")
    if texts:
        return CityscapesPredictions(folder, texts, resize=resize)
    images = _by_frame(folder, ".png")
    if images:
        return LabelImagePredictions(folder, images, resize=resize)
    files = [f"`{file}`" for file in files_below(folder, suffix=".json")]
    raise PredictionError(
        f"`{folder}` has no text file and no PNG picture of a Cityscapes frame",
        hint=f"did you mean {' or '.join(files[:3])}?" if files else _FORMATS,
    )


def _by_frame(folder: Path, suffix: str) -> dict[str, Path]:
    """Return the one file of each frame, by the rules of the official scripts."""
    files: dict[str, Path] = {}
    for file in files_below(folder, suffix=suffix):
        frame = frame_of(file.name)
        if frame is None:
            continue
        if frame in files:
            raise PredictionError(
                f"`{folder}` has two files of `{frame}`: `{files[frame]}` and `{file}`",
                hint="give the folder that has the results of one kind only",
            )
        files[frame] = file
    return files
