"""Pictures put together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from urban_segmentor.reports.montage import LegendEntry, Tile, montage

if TYPE_CHECKING:
    from numpy.typing import NDArray

RED, GREEN, BLUE = (250, 10, 10), (10, 250, 10), (10, 10, 250)


def plain(color: tuple[int, int, int], height: int, width: int) -> NDArray[np.uint8]:
    """Return a picture of one color."""
    return np.full((height, width, 3), color, dtype=np.uint8)


def count(image: NDArray[np.uint8], color: tuple[int, int, int]) -> int:
    """Return how many pixels have exactly a color."""
    return int(np.count_nonzero((image == color).all(axis=2)))


def test_a_row_keeps_every_pixel() -> None:
    """Pictures stand in a row, untouched, in the order given."""
    row = montage([Tile(plain(RED, 90, 120), "one"), Tile(plain(BLUE, 60, 80), "two")])
    assert (count(row, RED), count(row, BLUE)) == (90 * 120, 60 * 80)
    left, right = (np.flatnonzero((row == c).all(axis=2).any(axis=0)) for c in (RED, BLUE))
    assert left.max() < right.min()


def test_a_caption_is_written_above_and_never_over_the_image() -> None:
    """There is ink above, and a long text is cut rather than drawn over the neighbour."""
    tile = plain(RED, 40, 100)
    short = montage([Tile(tile, "a"), Tile(tile, "")])
    long = montage([Tile(tile, "word " * 50), Tile(tile, "")])
    assert short.shape == long.shape
    top = int(np.flatnonzero((long == RED).all(axis=2).any(axis=1))[0])
    first = int(np.flatnonzero((long == RED).all(axis=2).any(axis=0))[0])
    assert (long[:top, first : first + 100] < 128).any()
    assert (long[:top, first + 100 :] == 255).all()


@pytest.mark.parametrize("width", [30, 200, 900])
def test_a_legend_shows_every_color_whatever_the_width(width: int) -> None:
    """Narrow pictures get paper on the right, so that texts fit."""
    legend = [LegendEntry(GREEN, "traffic light 0.05 %"), LegendEntry(BLUE, "sky 1 %")]
    row = montage([Tile(plain(RED, 40, width), "x")], legend=legend)
    assert count(row, RED) == 40 * width
    assert count(row, GREEN) > 50
    assert count(row, BLUE) == count(row, GREEN)


def test_rows_of_cells() -> None:
    """Images of any size are fitted into cells of one, so many in a row."""
    tiles = [Tile(plain(RED, 100, 50), "x")] * 7
    sheet = montage(tiles, columns=3, cell=(40, 60), title="all")
    assert abs(count(sheet, RED) - 7 * 40 * 20) < 7 * 40
    rows = np.flatnonzero((sheet == RED).all(axis=2).any(axis=1))
    assert np.count_nonzero(np.diff(rows) > 1) == 2


def test_a_title_is_above_everything() -> None:
    """And takes no pixel of an image."""
    tile = Tile(plain(RED, 40, 100), "")
    sheet = montage([tile], title="all")
    first = int(np.flatnonzero((sheet == RED).all(axis=2).any(axis=1))[0])
    assert (sheet[:first] < 128).any()
    assert count(sheet, RED) == 40 * 100
    assert not (montage([tile]) < 128).all(axis=2).any()


@given(
    st.tuples(st.integers(1, 90), st.integers(1, 90)),
    st.tuples(st.integers(1, 90), st.integers(1, 90)),
)
def test_a_fitted_image_is_whole_and_touches_two_borders(
    own: tuple[int, int], cell: tuple[int, int]
) -> None:
    """It is as large as its cell allows."""
    inside = (montage([Tile(plain(RED, *own), "")], cell=cell) == RED).all(axis=2)
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    spans = (rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1)
    assert spans[0] == cell[0] or spans[1] == cell[1]
    assert spans[0] <= cell[0]
    assert spans[1] <= cell[1]
    assert inside.sum() == spans[0] * spans[1]
