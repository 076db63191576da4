"""supervision's annotators on our results."""

import sys

import cv2
import supervision as sv
from _street import OUTPUT, street_image

import urban_segmentor as us

image = sys.argv[1] if len(sys.argv) > 1 else street_image()

result = us.Segmenter("urban-n")(image)
detections = result.instances.to_supervision()

scene = cv2.cvtColor(result.frame.image, cv2.COLOR_RGB2BGR)  # supervision draws on BGR
scene = sv.MaskAnnotator().annotate(scene, detections)
scene = sv.LabelAnnotator().annotate(scene, detections, labels=list(result.instances.class_names))
path = OUTPUT / "supervision.png"
cv2.imwrite(str(path), scene)
print(f"{len(detections)} detections, {path}")

back = us.Instances.from_supervision(detections, classes=result.classes)
print(back)
