"""What visitors choose: there and back through a link, and refused where it makes no sense."""

from __future__ import annotations

import math
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from urban_segmentor.apps.web.segment_options import SegmentOptions
from urban_segmentor.errors import SettingError

SHARES = st.integers(0, 100).map(lambda n: n / 100)
NAMES = st.lists(st.sampled_from(["car", "person", "traffic light"]), min_size=1, unique=True)


@given(
    conf=SHARES,
    iou=SHARES,
    opacity=SHARES,
    classes=st.none() | NAMES.map(tuple),
    flags=st.tuples(*[st.booleans()] * 5),
    palette=st.sampled_from(["cityscapes", "safe"]),
)
def test_a_link_says_all(  # noqa: PLR0913, PLR0917
    conf: float,
    iou: float,
    opacity: float,
    classes: tuple[str, ...] | None,
    flags: tuple[bool, ...],
    palette: str,
) -> None:
    """SegmentOptions written into a link and read from it are the same."""
    names = ("panoptic", "masks_only", "boxes", "labels", "scores")
    choices = SegmentOptions(
        conf=conf,
        iou=iou,
        opacity=opacity,
        classes=classes,
        palette=palette,
        **dict(zip(names, flags, strict=True)),
    )
    link = urlencode(choices.as_query())
    assert SegmentOptions.from_query(dict(parse_qsl(link))) == choices


def test_usual_choices_need_no_words() -> None:
    """The defaults are those of the original demo, and an empty link."""
    choices = SegmentOptions()
    assert (choices.conf, choices.iou, choices.classes) == (0.25, 0.7, None)
    assert choices.as_query() == {}
    assert SegmentOptions.from_query({"utm_source": "elsewhere"}) == choices


@pytest.mark.parametrize(
    "query",
    [
        {"conf": "2"},
        {"conf": "nan"},
        {"iou": "much"},
        {"opacity": "-1"},
        {"panoptic": "perhaps"},
        {"classes": " , "},
        {"classes": ""},
    ],
)
def test_nonsense_is_refused_with_a_hint(query: dict[str, str]) -> None:
    """Whoever sends it hears what is expected."""
    with pytest.raises(SettingError) as refusal:
        SegmentOptions.from_query(query)
    assert refusal.value.hint


def test_a_number_that_is_none_is_refused() -> None:
    """Not a number is in no range."""
    with pytest.raises(SettingError):
        SegmentOptions(conf=math.nan)


def test_masks_only_and_panoptic_change_the_drawing() -> None:
    """Panoptic pictures have no boxes; masks alone have nothing else."""
    assert SegmentOptions().style().boxes
    assert not SegmentOptions(panoptic=True).style().boxes
    assert SegmentOptions(panoptic=True).style().segments
    alone = SegmentOptions(masks_only=True, labels=True, opacity=0.3).style()
    assert (alone.outlines, alone.boxes, alone.labels, alone.opacity) == (False, False, False, 0.3)
