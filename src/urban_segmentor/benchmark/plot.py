"""Plot of speed against AP or, without AP, of the time of each stage."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from urban_segmentor.reports.plots import figure_png, finish_axes, keep_text_literal, new_figure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from urban_segmentor.benchmark.plan import BenchmarkCandidate
    from urban_segmentor.benchmark.results import BenchmarkRow, SpeedFigures

_COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f7f7f", "#000000")
_MARKERS = ("o", "s", "^", "D", "v", "P")
_STAGE_COLORS = {
    "preprocess": "#e69f00",
    "infer": "#0072b2",
    "postprocess": "#cc79a7",
    "masks": "#009e73",
}
_INK = "#202020"
_MIN_SPAN = 4.0  # AP points up and down, so that a tenth of a point does not look like much
_NEAR_PX = 34  # labels that are nearer to one another cannot be read
_OFFSETS = ((0, 11), (0, -19), (20, -4), (-20, -4))  # points from the middle of a marker


class _Point(NamedTuple):
    fps: float
    ap: float
    size: str


def plot_png(rows: Sequence[BenchmarkRow], *, recommended: int | None, title: str) -> bytes:
    """Return a plot of the benchmark as a PNG file.

    Args:
        rows: At least one with a speed.
        recommended: Number of the row that gets a ring, or None.
        title: What is to be seen.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    if any(_point(row) for row in rows):
        return figure_png(_against_ap(rows, recommended, title))
    return figure_png(_stage_bars(rows, title))


def _against_ap(rows: Sequence[BenchmarkRow], recommended: int | None, title: str) -> Figure:
    """Return a plot of AP over speed: a line per model and runtime, a point per input size."""
    lines: dict[str, list[_Point]] = {}
    for row in rows:
        point = _point(row)
        if row.candidate is not None and point is not None:
            lines.setdefault(_setup(row.candidate), []).append(point)
    figure = new_figure(9.5, 5.2)
    axes = figure.subplots()
    for position, (name, points) in enumerate(lines.items()):
        axes.plot(
            [point.fps for point in points],
            [point.ap for point in points],
            color=_COLORS[position % len(_COLORS)],
            marker=_MARKERS[position % len(_MARKERS)],
            markersize=7,
            linewidth=1.2,
            alpha=0.9,
            label=name,
        )
    chosen = None if recommended is None else _point(rows[recommended])
    if chosen is not None:
        axes.scatter(
            [chosen.fps],
            [chosen.ap],
            s=230,
            facecolors="none",
            edgecolors=_INK,
            linewidths=1.6,
            label="recommended",
        )
    all_points = [point for points in lines.values() for point in points]
    _widen(axes, all_points)
    legend = axes.legend(
        loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize="small", frameon=False
    )
    keep_text_literal(legend.get_texts())
    across = "pictures a second, one at a time; labels: long side of the input, pixels"
    finish_axes(axes, title=title, across=across, down="instance AP, %")
    axes.grid(alpha=0.3)
    _label(figure, axes, all_points)
    return figure


def _widen(axes: Axes, points: Sequence[_Point]) -> None:
    """Set axis limits with margins around all points, and a minimum span of AP."""
    aps, speeds = [point.ap for point in points], [point.fps for point in points]
    middle, span = (min(aps) + max(aps)) / 2, max(1.3 * (max(aps) - min(aps)), _MIN_SPAN)
    low = max(middle - span / 2, 0 if min(aps) > 0 else -0.3)
    axes.set_ylim(low, max(middle + span / 2, low + _MIN_SPAN))
    axes.set_xlim(0, 1.1 * max(speeds))


def _label(figure: Figure, axes: Axes, points: Sequence[_Point]) -> None:
    """Label points with their input size where no other label is near."""
    figure.draw_without_rendering()  # the layout is settled then
    figure.set_layout_engine("none")
    shape = [(point.fps, point.ap) for point in points]
    spots: list[tuple[float, float]] = [tuple(spot) for spot in axes.transData.transform(shape)]
    written: list[tuple[float, float, str]] = []
    scale = figure.dpi / 72
    for point, (x, y) in zip(points, spots, strict=True):
        if any(_is_near((x, y), (a, b)) for a, b, size in written if size == point.size):
            continue
        free = [
            position
            for position in _OFFSETS
            if not any(
                _is_near((x + position[0] * scale, y + position[1] * scale), other, part=0.55)
                for other in [*spots, *((a, b) for a, b, _ in written)]
                if other != (x, y)
            )
        ]
        across, up = free[0] if free else _OFFSETS[0]
        axes.annotate(
            point.size,
            (point.fps, point.ap),
            xytext=(across, up),
            textcoords="offset points",
            ha="center",
            size=8,
            color=_INK,
        )
        written.append((x + across * scale, y + up * scale, point.size))


def _is_near(one: tuple[float, float], other: tuple[float, float], *, part: float = 1.0) -> bool:
    limit = part * _NEAR_PX
    return abs(one[0] - other[0]) < limit and abs(one[1] - other[1]) < limit


def _stage_bars(rows: Sequence[BenchmarkRow], title: str) -> Figure:
    """Return a plot of latency: a stacked bar of stages per row."""
    timed = [(row.candidate, row.speed) for row in rows if row.candidate and row.speed]
    figure = new_figure(9.5, 1.5 + 0.34 * max(len(timed), 2))
    axes = figure.subplots()
    ends = [0.0] * len(timed)
    for stage, color in _STAGE_COLORS.items():
        times = [_time_ms(speed, stage) for _, speed in timed]
        axes.barh(
            range(len(timed)),
            times,
            left=ends,
            height=0.7,
            color=color,
            edgecolor="white",
            linewidth=0.5,
            label=stage,
        )
        ends = [end + time for end, time in zip(ends, times, strict=True)]
    for position, ((_, speed), end) in enumerate(zip(timed, ends, strict=True)):
        text = f"{speed.p50_ms:.1f} ms, {speed.fps:.1f} fps"
        axes.annotate(
            text, (end, position), xytext=(4, 0), textcoords="offset points", va="center", size=8
        )
    names = [f"{_setup(candidate)}, {candidate.imgsz}" for candidate, _ in timed]
    axes.set_yticks(range(len(timed)), names)
    axes.set_ylim(len(timed) - 0.4, -0.6)
    axes.set_xlim(0, 1.28 * max(ends, default=1.0))
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize="small", frameon=False)
    keep_text_literal(axes.get_yticklabels())
    finish_axes(axes, title=title, across="milliseconds a picture, medians; one picture at a time")
    axes.grid(axis="x", alpha=0.3)
    axes.tick_params(axis="y", length=0)
    return figure


def _time_ms(speed: SpeedFigures, stage: str) -> float:
    return speed.stages[stage]["p50_ms"] if stage in speed.stages else 0.0


def _point(row: BenchmarkRow) -> _Point | None:
    """Return the point of a row, or None without speed and AP."""
    if not row.candidate or not row.speed or not row.accuracy or row.accuracy.ap is None:
        return None
    return _Point(row.speed.fps, 100 * row.accuracy.ap, str(row.candidate.imgsz))


def _setup(candidate: BenchmarkCandidate) -> str:
    """Return model, runtime, device and precision as a label."""
    name = candidate.file.name if len(candidate.file.name) < 24 else candidate.file.path.name
    where = "" if candidate.device == "cpu" else f" on {candidate.device}"
    kept = " int8 with" if candidate.file.is_quantized else ""
    return f"{name}, {candidate.runtime}{where},{kept} {candidate.computes_in}"
