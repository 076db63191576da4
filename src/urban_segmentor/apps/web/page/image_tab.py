"""The tab in which a picture is segmented."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import gradio as gr

from urban_segmentor.apps.web.image import segment_image
from urban_segmentor.apps.web.page.controls import FormControls, are_usual, read_controls
from urban_segmentor.apps.web.page.widgets import as_it_is, own_component, visitor_of
from urban_segmentor.errors import UrbanSegmentorError

if TYPE_CHECKING:
    from urban_segmentor.apps.web.page.context import AppContext


def image_tab(services: AppContext, controls: FormControls) -> None:
    """Build the tab.

    Args:
        services: What it works with.
        controls: Beside the tabs.
    """
    with gr.Row():
        with gr.Column(scale=2, min_width=280):
            upload = as_it_is(
                gr.Image(
                    type="filepath",
                    sources=["upload", "clipboard"],
                    label="Your picture",
                    height=210,
                    elem_id="picture-upload",
                    placeholder=f"Drop a picture here, or click\n{services.limits.image_words}",
                )
            )
        with gr.Column(scale=3, min_width=280):
            strip = own_component("strip", elem_id="picture-examples", value="image")
    viewer = own_component("viewer", elem_id="picture-result")
    current = gr.State(None)  # what is shown: path and title
    _connect(services, controls, upload=upload, strip=strip, viewer=viewer, current=current)


def _connect(  # noqa: PLR0913
    services: AppContext,
    controls: FormControls,
    *,
    upload: Any,
    strip: Any,
    viewer: Any,
    current: Any,
) -> None:
    def uploaded(path: str | None, request: gr.Request, *values: Any) -> tuple[Any, Any]:
        if path is None:
            return None, None
        services.store.note_upload(visitor_of(request), Path(path))
        shown = (path, Path(path).name)
        return shown, _segment(services, shown, values, request)

    def changed(shown: Any, request: gr.Request, *values: Any) -> Any:
        if shown is None:
            return _unchanged()
        return _segment(services, shown, values, request)

    def tried(event: gr.EventData, request: gr.Request, *values: Any) -> tuple[Any, Any]:
        found = [one for one in services.examples.found if one["kind"] == "image"]
        number = int(event.index)
        if not 0 <= number < len(found):
            return _unchanged(), _unchanged()
        example = found[number]
        path = services.examples.input(example)
        shown = (str(path), path.name)
        if are_usual(values, engine=services.engine):
            return shown, example["answer"]
        return shown, _segment(services, shown, values, request)

    work: Any = {
        "concurrency_id": "images",
        "concurrency_limit": 2,
        "show_progress": "hidden",
        "api_visibility": "private",
    }
    upload.input(
        uploaded, [upload, *controls.inputs], [current, viewer], trigger_mode="always_last", **work
    )
    strip.click(tried, controls.inputs, [current, viewer], trigger_mode="always_last", **work)
    gr.on(
        [control.change for control in controls.inputs],
        changed,
        [current, *controls.inputs],
        viewer,
        trigger_mode="always_last",
        **work,
    )


def _unchanged() -> Any:
    """Return what leaves a component as it is."""
    return cast("Any", gr.skip())


def _segment(services: AppContext, shown: tuple[str, str], values: Any, request: gr.Request) -> Any:
    """Return what the viewer shows: the result, or what is wrong and what helps."""
    path, title = shown
    try:
        with services.slots:
            return segment_image(
                Path(path),
                title=title,
                engine=services.engine,
                choices=read_controls(values, engine=services.engine),
                limits=services.limits,
                answer=services.store.answer(visitor_of(request)),
            )
    except UrbanSegmentorError as error:
        return {"problem": str(error), "hint": error.hint or ""}
