"""The server: the page, its files, and the plain HTTP interface, on one port."""

from __future__ import annotations

import errno
import ipaddress
import os
import socket
import threading
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from urban_segmentor import __version__
from urban_segmentor.apps.web.limits import UploadLimits
from urban_segmentor.apps.web.model_pool import STREAMS, ModelPool
from urban_segmentor.errors import DisplayError, SettingError
from urban_segmentor.models.registry import DEFAULT_MODEL

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import FrameType

    from fastapi import FastAPI
    from starlette.types import ASGIApp

    from urban_segmentor.apps.web.page.context import AppContext

_FORM_BYTES = 1_000_000  # what stands around a file, and any other request
_NAMES = ("localhost", "127.0.0.1", "[::1]", "testserver")


@dataclass(frozen=True, slots=True, kw_only=True)
class AppSettings:
    """How the app is served.

    Attributes:
        host: Address to listen on; others than this machine's are for trusted networks, or with
            a password.
        port: 0 for any that is free.
        password: What visitors must know, or None.
        model: The one that the page begins with: an embedded name, a path, or a hub address.
        device: `auto`, `cpu`, `gpu`, ...
        examples: Prepared examples, or pictures and videos; None for streets that are drawn.
        limits: The most that one visitor may ask for.
        keep_s: After so many seconds without use files are deleted.
        cache: Where prepared examples are kept; None for the user's folder for such things.

    Raises:
        SettingError: The port is none, or the password is empty.
    """

    host: str = "127.0.0.1"
    port: int = 7860
    password: str | None = field(default=None, repr=False)
    model: str = DEFAULT_MODEL
    device: str = "auto"
    examples: Path | None = None
    limits: UploadLimits = field(default_factory=UploadLimits)
    keep_s: float = 3600.0
    cache: Path | None = None

    def __post_init__(self) -> None:
        """Check port and password."""
        if not 0 <= self.port <= 65535:
            raise SettingError(f"`port` is {self.port}, expected 0 to 65535", hint="--port 7860")
        if self.password is not None and not self.password:
            raise SettingError("the password is empty", hint="leave it out, or give one")

    @property
    def is_local(self) -> bool:
        """True when only this machine can come in."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host.strip("[]")).is_loopback
        except ValueError:
            return False


def serve(
    settings: AppSettings,
    *,
    engine: ModelPool | None = None,
    on_ready: Callable[[str], None] = lambda _address: None,
) -> None:
    """Serve until the process is told to stop.

    Args:
        settings: How.
        engine: Has begun to read the model already; None to begin here.
        on_ready: Called with the address of the page when it can be opened.

    Raises:
        DisplayError: The port is taken, or the address is not this machine's.
        ModelError: The model is not there, or damaged.
        SourceError: There are no such examples.
    """
    import uvicorn

    with ExitStack() as closing:
        listening = closing.enter_context(_listen(settings))
        engine = engine or ModelPool(settings.model, device=settings.device)
        app = build_app(settings, engine=engine, closing=closing)
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

        def end_once(sig: int, frame: FrameType | None) -> None:
            if not server.should_exit:  # twice, and it would break off, with a traceback
                end(sig, frame)

        server.handle_exit = end_once
        host, port = listening.getsockname()[:2]
        shown = f"[{host}]" if ":" in host else host
        threading.Thread(
            target=_tell_when_started,
            args=(server, f"http://{shown}:{port}", on_ready),
            daemon=True,
        ).start()
        server.run(sockets=[listening])


def build_app(settings: AppSettings, *, engine: ModelPool, closing: ExitStack) -> ASGIApp:
    """Return the app, everything behind its doors.

    Args:
        settings: How it is served.
        engine: Has the models.
        closing: Gets what has to be done at the end.

    Raises:
        ModelError: The model is not there, or damaged.
        SourceError: There are no such examples.
    """
    from urban_segmentor.apps.web.temp_files import TempFiles

    store = TempFiles(keep_s=settings.keep_s)
    closing.callback(store.close)
    # Gradio reads these when the page is built. It shall keep uploads where we delete them, and
    # tell nobody that it runs.
    os.environ["GRADIO_TEMP_DIR"] = str(store.root)
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    from urban_segmentor.apps.web.examples import Examples, cache_folder
    from urban_segmentor.apps.web.jobs import Jobs
    from urban_segmentor.apps.web.page.context import AppContext

    examples = Examples(
        settings.examples,
        engine=engine,
        limits=settings.limits,
        cache=settings.cache or cache_folder(),
        share=store.share,
    )
    jobs = Jobs()
    closing.callback(examples.close)
    closing.callback(jobs.close)
    services = AppContext(
        engine=engine,
        store=store,
        jobs=jobs,
        examples=examples,
        limits=settings.limits,
        slots=threading.BoundedSemaphore(STREAMS),
    )
    app = _with_page(_with_routes(services), settings, services)
    examples.start()
    return _behind_doors(app, settings, folder=store.root)


def _with_routes(services: AppContext) -> FastAPI:
    """Return an app with all that is plain HTTP."""
    from fastapi import FastAPI

    from urban_segmentor.apps.web.downloads import downloads_router
    from urban_segmentor.apps.web.live import live_router
    from urban_segmentor.apps.web.rest import add_problems, rest_router

    engine = services.engine
    shared: Any = {"limits": services.limits, "slots": services.slots}
    app = FastAPI(
        title="Urban Segmentor",
        version=__version__,
        description="Outlines what is in street pictures.",
        docs_url=None,  # its page comes from elsewhere, which not everybody can reach
        redoc_url=None,
    )
    add_problems(app)
    app.include_router(rest_router(engine, **shared))
    app.include_router(live_router(engine, **shared))
    app.include_router(
        downloads_router(services.store, examples=services.examples, engine=engine, **shared)
    )
    return app


def _with_page(app: FastAPI, settings: AppSettings, services: AppContext) -> FastAPI:
    """Return the app with the page in front of it."""
    import gradio as gr

    from urban_segmentor.apps.web.page.build import appearance, build_page

    return gr.mount_gradio_app(
        app,
        build_page(services),
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


def _behind_doors(app: ASGIApp, settings: AppSettings, *, folder: Path) -> ASGIApp:
    """Return the app behind what keeps out whoever and whatever shall not come in."""
    from starlette.middleware.trustedhost import TrustedHostMiddleware

    from urban_segmentor.apps.web.access import API_PREFIX, AccessMiddleware
    from urban_segmentor.apps.web.body_limits import BodyLimitMiddleware
    from urban_segmentor.apps.web.live import MOST_BYTES
    from urban_segmentor.apps.web.path_masking import PathMaskingMiddleware

    limits = settings.limits
    inner: ASGIApp = PathMaskingMiddleware(app, folder=folder, prefix=API_PREFIX)
    inner = BodyLimitMiddleware(
        inner,
        most={
            "/v1/": limits.image_bytes + _FORM_BYTES,
            "/live": MOST_BYTES,
            f"{API_PREFIX}/upload": limits.upload_bytes + _FORM_BYTES,
            "": _FORM_BYTES,
        },
    )
    if settings.is_local:  # other names that point here are tricks of other pages
        inner = TrustedHostMiddleware(inner, allowed_hosts=[*_NAMES, settings.host])
    return AccessMiddleware(inner, password=settings.password, is_local=settings.is_local)


def _listen(settings: AppSettings) -> socket.socket:
    """Return the open port."""
    host = settings.host.strip("[]")
    try:
        family, kind, number, _, address = socket.getaddrinfo(
            host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with ExitStack() as closing:
            listening = closing.enter_context(socket.socket(family, kind, number))
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(address)
            listening.listen(128)
            closing.pop_all()
            return listening
    except OSError as error:
        is_taken = error.errno == errno.EADDRINUSE
        raise DisplayError(
            f"cannot listen on {settings.host} port {settings.port}: {error.strerror or error}",
            hint="another program has the port: add --port 0 for any that is free"
            if is_taken
            else "leave --host out for this machine alone, or --host 0.0.0.0 for all addresses",
        ) from error


def _tell_when_started(server: object, address: str, on_ready: Callable[[str], None]) -> None:
    import time

    while not getattr(server, "started", False):
        time.sleep(0.01)
    on_ready(address)
