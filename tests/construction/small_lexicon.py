"""A lexicon of a few words, for tables of tests."""

from __future__ import annotations

from finecops.construction.lexicon import Attribute, Lexicon, Noun, RelationWord

NOUNS = (
    Noun("man", being="person", synonyms=frozenset({"guy"}), kinds=frozenset({"person"})),
    Noun("guy", being="person", synonyms=frozenset({"man"}), kinds=frozenset({"person"})),
    Noun("woman", being="person", kinds=frozenset({"person"})),
    Noun("person", being="person"),
    Noun("people", "plural", "person", singular="person", target=False),
    Noun("dog", being="animal", kinds=frozenset({"animal"})),
    Noun("cat", being="animal", kinds=frozenset({"animal"})),
    Noun("animal", being="animal"),
    Noun("car", kinds=frozenset({"vehicle"})),
    Noun("bus", kinds=frozenset({"vehicle"})),
    Noun("vehicle"),
    Noun("cup", alike=frozenset({"mug"})),
    Noun("mug", alike=frozenset({"cup"})),
    Noun("plate"),
    Noun("table", kinds=frozenset({"furniture"})),
    Noun("shelf", kinds=frozenset({"furniture"})),
    Noun("furniture", "mass"),
    Noun("hat"),
    Noun("cups", "plural", singular="cup", target=False),
    Noun("scissors", "pair"),
    Noun("grass", "mass", target=False),
    Noun("sky", target=False),
)
ATTRIBUTES = (
    Attribute("red", "color", order=4),
    Attribute("blue", "color", order=4),
    Attribute("tan", "color", near=frozenset({"beige"}), order=4),
    Attribute("beige", "color", near=frozenset({"tan"}), order=4),
    Attribute("wooden", "material", order=5),
    Attribute("metal", "material", order=5),
    Attribute("large", "size", opposites=frozenset({"small"}), order=1),
    Attribute("small", "size", opposites=frozenset({"large"}), order=1),
    Attribute("open", "state", opposites=frozenset({"closed"}), order=3),
    Attribute("closed", "state", opposites=frozenset({"open"}), order=3),
    Attribute("striped", "pattern", order=3, several=frozenset({"color"})),
)


RELATIONS = (
    RelationWord(
        "to the left of",
        ("to the left of", "left of"),
        inverse="to the right of",
        contradictions=frozenset({"to the right of"}),
        mirror="to the right of",
        boxes="left",
    ),
    RelationWord(
        "to the right of",
        ("to the right of", "right of"),
        inverse="to the left of",
        contradictions=frozenset({"to the left of"}),
        mirror="to the left of",
        boxes="right",
    ),
    RelationWord("on", ("on",), contradictions=frozenset({"under"}), contact=True, one_tail=True),
    RelationWord("under", ("under",), contradictions=frozenset({"on"})),
    RelationWord(
        "wearing", ("wearing",), ("wears", "wear"), contact=True, one_head=True, heads=frozenset({"person", "animal"})
    ),
    RelationWord("holding", ("holding",), ("holds", "hold"), contact=True, heads=frozenset({"person", "animal"})),
    RelationWord("near", ("near",)),
    RelationWord("of", ("of",), question=False),
)


def small_lexicon(complete: bool = False) -> Lexicon:
    """The words above; colors and materials have one value."""
    return Lexicon(
        {n.name: n for n in NOUNS},
        {a.name: a for a in ATTRIBUTES},
        frozenset({"color", "material"}),
        {r.name: r for r in RELATIONS},
        complete,
        compared=frozenset({"color", "material"}),
    )
