"""Where predictions come from: a model that runs now, or what some tool saved."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from urban_segmentor.datasets.sample_images import same_shape
from urban_segmentor.errors import DatasetError, PredictionError
from urban_segmentor.evaluation.metrics.mean_iou import label_ids
from urban_segmentor.evaluation.predictions import FramePrediction
from urban_segmentor.inference.panoptic_config import PanopticConfig
from urban_segmentor.inference.panoptic_merge import merge_panoptic
from urban_segmentor.models.known_classes import known_classes
from urban_segmentor.structures.classes import ClassList
from urban_segmentor.structures.frame import Frame

if TYPE_CHECKING:
    from collections.abc import Sequence

    from urban_segmentor.datasets.dataset_classes import DatasetClasses
    from urban_segmentor.datasets.samples import Sample
    from urban_segmentor.evaluation.predictions import SavedPredictions
    from urban_segmentor.inference.segmenter import Segmenter
    from urban_segmentor.structures.instances import Instances
    from urban_segmentor.structures.panoptic import SemanticMap


class Predictor(Protocol):
    """Says what is in a frame; may be called from several threads at once."""

    class_names: tuple[str, ...]
    kind: str

    def __call__(self, sample: Sample, *, size: tuple[int, int]) -> FramePrediction:
        """Return what was predicted for a frame, at the size of its ground truth.

        Args:
            sample: The frame.
            size: Height and width of the ground truth, pixels.

        Raises:
            DatasetError: The picture cannot be read, or what was saved does not fit.
        """
        ...


class ModelPredictor:
    """Runs a model on the pictures.

    Args:
        segmenter: The model; low scores must get through for AP.
        config: How its instances become a panoptic map.
        classes: Those of the labels, where they are not Cityscapes'.
    """

    def __init__(
        self,
        segmenter: Segmenter,
        *,
        config: PanopticConfig | None = None,
        classes: DatasetClasses | None = None,
    ) -> None:
        self.class_names = segmenter.spec.class_names
        self.kind = "model"
        self._segmenter = segmenter
        self._config = config or PanopticConfig()
        self._classes = model_classes(self.class_names, classes)
        self._with_map = classes is not None or not self._classes.is_thing.all()

    def __call__(self, sample: Sample, *, size: tuple[int, int]) -> FramePrediction:
        """Return what the model sees in a frame, masks at the given height and width."""
        image = sample.image()
        _check_shape(sample, (image.shape[0], image.shape[1]), size)
        result = self._segmenter.segment(Frame(pixels=image), mask_size=size)
        instances = replace(result.instances, classes=self._classes)
        return as_predicted(
            instances,
            class_names=self.class_names,
            config=self._config,
            with_map=self._with_map,
            semantic=result.semantic,
        )


def _check_shape(sample: Sample, image: tuple[int, int], labels: tuple[int, int]) -> None:
    """Refuse labels of another shape than their picture, as masks would lie elsewhere."""
    if not same_shape(image, labels):
        raise DatasetError(
            f"`{sample.name}`: the picture has {image[1]} x {image[0]} "
            f"pixels, its labels {labels[1]} x {labels[0]}",
            hint="unpack the archives again",
        )


class SavedPredictor:
    """Reads what some tool saved.

    Args:
        saved: Its results.
        config: How instances become a panoptic map, where there is none in the results.
        classes: Those of the labels, where they are not Cityscapes'.
    """

    def __init__(
        self,
        saved: SavedPredictions,
        *,
        config: PanopticConfig | None = None,
        classes: DatasetClasses | None = None,
    ) -> None:
        self.class_names = saved.class_names
        self.kind = saved.kind
        self._saved = saved
        self._config = config or PanopticConfig()
        self._classes = model_classes(self.class_names, classes)
        self._with_map = classes is not None or not self._classes.is_thing.all()

    def check_complete(self, samples: Sequence[Sample], *, partial: bool) -> list[Sample]:
        """Return the frames that the results speak of, in order.

        Args:
            samples: Every frame of the split.
            partial: True when some may be missing.

        Raises:
            PredictionError: Some or all are missing.
        """
        found = [sample for sample in samples if sample.stem in self._saved.stems]
        if not found:
            known = sorted(self._saved.stems)
            raise PredictionError(
                f"the results speak of none of {len(samples)} frames of the split"
                + (f"; the first of theirs is `{known[0]}`" if known else "; they are empty"),
                hint="choose the split that they were made on with --split",
            )
        if len(found) < len(samples) and not partial:
            missing = [one.stem for one in samples if one.stem not in self._saved.stems]
            raise PredictionError(
                f"the results lack {len(missing)} of {len(samples)} frames of the split, "
                f"first: `{missing[0]}`",
                hint="a figure over fewer frames compares with nothing; "
                "add --partial to see it nevertheless",
            )
        return found

    def __call__(self, sample: Sample, *, size: tuple[int, int]) -> FramePrediction:
        """Return what was saved for a frame, at the given height and width."""
        try:
            predicted = self._saved.of(sample.stem, size=size)
        except DatasetError as error:
            raise PredictionError(str(error), hint=error.hint) from error
        if predicted.instances is None or predicted.panoptic is not None:
            return predicted
        return as_predicted(
            replace(predicted.instances, classes=self._classes),
            class_names=self.class_names,
            config=self._config,
            with_map=self._with_map,
        )


def model_classes(class_names: tuple[str, ...], classes: DatasetClasses | None) -> ClassList:
    """Return the classes of a model; those of the labels say what is stuff.

    Args:
        class_names: The class list of the model.
        classes: Those of the labels; None for those of Cityscapes.
    """
    known = known_classes(class_names)
    if classes is None:
        return known
    return ClassList.from_names(
        class_names,
        is_thing=[name not in classes.stuff for name in class_names],
        colors=[info.color for info in known],
    )


def as_predicted(
    instances: Instances,
    *,
    class_names: tuple[str, ...],
    config: PanopticConfig,
    with_map: bool,
    semantic: SemanticMap | None = None,
) -> FramePrediction:
    """Return instances together with the map that they merge into.

    Args:
        instances: N instances.
        class_names: The class list of the model.
        config: How they are merged.
        with_map: False to leave the map out: without stuff it would only show what the model
            was never asked for.
        semantic: The class of each pixel, where the model says so.
    """
    if not with_map:
        return FramePrediction(instances=instances, panoptic=None, label_ids=None)
    panoptic = merge_panoptic(instances, semantic=semantic, config=config)
    labels = label_ids(panoptic, class_names=class_names)
    return FramePrediction(instances=instances, panoptic=panoptic, label_ids=labels)
