"""Response schemas of the REST API."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

_EXAMPLE: dict[str, Any] = {
    "width": 64,
    "height": 48,
    "model": "urban-n",
    "instances": [
        {
            "class": "car",
            "class_id": 13,
            "score": 0.94,
            "box": [4.0, 6.0, 20.0, 14.0],
            "area_px": 128,
            "rle": {"size": [48, 64], "counts": "V68X100000000000000000000000000000jQ2"},
        }
    ],
    "ms": {"decode": 0.4, "preprocess": 0.3, "infer": 18.2, "postprocess": 0.6},
}


class Problem(BaseModel):
    """An error and its hint."""

    error: str = Field(
        description="What is wrong.",
        examples=["this is no picture that can be read here: JPEG, PNG, WebP, TIFF or BMP"],
    )
    hint: str = Field(
        description="What to do about it.",
        examples=["save it as JPEG or PNG with a picture viewer"],
    )


class MaskRle(BaseModel):
    """A mask as compressed COCO RLE."""

    size: Annotated[list[int], Field(min_length=2, max_length=2)] = Field(
        description="Height and width, pixels."
    )
    counts: str = Field(description="Compressed run lengths, column by column.")


class DetectedInstance(BaseModel):
    """A detected instance."""

    class_name: str = Field(serialization_alias="class")
    class_id: int = Field(ge=0, description="Position in the class list of the model.")
    score: float = Field(ge=0, le=1)
    box: Annotated[list[float], Field(min_length=4, max_length=4)] = Field(
        description="x1, y1, x2, y2, pixels, half-open."
    )
    area_px: int = Field(ge=0, description="Pixels of the mask.")
    rle: MaskRle


class SegmentResponse(BaseModel):
    """The instances of an image, upright as its EXIF orientation says."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    width: int = Field(ge=1, description="Pixels.")
    height: int = Field(ge=1, description="Pixels.")
    model: str = Field(description="Name of the model that was used.")
    instances: list[DetectedInstance] = Field(description="Best score first; may be empty.")
    ms: dict[str, float] = Field(description="What each stage took, milliseconds.")


class Health(BaseModel):
    """Health of the server."""

    status: str = Field(examples=["ok"])
    ready: bool = Field(description="True when the model has been read.")
    version: str = Field(examples=["0.1.0"])
    model: str = Field(examples=["urban-n"], description="The usual model.")
    runtime: str | None = Field(
        examples=["openvino"], description="Null until the model has been read."
    )
    device: str | None = Field(examples=["cpu"], description="Null until the model has been read.")
