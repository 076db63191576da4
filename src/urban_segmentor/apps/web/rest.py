"""The REST API: an image in, instances out as JSON."""

import threading
from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, File, Form, Request, UploadFile
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from urban_segmentor import __version__
from urban_segmentor.apps.http.responses import error_response
from urban_segmentor.apps.web.limits import UploadLimits
from urban_segmentor.apps.web.model_pool import ModelPool
from urban_segmentor.apps.web.schemas import (
    DetectedInstance,
    Health,
    MaskRle,
    Problem,
    SegmentResponse,
)
from urban_segmentor.apps.web.segment_options import SegmentOptions
from urban_segmentor.apps.web.uploads import decode_upload
from urban_segmentor.errors import SettingError, TooLargeError, UploadError, UrbanSegmentorError
from urban_segmentor.io.writers.instance_records import instance_records
from urban_segmentor.options import option_of, range_of
from urban_segmentor.profiling import Stopwatch
from urban_segmentor.structures.rle import encode_rle

_USUAL = SegmentOptions()
_SLOT_TIMEOUT_S = 20.0
_MAX_WAITING = 16  # of the 40 threads of the server's thread pool; the others stay free
_OTHER_METHODS = ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"]
_EXAMPLE = "curl -F image=@street.jpg ADDRESS/v1/segment"
_FIELDS_HINT = "/openapi.json lists all fields"
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
    models: ModelPool, *, limits: UploadLimits, slots: threading.Semaphore
) -> APIRouter:
    """Return the router of the REST API; `add_error_handlers` gives its errors their format.

    Args:
        models: The models.
        limits: Limits of uploads.
        slots: Limits concurrent inference.
    """
    router = APIRouter()
    waiting = threading.BoundedSemaphore(min(limits.queue, _MAX_WAITING))

    @router.get("/health", summary="Whether the server works")
    async def health() -> Health:
        choice = models.segmenter(models.model).selection if models.ready else None
        return Health(
            status="ok",
            ready=choice is not None,
            version=__version__,
            model=models.model,
            runtime=None if choice is None else choice.runtime,
            device=None if choice is None else choice.device,
        )

    def run(image: UploadFile, options: SegmentOptions) -> SegmentResponse | None:
        if not slots.acquire(timeout=_SLOT_TIMEOUT_S):
            return None
        try:
            return _segmented(image.file.read(), models=models, limits=limits, options=options)
        finally:
            slots.release()

    @router.post(
        "/v1/segment",
        summary="Find what is in a picture",
        responses=_PROBLEMS,
        response_model=SegmentResponse,
    )
    async def segment(
        image: Annotated[
            UploadFile,
            File(description=f"JPEG, PNG, WebP, TIFF or BMP. {limits.image_text}"),
        ],
        options: Annotated[SegmentOptions, Depends(_form_options(models))],
    ) -> Any:
        if not waiting.acquire(blocking=False):
            return _busy_response()
        try:
            return await run_in_threadpool(run, image, options) or _busy_response()
        finally:
            waiting.release()

    _add_wrong_routes(router)
    return router


def _add_wrong_routes(router: APIRouter) -> None:
    """Add answers to other methods and paths; the page, below all routes, would answer them."""

    @router.api_route("/v1/segment", methods=_OTHER_METHODS, include_in_schema=False)
    async def wrong_method() -> JSONResponse:
        return error_response(
            405, "pictures are sent by POST", hint=_EXAMPLE, headers={"Allow": "POST"}
        )

    @router.api_route("/v1/{path:path}", methods=["POST", *_OTHER_METHODS], include_in_schema=False)
    async def wrong_path(path: str) -> JSONResponse:
        return error_response(404, f"there is no `/v1/{path[:80]}`", hint=_EXAMPLE)


def _help(name: str) -> str:
    return option_of(SegmentOptions, name).help


def _number_field(name: str) -> Any:
    """Return the form field of a number, with the range and the help of its option."""
    low, high = range_of(SegmentOptions, name)
    return Form(ge=low, le=high, description=_help(name))


