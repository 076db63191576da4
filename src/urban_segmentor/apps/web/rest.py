"""The plain HTTP interface: one picture in, instances out as JSON."""

import threading
import time
from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, File, Form, Request, UploadFile
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from urban_segmentor import __version__
from urban_segmentor.apps.web.body_errors import sized_route
from urban_segmentor.apps.web.limits import UploadLimits
from urban_segmentor.apps.web.model_pool import ModelPool
from urban_segmentor.apps.web.schemas import FoundInstance, Health, MaskRle, Problem, Segmented
from urban_segmentor.apps.web.segment_options import SegmentOptions
from urban_segmentor.apps.web.uploads import decode_upload
from urban_segmentor.errors import SettingError, TooLargeError, UploadError, UrbanSegmentorError
from urban_segmentor.io.writers.records import instance_records
from urban_segmentor.structures.rle import encode_rle

_WAIT_S = 20.0
_MOST_WAITING = 16  # of the 40 threads that all doors share; the others stay free
_FIELDS = "/openapi.json lists all fields"
_PROBLEMS: dict[int | str, dict[str, Any]] = {
    400: {"model": Problem, "description": "It is no picture, or no such form."},
    413: {"model": Problem, "description": "It is larger than is taken."},
    422: {"model": Problem, "description": "A value is missing, or out of its range."},
    500: {"model": Problem, "description": "The server failed, such as for a damaged model."},
    503: {
        "model": Problem,
        "description": "Too many pictures are at work; come back.",
        "headers": {
            "Retry-After": {"description": "After so many seconds.", "schema": {"type": "integer"}}
        },
    },
}


def rest_router(
    engine: ModelPool, *, limits: UploadLimits, slots: threading.Semaphore
) -> APIRouter:
    """Return the routes; `add_problems` makes their errors what they promise.

    Args:
        engine: Has the models.
        limits: The most that is taken.
        slots: At most so many pictures are at work at once.
    """
    router = APIRouter(route_class=sized_route(limits))
    room = threading.BoundedSemaphore(min(limits.queue, _MOST_WAITING))

    @router.get("/health", summary="Whether the server works")
    async def health() -> Health:
        choice = engine.segmenter(engine.model).selection if engine.ready else None
        return Health(
            status="ok",
            ready=choice is not None,
            version=__version__,
            model=engine.model,
            runtime=None if choice is None else choice.runtime,
            device=None if choice is None else choice.device,
        )

    def work(image: UploadFile, choices: SegmentOptions) -> Segmented | None:
        if not slots.acquire(timeout=_WAIT_S):
            return None
        try:
            return _segmented(image.file.read(), engine=engine, limits=limits, choices=choices)
        finally:
            slots.release()

    @router.post(
        "/v1/segment",
        summary="Find what is in a picture",
        responses=_PROBLEMS,
        response_model=Segmented,
    )
    async def segment(
        image: Annotated[
            UploadFile,
            File(description=f"JPEG, PNG, WebP, TIFF or BMP. {limits.image_words}"),
        ],
        choices: Annotated[SegmentOptions, Depends(_form(engine))],
    ) -> Any:
        if not room.acquire(blocking=False):
            return _busy()
        try:
            return await run_in_threadpool(work, image, choices) or _busy()
        finally:
            room.release()

    return router


def _form(engine: ModelPool) -> Callable[..., Coroutine[Any, Any, SegmentOptions]]:
    """Return what reads the fields beside the picture."""

    async def choices(
        conf: Annotated[float, Form(ge=0, le=1, description="Lowest score.")] = 0.25,
        iou: Annotated[
            float, Form(ge=0, le=1, description="Overlap above which the weaker box goes.")
        ] = 0.7,
        classes: Annotated[
            str, Form(description="Names, with commas; empty for all.", examples=["car,person"])
        ] = "",
        panoptic: Annotated[bool, Form(description="Each pixel in one instance, or none.")] = False,  # noqa: FBT002 - FastAPI reads it
        model: Annotated[str, Form(description="Name of a model; empty for the usual one.")] = "",
    ) -> SegmentOptions:
        query = {"classes": classes} if classes.strip() else {}
        return SegmentOptions.from_query(
            {
                "model": model or engine.model,
                "conf": str(conf),
                "iou": str(iou),
                "panoptic": str(panoptic),
                **query,
            }
        )

    return choices


def add_problems(app: FastAPI) -> None:
    """Let an app answer every error with `error` and `hint`, and with no path of the server.

    Args:
        app: Gets the handlers.
    """

    def wrong_form(_request: Request, error: Exception) -> JSONResponse:
        found: Any = error.errors()[0] if isinstance(error, RequestValidationError) else {}
        field = ".".join(str(part) for part in found.get("loc", ("body",))[1:]) or "the request"
        words = f"`{field}`: {str(found.get('msg', 'cannot be read'))[:200]}"
        return _problem(422, words, _FIELDS)

    def refused(_request: Request, error: Exception) -> JSONResponse:
        status = getattr(error, "status_code", 400)
        words = str(getattr(error, "detail", "the request cannot be read"))
        return _problem(status, words, _FIELDS, getattr(error, "headers", None))

    def ours(_request: Request, error: Exception) -> JSONResponse:
        hint = getattr(error, "hint", None) or ""
        if isinstance(error, UploadError):
            return _problem(413 if isinstance(error, TooLargeError) else 400, str(error), hint)
        if isinstance(error, SettingError):
            return _problem(422, str(error), hint)
        return failed(_request, error)

    def failed(_request: Request, _error: Exception) -> JSONResponse:
        # What went wrong inside names files, and is for the log alone.
        return _problem(500, "the server failed", "try again, or tell whoever runs the server")

    app.add_exception_handler(RequestValidationError, wrong_form)
    app.add_exception_handler(HTTPException, refused)
    app.add_exception_handler(UrbanSegmentorError, ours)
    app.add_exception_handler(Exception, failed)


def _problem(status: int, error: str, hint: str, headers: Any = None) -> JSONResponse:
    return JSONResponse({"error": error, "hint": hint}, status, headers)


def _busy() -> JSONResponse:
    words = "too many pictures are at work"
    return _problem(503, words, "come back in some seconds", {"Retry-After": "5"})


def _segmented(
    data: bytes, *, engine: ModelPool, limits: UploadLimits, choices: SegmentOptions
) -> Segmented:
    """Return what was found."""
    took_s: dict[str, float] = {}

    def note(stage: str, seconds: float) -> None:
        took_s[stage] = took_s.get(stage, 0.0) + seconds

    since_s = time.perf_counter()
    image = decode_upload(data, limits=limits)
    note("decode", time.perf_counter() - since_s)
    result = engine.segmenter_for(choices)(image)
    for stage, milliseconds in result.milliseconds.items():
        note(stage, milliseconds / 1e3)
    found = result.instances
    rows = instance_records(found)
    height, width = image.shape[:2]
    return Segmented(
        width=width,
        height=height,
        model=choices.model,
        instances=[
            FoundInstance(
                class_name=row.class_name,
                class_id=row.class_id,
                score=row.score,
                box=row.box,
                area_px=row.area_px,
                rle=MaskRle(**rle),
            )
            for row, rle in zip(rows, encode_rle(found.masks), strict=True)
        ],
        ms={stage: round(1000 * seconds, 2) for stage, seconds in took_s.items()},
    )
