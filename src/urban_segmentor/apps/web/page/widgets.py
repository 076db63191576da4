"""Gradio components and helpers of the tabs."""

from __future__ import annotations

from importlib import resources
from typing import Any

import gradio as gr


def read_file(name: str) -> str:
    """Return the text of a file of the page."""
    return (resources.files("urban_segmentor.apps.web.page") / "files" / name).read_text("utf-8")


def custom_component(name: str, *, elem_id: str, value: Any = None) -> gr.HTML:
    """Return a custom component made of NAME.html, NAME.js and NAME.css.

    Args:
        name: Stem of the files.
        elem_id: Element id in the page.
        value: Value for the script; any JSON.
    """
    return gr.HTML(
        value,
        html_template=read_file(f"{name}.html"),
        css_template=read_file(f"{name}.css"),
        js_on_load=read_file(f"{name}.js"),
        apply_default_css=False,
        elem_id=elem_id,
    )


def visitor_id(request: gr.Request) -> str:
    """Return the id of a visitor, which Gradio makes for each open page."""
    return request.session_hash or "nobody"
