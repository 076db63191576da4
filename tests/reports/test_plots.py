"""Plots as PNG files."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from urban_segmentor.errors import MissingExtraError
from urban_segmentor.reports.plots import bars_png, heat_map_png, lines_png, new_figure

if TYPE_CHECKING:
    from numpy.typing import NDArray

matplotlib = pytest.importorskip("matplotlib")
RED, BLUE = (220, 20, 60), (0, 0, 142)


def pixels(png: bytes) -> NDArray[np.uint8]:
    """Return a plot, uint8 (H, W, 3), RGB."""
    return np.asarray(cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR_RGB))


def count(png: bytes, color: tuple[int, int, int]) -> int:
    """Return how many pixels have exactly a color."""
    return int(np.count_nonzero((pixels(png) == color).all(axis=2)))


def test_bars_have_their_color_and_length() -> None:
    """Twice the value, twice the pixels."""
    png = bars_png(
        ["a", "b"], {"all": [10.0, 20.0]}, colors=[RED, BLUE], title="Bars", unit="things"
    )
    assert count(png, BLUE) / count(png, RED) == pytest.approx(2, rel=0.03)


def test_series_share_a_row_and_are_told_apart() -> None:
    """The first has the full color, the second is paler, and a legend says which is which."""
    two = {"train": [10.0], "val": [10.0]}
    png = bars_png(["a"], two, colors=[RED], title="", unit="", logarithmic=True)
    one = bars_png(["a"], {"train": [10.0]}, colors=[RED], title="", unit="", logarithmic=True)
    assert 0 < count(png, RED) < 0.6 * count(one, RED)
    assert (pixels(png)[:, :, 0] == 239).any()  # 220 with 55 % white


def test_nothing_but_zeros_can_be_drawn() -> None:
    """Powers of ten have no zero; classes that do not occur have no bar."""
    png = bars_png(["a", "b"], {"all": [0, 0]}, colors=[RED, BLUE], title="", unit="n")
    assert count(png, RED) == 0
    logarithmic = bars_png(["a"], {"all": [0]}, colors=[RED], title="", unit="n", logarithmic=True)
    assert pixels(logarithmic).shape[2] == 3
    assert pixels(bars_png([], {}, colors=[], title="", unit="")).shape[2] == 3


def test_a_heat_map_is_darker_where_more_is() -> None:
    """Cells without anything to tell stay white, as NaN says."""
    png = heat_map_png(
        np.array([[0.0, 1.0], [np.nan, 0.5]]), rows=["a", "b"], columns=["x", "y"], title="Map"
    )
    image = pixels(png)
    assert (image.max(axis=2) < 110).sum() > 1000  # the dark end of the blues
    assert (image == 255).all(axis=2).sum() > 1000


def test_lines_have_their_colors() -> None:
    """Each line is somewhere to be seen."""
    curves = {"a": ([1.0, 10.0], [0.0, 1.0]), "b": ([1.0, 10.0], [0.5, 0.5])}
    png = lines_png(
        curves,
        colors=[RED, BLUE],
        title="t",
        across="x",
        down="y",
        logarithmic=True,
        limits=(0, 1),
    )
    assert count(png, RED) > 100
    assert count(png, BLUE) > 100
    assert pixels(lines_png({}, colors=[], title="", across="", down="")).shape[2] == 3


def test_names_are_no_formulas() -> None:
    """A dollar begins nothing, and an unfinished formula is no error."""
    names = ["$x^2$", r"$\frac"]
    bars_png(names, {"$\\a$": [1, 2], "$": [1, 2]}, colors=[RED, BLUE], title="$\\b$", unit="$\\c$")
    heat_map_png(np.eye(2), rows=names, columns=names, title="$\\d$", across="$\\e$", down="$\\f$")
    lines_png({r"$\frac": ([1], [1])}, colors=[RED], title=r"$\g$", across=r"$\h$", down=r"$\i$")


def test_the_same_figure_has_the_same_bytes() -> None:
    """Nothing in the file says when it was made."""
    made = [bars_png(["a"], {"n": [1]}, colors=[RED], title="t", unit="u") for _ in range(2)]
    assert made[0] == made[1]


def test_the_readers_own_settings_do_not_count() -> None:
    """A plot is the same whatever is set, and leaves the settings as they were."""
    usual = bars_png(["a"], {"n": [1]}, colors=[RED], title="t", unit="u")
    with matplotlib.rc_context({"axes.facecolor": "black", "font.size": 20}):
        assert bars_png(["a"], {"n": [1]}, colors=[RED], title="t", unit="u") == usual
        assert matplotlib.rcParams["font.size"] == 20


def test_pyplot_is_never_loaded() -> None:
    """Its figures would be kept until somebody closes them, and want a window."""
    code = (
        "import sys; from urban_segmentor.reports import plots as f;"
        "loaded = 'matplotlib' in sys.modules;"
        "f.lines_png({}, colors=[], title='', across='', down='');"
        "print(loaded, 'matplotlib.pyplot' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.split() == ["False", "False"]


def test_without_matplotlib_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """The hint can be pasted."""
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingExtraError, match="matplotlib") as caught, new_figure(1, 1):
        pass
    assert caught.value.hint == "pip install 'urban-segmentor[eval]'"
