"""An image in; objects, a picture and COCO JSON out."""

import sys

from _street import OUTPUT, street_image

import urban_segmentor as us

image = sys.argv[1] if len(sys.argv) > 1 else street_image()

segmenter = us.Segmenter("urban-n", conf=0.25)
result = segmenter(image)

print(result)
for instance in result:
    print(f"{instance.class_name} {instance.score:.0%}, {instance.mask.area_px} pixels")

cars = result.instances[result.instances.is_class("car")]
print(f"{len(cars)} cars, the largest covers {max(cars.masks.areas(), default=0)} pixels")

print(result.save(OUTPUT / "one_image.jpg"))
print(result.save(OUTPUT / "one_image.json"))
