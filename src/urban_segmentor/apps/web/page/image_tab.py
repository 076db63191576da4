"""The image tab."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import gradio as gr

from urban_segmentor.apps.web.gradio_workarounds import undecoded_upload
from urban_segmentor.apps.web.page.controls import FormControls, are_defaults, read_controls
from urban_segmentor.apps.web.page.widgets import custom_component, visitor_id
from urban_segmentor.errors import UrbanSegmentorError

if TYPE_CHECKING:
    from urban_segmentor.apps.web.page.context import AppContext


def image_tab(context: AppContext, controls: FormControls) -> None:
    """Build the image tab.

    Args:
        context: State that the tabs share.
        controls: The controls beside the tabs.
    """
    with gr.Row():
        with gr.Column(scale=2, min_width=280):
            upload = undecoded_upload(
                gr.Image(
                    type="filepath",
                    sources=["upload", "clipboard"],
                    label="Your picture",
                    height=210,
                    elem_id="picture-upload",
                    placeholder=f"Drop a picture here, or click\n{context.limits.image_text}",
                )
            )
        with gr.Column(scale=3, min_width=280):
            strip = custom_component("strip", elem_id="picture-examples", value="image")
    viewer = custom_component("viewer", elem_id="picture-result")
    current = gr.State(None)  # path of the current image
    _connect(context, controls, upload=upload, strip=strip, viewer=viewer, current=current)


def _connect(  # noqa: PLR0913
    context: AppContext,
    controls: FormControls,
    *,
    upload: Any,
    strip: Any,
    viewer: Any,
    current: Any,
) -> None:
    def on_upload(path: str | None, request: gr.Request, *values: Any) -> tuple[Any, Any]:
        if path is None:
            return None, None
        context.temp_files.add_upload(visitor_id(request), Path(path))
        return path, _segment(context, path, values, request)

    def on_change(current_image: Any, request: gr.Request, *values: Any) -> Any:
        if current_image is None:
            return _unchanged()
        return _segment(context, current_image, values, request)

    def on_example_click(event: gr.EventData, request: gr.Request, *values: Any) -> tuple[Any, Any]:
        ready = [one for one in context.examples.ready if one["kind"] == "image"]
        index = int(event.index)
        if not 0 <= index < len(ready):
            return _unchanged(), _unchanged()
        example = ready[index]
        current_image = str(context.examples.input(example))
        if are_defaults(values, engine=context.models):
            return current_image, example["answer"]
        return current_image, _segment(context, current_image, values, request)

    event_options: Any = {
        "concurrency_id": "images",
        "concurrency_limit": 2,
        "show_progress": "hidden",
        "api_visibility": "private",
        "trigger_mode": "always_last",
    }
    upload.input(
        on_upload,
        [upload, *controls.inputs],
        [current, viewer],
        **event_options,
    )
    strip.click(
        on_example_click,
        controls.inputs,
        [current, viewer],
        **event_options,
    )
    gr.on(
        [control.change for control in controls.inputs],
        on_change,
        [current, *controls.inputs],
        viewer,
        **event_options,
    )


def _unchanged() -> Any:
    """Return the value that leaves a component unchanged."""
    return cast("Any", gr.skip())


def _segment(context: AppContext, current_image: str, values: Any, request: gr.Request) -> Any:
    """Return the value of the viewer: the result, or error and hint."""
    try:
        return context.segment_image(
            Path(current_image),
            options=read_controls(values, engine=context.models),
            saved=context.temp_files.new_result(visitor_id(request)),
        )
    except UrbanSegmentorError as error:
        return {"problem": str(error), "hint": error.hint or ""}
