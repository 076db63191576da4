"""The doors to results, examples and the source."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter
from fastapi.responses import FileResponse, JSONResponse, Response

from urban_segmentor.apps.web.image import IMAGE_PNG, make_png
from urban_segmentor.apps.web.source_archive import source_archive

if TYPE_CHECKING:
    import threading

    from urban_segmentor.apps.web.examples import Examples
    from urban_segmentor.apps.web.limits import UploadLimits
    from urban_segmentor.apps.web.model_pool import ModelPool
    from urban_segmentor.apps.web.temp_files import TempFiles

_KINDS = {
    ".jpg": "image/jpeg",
    ".png": "image/png",
    ".mp4": "video/mp4",
    ".json": "application/json",
    ".jsonl": "application/jsonl",
    ".csv": "text/csv; charset=utf-8",
}
# A result is never a page: whatever is in it, a browser runs nothing of it.
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "sandbox; default-src 'none'; media-src 'self'",
    "Cache-Control": "private, max-age=3600",
}
_SAVED = {IMAGE_PNG, "coco.json", "results.csv", "results.jsonl"}


def downloads_router(
    store: TempFiles,
    *,
    examples: Examples,
    engine: ModelPool,
    limits: UploadLimits,
    slots: threading.Semaphore,
) -> APIRouter:
    """Return the routes of files.

    Args:
        store: Has the results.
        examples: Are listed for the page.
        engine: Draws what is made when it is asked for.
        limits: The most that is taken.
        slots: At most so many pictures are at work at once.
    """
    router = APIRouter(include_in_schema=False)

    @router.api_route("/results/{token}/{name}", methods=["GET", "HEAD"])
    def result(token: str, name: str, save: str | None = None) -> Response:
        folder = store.folder(token)
        if folder is not None and name == IMAGE_PNG and (folder / "after.jpg").exists():
            with slots:
                make_png(folder, engine=engine, limits=limits)
        path = store.find(token, name)
        if path is None or path.suffix not in _KINDS:
            return JSONResponse({"error": "this result is gone; run it again"}, 404)
        keeps = name in _SAVED or save is not None
        return FileResponse(
            path,
            media_type=_KINDS[path.suffix],
            filename=name if keeps else None,
            headers=_HEADERS,
        )

    @router.get("/examples")
    def listed() -> dict[str, object]:
        keys = ("kind", "title", "alt", "thumb")
        found = [{key: example[key] for key in keys} for example in examples.found]
        return {"complete": examples.complete, "problem": examples.problem, "examples": found}

    @router.get("/source.zip")
    def source() -> Response:
        return Response(
            source_archive(),
            media_type="application/zip",
            headers={"Content-Disposition": 'attachment; filename="urban-segmentor-source.zip"'},
        )

    return router
