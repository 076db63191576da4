"""The Gradio page: three tabs, and the controls beside them."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import gradio as gr
from gradio import themes

from urban_segmentor.apps.web.page.callbacks import add_api_functions
from urban_segmentor.apps.web.page.controls import build_controls, read_controls, set_controls
from urban_segmentor.apps.web.page.image_tab import image_tab
from urban_segmentor.apps.web.page.video_tab import video_tab
from urban_segmentor.apps.web.page.widgets import custom_component, read_file, visitor_id
from urban_segmentor.apps.web.segment_options import SegmentOptions
from urban_segmentor.errors import UrbanSegmentorError

if TYPE_CHECKING:
    from urban_segmentor.apps.web.page.context import AppContext
    from urban_segmentor.apps.web.page.controls import FormControls

TITLE = "Urban Segmentor"
_FONT = ("system-ui", "sans-serif")
_MONO = ("ui-monospace", "monospace")
# Names of the browser storage; they are no secret, and outlive a restart.
_STORAGE_KEY, _STORAGE_SECRET = "urban-segmentor-settings", "urban-segmentor"


def build_page(context: AppContext) -> gr.Blocks:
    """Return the Gradio page.

    Args:
        context: State that the tabs share.
    """
    with gr.Blocks(title=TITLE, analytics_enabled=False) as page:
        gr.HTML(read_file("head.html"), elem_id="head")
        with gr.Row():
            with gr.Column(scale=7, min_width=320), gr.Tabs(elem_id="tabs"):
                image = gr.Tab("Picture", id="image")
                video = gr.Tab("Video", id="video")
                live_panel = gr.Tab("Live", id="live")
            with gr.Column(scale=3, min_width=280):
                controls = build_controls(context.models)
                link = custom_component("link", elem_id="link", value="")
        with image:
            image_tab(context, controls)
        with video:
            video_tab(context, controls)
        with live_panel:
            # Its value is the end of a link, as that of `link`.
            live = custom_component("live", elem_id="live-view", value="")
        gr.HTML(read_file("foot.html"), elem_id="foot")
        add_api_functions(context)
        _persist_settings(page, context, controls, links=[link, live])
        page.unload(_on_unload(context))
    page.queue(max_size=context.limits.queue, default_concurrency_limit=2)
    return page


def appearance() -> dict[str, Any]:
    """Return theme and CSS for `mount_gradio_app`; no font or style comes from other hosts."""
    theme = themes.Base(primary_hue="teal", font=_FONT, font_mono=_MONO).set(
        # The usual grey of explanations is too pale to read for many.
        body_text_color_subdued="*neutral_600",
        body_text_color_subdued_dark="*neutral_300",
        block_info_text_color="*neutral_600",
        block_info_text_color_dark="*neutral_300",
        block_label_text_color="*neutral_700",
        block_title_text_color="*neutral_800",
        block_title_text_color_dark="*neutral_100",
        button_primary_background_fill="*primary_700",
        button_primary_background_fill_hover="*primary_800",
    )
    return {"theme": theme, "css": read_file("page.css")}


def _persist_settings(
    page: gr.Blocks, context: AppContext, controls: FormControls, *, links: list[Any]
) -> None:
    """Save the options in the browser and in the link, and restore them from there."""
    models = context.models
    storage = gr.BrowserState({}, storage_key=_STORAGE_KEY, secret=_STORAGE_SECRET)

    def to_strings(values: Any) -> dict[str, str]:
        try:
            return {str(key): str(value) for key, value in values.items()}
        except AttributeError:  # browser storage may hold anything
            return {}

    def restore(saved: Any, request: gr.Request) -> list[Any]:
        query = to_strings(request.query_params)
        if not set(query) & {field.name for field in fields(SegmentOptions)}:
            query = to_strings(saved)
        return set_controls(query, engine=models)

    def store(*values: Any) -> list[Any]:
        try:
            query = read_controls(values, engine=models).as_query()
        except UrbanSegmentorError:  # the tabs report the error
            return [gr.skip(), *["classes="] * len(links)]
        return [query, *[urlencode(query)] * len(links)]

    event_options: Any = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
    page.load(restore, storage, [*controls.inputs, controls.preset], **event_options)
    gr.on(
        [control.change for control in controls.inputs],
        store,
        controls.inputs,
        [storage, *links],
        trigger_mode="always_last",
        **event_options,
    )


def _on_unload(context: AppContext) -> Any:
    def forget(request: gr.Request) -> None:
        context.jobs.cancel(visitor_id(request))
        context.temp_files.delete_visitor(visitor_id(request))

    return forget
