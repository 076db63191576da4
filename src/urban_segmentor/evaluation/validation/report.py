"""The folder that a run leaves: a page with all that came out, and the files that it is of."""

from __future__ import annotations

import json
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from urban_segmentor.errors import SettingError, check_libraries
from urban_segmentor.evaluation.validation.plots import confusion_png, precision_recall_png
from urban_segmentor.evaluation.validation.summary import headline, markdown, tables
from urban_segmentor.evaluation.validation.worst_images import draw_worst
from urban_segmentor.inference.panoptic_merge import segments_as_instances
from urban_segmentor.io.atomic import check_free
from urban_segmentor.io.output_options import PANOPTIC_FORMATS, WRITER_PATHS
from urban_segmentor.io.writers import WRITERS
from urban_segmentor.models.known_classes import known_classes
from urban_segmentor.reports.pages import PageFolder, PageImage
from urban_segmentor.result import Result
from urban_segmentor.structures.frame import Frame

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from types import TracebackType

    from urban_segmentor.datasets.dataset_classes import DatasetClasses
    from urban_segmentor.datasets.samples import Sample
    from urban_segmentor.evaluation.metrics.evaluator import Evaluation
    from urban_segmentor.evaluation.predictions import FramePrediction
    from urban_segmentor.evaluation.validation.predictors import Predictor
    from urban_segmentor.evaluation.validation.validate import ValidationRun
    from urban_segmentor.protocols import Sink
    from urban_segmentor.structures.classes import ClassList
    from urban_segmentor.structures.instances import Instances

FIGURES, TABLES, PAGE = "val.json", "val.md", "report.html"
CURVES, CONFUSION = "precision_recall.png", "confusion.png"
_SETTINGS = (
    *("data", "split", "model", "predictions", "kind", "description", "runtime", "device"),
    *("conf", "iou", "max_det", "merge", "label_sizes", "truth", "elapsed_s"),
)


class ReportFolder:
    """Keeps predictions while they are made, and writes the report at the end.

    Used as a context: kept predictions are finished when it ends.

    Args:
        folder: Where to; made when missing.
        kinds: Formats in which predictions are kept, some of `WRITERS`.
        class_names: The class list of the model.
        overwrite: True when files that are there may be replaced.

    Raises:
        OutputError: There is a report already, or the folder cannot be written to.
        SettingError: There is no such format.
        MissingExtraError: A library is not installed that will be needed at the end.
    """

    def __init__(
        self, folder: Path, *, kinds: Sequence[str], class_names: Sequence[str], overwrite: bool
    ) -> None:
        check_libraries("faster_coco_eval", "matplotlib", "jinja2", extra="eval")
        self._folder, self._overwrite = folder, overwrite
        if unknown := [kind for kind in kinds if kind not in WRITERS]:
            raise SettingError(
                f"predictions cannot be kept as `{unknown[0]}`",
                hint=f"choose from {', '.join(WRITERS)}",
            )
        for name in (FIGURES, TABLES, CURVES, CONFUSION, PAGE):
            check_free(folder / name, overwrite=overwrite)
        self._kinds = tuple(kinds)
        self._classes = known_classes(class_names)
        self._sinks: list[Sink] = [
            WRITERS[kind](folder, classes=self._classes, overwrite=overwrite) for kind in kinds
        ]
        self._closing = ExitStack()
        self._number = 0

    def __enter__(self) -> Self:
        """Return the folder."""
        for sink in self._sinks:
            self._closing.callback(sink.close)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Finish what was kept."""
        self._closing.close()

    def keep(self, sample: Sample, size: tuple[int, int], predicted: FramePrediction) -> None:
        """Keep what was predicted for a frame.

        Args:
            sample: The frame.
            size: Height and width of the masks, pixels.
            predicted: What was predicted.

        Raises:
            SettingError: A format wants what was not predicted.
            OutputError: The disk is full or the like.
        """
        if not self._sinks:
            return
        blank = np.broadcast_to(np.uint8(0), (*size, 3))  # sinks look at the size alone
        source = sample.image_name
        name = source.rpartition(".")[0]
        frame = Frame(pixels=blank, index=self._number, source=source, name=name, file_name=source)
        for kind, sink in zip(self._kinds, self._sinks, strict=True):
            instances = _as_kept(kind, predicted, self._classes)
            sink.write(Result(frame=frame, instances=instances))
        self._number += 1

    def write(
        self,
        summary: dict[str, Any],
        outcome: ValidationRun,
        predictor: Predictor,
        *,
        worst: int,
        classes: DatasetClasses | None = None,
    ) -> list[Path]:
        """Write the report, and return its files and folders.

        Args:
            summary: All figures.
            outcome: What they come from.
            predictor: Predicts the worst pictures again for the gallery.
            worst: How many of those.
            classes: Those of the labels; None for the 19 of Cityscapes.

        Raises:
            OutputError: The disk is full or the like.
            MissingExtraError: matplotlib or jinja2 is not installed.
        """
        out = PageFolder(self._folder, overwrite=self._overwrite)
        out.file(FIGURES, json.dumps(summary, indent=2, allow_nan=False).encode())
        out.file(TABLES, markdown(summary).encode("utf-8", "backslashreplace"))
        plots = list(_plots(out, outcome.evaluation))
        frames = sorted(
            (frame for frame in outcome.frames if not np.isnan(frame.quality)),
            key=lambda frame: frame.quality,
        )
        out.page(
            PAGE,
            "validation.html",
            title=f"Scores of {summary.get('model') or summary['predictions']}",
            sentences=headline(summary),
            tables=tables(summary),
            plots=plots,
            worst=draw_worst(frames[:worst], predictor, out, classes=classes),
            problems=summary["problems"],
            settings={key: summary[key] for key in _SETTINGS if key in summary},
            versions=summary["implementation"]["versions"],
        )
        return out.written + [self._folder / WRITER_PATHS[kind] for kind in self._kinds]


def _plots(out: PageFolder, evaluation: Evaluation) -> Iterator[PageImage]:
    """Yield the plots of what was predicted, after writing them."""
    if evaluation.instance is not None:
        caption = "Precision over recall of each class of things, at IoU 0.5."
        yield out.image(CURVES, precision_recall_png(evaluation.instance), caption=caption)
    if evaluation.semantic is not None:
        caption = "What the pixels of each class were taken for."
        yield out.image(CONFUSION, confusion_png(evaluation.semantic), caption=caption)


def _as_kept(kind: str, predicted: FramePrediction, classes: ClassList) -> Instances:
    """Return what a format wants: instances, or the segments of a map."""
    if kind not in PANOPTIC_FORMATS and predicted.instances is not None:
        return predicted.instances
    if predicted.panoptic is None:
        raise SettingError(
            f"there is nothing to be kept as `{kind}` in these predictions",
            hint="leave it out of --save",
        )
    return segments_as_instances(predicted.panoptic, classes=classes)
