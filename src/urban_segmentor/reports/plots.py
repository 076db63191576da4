"""Plots as PNG files in one style: bars, heat maps and lines, without a window."""

from __future__ import annotations

import io
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from urban_segmentor.errors import MissingExtraError
from urban_segmentor.visualization.palette import lighten

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.typing import LineStyleType
    from numpy.typing import NDArray

    from urban_segmentor.structures.color import Rgb

INK = "#202020"
"""Of texts and outlines."""

_STYLE: dict[str, Any] = {
    "figure.dpi": 120,
    "savefig.dpi": "figure",
    "figure.constrained_layout.use": True,
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same on every machine
    "font.size": 9,
    "text.color": INK,
    "text.parse_math": False,  # a dollar sign in a name starts no formula
    "axes.labelcolor": INK,
    "axes.titlelocation": "left",
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.edgecolor": "#909090",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.alpha": 0.3,
    # The colors of Okabe and Ito: told apart by all kinds of sight, and by how light they are.
    "axes.prop_cycle": "cycler('color', ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', "
    "'#56b4e9', '#7f7f7f', '#000000']) + "
    "cycler('linestyle', ['-', '--', '-.', ':', '-', '--', '-.', ':'])",
    "lines.linewidth": 1.8,
    "legend.frameon": False,
    "legend.fontsize": 8,
}
_GROUP = 0.8  # of a row is taken by its bars, the rest is air
_PALER = (0.0, 0.55, 0.75, 0.87)
_GREY: Rgb = (90, 90, 90)
_DARK = 0.55  # share from which white figures read better than black ones on a heat map
_LINES: tuple[LineStyleType, ...] = (
    *("-", "--", "-.", ":"),
    *((0, dashes) for dashes in ((8, 2, 2, 2, 2, 2), (10, 3), (1, 3), (5, 1))),
)


@contextmanager
def new_figure(width_inch: float, height_inch: float) -> Generator[Figure]:
    """Return a context in which all is drawn in one style, with an empty figure.

    The reader's own settings of matplotlib do not count inside. pyplot knows nothing about the
    figure, so that nothing has to close it.

    Args:
        width_inch: Across; an inch has 120 pixels.
        height_inch: Down.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    try:
        from matplotlib import style  # noqa: PLC0415
        from matplotlib.figure import Figure  # noqa: PLC0415
    except ImportError as error:
        raise MissingExtraError("matplotlib", extra="eval") from error
    with style.context(_STYLE, after_reset=True):
        yield Figure(figsize=(width_inch, height_inch))


def figure_png(figure: Figure) -> bytes:
    """Return a figure as a PNG file, the same bytes for the same figure.

    Args:
        figure: Of `new_figure`, whose context is still open.
    """
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def bars_png(  # noqa: PLR0913
    names: Sequence[str],
    series: Mapping[str, Sequence[float]],
    *,
    colors: Sequence[Rgb],
    title: str,
    unit: str,
    logarithmic: bool = False,
    number: Callable[[float], str] = "{:,.0f}".format,
) -> bytes:
    """Return horizontal bars as a PNG: a row for each name, and in it a bar for each series.

    Args:
        names: N names, the first at the top.
        series: N values, none negative, by the name of the series; of several, the first has the
            full color and the others are paler.
        colors: The color of each name.
        title: What is to be seen.
        unit: What the values count.
        logarithmic: True for values over several powers of ten; zeros have no bar then.
        number: Writes a value behind its bar.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    thick = _GROUP / max(len(series), 1)
    outline: dict[str, Any] = {"edgecolor": INK, "linewidth": 0.4}
    with new_figure(8.5, 1.3 + len(names) * max(0.27, 0.17 * len(series))) as figure:
        axes = figure.subplots()
        rows = np.arange(len(names))
        for index, (label, values) in enumerate(series.items()):
            paler = _PALER[min(index, len(_PALER) - 1)]
            at = rows - _GROUP / 2 + thick * (index + 0.5)
            fills = [_share(lighten(color, paler)) for color in colors]
            bars = axes.barh(at, values, height=thick, color=fills, **outline)
            texts = [number(value) for value in values]
            axes.bar_label(bars, texts, padding=3, size=7 if len(series) > 1 else 8)
            # The bars have many colors: grey ones stand for their series in the legend.
            axes.barh([0], [0], color=_share(lighten(_GREY, paler)), label=label, **outline)
        axes.set_yticks(rows, names)
        axes.set_ylim(len(names) - 0.4, -0.6)
        if logarithmic and any(value > 0 for values in series.values() for value in values):
            _count_by_tens(axes)
        axes.margins(x=0.12)
        if len(series) > 1:
            # Beside the title, where no bar can be.
            axes.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=len(series))
        axes.set(title=title, xlabel=unit)
        axes.grid(visible=False, axis="y")
        axes.tick_params(axis="y", length=0)
        return figure_png(figure)


