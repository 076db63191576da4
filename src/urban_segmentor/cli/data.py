"""`urban-segmentor data`: download, check, convert and look at Cityscapes."""

from __future__ import annotations

import typer

app = typer.Typer(no_args_is_help=True, help="Download, check, convert and look at Cityscapes.")
