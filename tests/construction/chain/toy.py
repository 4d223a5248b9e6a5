"""A small benchmark for tests of the chain: graphs with photographs, and builds of them."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

NAMES = ("cup", "plate", "dog", "car", "hat", "man")
COLOURS = ("red", "blue", "tan")
SIZE = (400, 300)


def toy_graphs(count: int, seed: int = 0) -> dict[str, Any]:
    """Image id → graph in GQA's format: six objects in two rows, some of one name, with colours and relations."""
    rng = random.Random(seed)
    graphs = {}
    for number in range(count):
        names = [rng.choice(NAMES) for _ in range(6)]
        colours = [rng.choice(COLOURS) for _ in range(6)]
        if number % 2:
            # Two of a kind: level 2.
            names[1] = names[0]
        else:
            # Red ones on both sides of something, and a blue one on one side: color and side are needed, level 3.
            names[2] = names[3] = names[0]
            names[1] = next(name for name in NAMES if name not in (names[0], *names[4:]))
            colours[0], colours[2], colours[3] = "red", "red", "blue"
        objects = {}
        for place, name in enumerate(names):
            x, y = 15 + 130 * (place % 3), 20 + 140 * (place // 3)
            objects[str(place)] = {
                "name": name,
                "x": x,
                "y": y,
                "w": 70 + rng.randrange(20),
                "h": 70 + rng.randrange(30),
                "attributes": [colours[place]] if place < 4 or rng.random() < 0.5 else [],
                "relations": _relations(place),
            }
        graphs[f"photo{number}"] = {"width": SIZE[0], "height": SIZE[1], "objects": objects}
    return graphs


def _relations(place: int) -> list[dict[str, str]]:
    column = place % 3
    found = []
    for other in range(6):
        if column < other % 3:
            found.append({"name": "to the left of", "object": str(other)})
        elif column > other % 3:
            found.append({"name": "to the right of", "object": str(other)})
    if place >= 3:
        found.append({"name": "near", "object": str(place - 3)})
    return found


def draw(graph: dict[str, Any], path: Path) -> None:
    """A picture of a graph; no two are alike."""
    image = Image.new("RGB", (graph["width"], graph["height"]), "white")
    canvas = ImageDraw.Draw(image)
    for number, obj in enumerate(graph["objects"].values()):
        colour = (obj["attributes"] or ["gray"])[0]
        box = [obj["x"], obj["y"], obj["x"] + obj["w"], obj["y"] + obj["h"]]
        canvas.rectangle(box, fill={"tan": "#d2b48c"}.get(colour, colour), outline="black", width=1 + number)
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)


def write_toy(folder: Path, count: int, seed: int = 0) -> tuple[Path, Path]:
    """Write graphs and pictures; returns the scene graph file and the folder of images."""
    graphs = toy_graphs(count, seed)
    for id_, graph in graphs.items():
        draw(graph, folder / "photos" / f"{id_}.jpg")
    path = folder / "graphs.json"
    path.write_text(json.dumps(graphs))
    return path, folder / "photos"
