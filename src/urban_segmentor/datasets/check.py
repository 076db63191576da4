"""All that is wrong with a data set, every finding named."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from urban_segmentor.datasets.parallel import in_parallel

if TYPE_CHECKING:
    from collections.abc import Callable

    from urban_segmentor.datasets.findings import Finding, FindingKind, SampleInspection
    from urban_segmentor.datasets.samples import Sample, SampleSet

_SUMMARIES: dict[FindingKind, str] = {
    "outside": "polygons that reach out of the picture",
    "size": "pictures of another size than their polygons",
    "deleted": "objects that are marked as deleted",
    "dummy": "no labels of any training class",
    "missing": "no labels",
}
_MAX_NAMED = 20


@dataclass(slots=True, kw_only=True)
class SplitCounts:
    """What a group or a split has.

    Attributes:
        images: Pictures.
        labels: Pictures or frames with labels.
    """

    images: int = 0
    labels: int = 0


@dataclass(slots=True, kw_only=True)
class CheckReport:
    """What a data set has, and what is wrong with it.

    Attributes:
        groups: Counts by split and group: by cities, folders or files.
        findings: What is wrong, and what is only worth knowing.
        sizes: How many pictures have which height and width, pixels.
    """

    groups: dict[str, dict[str, SplitCounts]] = field(
        default_factory=dict[str, dict[str, SplitCounts]]
    )
    findings: list[Finding] = field(default_factory=list["Finding"])
    sizes: Counter[tuple[int, int]] = field(default_factory=Counter[tuple[int, int]])

    def of_split(self, split: str) -> SplitCounts:
        """Return what the groups of a split have together."""
        groups = self.groups[split].values()
        return SplitCounts(
            images=sum(count.images for count in groups),
            labels=sum(count.labels for count in groups),
        )

    @property
    def problems(self) -> list[Finding]:
        """What is wrong."""
        return [finding for finding in self.findings if finding.wrong]

    @property
    def notes(self) -> list[Finding]:
        """What is only worth knowing."""
        return [finding for finding in self.findings if not finding.wrong]

    def summarize_notes(self) -> list[str]:
        """Return one sentence for each kind of what is only worth knowing."""
        by_kind: dict[FindingKind, list[Finding]] = {}
        for finding in self.notes:
            by_kind.setdefault(finding.kind, []).append(finding)
        sentences: list[str] = []
        for found in by_kind.values():
            first = found[0]
            if first.kind == "left out":  # files, not frames
                sentences += [str(finding) for finding in found[:_MAX_NAMED]]
                if len(found) > _MAX_NAMED:
                    more = len(found) - _MAX_NAMED
                    sentences.append(f"{more:,} more files are left out like these")
            elif len(found) > 1 and "/" in first.where:  # frames, not splits
                what = _SUMMARIES.get(first.kind, f"the note {first.kind}")
                example = f"for instance `{first.where}`: {first.text}"
                sentences.append(f"{len(found):,} frames have {what}; {example}")
            else:
                sentences += [str(finding) for finding in found]
        return sentences


def check(
    samples: SampleSet,
    *,
    workers: int | None = None,
    stop: Callable[[], bool] = lambda: False,
    on_frame: Callable[[], None] = lambda: None,
) -> CheckReport:
    """Return what a data set has and what is wrong with it; every file is read.

    Args:
        samples: The data set.
        workers: How many processes; None for one a core.
        stop: True to end early.
        on_frame: Called after each frame.

    Raises:
        WorkerError: A process died.
    """
    report = CheckReport()
    for sample in samples.samples:
        groups = report.groups.setdefault(sample.split, {})
        count = groups.setdefault(sample.group, SplitCounts())
        count.images += sample.image_path is not None
        count.labels += sample.has_labels
    found: dict[str, list[Finding]] = {}
    for sample, seen in in_parallel(_inspect, samples.samples, workers=workers, stop=stop):
        found.setdefault(sample.name, []).extend(seen.findings)
        if seen.size is not None:
            report.sizes[seen.size] += 1
        on_frame()
    report.findings = [
        *(finding for finding in samples.findings if finding.wrong),
        *(finding for name in sorted(found) for finding in found[name]),
        *(finding for finding in samples.findings if not finding.wrong),
    ]
    return report


def _inspect(sample: Sample) -> SampleInspection:
    return sample.inspect()
