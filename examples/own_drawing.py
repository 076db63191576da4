"""Drawing of one's own with OpenCV, from boxes, masks and polygons."""

import sys

import cv2
import numpy as np
from _street import OUTPUT, street_image

import urban_segmentor as us

image = sys.argv[1] if len(sys.argv) > 1 else street_image()

result = us.Segmenter("urban-n")(image)
canvas = result.frame.image.copy()  # uint8 (H, W, 3), RGB
for instance in result:
    if instance.class_name == "road":
        canvas[instance.mask.dense()] //= 2
    elif result.classes[instance.class_id].is_thing:
        for ring in instance.mask.polygons():
            points = np.rint(ring).astype(np.int32)
            cv2.polylines(canvas, [points], isClosed=True, color=(255, 220, 0), thickness=2)
        x1, y1, _, _ = (int(edge) for edge in instance.box)
        text = f"{instance.class_name} {instance.score:.0%}"
        cv2.putText(canvas, text, (x1, y1 - 4), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (255, 255, 255))

path = OUTPUT / "own_drawing.png"
cv2.imwrite(str(path), cv2.cvtColor(canvas, cv2.COLOR_RGB2BGR))
print(path)
