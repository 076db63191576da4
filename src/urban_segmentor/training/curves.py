"""Plots of losses and metrics of a training over its epochs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from urban_segmentor.reports.plots import figure_png, new_figure
from urban_segmentor.training.run_folder import has_metrics

if TYPE_CHECKING:
    from collections.abc import Sequence

_PANELS = (
    ("Loss on training pictures", "train/", "_loss"),
    ("Loss on validation pictures", "val/", "_loss"),
    ("Average precision (framework's)", "metrics/mAP", ""),
    ("Precision and recall (framework's)", "metrics/", ""),
)


def curves_png(rows: Sequence[dict[str, float]]) -> bytes:
    """Return plots of losses, AP, precision and recall over the epochs, as a PNG file.

    Args:
        rows: Rows of `results.csv`, one per epoch.
    """
    from matplotlib.ticker import MaxNLocator

    with new_figure(10, 6.4) as figure:
        plotted: set[str] = set()
        for axes, (title, prefix, suffix) in zip(figure.subplots(2, 2).flat, _PANELS, strict=True):
            shown = [row for row in rows if prefix == "train/" or has_metrics(row)]
            epochs = [row["epoch"] for row in shown]
            for name in rows[0]:
                if not (name.startswith(prefix) and name.endswith(suffix)) or name in plotted:
                    continue
                plotted.add(name)
                values = [row.get(name, float("nan")) for row in shown]
                if any(values):
                    label = name.removeprefix(prefix if suffix else "metrics/")
                    marker = "o" if len(rows) < 30 else None
                    label = _readable(label.removesuffix("_loss"))
                    axes.plot(epochs, values, label=label, marker=marker, ms=3)
            axes.set(title=title, xlabel="epoch")
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
            if axes.lines:
                axes.legend()
        return figure_png(figure)


def panoptic_curves_png(rows: Sequence[dict[str, float]]) -> bytes:
    """Return plots of a panoptic training over its hours: losses, and figures of `val`, as a PNG.

    Args:
        rows: Rows of `results.csv`, one per epoch.
    """
    panels = (("Loss on training pictures", "train/"), ("Figures of validation", "metrics/"))
    with new_figure(10, 3.4) as figure:
        for axes, (title, prefix) in zip(figure.subplots(1, 2).flat, panels, strict=True):
            for name in (name for name in rows[0] if name.startswith(prefix)):
                points = [(row["hours"], row.get(name, math.nan)) for row in rows]
                points = [point for point in points if not math.isnan(point[1])]
                if points:
                    label = name.removeprefix(prefix).removesuffix("_loss")
                    axes.plot(*zip(*points, strict=True), label=label, marker="o", ms=3)
            axes.set(title=title, xlabel="hours of training")
            if axes.lines:
                axes.legend()
        return figure_png(figure)


def _readable(name: str) -> str:
    return name.replace("(B)", " of boxes").replace("(M)", " of masks")