def heat_map_png(  # noqa: PLR0913
    shares: NDArray[np.float64],
    *,
    rows: Sequence[str],
    columns: Sequence[str],
    title: str,
    across: str = "",
    down: str = "",
) -> bytes:
    """Return a table of shares as a PNG, the darker the larger, with percents written in.

    Args:
        shares: float64 (R, C), in [0, 1]; NaN for an empty cell.
        rows: R names.
        columns: C names, written upright where they are long.
        title: What is to be seen.
        across: What the columns are.
        down: What the rows are.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    longest = max((len(name) for name in columns), default=0)
    with new_figure(2.4 + 0.48 * len(columns), 1.6 + 0.3 * len(rows)) as figure:
        axes = figure.subplots()
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
        axes.set_xticks(range(len(columns)), columns, rotation=90 if longest > 6 else 0)
        axes.set_yticks(range(len(rows)), rows)
        for (row, column), share in np.ndenumerate(shares):
            if share >= 0.005:  # smaller ones would read 0; also false for NaN
                ink = "white" if share > _DARK else "black"
                text = f"{100 * share:.0f}"
                axes.text(column, row, text, ha="center", va="center", size=8, color=ink)
        axes.set(title=title, xlabel=across, ylabel=down)
        axes.grid(visible=False)
        axes.tick_params(length=0)
        return figure_png(figure)


def lines_png(  # noqa: PLR0913
    curves: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    *,
    colors: Sequence[Rgb],
    title: str,
    across: str,
    down: str,
    logarithmic: bool = False,
    limits: tuple[float, float] | None = None,
) -> bytes:
    """Return lines as a PNG, told apart by color and by kind of line.

    Args:
        curves: The values across and down of each line, by its name.
        colors: The color of each line.
        title: What is to be seen.
        across: What is counted across.
        down: What is counted down.
        logarithmic: True for powers of ten across.
        limits: Minimum and maximum of the vertical axis; None to fit the values.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    with new_figure(8.5, 5.0) as figure:
        axes = figure.subplots()
        for index, ((name, (x, y)), color) in enumerate(zip(curves.items(), colors, strict=True)):
            kind = _LINES[index % len(_LINES)]
            axes.plot(x, y, linestyle=kind, color=_share(color), label=name)
        if logarithmic:
            _count_by_tens(axes)
        if limits is not None:
            axes.set_ylim(*limits)
        if curves:
            axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), handlelength=3.5)
        axes.set(title=title, xlabel=across, ylabel=down)
        return figure_png(figure)


def _count_by_tens(axes: Axes) -> None:
    """Give a plot powers of ten across, written as plain numbers rather than as formulas."""
    from matplotlib.ticker import NullFormatter, StrMethodFormatter  # noqa: PLC0415

    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.9g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())


def _share(color: Rgb) -> tuple[float, float, float]:
    """Return a color in matplotlib's range, 0..1."""
    red, green, blue = (value / 255 for value in color)
    return red, green, blue
