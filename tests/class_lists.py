"""Tiny models whose class lists are not those of Cityscapes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.cli.tiny import save_tiny_model

if TYPE_CHECKING:
    from pathlib import Path

COCO_NAMES = tuple(
    """person,bicycle,car,motorcycle,airplane,bus,train,truck,boat,traffic light,fire hydrant,
    stop sign,parking meter,bench,bird,cat,dog,horse,sheep,cow,elephant,bear,zebra,giraffe,backpack,
    umbrella,handbag,tie,suitcase,frisbee,skis,snowboard,sports ball,kite,baseball bat,
    baseball glove,skateboard,surfboard,tennis racket,bottle,wine glass,cup,fork,knife,spoon,bowl,
    banana,apple,sandwich,orange,broccoli,carrot,hot dog,pizza,donut,cake,chair,couch,potted plant,
    bed,dining table,toilet,tv,laptop,mouse,remote,keyboard,cell phone,microwave,oven,toaster,sink,
    refrigerator,book,clock,vase,scissors,teddy bear,hair drier,toothbrush""".replace(
        "\n    ", ""
    ).split(",")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassListModel:
    """A model, and what it finds in every image.

    Attributes:
        names: Its class names by class id.
        seen: Class ids of the two objects, the left one first.
        presets: Those that the displays offer, beside `all`.
        metadata: What it says besides, as text.
    """

    names: tuple[str, ...]
    seen: tuple[int, int]
    presets: dict[str, tuple[str, ...]]
    metadata: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def counts(self) -> dict[str, int]:
        """How many objects of each name it finds in an image."""
        found = [self.names[class_id] for class_id in self.seen]
        return {name: found.count(name) for name in found}

    def save(self, folder: Path) -> Path:
        """Write the model."""
        path = folder / "model.onnx"
        return save_tiny_model(path, class_names=self.names, seen=self.seen, **self.metadata)


MODELS = {
    "coco": ClassListModel(
        names=COCO_NAMES,
        seen=(2, 0),
        presets={
            "traffic": ("car", "truck", "bus", "train", "motorcycle", "bicycle"),
            "people": ("person",),
        },
    ),
    "one class": ClassListModel(names=("car",), seen=(0, 0), presets={"traffic": ("car",)}),
    "names twice": ClassListModel(
        names=("car", "person", "car", "road", "road"),
        seen=(0, 2),
        presets={
            "traffic": ("car",),
            "people": ("person",),
            "things": ("car", "person"),
            "stuff": ("road",),
        },
    ),
    "stuff twice": ClassListModel(
        names=("car", "ground", "ground"),
        seen=(1, 2),
        presets={"traffic": ("car",), "things": ("car",), "stuff": ("ground",)},
        metadata={
            "is_thing": "[True, False, False]",
            "colors": "[[1, 2, 3], [40, 50, 60], [70, 80, 90]]",
        },
    ),
    # The names are not the class ids: what is written is a name first.
    "numbers": ClassListModel(names=("1", "0", "7"), seen=(0, 2), presets={}),
}
