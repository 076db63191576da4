"""API functions for Gradio clients; their names and types are part of the API."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import gradio as gr
from gradio import events

from urban_segmentor.apps.web.page.widgets import visitor_id
from urban_segmentor.apps.web.segment_options import SegmentOptions
from urban_segmentor.apps.web.video import VIDEO
from urban_segmentor.errors import UploadError, UrbanSegmentorError
from urban_segmentor.io.output_options import WRITER_PATHS

if TYPE_CHECKING:
    from collections.abc import Generator

    from urban_segmentor.apps.web.page.context import AppContext
    from urban_segmentor.apps.web.temp_files import SavedResult

_USUAL = SegmentOptions()


def add_api_functions(context: AppContext) -> None:
    """Add the API functions to the Gradio page under construction.

    Args:
        context: State that the functions share.
    """

    def models() -> dict[str, list[str]]:
        """Return the classes of each model."""
        models = context.models
        return {model: list(models.class_names(model)) for model in models.models}

    images: Any = {"concurrency_id": "images", "concurrency_limit": 2}
    videos: Any = {"concurrency_id": "videos", "concurrency_limit": 1}
    api = cast("Any", events.api)  # its types are incomplete
    api(_segment(context), api_name="segment", **images)
    api(_segment_video(context), api_name="segment_video", **videos)
    api(models, api_name="models")


def _segment(context: AppContext) -> Any:
    """Return the API function for images."""

    def segment(  # noqa: PLR0913, PLR0917 - a client names them
        image: gr.FileData,
        request: gr.Request,
        conf: float = _USUAL.conf,
        iou: float = _USUAL.iou,
        classes: list[str] | None = None,
        panoptic: bool = False,  # noqa: FBT001, FBT002
        masks_only: bool = False,  # noqa: FBT001, FBT002
        opacity: float = _USUAL.opacity,
        palette: str = _USUAL.palette,
        model: str = "",
    ) -> tuple[gr.FileData, gr.FileData, dict[str, Any]]:
        """Segment an image: the overlay, COCO JSON, and a summary."""
        with raise_gradio_errors():
            path = _uploaded_path(image, context, request)
            saved = context.temp_files.new_result(visitor_id(request))
            options = _options(
                context, conf=conf, iou=iou, classes=classes, panoptic=panoptic,
                masks_only=masks_only, opacity=opacity, palette=palette, model=model,
            )  # fmt: skip
            result = context.segment_image(path, options=options, saved=saved)
        summary = {key: result[key] for key in ("size", "instances", "classes", "ms")}
        return _file(saved, "after.jpg"), _file(saved, WRITER_PATHS["coco"]), summary

    return segment


def _segment_video(context: AppContext) -> Any:
    """Return the API function for videos."""

    def segment_video(  # noqa: PLR0913, PLR0917 - a client names them
        video: gr.FileData,
        request: gr.Request,
        conf: float = _USUAL.conf,
        iou: float = _USUAL.iou,
        classes: list[str] | None = None,
        panoptic: bool = False,  # noqa: FBT001, FBT002
        masks_only: bool = False,  # noqa: FBT001, FBT002
        opacity: float = _USUAL.opacity,
        palette: str = _USUAL.palette,
        model: str = "",
    ) -> tuple[gr.FileData, gr.FileData, gr.FileData, dict[str, Any]]:
        """Segment a video: the overlay as MP4, JSON lines, CSV, and a summary."""
        visitor = visitor_id(request)
        with raise_gradio_errors():
            path = _uploaded_path(video, context, request)
            options = _options(
                context, conf=conf, iou=iou, classes=classes, panoptic=panoptic,
                masks_only=masks_only, opacity=opacity, palette=palette, model=model,
            )  # fmt: skip
            job = context.video_job(path, options=options, visitor=visitor)
        context.jobs.start(visitor, job)
        while not job.wait(1.0):
            pass
        context.jobs.remove(visitor, job)
        if job.progress.state != "done":
            raise _gradio_error(job.progress.note or "The video was cancelled.")
        result = job.result()
        summary = {key: result[key] for key in ("frames", "fps", "totals", "note")}
        names = (VIDEO, WRITER_PATHS["jsonl"], WRITER_PATHS["csv"])
        overlay, lines, table = (_file(job.answer, name) for name in names)
        return overlay, lines, table, summary

    return segment_video


@contextmanager
def raise_gradio_errors() -> Generator[None]:
    """Return a context in which `UrbanSegmentorError` becomes `gr.Error`."""
    try:
        yield
    except UrbanSegmentorError as error:
        raise _gradio_error(f"{error}. {error.hint or ''}".strip()) from None


def _gradio_error(message: str) -> gr.Error:
    """Return the error that Gradio sends to the client and does not log."""
    return gr.Error(message, print_exception=False)


def _options(
    context: AppContext, *, model: str, classes: list[str] | None, **rest: Any
) -> SegmentOptions:
    """Return the options, with the default model where none is named."""
    class_names = None if classes is None else tuple(classes)
    return SegmentOptions(model=model or context.models.model, classes=class_names, **rest)


def _uploaded_path(file: Any, context: AppContext, request: gr.Request) -> Path:
    """Return the checked path of an uploaded file; Gradio does not check it.

    Raises:
        UploadError: It is not an uploaded file, or a URL.
    """
    raw_path = cast("dict[str, Any]", file).get("path") if isinstance(file, dict) else None
    path = Path(str(raw_path or "")).resolve()
    if not (path.is_relative_to(context.temp_files.root) and path.is_file()):
        raise UploadError(
            "this is no file that was uploaded here",
            hint="upload it first; in Python with gradio_client.handle_file(path)",
        )
    context.temp_files.add_upload(visitor_id(request), path)
    return path


def _file(saved: SavedResult, name: str) -> gr.FileData:
    return gr.FileData(path=str(saved.folder / name), orig_name=name)
