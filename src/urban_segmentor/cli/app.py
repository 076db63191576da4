"""`urban-segmentor app`: a page on which anybody can try it."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from urban_segmentor.apps.web.limits import UploadLimits
from urban_segmentor.apps.web.settings import AppSettings
from urban_segmentor.cli.interrupts import EXIT_CODE, Interrupted
from urban_segmentor.cli.option_records import ConsoleOptions, with_options, without
from urban_segmentor.errors import MissingExtraError


@with_options
def app(
    settings: AppSettings,
    limits: UploadLimits,
    console: Annotated[ConsoleOptions, without("as_json")],  # noqa: ARG001 - read by `main`
) -> None:
    """Open a page for pictures, videos and the visitor's camera.

    Examples:
        urban-segmentor app

        urban-segmentor app --port 8080 --examples pictures/
    """
    from urban_segmentor.apps.web.model_pool import ModelPool
    from urban_segmentor.apps.web.server import serve
    from urban_segmentor.cli.console import silence_decoders, stderr

    silence_decoders()
    screen = stderr()
    settings = replace(settings, limits=limits)
    engine = ModelPool(settings.model, device=settings.device)
    engine.begin()
    if not settings.is_local and settings.password is None:
        screen.print(
            "everybody who can reach this machine can use the page; --password keeps others out",
            style="yellow",
        )
    try:
        serve(
            settings,
            models=engine,
            on_ready=lambda address: screen.print(
                f"open {address}  (Ctrl-C ends it)", style="bold green", soft_wrap=True
            ),
        )
    except Interrupted:
        screen.print("ended")
        raise typer.Exit(EXIT_CODE) from None
    except ModuleNotFoundError as error:
        raise MissingExtraError(error.name or "gradio", extra="app") from error
