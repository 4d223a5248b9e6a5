"""A small lexicon and descriptions for the tests of rewriting."""

from __future__ import annotations

from finecops.construction.description import Description, Edge, Node
from finecops.construction.lexicon import Attribute, Lexicon, Noun, RelationWord

_NOUNS = [
    Noun("cup", synonyms=frozenset({"mug"})),
    Noun("mug", synonyms=frozenset({"cup"})),
    Noun("plate", kinds=frozenset({"dish"})),
    Noun("dish"),
    Noun("table"),
    Noun("bowl"),
    Noun("car", kinds=frozenset({"vehicle"})),
    Noun("vehicle"),
    Noun("man", being="person", kinds=frozenset({"person"})),
    Noun("woman", being="person", kinds=frozenset({"person"})),
    Noun("person", being="person"),
    Noun("people", number="plural", being="person", singular="person"),
    Noun("dog", being="animal"),
    Noun("horse", being="animal"),
    Noun("hat"),
    Noun("shirt"),
    Noun("tree"),
    Noun("trees", number="plural", singular="tree"),
    Noun("grass", number="mass", target=False),
    Noun("scissors", number="pair"),
    Noun("jeans", number="pair"),
    Noun("street"),
    Noun("umbrella"),
    Noun("fire hydrant"),
    Noun("t-shirt"),
    Noun("orange"),
    Noun("picture"),
]
_ATTRIBUTES = [
    *(Attribute(name, "color", order=2) for name in ("red", "blue", "white", "brown", "gray", "orange", "light blue")),
    *(Attribute(name, "material", order=3) for name in ("wood", "metal", "plastic")),
    *(Attribute(name, "size") for name in ("small", "large")),
    *(Attribute(name, "state", order=1) for name in ("open", "parked", "smiling", "old")),
    Attribute("standing", "pose", after=True),
    Attribute("looking down", "pose", after=True),
]
_PEOPLE = frozenset({"person"})
_BEINGS = frozenset({"person", "animal"})
_RELATIONS = [
    RelationWord(
        "to the left of",
        ("to the left of", "left of"),
        inverse="to the right of",
        mirror="to the right of",
        boxes="left",
    ),
    RelationWord(
        "to the right of",
        ("to the right of", "right of"),
        inverse="to the left of",
        mirror="to the left of",
        boxes="right",
    ),
    RelationWord("on", ("on", "on top of"), contact=True, one_tail=True),
    RelationWord("in", ("in", "inside")),
    RelationWord("near", ("near", "close to")),
    RelationWord("next to", ("next to", "beside"), inverse="next to"),
    RelationWord("behind", ("behind",), inverse="in front of"),
    RelationWord("in front of", ("in front of",), inverse="behind"),
    RelationWord("wearing", ("wearing", "in"), ("wears", "wear"), contact=True, one_head=True, heads=_PEOPLE),
    RelationWord("holding", ("holding",), ("holds", "hold"), contact=True, heads=_BEINGS),
    RelationWord("riding", ("riding", "riding on"), ("rides", "ride"), contact=True, heads=_PEOPLE),
    RelationWord("with", ("with",), ("has", "have")),
    RelationWord("under", ("under", "below", "beneath"), inverse="above"),
    RelationWord("above", ("above", "over"), inverse="under"),
    RelationWord("parked on", ("parked on",), contact=True, one_tail=True),
    RelationWord("standing next to", ("standing next to",)),
]
LEXICON = Lexicon(
    {noun.name: noun for noun in _NOUNS},
    {word.name: word for word in _ATTRIBUTES},
    frozenset({"color", "material", "size"}),
    {word.name: word for word in _RELATIONS},
)
LEFT = "to the left of"


def described(*parts: str) -> Description:
    """A description from short texts: nodes as "red,small cup", edges as "0 on 1"; the type is made from the edges."""
    nodes = []
    edges = []
    for part in parts:
        first, _, rest = part.partition(" ")
        if first.isdigit():
            relation, _, tail = rest.rpartition(" ")
            edges.append(Edge(relation, int(first), int(tail)))
        else:
            *attributes, name = part.split(",")
            nodes.append(Node(name, tuple(attributes)))
    heads = [edge.head for edge in edges]
    same = bool(edges) and edges[0].relation.startswith("same ")
    kind = {(): "0_hop", (0,): "1_hop", (0, 1): "2_hop", (0, 0): "and"}[tuple(heads)]
    kind = {"1_hop": "same_attr", "2_hop": "same_attr_two_hop"}.get(kind, kind) if same else kind
    return Description(kind, tuple(nodes), tuple(edges))
