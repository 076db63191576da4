"""What programs may call through Gradio's clients; the names and types are those of its API."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import gradio as gr

from urban_segmentor.apps.web.image import segment_image
from urban_segmentor.apps.web.page.widgets import visitor_of
from urban_segmentor.apps.web.segment_options import SegmentOptions
from urban_segmentor.apps.web.video import VIDEO, VideoJob
from urban_segmentor.errors import UploadError, UrbanSegmentorError
from urban_segmentor.io.writers import WRITER_PATHS

if TYPE_CHECKING:
    from urban_segmentor.apps.web.page.context import AppContext
    from urban_segmentor.apps.web.temp_files import SavedResult


def add_functions(services: AppContext) -> None:
    """Add the functions to the page that is being built.

    Args:
        services: What they work with.
    """

    def models() -> dict[str, list[str]]:
        """Return the classes of each model."""
        engine = services.engine
        return {model: list(engine.class_names(model)) for model in engine.models}

    api: Any = vars(gr)["api"]  # which Gradio exports without saying so
    images: Any = {"concurrency_id": "images", "concurrency_limit": 2}
    videos: Any = {"concurrency_id": "videos", "concurrency_limit": 1}
    api(_segment(services), api_name="segment", **images)
    api(_segment_video(services), api_name="segment_video", **videos)
    api(models, api_name="models")


def _segment(services: AppContext) -> Any:
    """Return the function for pictures."""

    def segment(  # noqa: PLR0913, PLR0917 - a client names them
        image: gr.FileData,
        request: gr.Request,
        conf: float = 0.25,
        iou: float = 0.7,
        classes: list[str] | None = None,
        panoptic: bool = False,  # noqa: FBT001, FBT002
        masks_only: bool = False,  # noqa: FBT001, FBT002
        opacity: float = 0.5,
        palette: str = "cityscapes",
        model: str = "",
    ) -> tuple[gr.FileData, gr.FileData, dict[str, Any]]:
        """Segment a picture: the overlay, COCO JSON, and what was found."""
        with raise_gradio_errors():
            path = _uploaded(image, services, request)
            answer = services.store.answer(visitor_of(request))
            choices = _choices(
                services, conf=conf, iou=iou, classes=classes, panoptic=panoptic,
                masks_only=masks_only, opacity=opacity, palette=palette, model=model,
            )  # fmt: skip
            with services.slots:
                found = segment_image(
                    path,
                    title=path.name,
                    engine=services.engine,
                    choices=choices,
                    limits=services.limits,
                    answer=answer,
                )
        facts = {key: found[key] for key in ("size", "instances", "classes", "ms")}
        return _file(answer, "after.jpg"), _file(answer, WRITER_PATHS["coco"]), facts

    return segment


def _segment_video(services: AppContext) -> Any:
    """Return the function for videos."""

    def segment_video(  # noqa: PLR0913, PLR0917 - a client names them
        video: gr.FileData,
        request: gr.Request,
        conf: float = 0.25,
        iou: float = 0.7,
        classes: list[str] | None = None,
        panoptic: bool = False,  # noqa: FBT001, FBT002
        masks_only: bool = False,  # noqa: FBT001, FBT002
        opacity: float = 0.5,
        palette: str = "cityscapes",
        model: str = "",
    ) -> tuple[gr.FileData, gr.FileData, gr.FileData, dict[str, Any]]:
        """Segment a video: the overlay as MP4, JSON lines, CSV, and what was seen."""
        with raise_gradio_errors():
            path = _uploaded(video, services, request)
            answer = services.store.answer(visitor_of(request))
            choices = _choices(
                services, conf=conf, iou=iou, classes=classes, panoptic=panoptic,
                masks_only=masks_only, opacity=opacity, palette=palette, model=model,
            )  # fmt: skip
            job = VideoJob(
                path,
                title=path.name,
                engine=services.engine,
                choices=choices,
                limits=services.limits,
                answer=answer,
            )
        visitor = visitor_of(request)
        services.jobs.begin(visitor, job)
        while not job.wait(1.0):
            pass
        services.jobs.end(visitor, job)
        if job.progress.state != "done":
            raise _refusal(job.progress.note or "The video was cancelled.")
        result = job.result()
        facts = {key: result[key] for key in ("frames", "fps", "totals", "note")}
        names = (VIDEO, WRITER_PATHS["jsonl"], WRITER_PATHS["csv"])
        overlay, lines, table = (_file(answer, name) for name in names)
        return overlay, lines, table, facts

    return segment_video


class raise_gradio_errors:  # noqa: N801 - reads as a word of the language
    """A context in which our errors become Gradio's, which it passes on to whoever called."""

    def __enter__(self) -> None:
        """Nothing is to be prepared."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """Turn an error of ours into one of Gradio's."""
        if isinstance(error, UrbanSegmentorError):
            raise _refusal(f"{error}. {error.hint or ''}".strip()) from None


def _refusal(words: str) -> gr.Error:
    """Return what Gradio passes on to whoever called, and keeps out of the log."""
    return gr.Error(words, print_exception=False)


def _choices(
    services: AppContext, *, model: str, classes: list[str] | None, **rest: Any
) -> SegmentOptions:
    """Return the choices, with the app's own model where none is named."""
    wanted = None if classes is None else tuple(classes)
    return SegmentOptions(model=model or services.engine.model, classes=wanted, **rest)


def _uploaded(file: Any, services: AppContext, request: gr.Request) -> Path:
    """Return the path of what a client uploaded; Gradio checks nothing here.

    Raises:
        UploadError: It is a file that nobody uploaded, or an address.
    """
    given = cast("dict[str, Any]", file).get("path") if isinstance(file, dict) else None
    path = Path(str(given or "")).resolve()
    if not (path.is_relative_to(services.store.root) and path.is_file()):
        raise UploadError(
            "this is no file that was uploaded here",
            hint="upload it first; in Python with gradio_client.handle_file(path)",
        )
    services.store.note_upload(visitor_of(request), path)
    return path


def _file(answer: SavedResult, name: str) -> gr.FileData:
    return gr.FileData(path=str(answer.folder / name), orig_name=name)
