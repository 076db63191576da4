"""Panoptic: how much of the street is green, and of what else it is made."""

import sys
from collections import Counter

from _street import OUTPUT, street_image

import urban_segmentor as us

image = sys.argv[1] if len(sys.argv) > 1 else street_image()

segmenter = us.PanopticSegmenter(us.Segmenter("urban-n"))
result = segmenter(image)
assert result.panoptic is not None  # a PanopticSegmenter always gives one

height, width = result.frame.size
pixels: Counter[str] = Counter()
for segment in result.panoptic.segments:
    pixels[result.names[segment.class_id]] += segment.area_px
for name, count in pixels.most_common():
    print(f"{name:14} {count / (height * width):6.1%}")
green = pixels["vegetation"] + pixels["terrain"]
print(f"green: {green / (height * width):.1%}")

style = us.OverlayStyle(segments=True, boxes=False)
us.writers["panoptic"](OUTPUT / "panoptic", overwrite=True).write(result)
print(us.Overlay(style=style).draw(result).shape)
