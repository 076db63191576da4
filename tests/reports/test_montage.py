"""Pictures put together."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from urban_segmentor.reports.montage import (
    LegendEntry,
    Tile,
    contact_sheet,
    fit_to_box,
    jpeg_bytes,
    png_image_bytes,
    side_by_side,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

RED, GREEN, BLUE = (250, 10, 10), (10, 250, 10), (10, 10, 250)


def plain(color: tuple[int, int, int], height: int, width: int) -> NDArray[np.uint8]:
    """Return a picture of one color."""
    return np.full((height, width, 3), color, dtype=np.uint8)


def count(image: NDArray[np.uint8], color: tuple[int, int, int]) -> int:
    """Return how many pixels have exactly a color."""
    return int(np.count_nonzero((image == color).all(axis=2)))


def test_side_by_side_keeps_every_pixel() -> None:
    """Pictures stand in a row, untouched, in the order given."""
    row = side_by_side([Tile(plain(RED, 90, 120), "one"), Tile(plain(BLUE, 60, 80), "two")])
    assert (count(row, RED), count(row, BLUE)) == (90 * 120, 60 * 80)
    left, right = (np.flatnonzero((row == c).all(axis=2).any(axis=0)) for c in (RED, BLUE))
    assert left.max() < right.min()


def test_a_caption_is_written_above_and_never_over_the_image() -> None:
    """There is ink above, and a long text is cut rather than drawn over the neighbour."""
    tile = plain(RED, 40, 100)
    short = side_by_side([Tile(tile, "a"), Tile(tile, "")])
    long = side_by_side([Tile(tile, "word " * 50), Tile(tile, "")])
    assert short.shape == long.shape
    top = int(np.flatnonzero((long == RED).all(axis=2).any(axis=1))[0])
    first = int(np.flatnonzero((long == RED).all(axis=2).any(axis=0))[0])
    assert (long[:top, first : first + 100] < 128).any()
    assert (long[:top, first + 100 :] == 255).all()


@pytest.mark.parametrize("width", [30, 200, 900])
def test_a_legend_shows_every_color_whatever_the_width(width: int) -> None:
    """Narrow pictures get paper on the right, so that texts fit."""
    legend = [LegendEntry(GREEN, "traffic light 0.05 %"), LegendEntry(BLUE, "sky 1 %")]
    row = side_by_side([Tile(plain(RED, 40, width), "x")], legend=legend)
    assert count(row, RED) == 40 * width
    assert count(row, GREEN) > 50
    assert count(row, BLUE) == count(row, GREEN)


def test_a_contact_sheet_does_not_keep_its_images() -> None:
    """When a picture is asked for, only the one before it may still be there."""
    made: list[weakref.ref[NDArray[np.uint8]]] = []

    def tiles() -> Iterator[Tile]:
        for _ in range(7):
            image = plain(RED, 100, 50)
            made.append(weakref.ref(image))
            yield Tile(image, "x")
            assert sum(one() is not None for one in made) <= 2

    sheet = contact_sheet(tiles(), title="all", columns=3, tile_size=(40, 60))
    assert len(made) == 7
    assert abs(count(sheet, RED) - 7 * 40 * 20) < 7 * 40
    rows = np.flatnonzero((sheet == RED).all(axis=2).any(axis=1))
    assert np.count_nonzero(np.diff(rows) > 1) == 2


def test_an_empty_sheet_has_its_title() -> None:
    """Nothing to show is no error."""
    sheet = contact_sheet([], title="nothing", columns=4)
    assert (sheet < 128).any()


@given(
    st.tuples(st.integers(1, 90), st.integers(1, 90)),
    st.tuples(st.integers(1, 90), st.integers(1, 90)),
)
def test_a_fitted_image_is_whole_and_touches_two_borders(
    own: tuple[int, int], place: tuple[int, int]
) -> None:
    """It has the size of its place, and is as large as it can be."""
    image = fit_to_box(plain(RED, *own), place)
    assert image.shape == (*place, 3)
    inside = (image == RED).all(axis=2)
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    spans = (rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1)
    assert spans[0] == place[0] or spans[1] == place[1]
    assert inside.sum() == spans[0] * spans[1]


def test_files_hold_the_image_in_rgb() -> None:
    """PNG without loss, JPEG nearly so."""
    image = np.random.default_rng(1).integers(0, 255, (16, 24, 3)).astype(np.uint8)
    png = cv2.imdecode(np.frombuffer(png_image_bytes(image), np.uint8), cv2.IMREAD_COLOR_RGB)
    assert (png == image).all()
    data = np.frombuffer(jpeg_bytes(plain(RED, 16, 16), quality=95), np.uint8)
    assert np.abs(cv2.imdecode(data, cv2.IMREAD_COLOR_RGB).astype(int) - RED).max() < 8
