"""The page: three tabs, and the controls beside them."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import gradio as gr
from gradio import themes

from urban_segmentor.apps.web.page.callbacks import add_functions
from urban_segmentor.apps.web.page.controls import build_controls, read_controls, set_controls
from urban_segmentor.apps.web.page.image_tab import image_tab
from urban_segmentor.apps.web.page.live_tab import live_tab
from urban_segmentor.apps.web.page.video_tab import video_tab
from urban_segmentor.apps.web.page.widgets import own_component, read_file, visitor_of
from urban_segmentor.apps.web.segment_options import SegmentOptions
from urban_segmentor.errors import UrbanSegmentorError

if TYPE_CHECKING:
    from urban_segmentor.apps.web.page.context import AppContext
    from urban_segmentor.apps.web.page.controls import FormControls

TITLE = "Urban Segmentor"
_FONT = ("system-ui", "sans-serif")
_MONO = ("ui-monospace", "monospace")
# Browsers keep the settings under these names; they are no secret, and outlive a restart.
_STORED, _KEY = "urban-segmentor-settings", "urban-segmentor"


def build_page(services: AppContext) -> gr.Blocks:
    """Return the page.

    Args:
        services: What its tabs work with.
    """
    with gr.Blocks(title=TITLE, analytics_enabled=False) as page:
        gr.HTML(read_file("head.html"), elem_id="head")
        with gr.Row():
            with gr.Column(scale=7, min_width=320), gr.Tabs(elem_id="tabs"):
                image = gr.Tab("Picture", id="image")
                video = gr.Tab("Video", id="video")
                live_place = gr.Tab("Live", id="live")
            with gr.Column(scale=3, min_width=280):
                controls = build_controls(services.engine)
                link = own_component("link", elem_id="link", value="")
        with image:
            image_tab(services, controls)
        with video:
            video_tab(services, controls)
        with live_place:
            live = live_tab()
        gr.HTML(read_file("foot.html"), elem_id="foot")
        add_functions(services)
        _remember(page, services, controls, followers=[link, live])
        page.unload(_farewell(services))
    page.queue(max_size=services.limits.queue, default_concurrency_limit=2)
    return page


def appearance() -> dict[str, Any]:
    """Return how the page looks, as `mount_gradio_app` takes it; nothing comes from elsewhere."""
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


def _remember(
    page: gr.Blocks, services: AppContext, controls: FormControls, *, followers: list[Any]
) -> None:
    """Keep the settings in the browser and in the link, and take them from there."""
    engine = services.engine
    stored = gr.BrowserState({}, storage_key=_STORED, secret=_KEY)

    def texts(values: Any) -> dict[str, str]:
        try:
            return {str(key): str(value) for key, value in values.items()}
        except AttributeError:  # what a browser keeps may be anything
            return {}

    def restore(saved: Any, request: gr.Request) -> list[Any]:
        query = texts(request.query_params)
        if not set(query) & {field.name for field in fields(SegmentOptions)}:
            query = texts(saved)
        return set_controls(query, engine=engine)

    def note(*values: Any) -> list[Any]:
        try:
            query = read_controls(values, engine=engine).as_query()
        except UrbanSegmentorError:  # the tabs say what is wrong, the live one when it is asked
            return [gr.skip(), *["classes="] * len(followers)]
        return [query, *[urlencode(query)] * len(followers)]

    quick: Any = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
    page.load(restore, stored, [*controls.inputs, controls.preset], **quick)
    gr.on(
        [control.change for control in controls.inputs],
        note,
        controls.inputs,
        [stored, *followers],
        trigger_mode="always_last",
        **quick,
    )


def _farewell(services: AppContext) -> Any:
    def forget(request: gr.Request) -> None:
        services.jobs.cancel(visitor_of(request))
        services.store.forget(visitor_of(request))

    return forget
