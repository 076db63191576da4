"""A stage of one's own: who stands on the road? Counts them and keeps nobody else."""

import sys

import numpy as np
from _street import OUTPUT, street_video

import urban_segmentor as us

path = sys.argv[1] if len(sys.argv) > 1 else street_video()


class OnTheRoad:
    """Keeps the people and vehicles whose lowest mask row touches a road mask."""

    def __init__(self) -> None:
        self.seen = 0

    def __call__(self, result: us.Result, /) -> us.Result:
        """Return the result with those on the road alone."""
        instances = result.instances
        height, width = result.frame.size
        road = np.zeros((height, width), dtype=np.bool_)
        for ground in instances[instances.is_class("road")]:
            road |= ground.mask.dense()
        keep = [self._touches(instance, road) for instance in instances]
        self.seen += sum(keep)
        return result.with_instances(instances[np.array(keep, dtype=np.bool_)])

    def reset(self) -> None:
        """Count from 0 again, for the next source."""
        self.seen = 0

    @staticmethod
    def _touches(instance: us.Instance, road: np.ndarray) -> bool:
        x1, _, x2, y2 = (int(edge) for edge in instance.box)
        below = road[min(y2, len(road) - 1), x1 : max(x2, x1 + 1)]
        return instance.class_name not in {"road", "sidewalk"} and bool(below.any())


stage = OnTheRoad()
video = us.VideoReader(path)
report = us.Pipeline(
    video,
    us.Segmenter("urban-n"),
    stages=[stage],
    renderers=[us.Overlay()],
    sinks=[us.VideoWriter(OUTPUT / "on_the_road.mp4", rate=video.info.rate, overwrite=True)],
).run()
print(f"{stage.seen} on the road in {report.frames} frames: {OUTPUT / 'on_the_road.mp4'}")
