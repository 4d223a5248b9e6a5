"""Random scenes as scene graphs in GQA's format."""

from __future__ import annotations

import random
from typing import Final

from finecops.construction.graph import SceneGraph, SceneObject
from finecops.mini.world.catalogue import (
    ASPECTS,
    COLOURS,
    CONTAINERS,
    IMAGE_SIZE,
    LOCATIONS,
    SIZES,
    STATES,
    STRIPED,
    SURFACES,
    aspect,
    size_of,
)
from finecops.mini.world.relations import COVERS, TOP, contact, relate, shared_area

Box = tuple[int, int, int, int]
MIN_OBJECTS: Final = 6
MAX_OBJECTS: Final = 14
_SIZE_SHARES: Final = {"tiny": 0.2, "small": 0.42, "large": 0.38}
_STRIPED_SHARE: Final = 0.3
_DRAWS: Final = 16
"""Places that are tried for one object, of each kind of place."""
_ON, _COVER, _BESIDE = 0.7, 0.28, 0.25
"""How often a thing is put on or in another one, where one is there; in front of one; close to one."""
_MOST_COVERED: Final = 0.4
"""A thing that stands in front of another one covers at most this share of its box."""


def sample_scene(rng: random.Random, image_id: str) -> SceneGraph:
    """One random scene: 6 to 14 objects, most often several of a category, with all relations that hold.

    Boxes are free: they may touch, and some things cover others in part, stand on tables and benches or lie in baskets.
    A scene has fewer objects where there is no room for more.
    """
    wanted = rng.randint(MIN_OBJECTS, MAX_OBJECTS)
    kinds = rng.sample(list(ASPECTS), rng.randint(3, min(6, wanted)))
    names = kinds + [rng.choice(kinds) for _ in range(wanted - len(kinds))]
    rng.shuffle(names)
    # What carries other things comes first.
    names.sort(key=lambda name: name not in SURFACES | CONTAINERS)
    # Few colours per scene, so that objects share them and a colour alone is often not enough.
    palette = rng.sample(list(COLOURS), rng.randint(2, 5))
    placer = _Placer(rng)
    for name in names:
        placer.add(name, _attributes(rng, name, palette))
    objects = {obj.id: obj for obj in placer.objects}
    return relate(SceneGraph(image_id, IMAGE_SIZE, IMAGE_SIZE, objects, rng.choice(list(LOCATIONS))))


def _attributes(rng: random.Random, name: str, palette: list[str]) -> tuple[str, ...]:
    """Colour, size, then state and pattern if it has them."""
    size = rng.choices(list(_SIZE_SHARES), list(_SIZE_SHARES.values()))[0]
    if name in SURFACES | CONTAINERS and rng.random() < 0.6:
        size = "large"
    found = [rng.choice(palette), size]
    if name in STATES:
        found.append(rng.choice(STATES[name]))
    if size != "tiny" and rng.random() < _STRIPED_SHARE:
        found.append(STRIPED)
    return tuple(found)


def sides_of(name: str, attributes: tuple[str, ...], mean_side: float) -> tuple[int, int]:
    """Width and height in pixels, with the category's aspect and the given geometric mean."""
    root = aspect(name, attributes) ** 0.5
    return max(4, round(mean_side * root)), max(4, round(mean_side / root))


def lies_well(objects: list[SceneObject]) -> bool:
    """Whether all boxes lie in the image and touch only as things in this world do: clearly on, in or before another.

    A surface or a container is in front of nothing and nothing is in front of it, and no thing has more than one in
    front of it.
    """
    for i, above in enumerate(objects):
        x, y, w, h = above.xywh
        if x < 1 or y < 1 or x + w > IMAGE_SIZE - 1 or y + h > IMAGE_SIZE - 1:
            return False
        if not all(_pair_lies_well(below, above) for below in objects[:i]):
            return False
    return True


def _pair_lies_well(below: SceneObject, above: SceneObject) -> bool:
    kind = contact(below, above)
    if kind is None or kind in ("on", "in"):
        return True
    carries = {below.name, above.name} & (SURFACES | CONTAINERS)
    covered = shared_area(below.xywh, above.xywh) / (below.xywh[2] * below.xywh[3])
    return kind == "covers" and not carries and covered <= _MOST_COVERED


