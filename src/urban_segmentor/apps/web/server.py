"""The web server: page, files and REST API on one port."""

from __future__ import annotations

import errno
import socket
import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from urban_segmentor import __version__
from urban_segmentor.apps.web.gradio_workarounds import (
    PathMaskingMiddleware,
    set_gradio_environment,
)
from urban_segmentor.apps.web.model_pool import STREAMS, ModelPool
from urban_segmentor.errors import DisplayError
from urban_segmentor.io.cache import cache_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import FrameType

    from fastapi import FastAPI
    from starlette.types import ASGIApp

    from urban_segmentor.apps.web.page.context import AppContext
    from urban_segmentor.apps.web.settings import AppSettings

_FORM_OVERHEAD_BYTES = 1_000_000  # of a form around its file, and of any other request
_LOCAL_HOSTS = ("localhost", "127.0.0.1", "[::1]", "testserver")


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
        DisplayError: The port is in use, or the address is not this machine's.
        ModelError: The model is not there, or damaged.
        SourceError: The folder of examples does not exist.
    """
    import uvicorn

    with ExitStack() as exit_stack:
        listener = exit_stack.enter_context(_listen(settings))
        models = models or ModelPool(settings.model, device=settings.device)
        app = build_app(settings, models=models, exit_stack=exit_stack)
        config = uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=2,
            lifespan="on",
        )
        server = uvicorn.Server(config)
        end = server.handle_exit

        def exit_once(sig: int, frame: FrameType | None) -> None:
            if not server.should_exit:  # a second signal would abort with a traceback
                end(sig, frame)

        server.handle_exit = exit_once
        host, port = listener.getsockname()[:2]
        url_host = f"[{host}]" if ":" in host else host
        threading.Thread(
            target=_notify_when_started,
            args=(server, f"http://{url_host}:{port}", on_ready),
            daemon=True,
        ).start()
        server.run(sockets=[listener])


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
    """Return the app wrapped in access, host, size and path-masking middleware."""
    from starlette.middleware.trustedhost import TrustedHostMiddleware

    from urban_segmentor.apps.web.access import API_PREFIX, AccessMiddleware
    from urban_segmentor.apps.web.body_limits import BodyLimitMiddleware
    from urban_segmentor.apps.web.live import MAX_FRAME_BYTES

    limits = settings.limits
    inner: ASGIApp = PathMaskingMiddleware(app, folder=folder, prefix=API_PREFIX)
    inner = BodyLimitMiddleware(
        inner,
        max_bytes_by_prefix={
            "/v1/": limits.image_bytes + _FORM_OVERHEAD_BYTES,
            "/live": MAX_FRAME_BYTES,
            f"{API_PREFIX}/upload": limits.upload_bytes + _FORM_OVERHEAD_BYTES,
            "": _FORM_OVERHEAD_BYTES,
        },
    )
    if settings.is_local:  # against DNS rebinding
        inner = TrustedHostMiddleware(inner, allowed_hosts=[*_LOCAL_HOSTS, settings.host])
    return AccessMiddleware(inner, password=settings.password, is_local=settings.is_local)


def _listen(settings: AppSettings) -> socket.socket:
    host = settings.host.strip("[]")
    try:
        family, kind, number, _, address = socket.getaddrinfo(
            host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with ExitStack() as exit_stack:
            listener = exit_stack.enter_context(socket.socket(family, kind, number))
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(128)
            exit_stack.pop_all()
            return listener
    except OSError as error:
        is_in_use = error.errno == errno.EADDRINUSE
        raise DisplayError(
            f"cannot listen on {settings.host} port {settings.port}: {error.strerror or error}",
            hint="another program has the port: add --port 0 for any that is free"
            if is_in_use
            else "leave --host out for this machine alone, or --host 0.0.0.0 for all addresses",
        ) from error


def _notify_when_started(server: object, address: str, on_ready: Callable[[str], None]) -> None:
    import time

    while not getattr(server, "started", False):
        time.sleep(0.01)
    on_ready(address)
