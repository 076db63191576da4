"""The live tab, for the visitor's camera."""

from __future__ import annotations

from typing import TYPE_CHECKING

from urban_segmentor.apps.web.page.widgets import custom_component

if TYPE_CHECKING:
    import gradio as gr


def live_tab() -> gr.HTML:
    """Return the live component, whose value is the query string of the options."""
    return custom_component("live", elem_id="live-view", value="")
