"""A worker for YOLO-World: `yolo_world.py [WEIGHTS]`, by default yolov8x-worldv2.pt.

Its environment: `pip install -e '.[yolo-world]'`, or any environment with the package ultralytics. The licence of
that package is the AGPL-3.0: a service that uses it must offer its source code to its users. Therefore it runs in a
separate process, and finecops never imports it. It downloads its weights, and CLIP's, at the first run.
Run here: the protocol, in tests with a stand-in for the package. Not run here: the model itself.

It detects a category: the target where there is one. Ultralytics applies its own NMS, so CRS gets fewer candidates.
"""

import sys

from loop import serve
from ultralytics import YOLOWorld

WEIGHTS = sys.argv[1] if len(sys.argv) > 1 else "yolov8x-worldv2.pt"
# The default of ultralytics, 0.25, is above the router's threshold of 0.2.
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
