"""Check of a Cityscapes folder, with a list of findings."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

import numpy as np

from urban_segmentor.datasets.cityscapes.annotation import read_annotation
from urban_segmentor.datasets.cityscapes.layout import frame_label, missing_part
from urban_segmentor.datasets.images import read_image, same_shape
from urban_segmentor.datasets.parallel import in_parallel
from urban_segmentor.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from urban_segmentor.datasets.cityscapes.annotation import Annotation
    from urban_segmentor.datasets.cityscapes.layout import CityscapesFrame, Layout

Kind: TypeAlias = Literal[
    "missing",
    "unreadable",
    "size",
    "polygon",
    "outside",
    "label",
    "dummy",
    "deleted",
    "name",
    "count",
]

_OFFICIAL_COUNTS = {"train": 2975, "val": 500, "test": 1525}
_SUMMARIES: dict[Kind, str] = {
    "outside": "polygons that reach out of the picture",
    "size": "pictures of another size than their polygons",
    "deleted": "objects that are marked as deleted",
    "dummy": "no labels of any training class",
    "missing": "no polygons file",
}
_USUAL_OUTSIDE_PX = 32  # official polygons reach up to 15 pixels past the border


class Finding(NamedTuple):
    """A problem or note about a frame or split.

    Attributes:
        kind: The kind of finding.
        where: The frame, as `split/city/stem`, or the split.
        text: One sentence, of which `where` is the subject.
        wrong: False for what official data has too, and `data prepare` deals with.
    """

    kind: Kind
    where: str
    text: str
    wrong: bool


@dataclass(slots=True, kw_only=True)
class Count:
    """Number of files of a city or split.

    Attributes:
        images: Images.
        labels: Polygon files.
    """

    images: int = 0
    labels: int = 0


@dataclass(slots=True, kw_only=True)
class CheckReport:
    """File counts and findings of a folder.

    Attributes:
        cities: Counts by split and city.
        findings: Problems and notes.
        sizes: Number of images by height and width, pixels.
    """

    cities: dict[str, dict[str, Count]] = field(default_factory=dict[str, dict[str, Count]])
    findings: list[Finding] = field(default_factory=list[Finding])
    sizes: Counter[tuple[int, int]] = field(default_factory=Counter[tuple[int, int]])

    def of_split(self, split: str) -> Count:
        """Return the counts of a split, over all its cities."""
        cities = self.cities[split].values()
        return Count(
            images=sum(count.images for count in cities),
            labels=sum(count.labels for count in cities),
        )

    @property
    def problems(self) -> list[Finding]:
        """Findings that are problems."""
        return [finding for finding in self.findings if finding.wrong]

    @property
    def notes(self) -> list[Finding]:
        """Findings that official data has too."""
        return [finding for finding in self.findings if not finding.wrong]

    def summarize_notes(self) -> list[str]:
        """Return the notes, one sentence per kind."""
        by_kind: dict[Kind, list[Finding]] = {}
        for finding in self.notes:
            by_kind.setdefault(finding.kind, []).append(finding)
        sentences: list[str] = []
        for findings in by_kind.values():
            first = findings[0]
            if len(findings) > 1 and "/" in first.where:  # frames, not splits
                what = _SUMMARIES.get(first.kind, f"the note {first.kind}")
                example = f"for instance `{first.where}`: {first.text}"
                sentences.append(f"{len(findings):,} frames have {what}; {example}")
            else:
                sentences += [f"`{finding.where}` {finding.text}" for finding in findings]
        return sentences


class _FrameCheck(NamedTuple):
    size: tuple[int, int] | None
    findings: list[Finding]


def check(
    layout: Layout,
    *,
    workers: int | None = None,
    stop: Callable[[], bool] = lambda: False,
    on_frame: Callable[[], None] = lambda: None,
) -> CheckReport:
    """Return file counts and findings of a folder; every file is read.

    Args:
        layout: Frames of the folder.
        workers: Number of processes; None for one per core.
        stop: Called often; True ends the check early.
        on_frame: Called after each frame.

    Raises:
        WorkerError: A process died.
    """
    report = CheckReport()
    for frame in layout.frames:
        cities = report.cities.setdefault(frame.split, {})
        count = cities.setdefault(frame.city, Count())
        count.images += frame.image is not None
        count.labels += frame.polygons is not None
    findings: dict[str, list[Finding]] = {}
    for frame, result in in_parallel(_check_frame, layout.frames, workers=workers, stop=stop):
        findings[frame_label(frame)] = result.findings
        if result.size is not None:
            report.sizes[result.size] += 1
        on_frame()
    report.findings = [
        *_duplicate_names(layout.frames),
        *(finding for where in sorted(findings) for finding in findings[where]),
        *_count_findings(report),
    ]
    return report


def _check_frame(frame: CityscapesFrame) -> _FrameCheck:
    """Return the image size and the findings of a frame."""
    where = frame_label(frame)
    findings: list[Finding] = []
    size: tuple[int, int] | None = None
    annotation: Annotation | None = None
    if missing := missing_part(frame):
        wrong = frame.image is None or frame.split != "test"
        findings.append(Finding("missing", where, missing, wrong=wrong))
    if frame.image is not None:
        try:
            image = read_image(frame.image)
            size = (image.shape[0], image.shape[1])
        except DatasetError as error:
            findings.append(_unreadable(where, error))
    if frame.polygons is not None:
        try:
            annotation = read_annotation(frame.polygons)
        except DatasetError as error:
            findings.append(_unreadable(where, error))
    if annotation is not None:
        findings += _label_findings(annotation, frame, where)
        findings += _size_findings(annotation, size, where)
    return _FrameCheck(size, findings)


def _label_findings(annotation: Annotation, frame: CityscapesFrame, where: str) -> list[Finding]:
    findings = [Finding("polygon", where, text, wrong=True) for text in annotation.problems]
    findings += [
        Finding("label", where, f"has the unknown label `{name}`", wrong=True)
        for name in annotation.unknown
    ]
    if all(item.label.train_id is None for item in annotation.objects):
        text = "has no labels of any training class: a dummy, as in the test split"
        findings.append(Finding("dummy", where, text, wrong=frame.split != "test"))
    if annotation.outside:
        reach = _reach_px(annotation)
        count = annotation.outside
        subject = "1 polygon reaches" if count == 1 else f"{count} polygons reach"
        text = f"{subject} out of the picture, by up to {reach:.0f} px"
        findings.append(Finding("outside", where, text, wrong=reach > _USUAL_OUTSIDE_PX))
    if annotation.deleted:
        count = annotation.deleted
        text = f"{count} object{' is' if count == 1 else 's are'} marked as deleted"
        findings.append(Finding("deleted", where, text, wrong=False))
    return findings


def _size_findings(
    annotation: Annotation, size: tuple[int, int] | None, where: str
) -> list[Finding]:
    if size is None or size == annotation.image_size:
        return []
    (height, width), (label_height, label_width) = size, annotation.image_size
    text = f"the picture has {width} x {height} pixels, its polygons {label_width} x {label_height}"
    return [Finding("size", where, text, wrong=not same_shape(size, annotation.image_size))]


def _reach_px(annotation: Annotation) -> float:
    """Return how far polygons reach out of the image, pixels."""
    height, width = annotation.image_size
    points = np.concatenate([item.points for item in annotation.objects])
    beyond = np.maximum(-points, points - (width - 1, height - 1))
    return float(beyond.max())


def _unreadable(where: str, error: DatasetError) -> Finding:
    return Finding("unreadable", where, f"cannot be read: {error}", wrong=True)


def _duplicate_names(frames: Sequence[CityscapesFrame]) -> Iterator[Finding]:
    """Yield the frames that have the name of another one of their split."""
    known: dict[tuple[str, str], CityscapesFrame] = {}
    for frame in frames:
        other = known.setdefault((frame.split, frame.stem), frame)
        if other is not frame:
            text = f"has the name of `{frame_label(other)}`"
            yield Finding("name", frame_label(frame), text, wrong=True)


def _count_findings(report: CheckReport) -> Iterator[Finding]:
    """Yield which splits do not have as many pictures as the official data set."""
    for split, official in _OFFICIAL_COUNTS.items():
        findings = report.of_split(split).images if split in report.cities else 0
        if findings != official:
            text = f"has {findings:,} pictures, the official data set has {official:,}"
            yield Finding("count", split, text, wrong=False)
