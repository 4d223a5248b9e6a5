"""What an editor is asked for in words: one object with its attributes ("a small red cup")."""

from __future__ import annotations

from finecops.construction.description import Node
from finecops.construction.lexicon import Lexicon


def object_text(node: Node, lexicon: Lexicon) -> str:
    """An object in words, with an article where its noun has one.

    Attributes that stand behind the noun follow it ("a man looking down"); an attribute that the lexicon does not know
    stands before it.
    """
    noun = lexicon.nouns.get(node.name)
    known = lexicon.attributes
    behind = [a for a in node.attributes if a in known and known[a].after]
    before = [a for a in node.attributes if a not in behind]
    before.sort(key=lambda a: known[a].order if a in known else 0)
    words = " ".join([*before, node.name, *behind])
    number = noun.number if noun is not None else "singular"
    if number in ("plural", "mass"):
        return words
    if number == "pair":
        # "A pair of red scissors": the adjective belongs to the thing.
        return f"a pair of {words}"
    return f"{'an' if words[:1].lower() in 'aeiou' else 'a'} {words}"
