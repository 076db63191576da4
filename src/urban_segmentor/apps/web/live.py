"""Route of the live tab: a JPEG frame in, the annotated JPEG out.

The page has at most two frames in flight, and an overloaded server answers 503 at once, so that no
frame gets old in a queue.
"""

import threading
from collections import Counter
from dataclasses import replace

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from urban_segmentor.apps.http.responses import error_response
from urban_segmentor.apps.web.limits import UploadLimits
from urban_segmentor.apps.web.model_pool import ModelPool
from urban_segmentor.apps.web.segment_options import SegmentOptions
from urban_segmentor.apps.web.uploads import decode_upload
from urban_segmentor.errors import UploadError
from urban_segmentor.io.image_codec import encode_image
from urban_segmentor.profiling import Stopwatch

MAX_FRAME_BYTES = 2_000_000
"""Of a frame; a JPEG of 1280 x 720 pixels has about 200 kB."""

_MAX_SIDE = 1920
_SLOT_TIMEOUT_S = 1.0  # longer, and the frame is old
_MAX_WAITING = 8  # of the 40 threads of the server's thread pool; more would only get old
_CLIENT_CLOSED_REQUEST = 499  # nginx's code for a closed connection
_QUALITY = 80  # of JPEG
_JPEG = b"\xff\xd8\xff"
_MAX_CLASSES = 3


def live_router(
    models: ModelPool, *, limits: UploadLimits, slots: threading.Semaphore
) -> APIRouter:
    """Return the router of live frames.

    Args:
        models: The models.
        limits: Limits of uploads; those of frames are smaller.
        slots: Limits concurrent inference.
    """
    router = APIRouter(include_in_schema=False)
    frame_limits = replace(
        limits, image_bytes=min(MAX_FRAME_BYTES, limits.image_bytes), image_side=_MAX_SIDE
    )

    waiting = threading.BoundedSemaphore(_MAX_WAITING)

    def run(data: bytes, options: SegmentOptions) -> Response:
        if not slots.acquire(timeout=_SLOT_TIMEOUT_S):
            return _busy_response()
        try:
            return _annotated_frame(data, models=models, limits=frame_limits, options=options)
        finally:
            slots.release()

    @router.post("/live")
    async def live(request: Request) -> Response:
        try:
            data = await request.body()
        except ClientDisconnect:  # as when a visitor stops between two frames
            return Response(status_code=_CLIENT_CLOSED_REQUEST)
        if not data.startswith(_JPEG):
            raise UploadError("this is no JPEG", hint="send one frame as image/jpeg")
        options = SegmentOptions.from_query({"model": models.model, **request.query_params})
        if not waiting.acquire(blocking=False):
            return _busy_response()
        try:
            return await run_in_threadpool(run, data, options)
        finally:
            waiting.release()

    return router


def _busy_response() -> JSONResponse:
    return error_response(
        503, "the server is busy", hint="come back in a moment", headers={"Retry-After": "1"}
    )


def _annotated_frame(
    data: bytes, *, models: ModelPool, limits: UploadLimits, options: SegmentOptions
) -> Response:
    """Return the annotated frame as JPEG, with counts and timings in the headers."""
    stopwatch = Stopwatch()
    image = decode_upload(data, limits=limits)
    stopwatch.lap("decode")
    result = models.segmenter_for(options)(image)
    instances = result.instances
    stopwatch.lap("infer")
    annotated = models.overlay(options).draw(result)
    stopwatch.lap("draw")
    jpeg = encode_image(annotated, suffix=".jpg", quality=_QUALITY)
    stopwatch.lap("encode")
    counts = Counter(instances.class_names).most_common(_MAX_CLASSES)
    summary = ", ".join(f"{count} {name}" for name, count in counts)
    timings = (f"{stage};dur={ms:.1f}" for stage, ms in stopwatch.milliseconds.items())
    headers = {
        "X-Instances": str(len(instances)),
        "X-Seen": summary.encode("ascii", "replace").decode(),
        "Server-Timing": ", ".join(timings),
        "Cache-Control": "no-store",
    }
    return Response(jpeg, media_type="image/jpeg", headers=headers)
