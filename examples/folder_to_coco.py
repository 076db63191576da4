"""A folder of images into one `coco.json`, which pycocotools, FiftyOne and CVAT read."""

import sys

from _street import OUTPUT, street_folder

import urban_segmentor as us

folder = sys.argv[1] if len(sys.argv) > 1 else street_folder()

segmenter = us.Segmenter("urban-n")
writer = us.writers["coco"](OUTPUT / "folder", classes=segmenter.classes, overwrite=True)
for result in segmenter.stream(folder):
    writer.write(result)
    print(result)
writer.close()
print(OUTPUT / "folder" / "coco.json")
