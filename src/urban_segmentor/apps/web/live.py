"""Frames of a visitor's own camera: each comes in as a JPEG, and goes back drawn on.

The page has two frames under way at most, and a server with more to do than it can says so at
once, so that no picture gets old in a queue.
"""

import threading
import time
from dataclasses import replace

import cv2
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from urban_segmentor.apps.web.limits import UploadLimits
from urban_segmentor.apps.web.model_pool import ModelPool
from urban_segmentor.apps.web.segment_options import SegmentOptions
from urban_segmentor.apps.web.uploads import decode_upload
from urban_segmentor.errors import UploadError

MOST_BYTES = 2_000_000
"""Of a frame; a JPEG of 1280 x 720 pixels has about 200 kB."""

_MOST_SIDE = 1920
_WAIT_S = 1.0  # longer, and the frame is old
_MOST_WAITING = 8  # of the 40 threads that all doors share; more would only get old
_GONE = 499  # nobody reads it
_QUALITY = [cv2.IMWRITE_JPEG_QUALITY, 80]
_JPEG = b"\xff\xd8\xff"
_SEEN = 3


def live_router(
    engine: ModelPool, *, limits: UploadLimits, slots: threading.Semaphore
) -> APIRouter:
    """Return the route.

    Args:
        engine: Has the models.
        limits: The most that is taken; frames are smaller than pictures may be.
        slots: At most so many pictures are at work at once.
    """
    router = APIRouter(include_in_schema=False)
    small = replace(limits, image_bytes=min(MOST_BYTES, limits.image_bytes), image_side=_MOST_SIDE)

    room = threading.BoundedSemaphore(_MOST_WAITING)

    def work(data: bytes, choices: SegmentOptions) -> Response:
        if not slots.acquire(timeout=_WAIT_S):
            return _busy()
        try:
            return _answer(data, engine=engine, limits=small, choices=choices)
        finally:
            slots.release()

    @router.post("/live")
    async def live(request: Request) -> Response:
        try:
            data = await request.body()
        except ClientDisconnect:  # as every visitor does who stops between two frames
            return Response(status_code=_GONE)
        if not data.startswith(_JPEG):
            raise UploadError("this is no JPEG", hint="send one frame as image/jpeg")
        choices = SegmentOptions.from_query({"model": engine.model, **request.query_params})
        if not room.acquire(blocking=False):
            return _busy()
        try:
            return await run_in_threadpool(work, data, choices)
        finally:
            room.release()

    return router


def _busy() -> JSONResponse:
    words = {"error": "the server is busy", "hint": "come back in a moment"}
    return JSONResponse(words, 503, {"Retry-After": "1"})


def _answer(
    data: bytes, *, engine: ModelPool, limits: UploadLimits, choices: SegmentOptions
) -> Response:
    """Return a frame drawn on, with what it took in the headers."""
    laps: list[tuple[str, float]] = []
    since_s = time.perf_counter()

    def lap(stage: str) -> None:
        nonlocal since_s
        now_s = time.perf_counter()
        laps.append((stage, 1000 * (now_s - since_s)))
        since_s = now_s

    image = decode_upload(data, limits=limits)
    lap("decode")
    result = engine.segmenter_for(choices)(image)
    instances = result.instances
    lap("infer")
    drawn = engine.overlay(choices).draw(result)
    lap("draw")
    bgr = cv2.cvtColor(drawn, cv2.COLOR_RGB2BGR)
    coded = cv2.imencode(".jpg", bgr, _QUALITY)[1].tobytes()
    lap("encode")
    names = engine.class_names(choices.model)
    ids: list[int] = instances.class_ids.tolist()
    found = sorted(set(ids), key=ids.count, reverse=True)[:_SEEN]
    seen = ", ".join(f"{ids.count(class_id)} {names[class_id]}" for class_id in found)
    headers = {
        "X-Instances": str(len(instances)),
        "X-Seen": seen.encode("ascii", "replace").decode(),
        "Server-Timing": ", ".join(f"{stage};dur={ms:.1f}" for stage, ms in laps),
        "Cache-Control": "no-store",
    }
    return Response(coded, media_type="image/jpeg", headers=headers)
