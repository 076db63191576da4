"""What `predict --save coco,frames` writes, packed for CVAT; FiftyOne in three lines.

In CVAT: make a task of the images, then Upload annotations, format COCO 1.0. In FiftyOne:

    import fiftyone as fo
    dataset = fo.Dataset.from_dir(
        dataset_type=fo.types.COCODetectionDataset, label_types="segmentations",
        data_path="urban-out/cvat", labels_path="urban-out/cvat/coco.json",
    )
"""

import json
import subprocess
import sys
import zipfile

from _street import OUTPUT, street_video

path = sys.argv[1] if len(sys.argv) > 1 else street_video(seconds=0.5)

output = OUTPUT / "cvat"
command = [sys.executable, "-m", "urban_segmentor", "predict", str(path), "-o", str(output)]
subprocess.run([*command, "--save", "coco,frames", "--overwrite"], check=True)

coco = json.loads((output / "coco.json").read_text())
archive = OUTPUT / "cvat.zip"
with zipfile.ZipFile(archive, "w") as packed:
    for image in coco["images"]:
        packed.write(output / image["file_name"], image["file_name"])
    packed.write(output / "coco.json", "annotations/instances_default.json")
print(f"{len(coco['images'])} images, {len(coco['annotations'])} annotations: {archive}")
