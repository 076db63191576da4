"""The stage and the renderer of the live view: each follows what viewers set, frame by frame."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.apps.live.fakes import CLASSES, SIZE, Model, image
from urban_segmentor.apps.live.view_controls import ViewControls, ViewState
from urban_segmentor.apps.live.view_stages import ViewFilter, ViewRenderer
from urban_segmentor.structures.classes import ClassList
from urban_segmentor.structures.frame import Frame, Yuv420
from urban_segmentor.visualization.live_stats import LiveStats
from urban_segmentor.visualization.overlay import Overlay
from urban_segmentor.visualization.style import OverlayStyle

if TYPE_CHECKING:
    from urban_segmentor.result import Result

STYLE = OverlayStyle(opacity=0.7, outlines=False, labels=False)
STATS = LiveStats(is_live=True, fps=25.0, latency_ms=40.0, state="live")


def found(pixels: Yuv420 | np.ndarray | None = None) -> Result:
    """Return a result with a car, a person and the road."""
    return Model()(Frame(pixels=image(3) if pixels is None else pixels))


def luma(pixels: object) -> np.ndarray:
    """Return the Y plane, uint8 (H, W)."""
    assert isinstance(pixels, Yuv420)
    return pixels.y


@pytest.mark.parametrize(
    "classes", [None, (), ("person",), ("road", "car"), ("car", "person", "road")]
)
def test_the_filter_leaves_the_classes_of_the_view(classes: tuple[str, ...] | None) -> None:
    """In their order; the frame and the times stay, and all classes give the result as it came."""
    controls, result = ViewControls(CLASSES), found()
    stage = ViewFilter(controls)
    controls.set_classes(classes)
    stage.reset()
    kept = stage(result)
    wanted = [name for name in CLASSES.names if classes is None or name in classes]
    assert [instance.class_name for instance in kept] == wanted
    assert kept.frame is result.frame
    assert kept.milliseconds == result.milliseconds
    assert len(result) == 3
    if classes is None:
        assert kept is result


def test_the_filter_follows_the_view() -> None:
    """The next frame has what was set meanwhile."""
    controls, result = ViewControls(CLASSES), found()
    stage, counts = ViewFilter(controls), list[int]()
    for classes in (None, ["road"], [], None):
        controls.set_classes(classes)
        counts.append(len(stage(result)))
    assert counts == [3, 1, 0, 3]


def test_classes_of_one_name_are_filtered_together() -> None:
    """Each id of a name counts where a model has the name twice."""
    twice = ClassList.from_names(["car", "person", "car"])
    result = found()
    result = result.with_instances(replace(result.instances, classes=twice))
    controls = ViewControls(twice)
    controls.set_classes(["car"])
    assert ViewFilter(controls)(result).instances.class_ids.tolist() == [0, 2]


@pytest.mark.parametrize("masks_only", [False, True])
def test_the_renderer_draws_in_the_style_or_masks_alone(masks_only: bool) -> None:  # noqa: FBT001
    """Without figures it is the overlay, to the last pixel; the frame is left as it was."""
    result = found()
    before = luma(result.frame.pixels).copy()
    controls = ViewControls(CLASSES, view=ViewState(figures=False))
    renderer = ViewRenderer(controls, style=STYLE, stats=lambda: pytest.fail("nobody asked"))
    controls.set_masks_only(masks_only)
    drawn = renderer(result.frame, result)
    style = replace(STYLE, masks_only=masks_only)
    wanted = Overlay(style=style)(result.frame, result)
    for plane in ("y", "u", "v"):
        np.testing.assert_array_equal(getattr(drawn, plane), getattr(wanted, plane))
    np.testing.assert_array_equal(luma(result.frame.pixels), before)
    assert (luma(drawn) != before).any()


def test_the_two_styles_differ() -> None:
    """Or the test above would prove nothing: boxes are drawn in one of them."""
    result = found()
    controls = ViewControls(CLASSES, view=ViewState(figures=False))
    renderer = ViewRenderer(controls, style=STYLE, stats=lambda: STATS)
    usual = luma(renderer(result.frame, result))
    controls.set_masks_only(True)
    assert (luma(renderer(result.frame, result)) != usual).any()


@pytest.mark.parametrize("as_rgb", [False, True])
def test_figures_lie_over_the_overlay(as_rgb: bool) -> None:  # noqa: FBT001
    """They are read for every frame, and go when a viewer hides them."""
    asked: list[int] = []

    def stats() -> LiveStats:
        asked.append(1)
        return STATS

    size = (SIZE[0] * 10, SIZE[1] * 10)
    rgb = np.full((*size, 3), 90, dtype=np.uint8)
    result = found(rgb if as_rgb else Yuv420.from_rgb(rgb))
    controls = ViewControls(CLASSES)
    renderer = ViewRenderer(controls, style=STYLE, stats=stats)
    with_figures = [renderer(result.frame, result) for _ in range(2)]
    assert len(asked) == 2
    controls.set_figures(False)
    without = renderer(result.frame, result)
    assert len(asked) == 2
    changed = Frame(pixels=with_figures[0]).image != Frame(pixels=without).image
    assert changed.any()
    assert not changed[size[0] // 2 :, size[1] // 2 :].any()
    assert type(with_figures[0]) is type(without) is type(result.frame.pixels)
