"""`urban-segmentor data`: download, check, convert and look at Cityscapes."""

from __future__ import annotations

import typer

from urban_segmentor.cli import data_check, data_download, data_prepare, data_show

app = typer.Typer(no_args_is_help=True, help="Download, check, convert and look at Cityscapes.")
app.command("download", no_args_is_help=True)(data_download.download)
app.command("check", no_args_is_help=True)(data_check.check)
app.command("prepare", no_args_is_help=True)(data_prepare.prepare)
app.command("show", no_args_is_help=True)(data_show.show)
