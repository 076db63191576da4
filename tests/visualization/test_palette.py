"""Colors that differ for everybody, measured as eyes see them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from urban_segmentor.errors import SettingError
from urban_segmentor.models.known_classes import known_classes
from urban_segmentor.structures.cityscapes_labels import TRAIN_LABELS, TRAIN_NAMES
from urban_segmentor.synthetic import Street
from urban_segmentor.visualization.overlay import Overlay
from urban_segmentor.visualization.palette import class_colors
from urban_segmentor.visualization.style import PALETTES, OverlayStyle

if TYPE_CHECKING:
    from numpy.typing import NDArray

CLASSES = known_classes(TRAIN_NAMES)
THINGS = np.array([label.is_thing for label in TRAIN_LABELS])
# Machado, Oliveira, Fernandes (2009): A Physiologically-based Model for Simulation of Color Vision
# Deficiency, table 1, severity 1.0, for linear RGB.
SIGHT = {
    "normal": np.eye(3),
    "protanopia": np.array([
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ]),
    "deuteranopia": np.array([
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ]),
    "tritanopia": np.array([
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ]),
}  # fmt: skip
XYZ = np.array([
    [0.4124564, 0.3575761, 0.1804375],
    [0.2126729, 0.7151522, 0.0721750],
    [0.0193339, 0.1191920, 0.9503041],
])  # fmt: skip


def lab(colors: NDArray[np.float64], sight: str) -> NDArray[np.float64]:
    """Return CIELAB values, (N, 3), of sRGB colors, 0..255, for one kind of sight."""
    share = colors / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    xyz = np.clip(linear @ SIGHT[sight].T, 0, 1) @ XYZ.T / XYZ.sum(axis=1)
    small = xyz / (3 * (6 / 29) ** 2) + 4 / 29
    f = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), small)
    return np.stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], 1)


def least(palette: str, sight: str) -> tuple[float, float]:
    """Return the least distance between two things, and between a thing and stuff."""
    values = lab(np.array(class_colors(CLASSES, palette=palette), dtype=np.float64), sight)
    apart = np.linalg.norm(values[:, None] - values[None], axis=2)
    apart[np.eye(len(values), dtype=bool)] = np.inf
    return apart[np.ix_(THINGS, THINGS)].min(), apart[np.ix_(THINGS, ~THINGS)].min()


@pytest.mark.parametrize("sight", SIGHT)
def test_things_differ_for_everybody(sight: str) -> None:
    """Far more than with the data set's colors, of which some look the same to some."""
    things, stuff = least("safe", sight)
    assert min(things, stuff) > 30
    assert min(things, stuff) > 1.5 * min(least("cityscapes", sight))


def test_the_data_set_s_colors_are_the_usual_ones() -> None:
    """Nothing changes for who asks for nothing."""
    assert class_colors(CLASSES) == tuple(label.color for label in TRAIN_LABELS)


@pytest.mark.parametrize("palette", PALETTES)
def test_unknown_classes_have_colors_of_their_own(palette: str) -> None:
    """A model may have any classes."""
    colors = class_colors(
        known_classes([f"thing {number}" for number in range(20)]), palette=palette
    )
    assert len(set(colors)) == 20


def test_a_palette_that_is_none_is_refused() -> None:
    """With a hint at those there are."""
    with pytest.raises(SettingError) as refusal:
        OverlayStyle(palette="pretty")
    assert "safe" in (refusal.value.hint or "")


def test_the_overlay_has_the_colors() -> None:
    """A solid mask of a car is as the palette says."""
    shot = next(iter(Street(size=(180, 320), seed=2).shots(seconds=1)))
    result = shot.result()
    for palette in PALETTES:
        style = OverlayStyle(masks_only=True, opacity=1.0, palette=palette)
        drawn = Overlay(style=style).draw(result)
        wanted = class_colors(CLASSES, palette=palette)[TRAIN_NAMES.index("car")]
        cars = (shot.class_map == TRAIN_NAMES.index("car")) & (shot.instance_map > 0)
        assert cars.sum() > 50
        assert np.abs(drawn[cars].mean(axis=0) - wanted).max() < 3
