"""Turns a trained checkpoint into the ONNX file that the package embeds.

    python tools/embed_model.py CHECKPOINT.pt NAME --training-data TEXT --accuracy TEXT

Needs the extra `train`. The weights are stored at half size and widened when a runtime loads
them, so that arithmetic stays in whatever precision the runtime chooses.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from urban_segmentor.exporters.export import export
from urban_segmentor.exporters.options import ExportOptions, ModelDescription

WEIGHTS = Path(__file__).parents[1] / "src/urban_segmentor/models/weights"


def main() -> None:
    """Export in half size, compare with the checkpoint, and describe."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("name")
    parser.add_argument("--description", required=True)
    parser.add_argument("--training-data", required=True)
    parser.add_argument("--accuracy", required=True)
    parser.add_argument("--imgsz", type=int, nargs=2, default=(384, 640))
    parser.add_argument("--data", type=Path, help="pictures to compare on; default the street")
    args = parser.parse_args()
    description = ModelDescription(
        description=args.description,
        training_data=args.training_data,
        accuracy=args.accuracy,
        license="AGPL-3.0; trained on Cityscapes: non-commercial use",
    )
    options = ExportOptions(
        model=str(args.checkpoint),
        imgsz=tuple(args.imgsz),
        half=True,
        data=args.data,
        output=WEIGHTS / f"{args.name}.onnx",
        overwrite=True,
        description=description,
    )
    print(json.dumps(export(options).summary(), indent=1))


if __name__ == "__main__":
    main()
