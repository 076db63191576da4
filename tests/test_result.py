"""A result is read as a list of instances, shows itself, and names the right word."""

from __future__ import annotations

import copy
from dataclasses import replace
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from urban_segmentor.result import Result
from urban_segmentor.structures.frame import Frame, Yuv420
from urban_segmentor.structures.instances import Instances
from urban_segmentor.synthetic import Street
from urban_segmentor.visualization.overlay import Overlay
from urban_segmentor.visualization.style import OverlayStyle


@pytest.fixture(scope="module")
def street() -> Result:
    """Return a perfect result of the procedural street."""
    return next(iter(Street(size=(180, 320), seed=2).shots(seconds=1))).result()


def test_it_is_a_list_of_instances(street: Result) -> None:
    """Length, order and positions are those of its instances."""
    assert len(street) == len(street.instances) > 3
    assert [one.box for one in street] == [one.box for one in street.instances]
    assert street[0].box == street.instances[0].box
    assert street[-1].class_name == street.instances.class_names[-1]
    assert (street.classes, street.names) == (street.instances.classes, street.classes.names)
    with pytest.raises(IndexError):
        street[len(street)]


def test_some_instances_are_a_result_too(street: Result) -> None:
    """Of the same frame, with everything else that was there."""
    marked = replace(street, events=("crossed",), milliseconds={"infer": 3.0}, drawn=street.frame)
    cars = marked[marked.instances.is_class("car")]
    assert isinstance(cars, Result)
    assert 0 < len(cars) < len(street)
    assert {one.class_name for one in cars} == {"car"}
    assert cars.frame is marked.frame
    assert (cars.events, cars.milliseconds, cars.drawn) == (
        ("crossed",),
        {"infer": 3.0},
        street.frame,
    )
    assert [one.box for one in marked[1:3]] == [marked[1].box, marked[2].box]
    assert [one.box for one in marked[[2, 0]]] == [marked[2].box, marked[0].box]
    assert len(marked[[]]) == 0
    assert len(marked) == len(street)


def test_a_result_without_instances_is_still_a_result(street: Result) -> None:
    """It is drawn as the frame, and is false, as an empty list is."""
    none = street.with_instances(Instances.empty(street.frame.size, classes=street.classes))
    assert list(none) == []
    assert not none
    np.testing.assert_array_equal(none.plot(), street.frame.image)
    assert none.to_coco()["annotations"] == []


def test_one_line_says_what_was_found(street: Result) -> None:
    """The frame, its size, and how many of each class."""
    line = repr(street)
    assert line.startswith(f"<Result {street.frame.name!r} 320x180 <Instances {len(street)}: ")
    assert "\n" not in line
    assert len(line) < 300


def test_rendered_is_what_renderers_left(street: Result) -> None:
    """And the frame as it came where there was none."""
    assert street.rendered is street.frame
    drawn = replace(street.frame, pixels=street.plot())
    assert replace(street, drawn=drawn).rendered is drawn


def test_plot_draws_on_a_copy(street: Result) -> None:
    """As the overlay draws, in the style that is asked for, whatever the pixels are."""
    before = street.frame.image.copy()
    np.testing.assert_array_equal(street.plot(), Overlay().draw(street))
    np.testing.assert_array_equal(street.frame.image, before)
    assert (street.plot() != before).any()
    style = OverlayStyle(masks_only=True, opacity=1.0)
    np.testing.assert_array_equal(street.plot(style=style), Overlay(style=style).draw(street))
    assert (street.plot(style=style) != street.plot()).any()
    frame = Frame(pixels=Yuv420.from_rgb(before), name=street.frame.name)
    planes = replace(street, frame=frame)
    np.testing.assert_array_equal(
        planes.plot(), replace(street, frame=Frame(pixels=frame.image)).plot()
    )


def test_notebooks_show_the_plot(street: Result) -> None:
    """As a PNG without loss."""
    data = street._repr_png_()
    assert data.startswith(b"\x89PNG")
    shown = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)
    np.testing.assert_array_equal(shown, street.plot())


@pytest.mark.parametrize(
    ("habit", "own"),
    [
        ("boxes", "instances.boxes"),
        ("masks", "instances.masks"),
        ("orig_img", "frame.image"),
        ("show", "plot()"),
        ("tojson", "to_json()"),
        ("save_txt", "save('out.txt')"),
        ("xyxy", "instances.boxes"),
    ],
)
def test_words_of_others_get_the_right_one(street: Result, habit: str, own: str) -> None:
    """And that one is there."""
    with pytest.raises(AttributeError) as caught:
        getattr(street, habit)
    assert str(caught.value) == f"a Result has no `{habit}`; it is `result.{own}`"
    assert eval(f"result.{own.partition('(')[0]}", {"result": street}) is not None  # noqa: S307


def test_other_words_are_just_not_there(street: Result) -> None:
    """So that `hasattr` and copies work as they do everywhere."""
    assert not hasattr(street, "nonsense")
    assert not hasattr(street, "_repr_html_")
    assert [one.box for one in copy.copy(street)] == [one.box for one in street]
    with pytest.raises(AttributeError, match=r"a Result has no `nonsense`$"):
        SimpleNamespace(of=street).of.nonsense  # noqa: B018
