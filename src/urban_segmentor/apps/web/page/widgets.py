"""Small things of which the tabs are made."""

from __future__ import annotations

from importlib import resources
from typing import Any

import gradio as gr


def read_file(name: str) -> str:
    """Return the text of one of the page's own files."""
    return (resources.files("urban_segmentor.apps.web.page") / "files" / name).read_text("utf-8")


def own_component(name: str, *, elem_id: str, value: Any = None) -> gr.HTML:
    """Return a component of our own: the files NAME.html, NAME.js and NAME.css.

    Args:
        name: Of the files.
        elem_id: Id in the page.
        value: What the script draws; any JSON.
    """
    return gr.HTML(
        value,
        html_template=read_file(f"{name}.html"),
        css_template=read_file(f"{name}.css"),
        js_on_load=read_file(f"{name}.js"),
        apply_default_css=False,
        elem_id=elem_id,
    )


def visitor_of(request: gr.Request) -> str:
    """Return what tells a visitor apart; Gradio makes it for each open page."""
    return request.session_hash or "nobody"


def as_it_is(upload: Any) -> Any:
    """Return an upload that gives the path of the file, untouched.

    Gradio would decode pictures, and hand videos to FFmpeg, before anything is checked. It is not
    done in a class of our own, since Gradio writes a file beside the source of each such class.
    """

    def path_of(payload: Any) -> Any:
        return None if payload is None else payload.path

    upload.preprocess = path_of
    return upload