def _form_options(models: ModelPool) -> Callable[..., Coroutine[Any, Any, SegmentOptions]]:
    """Return the FastAPI dependency that parses the form fields beside the image."""

    async def options(
        conf: Annotated[float, _number_field("conf")] = _USUAL.conf,
        iou: Annotated[float, _number_field("iou")] = _USUAL.iou,
        classes: Annotated[
            str, Form(description="Names, with commas; empty for all.", examples=["car,person"])
        ] = "",
        panoptic: Annotated[bool, Form(description=_help("panoptic"))] = _USUAL.panoptic,
        model: Annotated[str, Form(description="Name of a model; empty for the usual one.")] = "",
    ) -> SegmentOptions:
        query = {"classes": classes} if classes.strip() else {}
        return SegmentOptions.from_query(
            {
                "model": model or models.model,
                "conf": str(conf),
                "iou": str(iou),
                "panoptic": str(panoptic),
                **query,
            }
        )

    return options


def add_error_handlers(app: FastAPI) -> None:
    """Make an app answer every error with `error` and `hint`, without local paths.

    Args:
        app: The app that gets the handlers.
    """

    def on_validation_error(_request: Request, error: Exception) -> JSONResponse:
        found: Any = error.errors()[0] if isinstance(error, RequestValidationError) else {}
        field = ".".join(str(part) for part in found.get("loc", ("body",))[1:]) or "the request"
        message = f"`{field}`: {str(found.get('msg', 'cannot be read'))[:200]}"
        return error_response(422, message, hint=_FIELDS_HINT)

    def on_http_error(_request: Request, error: Exception) -> JSONResponse:
        status = getattr(error, "status_code", 400)
        message = str(getattr(error, "detail", "the request cannot be read"))
        return error_response(
            status, message, hint=_FIELDS_HINT, headers=getattr(error, "headers", None)
        )

    def on_app_error(_request: Request, error: Exception) -> JSONResponse:
        hint = getattr(error, "hint", None) or ""
        if isinstance(error, UploadError):
            status = 413 if isinstance(error, TooLargeError) else 400
            return error_response(status, str(error), hint=hint)
        if isinstance(error, SettingError):
            return error_response(422, str(error), hint=hint)
        return on_server_error(_request, error)

    def on_server_error(_request: Request, _error: Exception) -> JSONResponse:
        # Internal errors may name local paths, and are for the log alone.
        return error_response(
            500, "the server failed", hint="try again, or tell whoever runs the server"
        )

    app.add_exception_handler(RequestValidationError, on_validation_error)
    app.add_exception_handler(HTTPException, on_http_error)
    app.add_exception_handler(UrbanSegmentorError, on_app_error)
    app.add_exception_handler(Exception, on_server_error)


def _busy_response() -> JSONResponse:
    message = "too many pictures are at work"
    return error_response(
        503, message, hint="come back in some seconds", headers={"Retry-After": "5"}
    )


def _segmented(
    data: bytes, *, models: ModelPool, limits: UploadLimits, options: SegmentOptions
) -> SegmentResponse:
    """Return the instances of an image, with timings."""
    stopwatch = Stopwatch()
    image = decode_upload(data, limits=limits)
    stopwatch.lap("decode")
    result = models.segmenter_for(options)(image)
    milliseconds = {**stopwatch.milliseconds, **result.milliseconds}
    instances = result.instances
    rows = instance_records(instances)
    height, width = image.shape[:2]
    return SegmentResponse(
        width=width,
        height=height,
        model=options.model,
        instances=[
            DetectedInstance(
                class_name=row.class_name,
                class_id=row.class_id,
                score=row.score,
                box=row.box,
                area_px=row.area_px,
                rle=MaskRle(**rle),
            )
            for row, rle in zip(rows, encode_rle(instances.masks), strict=True)
        ],
        ms={stage: round(duration_ms, 2) for stage, duration_ms in milliseconds.items()},
    )