class _Placer:
    """Puts one object after the other into a scene."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self.objects: list[SceneObject] = []
        self._busy: set[str] = set()
        """Objects that carry or cover something, are covered, carried: no further one touches them."""

    def add(self, name: str, attributes: tuple[str, ...]) -> None:
        """Put an object somewhere, if there is room."""
        rng = self._rng
        w, h = sides_of(name, attributes, rng.uniform(*SIZES[size_of(attributes)]))
        for place, share in ((self._carried, _ON), (self._covering, _COVER), (self._beside, _BESIDE), (self._free, 1)):
            if rng.random() >= share:
                continue
            for _ in range(_DRAWS):
                found = place(name, w, h)
                if found is None:
                    break
                box, base = found
                obj = SceneObject(str(len(self.objects)), name, box, attributes)
                if self._fits(obj, base):
                    self.objects.append(obj)
                    if base is not None:
                        self._busy |= {obj.id, base.id}
                    return

    def _fits(self, obj: SceneObject, base: SceneObject | None) -> bool:
        if not lies_well([obj]):
            return False
        others = [other for other in self.objects if other is not base]
        return not any(shared_area(other.xywh, obj.xywh) for other in others) and (
            base is None or (contact(base, obj) is not None and _pair_lies_well(base, obj))
        )

    def _some(self, bases: list[SceneObject]) -> SceneObject | None:
        return self._rng.choice(bases) if bases else None

    def _carried(self, name: str, w: int, h: int) -> tuple[Box, SceneObject | None] | None:
        """On a surface or in a container."""
        rng = self._rng
        able = [one for one in self.objects if self._carries(one, w, h)]
        base = self._some(able if name not in SURFACES | CONTAINERS else [])
        if base is None:
            return None
        x, y, bw, bh = (int(v) for v in base.xywh)
        if base.name in SURFACES:
            bottom = y + round(rng.uniform(TOP[0] + 0.06, TOP[1] - 0.06) * bh)
            return (x + rng.randint(0, bw - w), bottom - h, w, h), base
        low, high = y + round(0.27 * bh), y + bh - h
        return (x + (bw - w) // 2, rng.randint(min(low, high), high), w, h), base

    def _carries(self, one: SceneObject, w: int, h: int) -> bool:
        """Whether an object has room for one of this width and height."""
        if one.name in SURFACES:
            return w <= 0.6 * one.xywh[2] and one.id not in self._carriers_full
        free = one.name in CONTAINERS and one.id not in self._busy
        return free and w <= 0.8 * one.xywh[2] and h <= 0.72 * one.xywh[3]

    @property
    def _carriers_full(self) -> frozenset[str]:
        """Surfaces on which two things stand already."""
        counts: dict[str, int] = {}
        for below in self.objects:
            if below.name in SURFACES:
                counts[below.id] = sum(contact(below, above) == "on" for above in self.objects if above is not below)
        return frozenset(id_ for id_, count in counts.items() if count > 1)

    def _covering(self, name: str, w: int, h: int) -> tuple[Box, SceneObject | None] | None:
        """In front of a thing."""
        rng = self._rng
        carriers = SURFACES | CONTAINERS
        able = [
            one for one in self.objects if one.name not in carriers and one.id not in self._busy and one.xywh[2] > 14
        ]
        base = self._some(able if name not in carriers else [])
        if base is None:
            return None
        x, y, bw, bh = (int(v) for v in base.xywh)
        return (rng.randint(x - w + 3, x + bw - 3), rng.randint(y - h + 3, y + bh - 3), w, h), base

    def _beside(self, name: str, w: int, h: int) -> tuple[Box, SceneObject | None] | None:
        """A few pixels from a thing."""
        rng = self._rng
        one = self._some(self.objects)
        if one is None:
            return None
        x, y, bw, bh = (int(v) for v in one.xywh)
        gap = rng.randint(0, 9)
        along_x, along_y = rng.randint(x - w // 2, x + bw - w // 2), rng.randint(y - h // 2, y + bh - h // 2)
        left, top = rng.choice(
            [(x - w - gap, along_y), (x + bw + gap, along_y), (along_x, y - h - gap), (along_x, y + bh + gap)]
        )
        return (left, top, w, h), None

    def _free(self, name: str, w: int, h: int) -> tuple[Box, SceneObject | None]:
        rng = self._rng
        return (rng.randint(1, IMAGE_SIZE - 1 - w), rng.randint(1, IMAGE_SIZE - 1 - h), w, h), None


assert COVERS < _MOST_COVERED
