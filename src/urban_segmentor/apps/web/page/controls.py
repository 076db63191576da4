"""The controls beside the tabs, and what they say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import gradio as gr

from urban_segmentor.apps.live.view_controls import ViewControls as Viewing
from urban_segmentor.apps.web.segment_options import SegmentOptions
from urban_segmentor.errors import SettingError
from urban_segmentor.options import option_of, range_of
from urban_segmentor.visualization.style import PALETTES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from urban_segmentor.apps.web.model_pool import ModelPool

OWN = "own"
_DRAWN = ("boxes", "labels", "scores")
_PALETTE_WORDS = {"cityscapes": "class colors", "safe": "color-blind safe"}


@dataclass(frozen=True, slots=True, kw_only=True)
class FormControls:
    """The components, in the order in which handlers get their values."""

    model: gr.Dropdown
    classes: gr.CheckboxGroup
    conf: gr.Slider
    iou: gr.Slider
    panoptic: gr.Checkbox
    masks_only: gr.Checkbox
    drawn: gr.CheckboxGroup
    opacity: gr.Slider
    palette: gr.Radio
    preset: gr.Radio

    @property
    def inputs(self) -> list[Any]:
        """Those that say what to do; `preset` only sets `classes`."""
        return [
            self.model,
            self.classes,
            self.conf,
            self.iou,
            self.panoptic,
            self.masks_only,
            self.drawn,
            self.opacity,
            self.palette,
        ]


def build_controls(engine: ModelPool) -> FormControls:
    """Return the controls, as they are in the beginning.

    Args:
        engine: Has the models and their classes.
    """
    usual = SegmentOptions(model=engine.model)
    with gr.Column(elem_id="controls"):
        gr.HTML("<h2>What to find</h2>", elem_classes="head")
        finding = _build_finding(engine, usual)
        gr.HTML("<h2>How to draw it</h2>", elem_classes="head")
        drawing = _build_drawing(usual)
    controls = FormControls(**finding, **drawing)
    _connect(controls, engine)
    return controls


def read_controls(values: Sequence[Any], *, engine: ModelPool) -> SegmentOptions:
    """Return what the controls say.

    Args:
        values: Of `FormControls.inputs`, as Gradio gives them.
        engine: Knows the classes.

    Raises:
        SettingError: A value is out of its range, or no class is left.
    """
    model, classes, conf, iou, panoptic, masks_only, drawn, opacity, palette = values
    wanted: list[str] = list(classes or [])
    everything = set(wanted) >= set(engine.class_names(model))
    return SegmentOptions(
        model=model,
        conf=float(conf),
        iou=float(iou),
        classes=None if everything else tuple(wanted),
        panoptic=bool(panoptic),
        masks_only=bool(masks_only),
        boxes="boxes" in drawn,
        labels="labels" in drawn,
        scores="scores" in drawn,
        opacity=float(opacity),
        palette=str(palette),
    )


def are_defaults(values: Sequence[Any], *, engine: ModelPool) -> bool:
    """Return whether the controls are as they were when the examples were prepared.

    Args:
        values: Of `FormControls.inputs`, as Gradio gives them.
        engine: Knows the classes.
    """
    try:
        return read_controls(values, engine=engine) == SegmentOptions(model=engine.model)
    except SettingError:
        return False


def set_controls(query: Mapping[str, str], *, engine: ModelPool) -> list[Any]:
    """Return the values of `FormControls.inputs`, and of the preset, for the end of a link.

    What a link says wrongly is as usual: whoever follows it wants to see the page.

    Args:
        query: Names and values.
        engine: Knows models and classes.
    """
    try:
        choices = SegmentOptions.from_query({"model": engine.model, **query})
        viewing = Viewing(engine.classes(choices.model))
        choices.style()
    except SettingError:
        choices = SegmentOptions(model=engine.model)
        viewing = Viewing(engine.classes(engine.model))
    names = viewing.class_names
    wanted = [name for name in names if choices.classes is None or name in choices.classes]
    wanted = wanted or list(names)
    drawn = [name for name in _DRAWN if getattr(choices, name)]
    return [
        choices.model,
        gr.CheckboxGroup(list(names), value=wanted),
        choices.conf,
        choices.iou,
        choices.panoptic,
        choices.masks_only,
        drawn,
        choices.opacity,
        choices.palette,
        _preset_of(wanted, viewing),
    ]


def _build_finding(engine: ModelPool, usual: SegmentOptions) -> dict[str, Any]:
    """Return the controls that say what is looked for, by name."""
    viewing = Viewing(engine.classes(engine.model))
    names = list(viewing.class_names)
    preset = gr.Radio(
        _preset_words(viewing),
        value="all",
        label="Preset",
        info="Sets the classes below.",
        elem_id="preset",
    )
    conf = _slider("conf", usual, label="Score")
    iou = _slider("iou", usual, label="IoU")
    with gr.Accordion("Classes", open=False, elem_id="classes-box"):
        classes = gr.CheckboxGroup(
            names, value=names, label="Classes", elem_id="classes",
            info="Only these are looked for.",
        )  # fmt: skip
    model = gr.Dropdown(
        list(engine.models), value=engine.model, label="Model", elem_id="model",
        info="urban-n-int8 is a little faster and a little less exact.", filterable=False,
    )  # fmt: skip
    return {"preset": preset, "conf": conf, "iou": iou, "classes": classes, "model": model}


def _build_drawing(usual: SegmentOptions) -> dict[str, Any]:
    """Return the controls that say how it is drawn, by name."""
    panoptic = gr.Checkbox(
        usual.panoptic, label="Panoptic view", elem_id="panoptic",
        info=_told("panoptic"),
    )  # fmt: skip
    masks_only = gr.Checkbox(
        usual.masks_only, label="Masks only", elem_id="masks-only",
        info=_told("masks_only"),
    )  # fmt: skip
    drawn_parts = [name for name in _DRAWN if getattr(usual, name)]
    drawn = gr.CheckboxGroup(
        list(_DRAWN), value=drawn_parts, label="Draw", elem_id="drawn",
        info="Around and above each object.",
    )  # fmt: skip
    opacity = _slider("opacity", usual, label="Opacity")
    palette = gr.Radio(
        [(_PALETTE_WORDS.get(name, name), name) for name in PALETTES],
        value=usual.palette, label="Colors", elem_id="palette",
        info=_told("palette"),
    )  # fmt: skip
    return {
        "panoptic": panoptic,
        "masks_only": masks_only,
        "drawn": drawn,
        "opacity": opacity,
        "palette": palette,
    }


def _slider(name: str, usual: SegmentOptions, *, label: str) -> gr.Slider:
    """Return a slider for a number, over the range and in the steps that the option allows."""
    low, high = range_of(SegmentOptions, name)
    return gr.Slider(
        low,
        high,
        getattr(usual, name),
        step=option_of(SegmentOptions, name).step,
        label=label,
        elem_id=name,
        info=_told(name),
    )


def _told(name: str) -> str:
    """Return what users are told of an option."""
    return option_of(SegmentOptions, name).help


def _connect(controls: FormControls, engine: ModelPool) -> None:
    """Let preset, classes and model follow each other."""

    def to_classes(preset: str, model: str, classes: list[str]) -> list[str]:
        if preset == OWN:
            return classes
        viewing = Viewing(engine.classes(model))
        return list(viewing.presets.get(preset) or viewing.class_names)

    def to_preset(classes: list[str], model: str) -> str:
        return _preset_of(classes, Viewing(engine.classes(model)))

    def to_model(model: str, classes: list[str]) -> tuple[Any, Any]:
        viewing = Viewing(engine.classes(model))
        names = viewing.class_names
        kept = [name for name in names if name in classes]
        if not kept or set(classes) - set(names):
            kept = list(names)
        presets = gr.Radio(_preset_words(viewing), value=_preset_of(kept, viewing))
        return gr.CheckboxGroup(list(names), value=kept), presets

    quick: Any = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
    controls.preset.input(
        to_classes, [controls.preset, controls.model, controls.classes], controls.classes, **quick
    )
    controls.classes.input(to_preset, [controls.classes, controls.model], controls.preset, **quick)
    controls.model.input(
        to_model, [controls.model, controls.classes], [controls.classes, controls.preset], **quick
    )


def _preset_words(viewing: Viewing) -> list[tuple[str, str]]:
    return [(name, name) for name in viewing.presets] + [("own choice", OWN)]


def _preset_of(classes: Sequence[str], viewing: Viewing) -> str:
    """Return the preset that consists of these classes."""
    for preset, members in viewing.presets.items():
        if set(members or viewing.class_names) == set(classes):
            return preset
    return OWN
