"""Scene graphs of GQA's shape, for benchmarks: as many objects, attributes and relations, drawn at random.

From GQA: 16 to 17 objects and about 50 relations an image, nine tenths of them left and right, in both directions, from
the boxes; names, and all other relations, in inverse proportion to their rank; attributes that go with a name. Nothing
is seen on these images: the graphs have GQA's quantities, not its sense.
"""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import Final

from finecops.construction.graph import RawGraph, RawObject
from finecops.construction.lexicon import Lexicon

_SIZES: Final = ((500, 375), (500, 333), (375, 500), (640, 480), (500, 400), (1024, 768))
_OBJECTS: Final = (16.5, 7.0)
"""Mean and standard deviation of the number of objects."""
_AGAIN: Final = 0.3
"""Probability that an object has the name of an earlier one: windows, people, chairs."""
_SIDES: Final = 1.4
"""Pairs with left and right, per object; each pair has two edges."""
_OTHERS: Final = 0.33
"""Other relations, per object."""
_PER_NAME: Final = 8
"""Attributes that occur with a name."""


class GraphGenerator:
    """Random graphs with the words of a lexicon, whose nouns and relations are ordered by frequency."""

    def __init__(self, lexicon: Lexicon, seed: int = 0) -> None:
        self.lexicon, self.seed = lexicon, seed
        self._names = list(lexicon.nouns)
        self._name_weights = _by_rank(len(self._names))
        self._relations = [r for r, word in lexicon.relations.items() if word.boxes is None]
        self._relation_weights = _by_rank(len(self._relations))
        self._of_name: dict[str, list[str]] = {}

    @cached_property
    def _attributes(self) -> tuple[list[str], list[float]]:
        names = list(self.lexicon.attributes)
        return names, _by_rank(len(names))

    def graphs(self, count: int) -> Iterator[tuple[str, RawGraph]]:
        """Image ids and graphs in GQA's format. Each depends on the seed and its number alone."""
        for number in range(count):
            yield str(2_000_000 + number), self._graph(random.Random(f"{self.seed}/{number}"))

    def _graph(self, rng: random.Random) -> RawGraph:
        width, height = rng.choice(_SIZES)
        count = max(3, min(60, round(rng.gauss(*_OBJECTS))))
        ids = [str(rng.randrange(10**6, 5 * 10**6)) for _ in range(count)]
        ids = list(dict.fromkeys(ids))
        names: list[str] = []
        for _ in ids:
            again = names and rng.random() < _AGAIN
            names.append(rng.choice(names) if again else self._pick(rng, self._names, self._name_weights))
        objects = {id_: self._object(rng, name, width, height) for id_, name in zip(ids, names, strict=True)}
        self._relate(rng, objects, ids, height)
        return {"width": width, "height": height, "objects": objects}

    def _object(self, rng: random.Random, name: str, width: int, height: int) -> RawObject:
        # The square root of the area has its median at 70 pixels of a 500 pixel image.
        side = width / 7 * rng.lognormvariate(0, 0.7)
        ratio = rng.lognormvariate(0, 0.4)
        w, h = (max(4, min(most, int(s))) for most, s in ((width, side * ratio), (height, side / ratio)))
        some = self._words_of(name)
        attributes = list(dict.fromkeys(rng.choices(some, k=rng.choice((0, 0, 1, 1, 1, 2, 3))))) if some else []
        x, y = rng.randint(0, width - w), rng.randint(0, height - h)
        return {"name": name, "x": x, "y": y, "w": w, "h": h, "attributes": attributes, "relations": []}

    def _words_of(self, name: str) -> list[str]:
        """The attributes that go with a name: the same for each of its objects."""
        if name not in self._of_name:
            rng = random.Random(f"{self.seed}/{name}")
            names, weights = self._attributes
            self._of_name[name] = [self._pick(rng, names, weights) for _ in range(_PER_NAME)]
        return self._of_name[name]

    def _relate(self, rng: random.Random, objects: dict[str, RawObject], ids: Sequence[str], height: int) -> None:
        for _ in range(round(_OTHERS * len(ids))):
            head, tail = (objects[i] for i in rng.sample(ids, 2))
            relation = self._pick(rng, self._relations, self._relation_weights)
            if self.lexicon.relations[relation].contact:
                # On it, or in it.
                head["x"] = int(max(0, min(tail["x"] + rng.random() * tail["w"], tail["x"] + tail["w"] - head["w"])))
                head["y"] = int(max(0, min(tail["y"] + rng.random() * tail["h"], height - head["h"])))
            head["relations"].append({"name": relation, "object": _id_of(objects, tail)})
        for _ in range(round(_SIDES * len(ids))):
            # By the centres alone, as GQA does it: near ones and overlapping ones too.
            left, right = sorted(rng.sample(ids, 2), key=lambda i: objects[i]["x"] + objects[i]["w"] / 2)
            objects[left]["relations"].append({"name": "to the left of", "object": right})
            objects[right]["relations"].append({"name": "to the right of", "object": left})

    @staticmethod
    def _pick(rng: random.Random, names: Sequence[str], weights: Sequence[float]) -> str:
        return rng.choices(names, cum_weights=weights)[0]


def _id_of(objects: dict[str, RawObject], wanted: RawObject) -> str:
    return next(id_ for id_, obj in objects.items() if obj is wanted)


def _by_rank(count: int) -> list[float]:
    """Summed weights of ranks, each in inverse proportion to its rank."""
    return list(accumulate(1 / (rank + 1) for rank in range(count)))


def write_graph_file(path: Path, count: int, lexicon: Lexicon, seed: int = 0) -> None:
    """Write a file in GQA's format, gzipped if its name ends in .gz."""
    with gzip.open(path, "wt", encoding="utf-8") if path.suffix == ".gz" else path.open("w", encoding="utf-8") as file:
        file.write("{")
        for number, (image_id, graph) in enumerate(GraphGenerator(lexicon, seed).graphs(count)):
            file.write(f"{', ' if number else ''}{json.dumps(image_id)}: {json.dumps(graph)}")
        file.write("}")
