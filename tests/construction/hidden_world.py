"""Complete worlds, what an annotator writes down of them, and a matcher that tries every permutation.

It shares no code and no table with the construction: the words, what they imply and the laws of the world are written
here by hand. A world knows everything: what each object is and may be called, all of its attributes, all relations
between any two objects. Its scene graph is what an annotator left: other words for the same thing, and only a share of
the attributes and relations. An expression is judged in the world, never in the graph.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from finecops.construction.description import Description
from finecops.construction.graph import Relation, SceneGraph, SceneObject

CALLED = {
    "elephant": "animal",
    "dog": "animal",
    "cat": "animal",
    "horse": "animal",
    "cow": "animal",
    "zebra": "animal",
    "man": "person guy",
    "woman": "person lady",
    "boy": "person child kid",
    "girl": "person child kid",
    "train": "vehicle",
    "car": "vehicle",
    "bus": "vehicle",
    "truck": "vehicle",
    "airplane": "plane vehicle",
    "bicycle": "bike",
    "sofa": "couch",
    "television": "tv",
    "chair": "",
    "table": "",
    "plate": "dish",
    "cup": "mug",
    "bottle": "",
    "bowl": "",
    "hat": "",
    "shirt": "",
    "jacket": "coat",
    "umbrella": "",
    "bag": "backpack purse",
    "cell phone": "phone",
    "banana": "fruit food",
    "apple": "fruit food",
    "pizza": "food",
    "tree": "",
    "bench": "",
    "lamp": "",
    "pillow": "",
    "book": "",
}
"""What a thing is → other words that people use for it."""
GROUPS = {"tree": "trees", "chair": "chairs", "book": "books", "bottle": "bottles", "cup": "cups"}
BEINGS = {"man", "woman", "boy", "girl"}
ANIMALS = {"elephant", "dog", "cat", "horse", "cow", "zebra"}
FURNITURE = {"table", "sofa", "bench", "chair"}
WORN = {"hat", "shirt", "jacket"}
HELD = {"umbrella", "cell phone", "bag", "cup", "bottle", "banana", "apple", "book"}
RIDDEN = {"horse", "elephant", "bicycle"}

COLORS = (
    "white",
    "black",
    "green",
    "blue",
    "brown",
    "red",
    "gray",
    "yellow",
    "orange",
    "silver",
    "pink",
    "tan",
    "beige",
)
ALSO = {"tan": "beige brown", "beige": "tan", "brown": "tan", "gray": "silver", "silver": "gray"}
"""A color → words that people use for it too."""
MATERIALS = ("wood", "metal", "plastic", "glass")
SIZES = ("large", "small")
OPPOSITE_STATES = (("open", "closed"), ("wet", "dry"), ("full", "empty"), ("clean", "dirty"))
EXCLUSIVE = {**dict.fromkeys(COLORS, "color"), **dict.fromkeys(MATERIALS, "material")}
PASSIVE = {"on": "under", "wearing": "worn by", "holding": "held by", "carrying": "carried by", "riding": "ridden by"}
"""A relation → what is then true from the other end."""


@dataclass(frozen=True)
class Thing:
    """An object of a world: all words for it, all that is true of it, its box as xywh in pixels."""

    id: str
    called: frozenset[str]
    true: frozenset[str]
    xywh: tuple[float, float, float, float]
    values: Mapping[str, frozenset[str]]
    """Kind → all words that are right for the object's value."""


@dataclass
class HiddenWorld:
    """A world, and the graph that an annotator made of it."""

    things: dict[str, Thing] = field(default_factory=dict)
    relations: set[tuple[str, str, str]] = field(default_factory=set)
    graph: SceneGraph | None = None

    def holds(self, relation: str, head: str, tail: str) -> bool:
        """Whether a relation is true, "same <kind>" included."""
        if relation.startswith("same "):
            values = [self.things[i].values.get(relation.removeprefix("same "), frozenset()) for i in (head, tail)]
            return bool(values[0] & values[1])
        return (relation, head, tail) in self.relations

    def fitting(self, said: Description) -> set[str]:
        """Ids of all things that a description fits, in truth."""
        found = set()
        for chosen in itertools.permutations(self.things, len(said.nodes)):
            things = [self.things[i] for i in chosen]
            if all(
                node.name in thing.called and set(node.attributes) <= thing.true
                for node, thing in zip(said.nodes, things, strict=True)
            ) and all(self.holds(edge.relation, chosen[edge.head], chosen[edge.tail]) for edge in said.edges):
                found.add(chosen[0])
        return found


