"""Predictions scored against a data set in one call."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from urban_segmentor.datasets.open_dataset import open_dataset
from urban_segmentor.datasets.samples import spread
from urban_segmentor.evaluation.predictions import open_predictions
from urban_segmentor.evaluation.validation.predictors import ModelPredictor, SavedPredictor
from urban_segmentor.evaluation.validation.scoring import check_match, scoring_for
from urban_segmentor.evaluation.validation.summary import figures
from urban_segmentor.evaluation.validation.validate import validate
from urban_segmentor.inference.config import AP_CONF

if TYPE_CHECKING:
    from collections.abc import Callable

    from urban_segmentor.inference.segmenter import Segmenter


def evaluate(  # noqa: PLR0913 - each has its name
    predictions: str | Path | Segmenter,
    data: str | Path,
    *,
    split: str | None = None,
    limit: int | None = None,
    annotations: str | Path | None = None,
    resize: bool = False,
    partial: bool = False,
    on_frame: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """Return the figures of predictions, as `urban-segmentor val --json` prints them.

    Args:
        predictions: What some tool saved (COCO JSON, panoptic JSON, a folder in the format of the
            Cityscapes benchmark or of label images), or a segmenter that is run now.
        data: A data set: Cityscapes, YOLO, COCO, or what `data prepare` made.
        split: Which part of it; None for the usual one.
        limit: At most so many frames, spread over the split.
        annotations: A COCO file that says which image each id of the predictions means.
        resize: True to scale masks to the size of the labels.
        partial: True when predictions may be missing for some frames.
        on_frame: Called after each frame.

    Returns:
        Figures by the rules of Cityscapes and of COCO as fractions, None where there is nothing
        to find, and the `problems` of frames that could not be scored.

    Raises:
        DatasetError: The data set cannot be read, or no frame could be scored.
        PredictionError: The predictions cannot be read, or do not fit.
        MissingExtraError: A library of the extra `eval` is not installed.
    """
    samples = open_dataset(Path(data))
    in_split = samples.of_split(samples.usual_split if split is None else split)
    chosen = spread(in_split, limit)
    own = None if samples.classes.is_official else samples.classes
    predictor: ModelPredictor | SavedPredictor
    if isinstance(predictions, str | Path):
        saved = open_predictions(
            Path(predictions),
            annotations=None if annotations is None else Path(annotations),
            resize=resize,
        )
        predictor = SavedPredictor(saved, classes=own)
        chosen = predictor.check_complete(chosen, partial=partial)
    else:
        predictor = ModelPredictor(predictions.with_settings(conf=AP_CONF), classes=own)
    check_match(predictor.class_names, samples.classes)
    outcome = validate(chosen, predictor, scoring=scoring_for(samples.classes), on_frame=on_frame)
    return figures(outcome.evaluation) | {
        "images": len(outcome.frames),
        "problems": outcome.problems,
    }
