"""By which rules frames are scored: those of Cityscapes where its labels are there, else COCO's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from urban_segmentor.errors import DatasetError
from urban_segmentor.evaluation.metrics.evaluator import Evaluator
from urban_segmentor.evaluation.metrics.segment_evaluator import SegmentEvaluator

if TYPE_CHECKING:
    from collections.abc import Sequence

    from urban_segmentor.datasets.dataset_classes import DatasetClasses
    from urban_segmentor.datasets.samples import Sample
    from urban_segmentor.evaluation.predictions import FramePrediction
    from urban_segmentor.evaluation.validation.predictors import Predictor

_NAMED = 12


class ScoredFrame(NamedTuple):
    """What one frame adds to the figures.

    Attributes:
        evaluator: An evaluator with this frame alone.
        predicted: What was predicted.
        size: Height and width of its labels, pixels.
    """

    evaluator: Any
    predicted: FramePrediction
    size: tuple[int, int]


class ScoringRules(Protocol):
    """Rules by which frames are scored."""

    def evaluator(self, class_names: Sequence[str]) -> Any:  # noqa: ANN401 - a `PartialEvaluator`
        """Return an evaluator without frames, which takes those of `score`."""
        ...

    def score(self, sample: Sample, predictor: Predictor) -> ScoredFrame:
        """Return what a frame adds to the figures.

        Raises:
            DatasetError: Its labels or its picture cannot be read.
        """
        ...


class CityscapesRules:
    """The rules of Cityscapes, and AP as COCO has it, over its eight things."""

    def evaluator(self, class_names: Sequence[str]) -> Evaluator:
        """Return an evaluator without frames."""
        return Evaluator(class_names)

    def score(self, sample: Sample, predictor: Predictor) -> ScoredFrame:
        """Return what a frame adds to the figures."""
        truth = sample.instance_ids()
        size = (truth.shape[0], truth.shape[1])
        predicted = predictor(sample, size=size)
        own = Evaluator(predictor.class_names)
        own.add(
            truth,
            instances=predicted.instances,
            panoptic=predicted.panoptic,
            label_ids=predicted.label_ids,
        )
        return ScoredFrame(own, predicted, size)


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnClassRules:
    """AP as COCO has it, and panoptic quality, over whatever classes there are.

    Attributes:
        classes: The classes that count.
    """

    classes: DatasetClasses

    def evaluator(self, class_names: Sequence[str]) -> SegmentEvaluator:
        """Return an evaluator without frames."""
        return SegmentEvaluator(class_names, classes=self.classes)

    def score(self, sample: Sample, predictor: Predictor) -> ScoredFrame:
        """Return what a frame adds to the figures."""
        segments = sample.segments(self.classes)
        size = segments.masks.image_size
        predicted = predictor(sample, size=size)
        own = self.evaluator(predictor.class_names)
        own.add(segments, predicted)
        return ScoredFrame(own, predicted, size)


def scoring_for(classes: DatasetClasses) -> ScoringRules:
    """Return the rules that labels of some classes can be scored by."""
    return CityscapesRules() if classes.is_official else OwnClassRules(classes=classes)


class ClassMatch(NamedTuple):
    """Which classes a model and labels have in common, by name.

    Attributes:
        unknown: Classes of the labels that the model does not know.
        ignored: Classes of the model that the labels do not have.
    """

    unknown: tuple[str, ...]
    ignored: tuple[str, ...]

    def sentences(self) -> list[str]:
        """Return what a reader must know about the classes, a sentence each."""
        notes: list[str] = []
        if self.unknown:
            count = f"{len(self.unknown)} class{'es' * (len(self.unknown) > 1)} of the labels"
            notes.append(f"the model does not know {count}, they count as 0: {_some(self.unknown)}")
        if self.ignored:
            notes.append(f"left out, as the labels do not have them: {_some(self.ignored)}")
        return notes


def match_classes(class_names: Sequence[str], classes: DatasetClasses) -> ClassMatch:
    """Return which classes a model and labels do not have in common.

    Args:
        class_names: The class list of the model.
        classes: Those of the labels.

    Raises:
        DatasetError: They have none in common.
    """
    theirs = set(classes.names)
    if theirs.isdisjoint(class_names):
        raise DatasetError(
            "the model and the labels have no class in common: the model knows "
            f"{_some(class_names)}; the labels have {_some(classes.names)}",
            hint="classes are matched by their names: give a model that was trained on such "
            "labels, --model best.onnx",
        )
    return ClassMatch(
        unknown=tuple(name for name in classes.names if name not in set(class_names)),
        ignored=tuple(name for name in class_names if name not in theirs),
    )


def why_not_official(classes: DatasetClasses) -> str | None:
    """Return why official figures are missing, one sentence; None where they are not."""
    if classes.is_official:
        return None
    pq = "PQ is that of these classes" if classes.stuff else "no PQ, as none of them is stuff"
    return (
        "no official instance AP, mIoU and PQ: they need all 19 classes of Cityscapes, these "
        f"labels have {len(classes.labels)} classes; AP is that of COCO, {pq}"
    )


def check_match(class_names: Sequence[str], classes: DatasetClasses) -> list[str]:
    """Return what a reader must know of the classes and of missing figures, a sentence each.

    Args:
        class_names: The class list of the model.
        classes: Those of the labels.

    Raises:
        DatasetError: They have none in common.
    """
    match = match_classes(class_names, classes)
    missing = why_not_official(classes)
    return [] if missing is None else [missing, *match.sentences()]


def _some(names: Sequence[str]) -> str:
    """Return names with commas, the first of many."""
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
