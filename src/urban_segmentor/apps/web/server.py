"""The web server: page, files and REST API on one port."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from urban_segmentor import __version__
from urban_segmentor.apps.http.listen import listen, resolve
from urban_segmentor.apps.web.gradio_workarounds import (
    API_PREFIX,
    GradioRoutesMiddleware,
    PathMaskingMiddleware,
    set_gradio_environment,
)
from urban_segmentor.apps.web.model_pool import STREAMS, ModelPool
from urban_segmentor.io.cache import cache_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fastapi import FastAPI
    from starlette.types import ASGIApp

    from urban_segmentor.apps.http.body_limits import BodyLimit
    from urban_segmentor.apps.web.limits import UploadLimits
    from urban_segmentor.apps.web.page.context import AppContext
    from urban_segmentor.apps.web.settings import AppSettings

_FORM_OVERHEAD_BYTES = 1_000_000  # of a form around its file, and of any other request
_IMAGE_FORM_OVERHEAD_BYTES = 100_000


def serve(
    settings: AppSettings,
    *,
    models: ModelPool | None = None,
    on_ready: Callable[[str], None] = lambda _address: None,
) -> None:
    """Serve until the process is stopped.

    Args:
        settings: Settings of the app.
        models: A model pool that is loading already; None to make one.
        on_ready: Called with the URL of the page when it can be opened.

    Raises:
        SettingError: The port is in use, or the address is not this machine's.
        ModelError: The model is not there, or damaged.
        SourceError: The folder of examples does not exist.
    """
    from urban_segmentor.apps.http.server import Server

    with ExitStack() as exit_stack:
        models = models or ModelPool(settings.model, device=settings.device)
        exit_stack.callback(models.close)
        listener = listen(resolve(settings.host), settings.port)
        exit_stack.enter_context(listener.socket)
        app = build_app(settings, models=models, exit_stack=exit_stack)
        server = Server(
            app,
            on_started=lambda: on_ready(listener.url.rstrip("/")),
            log_level="warning",
            lifespan="on",
        )
        server.run(sockets=[listener.socket])


def build_app(settings: AppSettings, *, models: ModelPool, exit_stack: ExitStack) -> ASGIApp:
    """Return the app with its middleware.

    Args:
        settings: Settings of the app.
        models: The models.
        exit_stack: Receives the callbacks that release resources.

    Raises:
        ModelError: The model is not there, or damaged.
        SourceError: The folder of examples does not exist.
    """
    from urban_segmentor.apps.web.temp_files import TempFiles

    temp_files = TempFiles(keep_s=settings.keep_s)
    exit_stack.callback(temp_files.close)
    set_gradio_environment(temp_files.root)  # before anything imports it
    from urban_segmentor.apps.web.examples import ExampleFiles
    from urban_segmentor.apps.web.page.context import AppContext
    from urban_segmentor.apps.web.video import VideoJobs

    examples = ExampleFiles(
        settings.examples,
        models=models,
        limits=settings.limits,
        cache=settings.cache or cache_folder("examples"),
        share=temp_files.share,
    )
    jobs = VideoJobs()
    exit_stack.callback(examples.close)
    exit_stack.callback(jobs.close)
    context = AppContext(
        models=models,
        temp_files=temp_files,
        jobs=jobs,
        examples=examples,
        limits=settings.limits,
        slots=threading.BoundedSemaphore(STREAMS),
    )
    app = _with_page(_with_routes(context), settings, context)
    examples.start()
    return _with_middleware(app, settings, folder=temp_files.root)


def _with_routes(context: AppContext) -> FastAPI:
    """Return a FastAPI app with the REST, live and download routes."""
    from fastapi import FastAPI

    from urban_segmentor.apps.web.downloads import downloads_router
    from urban_segmentor.apps.web.live import live_router
    from urban_segmentor.apps.web.rest import add_error_handlers, rest_router

    models = context.models
    shared: Any = {"limits": context.limits, "slots": context.slots}
    app = FastAPI(
        title="Urban Segmentor",
        version=__version__,
        description="Outlines what is in street pictures.",
        docs_url=None,  # its page loads from a CDN
        redoc_url=None,
    )
    add_error_handlers(app)
    app.include_router(rest_router(models, **shared))
    app.include_router(live_router(models, **shared))
    app.include_router(
        downloads_router(context.temp_files, examples=context.examples, models=models, **shared)
    )
    return app


def _with_page(app: FastAPI, settings: AppSettings, context: AppContext) -> FastAPI:
    """Return the app with the Gradio page mounted."""
    import gradio as gr

    from urban_segmentor.apps.web.page.build import appearance, build_page

    return gr.mount_gradio_app(
        app,
        build_page(context),
        path="/",
        server_name=settings.host,
        server_port=settings.port,
        footer_links=["api"],
        run_history=False,
        show_error=False,
        max_file_size=settings.limits.upload_bytes,
        ssr_mode=False,
        enable_monitoring=False,
        pwa=False,
        mcp_server=False,
        **appearance(),
    )


def _with_middleware(app: ASGIApp, settings: AppSettings, *, folder: Path) -> ASGIApp:
    """Return the app wrapped in path, origin, password, size and masking middleware."""
    from urban_segmentor.apps.http.access import OriginMiddleware
    from urban_segmentor.apps.http.body_limits import BodyLimitMiddleware

    inner: ASGIApp = PathMaskingMiddleware(app, folder=folder, prefix=API_PREFIX)
    inner = BodyLimitMiddleware(inner, limits=body_limits(settings.limits))
    if settings.password is not None:
        inner = with_password(inner, settings.password)
    inner = OriginMiddleware(
        inner,
        hosts=[settings.host] if settings.is_local else None,
        cross_site="reads" if settings.is_local else "all",
    )
    return GradioRoutesMiddleware(inner)


def with_password(app: ASGIApp, password: str) -> ASGIApp:
    """Return an app that asks for a password by HTTP basic authentication.

    Args:
        app: The wrapped app; `/health` stays open.
        password: The password; any user name goes with it.
    """
    from starlette.responses import PlainTextResponse

    from urban_segmentor.apps.http.access import AuthenticationMiddleware, Secret

    headers = {"WWW-Authenticate": 'Basic realm="Urban Segmentor", charset="UTF-8"'}
    return AuthenticationMiddleware(
        app,
        is_authorized=Secret(password, scheme="basic").is_in,
        public_paths=["/health"],
        login=PlainTextResponse("a password is needed", 401, headers),
    )


def body_limits(limits: UploadLimits) -> dict[str, BodyLimit]:
    """Return how much may be sent, by path prefix.

    Args:
        limits: Limits of uploads.
    """
    from urban_segmentor.apps.http.body_limits import BodyLimit
    from urban_segmentor.apps.web.live import MAX_FRAME_BYTES

    upload_bytes = limits.upload_bytes + _FORM_OVERHEAD_BYTES
    return {
        "/v1/": BodyLimit(
            max_bytes=limits.image_bytes + _IMAGE_FORM_OVERHEAD_BYTES, hint=limits.image_text
        ),
        "/live": BodyLimit(max_bytes=MAX_FRAME_BYTES),
        f"{API_PREFIX}/upload": BodyLimit(max_bytes=upload_bytes),
        "": BodyLimit(max_bytes=_FORM_OVERHEAD_BYTES),
    }
