"""Plot of speed against AP or, without AP, of the time of each stage."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from urban_segmentor.reports.plots import INK, figure_png, new_figure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from urban_segmentor.benchmark.plan import BenchmarkCandidate
    from urban_segmentor.benchmark.results import BenchmarkRow, SpeedFigures

_MARKERS = ("o", "s", "^", "D", "v", "P")
_STAGE_COLORS = {
    "preprocess": "#e69f00",
    "infer": "#0072b2",
    "postprocess": "#cc79a7",
    "masks": "#009e73",
}
_MIN_SPAN = 4.0  # AP points up and down, so that a tenth of a point does not look like much
_AREA, _AREA_STEP, _RING = 45, 55, 170  # square points: of the smallest input, and what is added


class _Point(NamedTuple):
    fps: float
    ap: float
    imgsz: int


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
        return _against_ap_png(rows, recommended, title)
    return _stages_png(rows, title)


def _against_ap_png(rows: Sequence[BenchmarkRow], recommended: int | None, title: str) -> bytes:
    """Return a plot of AP over speed: a line per model and runtime, a point per input size."""
    lines: dict[str, list[_Point]] = {}
    for row in rows:
        point = _point(row)
        if row.candidate is not None and point is not None:
            lines.setdefault(_setup(row.candidate), []).append(point)
    points = [point for line in lines.values() for point in line]
    sizes = sorted({point.imgsz for point in points})
    areas = {size: _AREA + _AREA_STEP * i for i, size in enumerate(sizes)}
    with new_figure(9.5, 5.2) as figure:
        axes = figure.subplots()
        for position, (name, line) in enumerate(lines.items()):
            fps, ap = [point.fps for point in line], [point.ap for point in line]
            (drawn,) = axes.plot(fps, ap, linewidth=1.2)
            axes.scatter(
                fps,
                ap,
                s=[areas[point.imgsz] for point in line],
                color=drawn.get_color(),
                marker=_MARKERS[position % len(_MARKERS)],
                alpha=0.9,
                label=name,
            )
        if len(sizes) > 1:
            for size, area in areas.items():
                axes.scatter([], [], s=area, color="#a0a0a0", label=f"input of {size} pixels")
        chosen = None if recommended is None else _point(rows[recommended])
        if chosen is not None:
            axes.scatter(
                chosen.fps,
                chosen.ap,
                s=areas[chosen.imgsz] + _RING,
                facecolors="none",
                edgecolors=INK,
                label="recommended",
            )
        _widen(axes, points)
        axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), labelspacing=1.0)
        axes.set(title=title, xlabel="pictures a second, one at a time", ylabel="instance AP, %")
        return figure_png(figure)


def _widen(axes: Axes, points: Sequence[_Point]) -> None:
    """Set axis limits with margins around all points, and a minimum span of AP."""
    aps, speeds = [point.ap for point in points], [point.fps for point in points]
    middle, span = (min(aps) + max(aps)) / 2, max(1.3 * (max(aps) - min(aps)), _MIN_SPAN)
    low = max(middle - span / 2, 0 if min(aps) > 0 else -0.3)
    axes.set_ylim(low, max(middle + span / 2, low + _MIN_SPAN))
    axes.set_xlim(0, 1.1 * max(speeds))


def _stages_png(rows: Sequence[BenchmarkRow], title: str) -> bytes:
    """Return a plot of latency: a stacked bar of stages per row."""
    timed = [(row.candidate, row.speed) for row in rows if row.candidate and row.speed]
    with new_figure(9.5, 1.5 + 0.34 * max(len(timed), 2)) as figure:
        axes = figure.subplots()
        ends = [0.0] * len(timed)
        at = range(len(timed))
        for stage, color in _STAGE_COLORS.items():
            times = [_time_ms(speed, stage) for _, speed in timed]
            axes.barh(
                at, times, left=ends, height=0.7, color=color, edgecolor="white", linewidth=0.5,
                label=stage,
            )  # fmt: skip
            ends = [end + time for end, time in zip(ends, times, strict=True)]
        for position, ((_, speed), end) in enumerate(zip(timed, ends, strict=True)):
            text = f"  {speed.p50_ms:.1f} ms, {speed.fps:.1f} fps"
            axes.text(end, position, text, va="center", size=8)
        names = [f"{_setup(candidate)}, {candidate.imgsz}" for candidate, _ in timed]
        axes.set_yticks(at, names)
        axes.set_ylim(len(timed) - 0.4, -0.6)
        axes.set_xlim(0, 1.28 * max(ends, default=1.0))
        axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
        axes.set(title=title, xlabel="milliseconds a picture, medians; one picture at a time")
        axes.grid(visible=False, axis="y")
        axes.tick_params(axis="y", length=0)
        return figure_png(figure)


def _time_ms(speed: SpeedFigures, stage: str) -> float:
    return speed.stages[stage]["p50_ms"] if stage in speed.stages else 0.0


def _point(row: BenchmarkRow) -> _Point | None:
    """Return the point of a row, or None without speed and AP."""
    if not row.candidate or not row.speed or not row.accuracy or row.accuracy.ap is None:
        return None
    return _Point(row.speed.fps, 100 * row.accuracy.ap, row.candidate.imgsz)


def _setup(candidate: BenchmarkCandidate) -> str:
    """Return model, runtime, device and precision as a label."""
    name = candidate.file.name if len(candidate.file.name) < 24 else candidate.file.path.name
    where = "" if candidate.device == "cpu" else f" on {candidate.device}"
    kept = " int8 with" if candidate.file.is_quantized else ""
    return f"{name}, {candidate.runtime}{where},{kept} {candidate.computes_in}"
