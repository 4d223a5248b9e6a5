"""The table of relations."""

from __future__ import annotations

import pytest

from finecops.construction.lexicon import RelationWord
from finecops.construction.words import gqa_lexicon
from finecops.construction.words.relations import read_relations

TABLE = gqa_lexicon().relations
LINE = "name\tsort\tphrases\tverb\theads\tcontact\tone_head\tone_tail\tboxes\tmirror\tinverse\tcontradictions\tquestion"


def _contradicts(one: str, *others: str) -> bool:
    return TABLE[one].contradictions >= set(others)


def test_gqas_relations_come_first_and_some_are_no_question() -> None:
    assert list(TABLE)[:8] == ["to the right of", "to the left of", "on", "wearing", "of", "near", "in", "behind"]
    gqas = list(TABLE)[:121]
    assert gqas[-1] == "n/a"
    vague = [name for name in gqas if not TABLE[name].question]
    assert vague == ["of", "playing", "between", "n/a"]


def test_contradictions_are_those_of_the_world() -> None:
    assert _contradicts("on", "under", "below", "beneath")
    assert _contradicts("above", "below", "under")
    assert _contradicts("in front of", "behind", "standing behind")
    assert _contradicts("inside", "on top of")
    assert _contradicts("sitting on", "standing on", "walking on", "under")
    assert _contradicts("parked on", "driving on")
    assert _contradicts("pulling", "pulled by", "pushing")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("near", "next to"),  # What is next to something is near it.
        ("on", "near"),
        ("on", "next to"),
        ("wearing", "holding"),  # A glove, a hat with a hand on it.
        ("wearing", "carrying"),  # A backpack.
        ("wearing", "behind"),  # A mask.
        ("holding", "standing on"),  # A skateboarder who grabs the board.
        ("in", "under"),  # A rock in the water.
        ("in", "around"),  # The trees in and around a field.
        ("sitting on", "lying on"),  # Dogs, of which both are said.
        ("standing on", "walking on"),  # In a photograph.
        ("eating", "standing on"),  # Sheep and grass.
        ("riding", "sitting on"),
        ("riding", "holding"),
        ("looking at", "holding"),
    ],
)
def test_what_may_be_true_at_once_is_no_contradiction(one: str, other: str) -> None:
    assert other not in TABLE[one].contradictions


def test_contradictions_are_symmetric_and_irreflexive() -> None:
    for name, word in TABLE.items():
        assert name not in word.contradictions
        assert all(name in TABLE[other].contradictions for other in word.contradictions)


def test_an_inverse_is_no_contradiction_of_what_implies_it() -> None:
    """Relations that go both ways do not contradict themselves, and a pair of inverses agrees on contact."""
    for word in TABLE.values():
        inverse = TABLE[word.inverse] if word.inverse else None
        if inverse is not None and inverse.inverse == word.name and inverse is not word:
            assert word.contact == inverse.contact, word.name


def test_only_left_and_right_are_read_from_boxes_and_mirrored() -> None:
    assert [name for name, word in TABLE.items() if word.boxes or word.mirror] == ["to the right of", "to the left of"]
    for word in (TABLE["to the left of"], TABLE["to the right of"]):
        assert word.mirror == word.inverse
        assert word.boxes == word.name.split()[2]


def test_every_relation_can_be_said() -> None:
    """A phrase; a finite verb for what cannot stand behind "is"; a participle first where the sort says so."""
    for word in TABLE.values():
        assert word.phrases
        assert all(phrase == phrase.strip() for phrase in word.phrases)
        first = word.phrases[0].split()[0]
        if word.sort == "having":
            assert word.verb is not None
        if word.sort == "action":
            assert first.endswith("ing")
        if word.sort == "posture":
            assert first.endswith(("ing", "ed", "stuck")), word.name
        if word.sort == "place":
            assert not first.endswith(("ing", "ed")), word.name


def test_verbs_are_third_persons_singular_and_plural() -> None:
    for word in TABLE.values():
        if word.verb is not None:
            singular, plural = (verb.split() for verb in word.verb)
            assert singular[1:] == plural[1:]
            stem = plural[0].removesuffix("y") + "i" if plural[0].endswith(("rry", "fly")) else plural[0]
            assert singular[0] in {stem + "s", stem + "es", "has"}, word.name


def test_a_table_that_contradicts_itself_is_refused() -> None:
    on = "on\tplace\ton" + "\t" * 10
    with pytest.raises(ValueError, match="stands twice"):
        read_relations([LINE, on, on])
    with pytest.raises(ValueError, match="which has no line of its own"):
        read_relations([LINE, "on\tplace\ton" + "\t" * 9 + "under\tyes"])


def test_a_line_becomes_a_relation() -> None:
    lines = ["# A remark.", LINE, "under\tplace\tunder|below" + "\t" * 9 + "\tno"]
    lines.append(
        "standing on\tposture\tstanding on\tstands on|stand on\tperson|animal\tyes\tyes\tyes\t\t\t\tunder\tyes"
    )
    under, standing = read_relations(lines).values()
    assert under == RelationWord("under", ("under", "below"), contradictions=frozenset({"standing on"}), question=False)
    assert standing == RelationWord(
        "standing on",
        ("standing on",),
        ("stands on", "stand on"),
        contradictions=frozenset({"under"}),
        contact=True,
        one_head=True,
        one_tail=True,
        heads=frozenset({"person", "animal"}),
        sort="posture",
    )
