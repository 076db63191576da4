"""Plots as PNG files: bars, heat maps and lines, without a window and without global state."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np

from urban_segmentor.errors import MissingExtraError
from urban_segmentor.visualization.palette import lighten

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Text
    from numpy.typing import NDArray

    from urban_segmentor.structures.color import Rgb

_DPI = 120
_GROUP = 0.8  # of a row is taken by its bars, the rest is air
_PALER = (0.0, 0.55, 0.75, 0.87)
_GREY: Rgb = (90, 90, 90)
_INK, _FRAME = "#202020", "#909090"
_DARK = 0.55  # share from which white figures read better than black ones on a heat map


def new_figure(width_inch: float, height_inch: float) -> Figure:
    """Return an empty figure that pyplot knows nothing about, so that nothing has to close it.

    Args:
        width_inch: Across; an inch has 120 pixels.
        height_inch: Down.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
        from matplotlib.figure import Figure  # noqa: PLC0415
    except ImportError as error:
        raise MissingExtraError("matplotlib", extra="eval") from error
    figure = Figure(
        figsize=(width_inch, height_inch), dpi=_DPI, layout="constrained", facecolor="white"
    )
    FigureCanvasAgg(figure)
    return figure


def figure_png(figure: Figure) -> bytes:
    """Return a figure as a PNG file, the same bytes for the same figure."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=_DPI, metadata={"Software": None})
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
    figure = new_figure(8.5, 1.3 + len(names) * max(0.27, 0.17 * len(series)))
    axes = figure.subplots()
    rows = np.arange(len(names))
    for index, (label, values) in enumerate(series.items()):
        paler = _PALER[min(index, len(_PALER) - 1)]
        bars = axes.barh(
            rows - _GROUP / 2 + thick * (index + 0.5),
            values,
            height=thick,
            color=[_share(lighten(color, paler)) for color in colors],
            edgecolor=_INK,
            linewidth=0.4,
        )
        texts = [number(value) for value in values]
        axes.bar_label(bars, texts, padding=3, size=7 if len(series) > 1 else 8)
        # The bars have many colors: grey ones stand for their series in the legend.
        grey = _share(lighten(_GREY, paler))
        axes.barh([0], [0], color=grey, edgecolor=_INK, linewidth=0.4, label=label)
    axes.set_yticks(rows, names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    if logarithmic and any(value > 0 for values in series.values() for value in values):
        axes.set_xscale("log")
    axes.margins(x=0.12)
    if len(series) > 1:
        legend = axes.legend(
            loc="lower right",
            bbox_to_anchor=(1.0, 1.0),  # beside the title, where no bar can be
            ncols=len(series),
            fontsize="small",
            frameon=False,
        )
        keep_text_literal(legend.get_texts())
    keep_text_literal(axes.get_yticklabels())
    finish_axes(axes, title=title, across=unit)
    axes.grid(axis="x", alpha=0.3)
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
    figure = new_figure(2.4 + 0.48 * len(columns), 1.6 + 0.3 * len(rows))
    axes = figure.subplots()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    longest = max((len(name) for name in columns), default=0)
    turn = 90 if longest > 6 else 0
    axes.set_xticks(range(len(columns)), columns, rotation=turn)
    axes.set_yticks(range(len(rows)), rows)
    keep_text_literal([*axes.get_xticklabels(), *axes.get_yticklabels()])
    for (row, column), share in np.ndenumerate(shares):
        if share >= 0.005:  # smaller ones would read 0; also false for NaN
            ink = "white" if share > _DARK else "black"
            text = f"{100 * share:.0f}"
            axes.text(column, row, text, ha="center", va="center", size=8, color=ink)
    finish_axes(axes, title=title, across=across, down=down)
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
    figure = new_figure(8.5, 5.0)
    axes = figure.subplots()
    kinds = ("-", "--", "-.", ":")
    for index, ((name, (x, y)), color) in enumerate(zip(curves.items(), colors, strict=True)):
        kind = kinds[index % len(kinds)]
        axes.plot(x, y, color=_share(color), linestyle=kind, linewidth=1.8, label=name)
    if logarithmic:
        axes.set_xscale("log")
    if limits is not None:
        axes.set_ylim(*limits)
    if curves:
        legend = axes.legend(
            loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize="small", frameon=False
        )
        keep_text_literal(legend.get_texts())
    finish_axes(axes, title=title, across=across, down=down)
    axes.grid(alpha=0.3)
    return figure_png(figure)


def finish_axes(axes: Axes, *, title: str, across: str, down: str = "") -> None:
    """Set title and axis labels of a plot, and remove the frame that is not needed.

    Args:
        axes: The plot.
        title: Above it.
        across: What its horizontal axis shows.
        down: What its vertical axis shows.
    """
    heading = axes.set_title(title, loc="left", size=11, weight="bold")
    keep_text_literal([heading, axes.set_xlabel(across), axes.set_ylabel(down)])
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(_FRAME)


def keep_text_literal(texts: Iterable[Text]) -> None:
    """Disable math markup in texts: a dollar sign starts no formula."""
    for text in texts:
        text.set_parse_math(False)


def _share(color: Rgb) -> tuple[float, float, float]:
    """Return a color in matplotlib's range, 0..1."""
    red, green, blue = (value / 255 for value in color)
    return red, green, blue
