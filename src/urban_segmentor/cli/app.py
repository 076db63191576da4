"""`urban-segmentor app`: a page on which anybody can try it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from urban_segmentor.cli import shared_options as declared

_PAGE, _MODEL, _LIMITS = "Page", "Model", "UploadLimits"


def app(  # noqa: PLR0913 - one parameter an option
    host: Annotated[
        str, typer.Option(help="Address of the page.", rich_help_panel=_PAGE)
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(help="Port of the page; 0 for any that is free.", rich_help_panel=_PAGE)
    ] = 7860,
    password: Annotated[
        str | None,
        typer.Option(
            envvar="URBAN_SEGMENTOR_PASSWORD",
            show_envvar=True,
            help="What visitors have to know; any user name goes with it.",
            rich_help_panel=_PAGE,
        ),
    ] = None,
    examples: Annotated[
        Path | None,
        typer.Option(
            help="Folder with pictures and videos to try, instead of drawn streets.",
            rich_help_panel=_PAGE,
        ),
    ] = None,
    model: declared.Model = "urban-n",
    device: declared.Device = "auto",
    max_seconds: Annotated[
        float, typer.Option(help="Longest video, seconds.", rich_help_panel=_LIMITS)
    ] = 120.0,
    max_video_mb: Annotated[
        float, typer.Option(help="Largest video, MB.", rich_help_panel=_LIMITS)
    ] = 200.0,
    max_image_mb: Annotated[
        float, typer.Option(help="Largest picture, MB.", rich_help_panel=_LIMITS)
    ] = 25.0,
    max_queue: Annotated[
        int,
        typer.Option(
            help="Requests that may wait; further ones are told so.", rich_help_panel=_LIMITS
        ),
    ] = 64,
    keep: Annotated[
        float,
        typer.Option(
            help="Delete files that were not used for so many minutes.", rich_help_panel=_LIMITS
        ),
    ] = 60.0,
    verbose: declared.Verbose = False,  # noqa: ARG001 - read by `main` before the parser
) -> None:
    """Open a page for pictures, videos and the visitor's camera.

    Examples:
        urban-segmentor app

        urban-segmentor app --port 8080 --examples pictures/
    """
    from urban_segmentor.apps.web.limits import UploadLimits
    from urban_segmentor.apps.web.model_pool import ModelPool
    from urban_segmentor.apps.web.server import AppSettings, serve
    from urban_segmentor.cli.console import stderr
    from urban_segmentor.cli.parsers import silence_decoders
    from urban_segmentor.errors import MissingExtraError

    silence_decoders()
    console = stderr()
    settings = AppSettings(
        host=host,
        port=port,
        password=password,
        model=model,
        device=device,
        examples=examples,
        limits=UploadLimits(
            video_s=max_seconds,
            video_bytes=round(max_video_mb * 1e6),
            image_bytes=round(max_image_mb * 1e6),
            queue=max_queue,
        ),
        keep_s=60 * keep,
    )
    engine = ModelPool(model, device=device)
    engine.begin()
    if not settings.is_local and password is None:
        console.print(
            "everybody who can reach this machine can use the page; --password keeps others out",
            style="yellow",
        )
    try:
        serve(
            settings,
            models=engine,
            on_ready=lambda address: console.print(
                f"open {address}  (Ctrl-C ends it)", style="bold green", soft_wrap=True
            ),
        )
    except ModuleNotFoundError as error:
        raise MissingExtraError(error.name or "gradio", extra="app") from error
