"""Routes of result files, examples and the source archive."""

from __future__ import annotations

import io
import zipfile
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from fastapi import APIRouter
from fastapi.responses import FileResponse, JSONResponse, Response

from urban_segmentor.apps.web.image import IMAGE_PNG, make_png
from urban_segmentor.errors import UrbanSegmentorError

if TYPE_CHECKING:
    import threading

    from starlette.types import Message, Receive, Scope, Send

    from urban_segmentor.apps.web.examples import ExampleFiles
    from urban_segmentor.apps.web.limits import UploadLimits
    from urban_segmentor.apps.web.model_pool import ModelPool
    from urban_segmentor.apps.web.temp_files import TempFiles

_MEDIA_TYPES = {
    ".jpg": "image/jpeg",
    ".png": "image/png",
    ".mp4": "video/mp4",
    ".json": "application/json",
    ".jsonl": "application/jsonl",
    ".csv": "text/csv; charset=utf-8",
}
# A browser must not run scripts from a result, whatever is in it.
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "sandbox; default-src 'none'; media-src 'self'",
    "Cache-Control": "private, max-age=3600",
}
_PACKAGE = "urban_segmentor"
_SOURCE_SUFFIXES = {".py", ".html", ".js", ".css", ".md", ".yaml", ".json"}
_GONE = {"error": "this result is gone; run it again"}
_ATTACHMENTS = {IMAGE_PNG, "coco.json", "results.csv", "results.jsonl"}


class _ResultFile(FileResponse):
    """A file that may be deleted before it is sent, when its visitor closes the page."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        has_begun = False

        async def send_noting(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            await super().__call__(scope, receive, send_noting)
        except (FileNotFoundError, RuntimeError) as error:  # the latter before anything is sent
            if not has_begun:
                await JSONResponse(_GONE, 404)(scope, receive, send)
            elif isinstance(error, RuntimeError):
                raise


def downloads_router(
    temp_files: TempFiles,
    *,
    examples: ExampleFiles,
    models: ModelPool,
    limits: UploadLimits,
    slots: threading.Semaphore,
) -> APIRouter:
    """Return the router of file downloads.

    Args:
        temp_files: Result folders of the visitors.
        examples: Examples to list.
        models: Models for overlays that are drawn on demand.
        limits: Limits of uploads.
        slots: Limits concurrent inference.
    """
    router = APIRouter(include_in_schema=False)

    @router.api_route("/results/{token}/{name}", methods=["GET", "HEAD"])
    def result(token: str, name: str, save: str | None = None) -> Response:
        folder = temp_files.folder(token)
        if folder is not None and name == IMAGE_PNG and (folder / "after.jpg").exists():
            try:
                with slots:
                    make_png(folder, engine=models, limits=limits)
            except (OSError, UrbanSegmentorError):
                if folder.exists():
                    raise
        path = temp_files.find(token, name)
        if path is None or path.suffix not in _MEDIA_TYPES:
            return JSONResponse(_GONE, 404)
        as_attachment = name in _ATTACHMENTS or save is not None
        return _ResultFile(
            path,
            media_type=_MEDIA_TYPES[path.suffix],
            filename=name if as_attachment else None,
            headers=_HEADERS,
        )

    @router.get("/examples")
    def list_examples() -> dict[str, object]:
        keys = ("kind", "title", "alt", "thumb")
        ready = [{key: example[key] for key in keys} for example in examples.ready]
        return {"complete": examples.complete, "problem": examples.problem, "examples": ready}

    @router.get("/source.zip")
    def source() -> Response:
        return Response(
            _source_archive(),
            media_type="application/zip",
            headers={"Content-Disposition": 'attachment; filename="urban-segmentor-source.zip"'},
        )

    return router


@cache
def _source_archive() -> bytes:
    """Return the files of this package as they run here, as a ZIP, without weights.

    The license, the AGPL, requires that the app hands out its source.
    """
    root = Path(str(resources.files(_PACKAGE)))
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(root.rglob("*")):
            if path.is_file() and (path.suffix in _SOURCE_SUFFIXES or path.name == "py.typed"):
                archive.write(path, f"{_PACKAGE}/{path.relative_to(root).as_posix()}")
    return data.getvalue()
