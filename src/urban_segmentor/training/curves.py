"""Plots of losses and metrics of a training over its epochs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from urban_segmentor.reports.plots import figure_png, finish_axes, new_figure
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

    figure = new_figure(10, 6.4)
    plotted: set[str] = set()
    for index, (title, prefix, suffix) in enumerate(_PANELS, start=1):
        axes = figure.add_subplot(2, 2, index)
        shown = [row for row in rows if prefix == "train/" or has_metrics(row)]
        epochs = [row["epoch"] for row in shown]
        for name in rows[0]:
            if not (name.startswith(prefix) and name.endswith(suffix)) or name in plotted:
                continue
            plotted.add(name)
            values = [row.get(name, float("nan")) for row in shown]
            if any(values):
                label = name.removeprefix(prefix if suffix else "metrics/").removesuffix("_loss")
                marker = "o" if len(rows) < 30 else None
                axes.plot(epochs, values, label=_readable(label), marker=marker, ms=3)
        finish_axes(axes, title=title, across="epoch")
        axes.tick_params(labelsize=8)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.25)
        if axes.lines:
            axes.legend(fontsize=8, frameon=False)
    return figure_png(figure)


def _readable(name: str) -> str:
    return name.replace("(B)", " of boxes").replace("(M)", " of masks")
