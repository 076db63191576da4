"""The generated files of a Space: `app.py` and `README.md`."""

from __future__ import annotations

import sys

import yaml

from urban_segmentor.apps.web.settings import USUAL_SETTINGS

APP_FIRST_LINE = '"""The app of Urban Segmentor, as a Space runs it."""'
"""Identifies a folder as a Space that was built here."""

_APP = f"""{APP_FIRST_LINE}

import os
from pathlib import Path

from urban_segmentor.apps.web.server import serve
from urban_segmentor.apps.web.settings import AppSettings

HERE = Path(__file__).resolve().parent
# On a Space others come in through its proxy; anywhere else only this machine does.
HOST = "0.0.0.0" if "SPACE_ID" in os.environ else "{USUAL_SETTINGS.host}"

if __name__ == "__main__":
    serve(
        AppSettings(
            host=os.environ.get("GRADIO_SERVER_NAME", HOST),
            port=int(os.environ.get("GRADIO_SERVER_PORT", "{USUAL_SETTINGS.port}")),
            password=os.environ.get("URBAN_SEGMENTOR_PASSWORD") or None,
            model=@MODEL@,
            examples=HERE / "examples",
        )
    )
"""
_README = """
# {title}

Outlines cars, people, road, sky and fifteen more classes in street pictures, in video, and in what
a camera sees, on an ordinary CPU.

- `POST /v1/segment` takes a picture and answers with instances as JSON; `/openapi.json` says how.
- The secret `URBAN_SEGMENTOR_PASSWORD` of the Space, if it has one, is what visitors have to know.
- To run it on your own machine: `pip install -r requirements.txt`, then `python app.py`.

The code is under the AGPL-3.0; all of it lies beside this file. The embedded models were trained on
Cityscapes, which allows non-commercial use only, and so do they.
"""
_TAGS = ["computer-vision", "image-segmentation", "cityscapes", "openvino", "yolo", "video"]


def app_text(model: str, *, is_file: bool) -> str:
    """Return `app.py`.

    Args:
        model: Name of an embedded model, or a path below the folder of the Space.
        is_file: True for a path.
    """
    return _APP.replace("@MODEL@", f"str(HERE / {model!r})" if is_file else repr(model))


def readme_text(*, gradio_version: str, title: str = "Urban Segmentor") -> str:
    """Return `README.md`, with the YAML front matter that configures a Space.

    Args:
        gradio_version: The pinned version of Gradio.
        title: Title of the Space.
    """
    front = {
        "title": title,
        "emoji": "🚦",
        "colorFrom": "green",
        "colorTo": "blue",
        "sdk": "gradio",
        "sdk_version": gradio_version,
        "python_version": f"{sys.version_info.major}.{sys.version_info.minor}",
        "app_file": "app.py",
        "pinned": False,
        "license": "agpl-3.0",
        "short_description": "Instance masks for street pictures and video",
        "tags": _TAGS,
    }
    block = yaml.safe_dump(front, sort_keys=False, allow_unicode=True)
    return f"---\n{block}---\n{_README.format(title=title)}"