def hidden_world(seed: str, share: float = 0.5, things: tuple[int, int] = (6, 12)) -> HiddenWorld:
    """A world of some things, of which the annotator left out a share of the attributes and relations."""
    rng = random.Random(seed)
    world = HiddenWorld()
    kinds = list(CALLED)
    # Few kinds in one image, so that there are several things of a kind.
    some = rng.sample(kinds, rng.randint(3, 6))
    if rng.random() < 0.6:
        some += rng.sample(sorted(BEINGS), 2) + rng.sample(sorted(WORN | HELD), 2)
    annotated: dict[str, tuple[str, list[str]]] = {}
    for number in range(rng.randint(*things)):
        _add(world, annotated, str(number), rng.choice(some), rng)
    _relate(world, annotated, rng)
    world.graph = _graph(seed, world, annotated, share, rng)
    return world


def _add(
    world: HiddenWorld, annotated: dict[str, tuple[str, list[str]]], id_: str, is_: str, rng: random.Random
) -> None:
    others = CALLED[is_].split()
    group = is_ in GROUPS and rng.random() < 0.1
    called = {is_, *others}
    name = rng.choice(others) if others and rng.random() < 0.2 else is_
    if group:
        called |= {GROUPS[is_]}
        name = GROUPS[is_]
    color = rng.choice(COLORS)
    colors = [color]
    if rng.random() < 0.06:
        colors.append(rng.choice([c for c in COLORS if c != color]))
    right = {word for c in colors for word in (c, *ALSO.get(c, "").split())}
    written = [rng.choice([c, *ALSO.get(c, "").split()]) if rng.random() < 0.15 else c for c in colors]
    values = {"color": frozenset(right)}
    true = set(right)
    if is_ not in BEINGS | ANIMALS and rng.random() < 0.5:
        material = rng.choice(MATERIALS)
        values["material"] = frozenset({material})
        true.add(material)
        written.append(material)
    for state in OPPOSITE_STATES:
        if rng.random() < 0.15:
            word = rng.choice(state)
            true.add(word)
            written.append(word)
    size = rng.choice((*SIZES, None))
    if size is not None:
        true.add(size)
        written.append(size)
    w, h = rng.randint(30, 160), rng.randint(30, 160)
    x, y = rng.randint(0, 500 - w), rng.randint(0, 375 - h)
    world.things[id_] = Thing(id_, frozenset(called), frozenset(true), (x, y, w, h), values)
    annotated[id_] = (name, written)


def _inside(inner: Thing, outer: Thing, rng: random.Random) -> tuple[float, float, float, float]:
    """A box of the inner's size or smaller that lies in the outer's."""
    w, h = (min(a, max(12, b * 0.6)) for a, b in zip(inner.xywh[2:], outer.xywh[2:], strict=True))
    x = outer.xywh[0] + rng.random() * (outer.xywh[2] - w)
    y = outer.xywh[1] + rng.random() * (outer.xywh[3] - h)
    return round(x), round(y), round(w), round(h)


def _place(world: HiddenWorld, inner: str, outer: str, rng: random.Random) -> None:
    old = world.things[inner]
    box = _inside(old, world.things[outer], rng)
    world.things[inner] = Thing(inner, old.called, old.true, box, old.values)


