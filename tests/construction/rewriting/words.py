"""A small lexicon, and descriptions: given as short texts, or drawn."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations

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
    Noun("jeans", number="pair", synonyms=frozenset({"blue jeans"})),
    Noun("street"),
    Noun("umbrella"),
    Noun("fire hydrant"),
    Noun("t-shirt"),
    Noun("orange"),
    Noun("picture"),
    Noun("statue", alike=frozenset({"person"})),
]
_ATTRIBUTES = [
    *(Attribute(name, "color", order=2) for name in ("red", "blue", "white", "brown", "gray", "orange", "light blue")),
    *(Attribute(name, "material", order=3) for name in ("wood", "metal", "plastic")),
    *(Attribute(name, "size") for name in ("small", "large")),
    *(Attribute(name, "state", order=1) for name in ("open", "parked", "smiling", "old")),
    Attribute("standing", "pose", after=True, beings=frozenset({"person", "animal"})),
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
    RelationWord(
        "wearing", ("wearing", "in"), ("wears", "wear"), sort="action", contact=True, one_head=True, heads=_PEOPLE
    ),
    RelationWord("holding", ("holding",), ("holds", "hold"), sort="action", contact=True, heads=_BEINGS),
    RelationWord("riding", ("riding", "riding on"), ("rides", "ride"), sort="action", contact=True, heads=_PEOPLE),
    RelationWord("with", ("with",), ("has", "have"), sort="having"),
    RelationWord("under", ("under", "below", "beneath"), inverse="above"),
    RelationWord("above", ("above", "over"), inverse="under"),
    RelationWord("parked on", ("parked on",), sort="posture", contact=True, one_tail=True),
    RelationWord("standing next to", ("standing next to",), ("stands next to", "stand next to"), sort="posture"),
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


def drawn(rng: random.Random, lexicon: Lexicon = LEXICON) -> Description:
    """A description with words of a lexicon that need not make sense, but are of the right sorts."""
    kind = rng.choice(["0_hop", "1_hop", "2_hop", "and", "same_attr", "same_attr_two_hop"])
    nodes = [_drawn_node(rng, lexicon) for _ in range({"0_hop": 1, "1_hop": 2, "same_attr": 2}.get(kind, 3))]

    def edge(head: int, tail: int) -> Edge:
        being = lexicon.nouns[nodes[head].name].being
        words = [w for w in lexicon.relations.values() if w.question and (not w.heads or being in w.heads)]
        return Edge(rng.choice(words).name, head, tail)

    first = Edge(f"same {rng.choice(['color', 'material'])}", 0, 1)
    edges = {
        "0_hop": lambda: (),
        "1_hop": lambda: (edge(0, 1),),
        "2_hop": lambda: (edge(0, 1), edge(1, 2)),
        "and": lambda: (edge(0, 1), edge(0, 2)),
        "same_attr": lambda: (first,),
        "same_attr_two_hop": lambda: (first, edge(1, 2)),
    }
    return Description(kind, tuple(nodes), edges[kind]())


def _drawn_node(rng: random.Random, lexicon: Lexicon) -> Node:
    name = rng.choice(list(lexicon.nouns))
    attributes: list[str] = []
    for _ in range(rng.choice([0, 0, 1, 1, 2])):
        word = rng.choice(list(lexicon.attributes.values()))
        if word.beings and lexicon.nouns[name].being not in word.beings:
            continue
        if word.kind not in [lexicon.attributes[other].kind for other in attributes]:
            attributes.append(word.name)
    return Node(name, tuple(attributes))


def others(said: Description, rng: random.Random) -> Iterator[Description]:
    """Descriptions that say something else."""
    for i, j in combinations(range(len(said.nodes)), 2):
        a, b = said.nodes[i], said.nodes[j]
        yield said.with_node(i, Node(b.name, a.attributes)).with_node(j, Node(a.name, b.attributes))
        yield said.with_node(i, Node(a.name, b.attributes)).with_node(j, Node(b.name, a.attributes))
        yield said.with_node(i, b).with_node(j, a)
    for i, node in enumerate(said.nodes):
        for name in node.attributes:
            yield said.with_node(i, Node(node.name, tuple(other for other in node.attributes if other != name)))
        new = rng.choice([name for name in LEXICON.attributes if name not in node.attributes])
        yield said.with_node(i, Node(node.name, (*node.attributes, new)))
        yield said.with_node(i, Node("dog" if node.name != "dog" else "tree", node.attributes))
    for i, edge in enumerate(said.edges):
        yield said.with_edge(i, replace(edge, relation="above" if edge.relation != "above" else "behind"))
        for head in set(range(len(said.nodes))) - {edge.head, edge.tail}:
            yield said.with_edge(i, replace(edge, head=head))


def meaning(said: Description) -> object:
    """Equal for descriptions that say the same: the order of attributes and of relations says nothing."""
    nodes = [("cup" if n.name == "mug" else n.name, frozenset(n.attributes)) for n in said.nodes]
    # Of "and", the related objects have no order.
    if said.tuple_type == "and" and {edge.head for edge in said.edges} == {0}:
        return nodes[0], frozenset((edge.relation, nodes[edge.tail]) for edge in said.edges)
    return tuple(nodes), frozenset((edge.relation, edge.head, edge.tail) for edge in said.edges)


def spoilt(text: str, rng: random.Random) -> str:
    """A sentence with a comma or a word put in."""
    words = text.split()
    place = rng.randrange(len(words))
    if rng.random() < 0.5:
        words[place] += ","
    else:
        words.insert(place, rng.choice(["and", ", which is", "that is", "who is", ", and", "with"]))
    return " ".join(words).replace(" ,", ",")
