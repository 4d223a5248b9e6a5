"""A worker to copy. It loads no model, and answers with one box in the middle of the image.

Run here: yes, in the tests. A configuration names it as `command: [$MY_PYTHON, /path/to/my_worker.py]`.
"""

from loop import serve
from PIL import Image

# Load the model here, once. It may print: only the answers of `serve` reach finecops.


def answer(task, image_path, queries) -> list:
    """One dictionary per query, with boxes as x1, y1, x2, y2 in pixels of the image.

    `task` is "detect" (a specialist: boxes with scores), "ground" (an MLLM: a text, or boxes) or "choose" (an MLLM: a
    text, or the probability of each letter).
    """
    width, height = Image.open(image_path).size
    middle = [width / 4, height / 4, 3 * width / 4, 3 * height / 4]
    if task == "detect":
        return [{"boxes": [middle], "scores": [0.5]} for query in queries]
    if task == "ground":
        return [{"text": "(250,250),(750,750)"} for query in queries]
    return [{"letters": dict.fromkeys(query["letters"], 1.0)} for query in queries]


if __name__ == "__main__":
    serve(answer)
