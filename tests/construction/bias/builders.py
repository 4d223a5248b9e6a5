"""Made-up pairs of texts: negatives have words of their own, as bad benchmarks have them."""

from __future__ import annotations

import random

from finecops.construction.bias.pairs import TextPair

COLOURS = ("red", "green", "blue", "black", "white")
THINGS = ("cat", "dog", "cup", "car", "hat", "tree", "boat", "lamp")
PLACES = ("on the table", "near the door", "under the tree", "left of a chair")


def biased_pairs(count: int, telling: float, seed: int = 0, type_: str = "object") -> list[TextPair]:
    """Pairs of two per image, whose things differ. A share `telling` of the negatives names a thing of their own."""
    rng = random.Random(f"{seed}/{type_}")
    pairs = []
    for i in range(count):
        thing, other = rng.sample(THINGS, 2)
        if rng.random() < telling:
            other = rng.choice(("zebra", "piano"))
        rest = rng.choice(PLACES)
        colour = rng.choice(COLOURS)
        texts = (f"the {colour} {word} {rest}" for word in (thing, other))
        pairs.append(TextPair(f"{type_}-{i}", f"image {i // 2}", *texts, type_))
    return pairs
