"""Every template with every relation and all kinds of nouns: sentences that pass checks which know no template."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterator

import pytest

from finecops.construction.description import SAME, Description, Edge, Node
from finecops.construction.english.fitting import fits, pieces
from finecops.construction.english.forms import PICKS
from finecops.construction.english.realise import Expression, Wording, realise, sample_wording
from finecops.construction.english.templates import TEMPLATES
from tests.construction.english.small_words import LEXICON

ENDS = {
    "0_hop": [],
    "1_hop": [(0, 1)],
    "2_hop": [(0, 1), (1, 2)],
    "and": [(0, 1), (0, 2)],
    "same_attr": [(0, 1)],
    "same_attr_two_hop": [(0, 1), (1, 2)],
}
SAID = [name for name, word in LEXICON.relations.items() if word.question]
SAMES = [SAME + kind for kind in ("color", "material", "size", "pattern")]
AFTER = {name for name, word in LEXICON.attributes.items() if word.after}
VOWELS = ("elephant", "umbrella", "old", "orange")


def descriptions(tuple_type: str, relation: str, rng: random.Random) -> Description:
    """A description with this relation as one of its edges; all else is drawn."""
    ends = ENDS[tuple_type]
    names = [rng.choice(list(LEXICON.nouns)) for _ in range(len(ends) + 1)]
    nodes = tuple(
        Node(name, tuple(rng.sample(list(LEXICON.attributes), rng.choice([0, 0, 1, 1, 2, 3])))) for name in names
    )
    relations = [rng.choice(SAID) for _ in ends]
    if relations:
        relations[rng.randrange(len(relations))] = relation
    if tuple_type.startswith("same_attr"):
        relations[0] = rng.choice(SAMES)
    return Description(tuple_type, nodes, tuple(Edge(r, *pair) for r, pair in zip(relations, ends)))


def expressions(relations: list[str], seed: int) -> Iterator[tuple[str, Description, Expression]]:
    """Each fitting template with each of the relations."""
    rng = random.Random(seed)
    for tuple_type, known in TEMPLATES.items():
        for _, template in known:
            for relation in relations if ENDS[tuple_type] else relations[:40]:
                said = descriptions(tuple_type, relation, rng)
                if fits(template, said, LEXICON):
                    picks = tuple(rng.randrange(PICKS) for _ in range(2 * (len(said.edges) + len(said.nodes))))
                    definite = [rng.random() < 0.5 for _ in said.nodes]
                    yield template, said, realise(said, Wording(template, picks), definite, LEXICON)


ARTICLE = r"(?:the|a|an|some|another)"
ALWAYS_WRONG = re.compile(
    rf"\b{ARTICLE} {ARTICLE}\b|  |^ | $| ,|[{{}}]|\b(\w+) \1\b|\b(?:is|are) (?:with|containing|that|who)\b"
    r"|\b(?:who|that) (?:who|that|wearing|holding|and|the|a|an)\b|\band (?:and|who|there|$)|\bwhich\b|,$"
)


def faults(said: Description, found: Expression) -> list[str]:
    """What is wrong with an expression."""
    text = found.text
    out = [f"wrong: {match[0]}" for match in ALWAYS_WRONG.finditer(text)]
    out += [f"sound: {m[0]}" for m in re.finditer(r"\b(an?) (\w+)", text) if (m[1] == "an") != (m[2] in VOWELS)]
    for node, (start, end) in zip(said.nodes, found.spans, strict=True):
        out += _noun_faults(node, text[:start], text[start:end], text[end:])
    return out


def _noun_faults(node: Node, before: str, phrase: str, behind: str) -> list[str]:
    out = []
    number = LEXICON.nouns[node.name].number
    words = phrase.removeprefix("pair of ").split()
    own = [a for a in node.attributes if a not in AFTER]
    if (
        phrase != phrase.strip()
        or words[-1] != node.name
        or Counter(w for w in words[:-1] if w != "and") != Counter(own)
    ):
        out.append(f"span: {phrase}")
    article = re.search(rf"\b({ARTICLE}|other) $", before)
    if article is None and number == "singular":
        out.append(f"no article: {phrase}")
    if article is not None and article[1] in ("a", "an") and number in ("plural", "mass"):
        out.append(f"article of a plural: {phrase}")
    missing = [a for a in node.attributes if a in AFTER and a not in behind]
    plural = number in ("plural", "pair") and not phrase.startswith("pair of ")
    verb = re.match(r" (?:in the picture |in this image )?(that|who) (is|are|has|have)\b", behind)
    # "The man near the windows who has a hat" speaks of the man.
    about = verb is not None and (verb[1] == "that" or LEXICON.nouns[node.name].being == "person")
    if verb is not None and about and (verb[2] in ("are", "have")) != plural:
        out.append(f"agreement: {phrase}{verb[0]}")
    # "There is a", "on the table are the": a verb right before a noun phrase is its own.
    first = re.search(rf"\b(is|are) (?:(?:{ARTICLE}|other) )?$", before)
    if first is not None and (first[1] == "are") != plural:
        out.append(f"agreement: {first[0]}{phrase}")
    return out + [f"lost: {a}" for a in missing]


def test_there_are_eighty_templates_over_all_types() -> None:
    texts = [text for known in TEMPLATES.values() for _, text in known]
    assert set(TEMPLATES) == set(ENDS)
    assert len(set(texts)) >= 80
    assert all(len(known) >= 12 for known in TEMPLATES.values())
    assert any(text.startswith("{f1}") for text in texts)


def test_a_template_says_each_node_and_each_relation_once() -> None:
    for tuple_type, known in TEMPLATES.items():
        for _, template in known:
            parts = pieces(template)
            nodes = [max(p.number, 0) for p in parts if p.slot in ("T", "aT", "O")]
            edges = [
                p.number - 1 for p in parts if p.slot in ("r", "is", "q", "b", "i", "c", "f", "p") and p.number > 0
            ]
            assert sorted(nodes) == list(range(len(ENDS[tuple_type]) + 1)), template
            same_in_words = [0] if "{kind}" in template else []
            assert sorted(edges + same_in_words) == list(range(len(ENDS[tuple_type]))), template


def test_every_template_is_right_with_relations_of_all_sorts() -> None:
    some = ["on", "to the left of", "wearing", "with", "covered with", "sitting on", "contain", "attached to"]
    seen = Counter()
    for template, said, found in expressions(some * 4, seed=0):
        seen[template] += 1
        assert faults(said, found) == [], found.text
    assert len(seen) == len({text for known in TEMPLATES.values() for _, text in known})


@pytest.mark.slow
def test_every_template_is_right_with_every_relation() -> None:
    wrong = [(found.text, bad) for _, said, found in expressions(SAID, seed=1) if (bad := faults(said, found))]
    assert wrong == []


def test_every_relation_is_right_in_drawn_wordings() -> None:
    rng = random.Random(2)
    for relation in SAID:
        for tuple_type in ("1_hop", "2_hop", "and"):
            said = descriptions(tuple_type, relation, rng)
            found = realise(said, sample_wording(rng, said, LEXICON), [rng.random() < 0.5] * 3, LEXICON)
            assert faults(said, found) == [], found.text


def test_the_checks_find_faults() -> None:
    """A checker that finds nothing would pass everything."""
    said = Description("1_hop", (Node("scissors"), Node("elephant")), (Edge("near", 0, 1),))
    for text, spans in (
        ("the scissors that is near an elephant", ((4, 12), (29, 37))),
        ("the scissors near a elephant", ((4, 12), (20, 28))),
        ("the a scissors near an elephant", ((6, 14), (23, 31))),
        ("the scissors near elephant", ((4, 12), (18, 26))),
        ("the scissors near  an elephant", ((4, 12), (22, 30))),
        ("near an elephant there is the scissors", ((30, 38), (8, 16))),
        ("the scissors near an elephant", ((3, 12), (21, 29))),
    ):
        assert faults(said, Expression(text, spans)), text


def test_plain_wordings_are_frequent_and_all_are_drawn() -> None:
    rng = random.Random(3)
    said = Description("1_hop", (Node("man"), Node("table")), (Edge("sitting on", 0, 1),))
    drawn = Counter(sample_wording(rng, said, LEXICON).template for _ in range(1500))
    assert len(drawn) == len(TEMPLATES["1_hop"])
    assert [template for template, _ in drawn.most_common(2)] == ["{T} {r1} {O1}", "{T} {who0} {is1} {O1}"]


def test_a_verb_never_stands_first() -> None:
    rng = random.Random(4)
    said = Description(
        "and", (Node("man"), Node("hat"), Node("umbrella")), (Edge("wearing", 0, 1), Edge("holding", 0, 2))
    )
    texts = {realise(said, sample_wording(rng, said, LEXICON), [True] * 3, LEXICON).text for _ in range(300)}
    assert len(texts) > 20
    assert not [text for text in texts if text.startswith(("wearing", "holding"))]
