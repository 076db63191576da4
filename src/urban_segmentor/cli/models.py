"""`urban-segmentor models`: which models there are, and what they can."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from urban_segmentor.cli.option_records import ConsoleOptions, with_options, without

if TYPE_CHECKING:
    from pathlib import Path


@with_options
def models(
    console: Annotated[ConsoleOptions, without("verbose")],
    paths: Annotated[
        list[str] | None,
        typer.Argument(help="Further models: paths or hub addresses.", metavar="[MODEL]..."),
    ] = None,
) -> None:
    """List the embedded models, and others that you name."""
    from urban_segmentor.models.registry import embedded_models, resolve_model

    named = embedded_models() | {text: resolve_model(text) for text in paths or []}
    rows = [_describe(name, path) for name, path in named.items()]
    if console.as_json:
        typer.echo(json.dumps({"models": rows}, indent=2))
        return
    for number, row in enumerate(rows):
        if number:
            typer.echo()
        typer.secho(row["name"], bold=True)
        for key, value in row.items():
            if key != "name" and value:
                typer.echo(f"  {key.replace('_', ' '):<14} {value}")


def _describe(name: str, path: Path) -> dict[str, object]:
    """Return what a model file says about itself."""
    from urban_segmentor.inference.runtimes.selection import open_model_file
    from urban_segmentor.models.spec import ModelSpec

    network = open_model_file(path, precision="auto")
    spec = ModelSpec.from_metadata(network.metadata, path=str(path))
    weights = path.with_suffix(".bin") if path.suffix == ".xml" else path
    return {
        "name": name,
        "description": spec.description,
        "size": f"{weights.stat().st_size / 1e6:.1f} MB",
        "input": f"any multiple of {spec.stride}"
        if network.static_size is None
        else network.static_size,
        "exported_for": f"{spec.imgsz[0]} x {spec.imgsz[1]} pixels",
        "head": "final boxes" if spec.ends_in_nms else "NMS follows",
        "classes": ", ".join(spec.class_names),
        "training_data": spec.training_data,
        "accuracy": spec.accuracy,
        "license": spec.license,
        "path": str(path),
    }
