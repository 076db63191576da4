"""The video tab."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr
import pandas as pd

from urban_segmentor.apps.web.gradio_workarounds import undecoded_upload
from urban_segmentor.apps.web.page.controls import FormControls, are_defaults, read_controls
from urban_segmentor.apps.web.page.widgets import custom_component, visitor_id
from urban_segmentor.errors import UrbanSegmentorError

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from urban_segmentor.apps.web.class_counts import ChartPoint
    from urban_segmentor.apps.web.page.context import AppContext
    from urban_segmentor.apps.web.video import VideoJob

_POLL_S = 0.4
_COLUMNS = {"time_s": "seconds", "count": "in a frame", "name": "class"}


def video_tab(context: AppContext, controls: FormControls) -> None:
    """Build the video tab.

    Args:
        context: State that the tabs share.
        controls: The controls beside the tabs.
    """
    with gr.Row():
        with gr.Column(scale=2, min_width=280):
            upload = undecoded_upload(
                gr.Video(sources=["upload"], label="Your video", height=240, elem_id="video-upload")
            )
            gr.HTML(f"<p>{context.limits.video_text}</p>", elem_classes="hint")
        with gr.Column(scale=3, min_width=280):
            strip = custom_component("strip", elem_id="video-examples", value="video")
    with gr.Row():
        start = gr.Button("Segment the video", variant="primary", elem_id="video-start")
        cancel = gr.Button("Cancel", elem_id="video-cancel")
    work = custom_component("work", elem_id="video-result")
    chart = gr.LinePlot(
        _to_table([]),
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
        context, controls, upload=upload, strip=strip, start=start, cancel=cancel,
        outputs=[work, chart],
    )  # fmt: skip


def _connect(  # noqa: PLR0913
    context: AppContext,
    controls: FormControls,
    *,
    upload: Any,
    strip: Any,
    start: Any,
    cancel: Any,
    outputs: list[Any],
) -> None:
    def on_start(path: str | None, request: gr.Request, *values: Any) -> Any:
        if path is None:
            yield {"state": "failed", "note": "Choose a video first."}, gr.LinePlot(visible=False)
            return
        context.temp_files.add_upload(visitor_id(request), Path(path))
        yield from _run_job(context, Path(path), values, request)

    def on_example_click(event: gr.EventData, request: gr.Request, *values: Any) -> Any:
        ready = [one for one in context.examples.ready if one["kind"] == "video"]
        index = int(event.index)
        if not 0 <= index < len(ready):
            return
        if are_defaults(values, engine=context.models):
            answer: Any = ready[index]["answer"]
            yield {"state": "done", **answer}, _chart(answer["points"])
            return
        yield from _run_job(context, context.examples.input(ready[index]), values, request)

    def on_cancel(request: gr.Request) -> None:
        context.jobs.cancel(visitor_id(request))

    event_options: Any = {
        "concurrency_id": "videos",
        "concurrency_limit": 1,
        "show_progress": "hidden",
        "api_visibility": "private",
    }
    start.click(on_start, [upload, *controls.inputs], outputs, **event_options)
    strip.click(on_example_click, controls.inputs, outputs, **event_options)
    cancel.click(on_cancel, queue=False, show_progress="hidden", api_visibility="private")


def _run_job(
    context: AppContext, path: Path, values: Sequence[Any], request: gr.Request
) -> Generator[tuple[Any, Any]]:
    """Yield the progress of a job and at the end its result; cancel it when the visitor leaves."""
    visitor = visitor_id(request)
    hidden = gr.LinePlot(visible=False)
    try:
        options = read_controls(values, engine=context.models)
        job = context.video_job(path, options=options, visitor=visitor)
    except UrbanSegmentorError as error:
        message = f"{error}. {error.hint or ''}".strip()
        yield {"state": "failed", "note": message}, hidden
        return
    context.jobs.start(visitor, job)
    try:
        yield _job_state(job), hidden
        while not job.wait(_POLL_S):
            yield _job_state(job), hidden
    finally:  # also when the visitor left, and Gradio closes this
        job.cancel()
        context.jobs.remove(visitor, job)
    if job.progress.state == "done":
        result = job.result()
        yield {"state": "done", **result}, _chart(result["points"])
    else:
        yield _job_state(job), hidden


def _job_state(job: VideoJob) -> dict[str, Any]:
    """Return the state of a running or failed job, as the page shows it."""
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


def _chart(points: Sequence[ChartPoint]) -> Any:
    return gr.LinePlot(_to_table(points), visible=bool(points))


def _to_table(points: Sequence[ChartPoint]) -> pd.DataFrame:
    table = pd.DataFrame(points, columns=list(_COLUMNS))
    return table.rename(columns=_COLUMNS)