def _relate(world: HiddenWorld, annotated: Mapping[str, tuple[str, list[str]]], rng: random.Random) -> None:
    """Everything that is true between any two things."""
    is_ = {
        i: next(name for name in CALLED if name in thing.called and _own(name, thing))
        for i, thing in world.things.items()
    }
    people = [i for i in is_ if is_[i] in BEINGS]
    placed: set[str] = set()
    for i, name in is_.items():
        if people and name in WORN and rng.random() < 0.8:
            person = rng.choice(people)
            _place(world, i, person, rng)
            world.relations.add(("wearing", person, i))
            placed.add(i)
        elif people and name in HELD and rng.random() < 0.5:
            person = rng.choice(people)
            _place(world, i, person, rng)
            world.relations.add((rng.choice(["holding", "carrying"]), person, i))
            placed.add(i)
        elif (
            name in {"plate", "cup", "bottle", "bowl", "lamp", "pillow", "book", "cat", "television"}
            and i not in placed
        ):
            places = [j for j in is_ if is_[j] in FURNITURE and j != i]
            if places and rng.random() < 0.7:
                place = rng.choice(places)
                _place(world, i, place, rng)
                world.relations.add(("on", i, place))
                if rng.random() < 0.5:
                    world.relations.add(("on top of", i, place))
                placed.add(i)
    riders = [i for i in people if i not in placed]
    for i in is_:
        if is_[i] in RIDDEN and riders and rng.random() < 0.4:
            rider = riders.pop()
            worn = [t for r, h, t in world.relations if h == rider]
            if worn:
                continue
            _place(world, rider, i, rng)
            world.relations.add(("riding", rider, i))
    world.relations |= {(PASSIVE[r], tail, head) for r, head, tail in world.relations if r in PASSIVE}
    depth = {i: rng.random() for i in world.things}
    for a, b in itertools.permutations(world.things, 2):
        (ax, ay, aw, ah), (bx, by, bw, bh) = world.things[a].xywh, world.things[b].xywh
        if ax + aw / 2 < bx + bw / 2:
            world.relations |= {("to the left of", a, b), ("to the right of", b, a)}
        if ay + ah < by and ax < bx + bw and bx < ax + aw:
            world.relations |= {("above", a, b), ("below", b, a)}
        gap = max(bx - ax - aw, ax - bx - bw, by - ay - ah, ay - by - bh)
        if gap < 40:
            world.relations |= {("near", a, b), ("next to", a, b)}
            if depth[a] < depth[b]:
                world.relations |= {("in front of", a, b), ("behind", b, a)}


def _own(name: str, thing: Thing) -> bool:
    """Whether a thing is what a name says, of names that others may be called too."""
    return set(CALLED[name].split()) | {name} <= thing.called


def _graph(
    seed: str, world: HiddenWorld, annotated: Mapping[str, tuple[str, list[str]]], share: float, rng: random.Random
) -> SceneGraph:
    objects = {}
    # Some things have two boxes; what is annotated goes to one of them or to both.
    twice = {i for i in world.things if rng.random() < 0.06}
    for i, thing in world.things.items():
        name, written = annotated[i]
        for again in ("", "D") if i in twice else ("",):
            # An annotator writes few of the vague relations.
            told = sorted(r for r in world.relations if r[1] == i)
            kept = [
                r for r in told if rng.random() >= share and (r[0] not in ("near", "next to") or rng.random() < 0.3)
            ]
            relations = [
                Relation(r, tail + ("D" if tail in twice and rng.random() < 0.5 else "")) for r, _, tail in kept
            ]
            attributes = tuple(dict.fromkeys(a for a in written if rng.random() >= share))
            box = tuple(v + (rng.randint(-1, 1) if again else 0) for v in thing.xywh)
            called = rng.choice(sorted(thing.called)) if again else name
            objects[i + again] = SceneObject(i + again, called, box, attributes, tuple(relations))  # type: ignore[arg-type]
    return SceneGraph(seed.replace("/", "_"), 500, 375, objects)


def worlds(count: int, seed: str, share: float = 0.5) -> Iterable[HiddenWorld]:
    """Seeded worlds."""
    for number in range(count):
        yield hidden_world(f"{seed}/{number}", share)


def wrong_positives(world: HiddenWorld, made: Sequence[tuple[Description, str]]) -> list[tuple[Description, set[str]]]:
    """The descriptions that in truth do not fit their target alone."""
    # The second box of a thing has its id and a D.
    fits = [(said, world.fitting(said), target.rstrip("D")) for said, target in made]
    return [(said, found) for said, found, target in fits if found != {target}]


def wrong_negatives(world: HiddenWorld, made: Iterable[Description]) -> list[tuple[Description, set[str]]]:
    """The descriptions that in truth fit something."""
    return [(said, found) for said in made if (found := world.fitting(said))]
