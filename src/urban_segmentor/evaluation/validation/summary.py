"""What came out, as plain JSON and as tables."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from urban_segmentor.reports.tables import ReportTable, markdown_table, stage_times

if TYPE_CHECKING:
    from collections.abc import Mapping

    from urban_segmentor.evaluation.metrics.coco_ap import CocoFigures
    from urban_segmentor.evaluation.metrics.evaluator import Evaluation
    from urban_segmentor.evaluation.metrics.panoptic_quality import QualityScores

RULES = "rules of cityscapesScripts 2.3.0, computed by urban-segmentor"
COCO_RULES = "rules of pycocotools, computed by faster-coco-eval"
_DIGITS = 9


def figures(evaluation: Evaluation) -> dict[str, Any]:
    """Return all figures as fractions; None for what does not occur or was not predicted."""
    instance, panoptic = evaluation.instance, evaluation.panoptic
    semantic, coco = evaluation.semantic, evaluation.coco
    return {
        "ap": instance and _fraction(instance.ap),
        "ap50": instance and _fraction(instance.ap50),
        "miou": semantic and _fraction(semantic.miou),
        **(_quality(panoptic) if panoptic else {"pq": None, "sq": None, "rq": None}),
        "images": evaluation.images,
        "ap_by_size": instance and _fractions(instance.by_size),
        "things": panoptic and _quality(panoptic.things),
        "stuff": panoptic and _quality(panoptic.stuff),
        "coco": coco and {"mask": _coco(coco.mask), "box": _coco(coco.box)},
        "classes": {name: _of_class(evaluation, name) for name in evaluation.class_names},
        "ignored": instance
        and {"objects_under_100_px": instance.ignored, "groups": instance.groups},
    }


def headline(summary: Mapping[str, Any]) -> list[str]:
    """Return what a reader must know to compare the figures, a sentence a line.

    Args:
        summary: All figures and what they come from.
    """
    images, in_split = summary["images"], summary["images_in_split"]
    sizes = ", ".join(summary["label_sizes"])
    of_all = "all" if images == in_split else f"only {images} of"
    what = summary.get("model") or f"{summary['predictions']} ({summary['kind']})"
    sized = ""
    if "imgsz" in summary:
        sized = " at {1} x {0}".format(*summary["imgsz"])
    truth = " and ".join(f"{kind} ({count})" for kind, count in summary["truth"].items())
    scored = f"{what}{sized}, {of_all} {in_split} pictures of `{summary['split']}`"
    lines = [f"{scored}; labels: {sizes} pixels, from {truth}"]
    if ignored := summary["ignored"]:
        lines.append(
            f"objects: those of 100 pixels and more; {ignored['objects_under_100_px']} smaller "
            f"ones and {ignored['groups']} groups are neither right nor wrong"
        )
    return [
        *lines,
        *summary.get("notes", ()),
        *_missing(summary),
        _rules(summary),
    ]


def _missing(summary: Mapping[str, Any]) -> list[str]:
    """Return which official figures are missing, and why, where no note says it."""
    if summary.get("notes"):
        return []
    kinds = (
        ("ap_by_size", "instance AP: there are no instances with scores"),
        ("miou", "mIoU: there is no class for each pixel"),
        ("things", "PQ: there are no panoptic maps"),
    )
    return [f"no {why} in these predictions" for key, why in kinds if summary[key] is None]


def _rules(summary: Mapping[str, Any]) -> str:
    """Return by which rules the figures are computed."""
    if not summary.get("notes"):
        return f"AP, PQ, mIoU: {RULES}; COCO: {COCO_RULES}"
    pq = "" if summary["pq"] is None else "PQ: rules of panopticapi, computed by urban-segmentor; "
    return f"{pq}COCO: {COCO_RULES}"


def tables(summary: Mapping[str, Any]) -> list[ReportTable]:
    """Return the figures as tables, in percent, and the time of each stage where a model ran.

    Args:
        summary: All figures and what they come from.
    """
    nothing: dict[str, Any] = {}
    coco: dict[str, Any] = summary["coco"] or nothing
    by_size: dict[str, Any] = summary["ap_by_size"] or nothing
    rows: list[tuple[str, float | None]] = [
        ("instance AP", summary["ap"]),
        ("instance AP50", summary["ap50"]),
        *((f"instance AP, {size}", by_size.get(size)) for size in ("small", "medium", "large")),
        ("mIoU", summary["miou"]),
        *((key.upper(), summary[key]) for key in ("pq", "sq", "rq")),
    ]
    for kind in ("things", "stuff"):
        qualities: dict[str, Any] = summary[kind] or nothing
        rows += [(f"{key.upper()}, {kind}", qualities.get(key)) for key in ("pq", "sq", "rq")]
    for kind in ("mask", "box"):
        for key, name in (("ap", "AP"), ("ap50", "AP50")):
            rows.append((f"COCO {kind} {name}", coco.get(kind, nothing).get(key)))
    only_some = bool(summary.get("notes"))  # which say why the others are missing
    overall = [[name, percent(value)] for name, value in rows if value is not None or not only_some]
    keys = ("ap", "ap50", "pq", "sq", "rq", "iou", "coco_mask_ap", "coco_box_ap")
    by_class = [
        [
            name,
            *(percent(row[key]) for key in keys),
            "" if row["objects"] is None else str(row["objects"]),
        ]
        for name, row in summary["classes"].items()
    ]
    columns = ("AP", "AP50", "PQ", "SQ", "RQ", "IoU", "COCO mask", "COCO box", "objects")
    head = ["class", *columns]
    if only_some:
        shown = [i for i in range(len(head)) if any(row[i] not in {"-", ""} for row in by_class)]
        head, by_class = [head[i] for i in shown], [[row[i] for i in shown] for row in by_class]
    return [
        ReportTable(title="over all classes", head=["", "%"], rows=overall),
        ReportTable(title="by class, %", head=head, rows=by_class),
        *([stage_times(summary["latency"]["stages"])] if "latency" in summary else []),
    ]


def markdown(summary: Mapping[str, Any]) -> str:
    """Return all that was found out as Markdown.

    Args:
        summary: All figures and what they come from.
    """
    parts = [*headline(summary), *(markdown_table(table) for table in tables(summary))]
    if problems := summary["problems"]:
        parts.append("\n".join(["Not scored:", "", *(f"- {problem}" for problem in problems)]))
    return "\n\n".join(parts) + "\n"


def percent(value: float | None) -> str:
    """Return a fraction as percent with one decimal, or a dash.

    >>> percent(0.1234)
    '12.3'
    """
    return "-" if value is None else f"{100 * value:.1f}"


def _of_class(evaluation: Evaluation, name: str) -> dict[str, Any]:
    instance = evaluation.instance and evaluation.instance.classes.get(name)
    panoptic = evaluation.panoptic and evaluation.panoptic.classes[name]
    semantic, coco = evaluation.semantic, evaluation.coco

    return {
        "ap": _fraction(instance.ap) if instance else None,
        "ap50": _fraction(instance.ap50) if instance else None,
        "ap_by_size": _fractions(instance.by_size) if instance else None,
        **(_quality(panoptic) if panoptic else {"pq": None, "sq": None, "rq": None}),
        "iou": _fraction(semantic.classes[name]) if semantic else None,
        "coco_mask_ap": _fraction(coco.mask.classes.get(name, math.nan)) if coco else None,
        "coco_box_ap": _fraction(coco.box.classes.get(name, math.nan)) if coco else None,
        "objects": instance.objects if instance else evaluation.objects.get(name),
        "predictions": instance.predictions if instance else None,
    }


def _coco(figures: CocoFigures) -> dict[str, Any]:
    return {
        "ap": _fraction(figures.ap),
        "ap50": _fraction(figures.ap50),
        "ap75": _fraction(figures.ap75),
        "ap_by_size": _fractions(figures.by_size),
    }


def _quality(quality: QualityScores) -> dict[str, float | None]:
    return {
        "pq": _fraction(quality.pq),
        "sq": _fraction(quality.sq),
        "rq": _fraction(quality.rq),
    }


def _fractions(values: Mapping[str, float]) -> dict[str, float | None]:
    return {name: _fraction(value) for name, value in values.items()}


def _fraction(value: float) -> float | None:
    return None if math.isnan(value) else round(value, _DIGITS)
