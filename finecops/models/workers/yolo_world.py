"""A worker for YOLO-World: `yolo_world.py [WEIGHTS]`, by default yolov8x-worldv2.pt.

Its environment: `pip install finecops[yolo-world]`, or any with the package ultralytics. That package is under the
AGPL-3.0: who offers a service with it owes its source to the users. It runs in a process of its own for that reason,
and finecops never imports it. It fetches its weights, and CLIP's, when it first runs.
Run here: the protocol's side (tests with a stand-in for the package). Not run here: the model itself.

It is told a category: the target where there is one. Ultralytics does its own NMS, so CRS finds fewer candidates.
"""

import sys

from loop import serve
from ultralytics import YOLOWorld

WEIGHTS = sys.argv[1] if len(sys.argv) > 1 else "yolov8x-worldv2.pt"
LOWEST_SCORE = 0.01

model = YOLOWorld(WEIGHTS)


def detect(image_path, query) -> dict:
    """Boxes and scores of one query."""
    category = (query.get("target") or query["text"]).strip().rstrip(".")
    model.set_classes([category])
    (result,) = model.predict(image_path, conf=LOWEST_SCORE, iou=0.7, verbose=False)
    return {"boxes": result.boxes.xyxy.tolist(), "scores": result.boxes.conf.tolist()}


def answer(task, image_path, queries) -> list:
    """See loop.py."""
    if task != "detect":
        raise ValueError("YOLO-World is a detector: use it as a specialist or a router")
    return [detect(image_path, query) for query in queries]


if __name__ == "__main__":
    serve(answer)
