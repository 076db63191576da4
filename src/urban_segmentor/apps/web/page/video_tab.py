"""The tab in which a video is segmented."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr
import pandas as pd

from urban_segmentor.apps.web.page.controls import FormControls, are_usual, read_controls
from urban_segmentor.apps.web.page.widgets import as_it_is, own_component, visitor_of
from urban_segmentor.apps.web.video import VideoJob
from urban_segmentor.errors import UrbanSegmentorError

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from urban_segmentor.apps.web.class_counts import Point
    from urban_segmentor.apps.web.page.context import AppContext

_EVERY_S = 0.4
_COLUMNS = {"time_s": "seconds", "count": "in a frame", "name": "class"}


def video_tab(services: AppContext, controls: FormControls) -> None:
    """Build the tab.

    Args:
        services: What it works with.
        controls: Beside the tabs.
    """
    with gr.Row():
        with gr.Column(scale=2, min_width=280):
            upload = as_it_is(
                gr.Video(sources=["upload"], label="Your video", height=240, elem_id="video-upload")
            )
            gr.HTML(f"<p>{services.limits.video_words}</p>", elem_classes="hint")
        with gr.Column(scale=3, min_width=280):
            strip = own_component("strip", elem_id="video-examples", value="video")
    with gr.Row():
        start = gr.Button("Segment the video", variant="primary", elem_id="video-start")
        cancel = gr.Button("Cancel", elem_id="video-cancel")
    work = own_component("work", elem_id="video-result")
    chart = gr.LinePlot(
        _frame([]),
        x="seconds",
        y="in a frame",
        color="class",
        title="How many of each class, over time",
        x_title="seconds",
        y_title="in a frame",
        height=280,
        visible=False,
        elem_id="video-chart",
    )
    _connect(
        services, controls, upload=upload, strip=strip, start=start, cancel=cancel,
        outputs=[work, chart],
    )  # fmt: skip


def _connect(  # noqa: PLR0913
    services: AppContext,
    controls: FormControls,
    *,
    upload: Any,
    strip: Any,
    start: Any,
    cancel: Any,
    outputs: list[Any],
) -> None:
    def wanted(path: str | None, request: gr.Request, *values: Any) -> Any:
        if path is None:
            yield {"state": "failed", "note": "Choose a video first."}, gr.LinePlot(visible=False)
            return
        services.store.note_upload(visitor_of(request), Path(path))
        yield from _work(services, Path(path), values, request)

    def tried(event: gr.EventData, request: gr.Request, *values: Any) -> Any:
        found = [one for one in services.examples.found if one["kind"] == "video"]
        number = int(event.index)
        if not 0 <= number < len(found):
            return
        if are_usual(values, engine=services.engine):
            answer: Any = found[number]["answer"]
            yield {"state": "done", **answer}, _chart(answer["points"])
            return
        yield from _work(services, services.examples.input(found[number]), values, request)

    def stop(request: gr.Request) -> None:
        services.jobs.cancel(visitor_of(request))

    heavy: Any = {
        "concurrency_id": "videos",
        "concurrency_limit": 1,
        "show_progress": "hidden",
        "api_visibility": "private",
    }
    start.click(wanted, [upload, *controls.inputs], outputs, **heavy)
    strip.click(tried, controls.inputs, outputs, **heavy)
    cancel.click(stop, queue=False, show_progress="hidden", api_visibility="private")


def _work(
    services: AppContext, path: Path, values: Sequence[Any], request: gr.Request
) -> Generator[tuple[Any, Any]]:
    """Yield how far it is, and at the end the result; stop when nobody listens any more."""
    visitor = visitor_of(request)
    hidden = gr.LinePlot(visible=False)
    try:
        job = VideoJob(
            path,
            title=path.name,
            engine=services.engine,
            choices=read_controls(values, engine=services.engine),
            limits=services.limits,
            answer=services.store.answer(visitor),
        )
    except UrbanSegmentorError as error:
        words = f"{error}. {error.hint or ''}".strip()
        yield {"state": "failed", "note": words}, hidden
        return
    services.jobs.begin(visitor, job)
    try:
        yield _shown(job), hidden
        while not job.wait(_EVERY_S):
            yield _shown(job), hidden
    finally:  # also when the visitor left, and Gradio closes this
        job.cancel()
        services.jobs.end(visitor, job)
    if job.progress.state == "done":
        result = job.result()
        yield {"state": "done", **result}, _chart(result["points"])
    else:
        yield _shown(job), hidden


def _shown(job: VideoJob) -> dict[str, Any]:
    """Return what the page shows of a job that is at work, or has failed."""
    progress, preview = job.progress, job.preview()
    return {
        "state": progress.state,
        "title": job.title,
        "frames": progress.frames,
        "total": progress.total,
        "fps": round(progress.fps, 1),
        "left_s": None if progress.left_s is None else round(progress.left_s, 1),
        "note": progress.note,
        "preview": None
        if preview is None
        else f"data:image/jpeg;base64,{base64.b64encode(preview).decode()}",
    }


def _chart(points: Sequence[Point]) -> Any:
    return gr.LinePlot(_frame(points), visible=bool(points))


def _frame(points: Sequence[Point]) -> pd.DataFrame:
    """Return the points of the chart as a table."""
    table = pd.DataFrame(points, columns=list(_COLUMNS))
    return table.rename(columns=_COLUMNS)
