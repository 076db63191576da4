"""What viewers change stays within its limits, whoever changes it."""

from __future__ import annotations

import threading
from ast import literal_eval

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.class_lists import MODELS
from urban_segmentor.apps.live.view_controls import ViewControls, ViewState
from urban_segmentor.apps.live.view_stages import ViewFilter
from urban_segmentor.errors import SettingError
from urban_segmentor.models.known_classes import known_classes
from urban_segmentor.result import Result
from urban_segmentor.structures.cityscapes_labels import TRAIN_NAMES
from urban_segmentor.structures.classes import ClassList
from urban_segmentor.structures.frame import Frame
from urban_segmentor.structures.instances import Instances
from urban_segmentor.structures.masks import Masks


@given(st.floats(0, 1), st.lists(st.integers(-30, 30)))
def test_the_lowest_score_stays_within_its_limits(conf: float, steps: list[int]) -> None:
    """Keys go in steps of 0.05, from 0.05 to 0.95."""
    controls = ViewControls(known_classes(TRAIN_NAMES), view=ViewState(conf=conf))
    for step in steps:
        controls.step_conf(step)
        assert 0.05 <= controls.view.conf <= 0.95
        assert controls.view.conf == round(controls.view.conf, 2)


def test_a_score_that_is_set_is_clipped() -> None:
    """The slider of a page could send anything."""
    controls = ViewControls(known_classes(TRAIN_NAMES))
    for given_conf, conf in ((0.333, 0.33), (-1, 0.0), (7, 1.0)):
        controls.set_conf(given_conf)
        assert controls.view.conf == conf


def test_filters_go_round_both_ways() -> None:
    """All, the groups, each class alone, and all again; nothing comes twice."""
    controls = ViewControls(known_classes(TRAIN_NAMES))
    seen = []
    for _ in range(4 + 1 + len(TRAIN_NAMES)):
        seen.append(controls.view.classes)
        controls.next_filter()
    assert controls.view.classes is None
    assert len(set(seen)) == len(seen)
    assert seen[0] is None
    assert "car" in (seen[1] or ())
    assert seen[2] == ("person", "rider")
    assert seen[3] == TRAIN_NAMES[11:]  # things come last among the training classes
    assert seen[4] == TRAIN_NAMES[:11]
    assert seen[5:] == [(name,) for name in TRAIN_NAMES]
    controls.next_filter(-1)
    assert controls.view.classes == (TRAIN_NAMES[-1],)


def test_a_filter_of_ones_own_leads_to_the_next() -> None:
    """From a choice that is none of the groups, the round begins anew."""
    controls = ViewControls(known_classes(TRAIN_NAMES))
    controls.set_classes(["sky", "car", "sky"])
    assert controls.view.classes == ("sky", "car")
    controls.next_filter()
    assert controls.view.classes == controls.presets["traffic"]


def test_groups_hold_what_the_model_knows() -> None:
    """A group of which nothing is left is none, one class is not offered twice."""
    assert ViewControls(ClassList.from_names(["car", "dog"])).presets == {
        "all": None,
        "traffic": ("car",),
    }
    controls = ViewControls(ClassList.from_names(["car", "dog"]))
    controls.next_filter()
    controls.next_filter()
    assert controls.view.classes == ("dog",)


@pytest.mark.parametrize("kind", sorted(MODELS))
def test_groups_of_any_class_list(kind: str) -> None:
    """By name, and by kind where there are both; a name that repeats is offered once."""
    model = MODELS[kind]
    things = literal_eval(model.metadata.get("is_thing", "None"))
    classes = ClassList.from_names(model.names, is_thing=things)
    controls = ViewControls(known_classes(model.names) if things is None else classes)
    assert controls.presets == {"all": None, **model.presets}
    assert controls.class_names == tuple(dict.fromkeys(model.names))
    seen = set()
    for _ in controls.class_names:
        controls.next_filter(-1)
        seen.add(controls.view.classes)
    assert seen >= {(name,) for name in controls.class_names[1:]}


def test_a_filter_takes_all_classes_of_a_name() -> None:
    """Objects of both classes of that name stay, those of others go."""
    classes = ClassList.from_names(["car", "person", "car"])
    masks = Masks.from_dense(np.ones((3, 4, 4), dtype=np.bool_))
    instances = Instances(
        boxes=masks.rectangles(),
        masks=masks,
        scores=np.ones(3, dtype=np.float32),
        class_ids=np.arange(3, dtype=np.int32),
        classes=classes,
    )
    controls = ViewControls(classes)
    controls.set_classes(["car"])
    frame = Frame(pixels=np.zeros((4, 4, 3), dtype=np.uint8))
    result = ViewFilter(controls)(Result(frame=frame, instances=instances))
    assert result.instances.class_ids.tolist() == [0, 2]


def test_unknown_classes_are_refused() -> None:
    """And the view stays as it was; none at all is a choice."""
    controls = ViewControls(ClassList.from_names(["car", "dog"]))
    with pytest.raises(SettingError, match="no class `cat`") as caught:
        controls.set_classes(["car", "cat"])
    assert caught.value.hint == "the model knows: car, dog"
    assert controls.view.classes is None
    controls.set_classes([])
    assert controls.view.classes == ()


def test_switches_change_one_thing_each() -> None:
    """The rest of the view stays."""
    controls = ViewControls(known_classes(TRAIN_NAMES))
    controls.set_masks_only(True)
    controls.set_figures(False)
    controls.set_paused(True)
    assert controls.view == ViewState(masks_only=True, figures=False, paused=True)
    assert not controls.wants_quit
    controls.quit()
    assert controls.wants_quit


def test_changes_from_several_threads_all_count() -> None:
    """None is lost between reading the view and writing it."""
    controls = ViewControls(known_classes(TRAIN_NAMES))

    def turn() -> None:
        for _ in range(201):
            controls.next_filter(1)

    threads = [threading.Thread(target=turn) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    once = ViewControls(known_classes(TRAIN_NAMES))
    once.next_filter(4 * 201)
    assert controls.view == once.view
