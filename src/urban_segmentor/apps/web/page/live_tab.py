"""The tab in which the visitor's camera is segmented."""

from __future__ import annotations

from typing import TYPE_CHECKING

from urban_segmentor.apps.web.page.widgets import own_component

if TYPE_CHECKING:
    import gradio as gr


def live_tab() -> gr.HTML:
    """Return the component whose value is the end of a link with the choices."""
    return own_component("live", elem_id="live-view", value="")
