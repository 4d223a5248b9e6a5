"""Tables of words: GQA's as files, a user's own, and what is refused."""

from __future__ import annotations

import random
from importlib.resources import files
from pathlib import Path

import pytest

from finecops.construction.lexicon import Lexicon
from finecops.construction.words import copy_tables, gqa_lexicon, lexicon_from
from finecops.construction.words.attributes import read_attributes
from finecops.construction.words.nouns import read_nouns
from finecops.construction.words.tables import MAX_CHARS, MAX_LINES, read_pairs, read_rows, words_of
from finecops.errors import DataError

NOUNS = "name\tnumber\ttarget\tbeing\tkinds\tsynonyms\tsingular\n"


def table(*lines: str, columns: str = NOUNS) -> list[str]:
    return [columns, *(line.replace(" ; ", "\t") for line in lines)]


def test_own_tables_read_alone_give_the_lexicon_again(tmp_path: Path) -> None:
    paths = copy_tables(tmp_path / "words")
    assert sorted(path.name for path in paths) == sorted(
        item.name for item in files("finecops.construction.words").iterdir() if item.name.endswith(".tsv")
    )
    assert lexicon_from(tmp_path / "words") == gqa_lexicon()
    with pytest.raises(DataError, match="is there already"):
        copy_tables(tmp_path / "words")


def test_a_plural_has_its_singular_and_names_of_attributes_are_in_the_table() -> None:
    words = gqa_lexicon()
    without = {name for name, noun in words.nouns.items() if noun.number == "plural" and noun.singular is None}
    assert without == {
        *("anchovies", "bleachers", "chips", "chocolate chips", "groceries", "office supplies"),
        *("potato chips", "sideburns", "sticky notes", "suspenders"),
    }
    for noun in words.nouns.values():
        assert noun.singular is None or words.nouns[noun.singular].number in ("singular", "mass")
    lines = files("finecops.construction.words").joinpath("unsaid.tsv").read_text(encoding="utf-8").split("\n")
    named = {
        word.removeprefix("any ")
        for _, row in read_rows(lines, ("attributes", "names"), once=False)
        for word in words_of(row["names"])
    }
    assert named <= set(words.nouns)


def test_nouns_of_a_small_table() -> None:
    nouns = read_nouns(
        table(
            "animal ;  ;  ; animal",
            "animals ; plural ;  ; animal ;  ;  ; animal",
            "cat ;  ;  ; animal ; animal ; kitty",
            "cats ; plural ;  ; animal ;  ;  ; cat",
            "dog ;  ;  ; animal ; animal",
            "dogs ; plural ;  ; animal ;  ;  ; dog",
            "puppy ;  ;  ; animal ; dog",
            "sky ; mass ; no",
        ),
        ["names\twith", "any dog\tcat"],
    )
    assert list(nouns) == ["animal", "animals", "cat", "cats", "dog", "dogs", "puppy", "sky", "kitty"]
    assert nouns["puppy"].kinds == {"dog", "animal"}
    assert nouns["cats"].kinds == {"animals"}
    assert nouns["kitty"].synonyms == {"cat"}
    assert nouns["kitty"].kinds == {"animal"}
    assert nouns["cat"].alike == {"dog", "puppy"}
    assert nouns["dogs"].alike == {"cats"}
    assert not nouns["sky"].target
    assert nouns["sky"].being == "thing"


@pytest.mark.parametrize(
    ("lines", "wrong"),
    [
        (["cat", "cat"], "line 3: 'cat' stands twice"),
        (["cat ; two"], "line 2: 'two' is none of singular, plural, mass, pair"),
        (["cat ;  ; maybe"], "line 2: 'maybe' is none of yes, no"),
        (["cat ;  ;  ; robot"], "line 2: 'robot' is none of person, animal, thing"),
        (["cat ;  ;  ;  ; animal"], "line 2: the kind 'animal' has no line of its own"),
        (["cat ;  ;  ;  ; cat"], "line 2: 'cat' is a kind above itself"),
        (["cat ;  ;  ;  ; dog", "dog ;  ;  ;  ; cat"], "line 2: 'cat' is a kind above itself"),
        (["cat ;  ;  ;  ; dog", "dog ;  ;  ;  ;  ; cat"], "line 2: 'cat' is a kind above itself"),
        (["cats ; plural ;  ;  ;  ;  ; cat"], "line 2: the singular 'cat' has no line of its own"),
        (["cats ; plural ;  ;  ;  ;  ; cats"], "line 2: the singular 'cats' is the name itself"),
        (["cat ;  ;  ;  ;  ;  ;  ; more"], "line 2: it has 8 cells, more than the 7 columns"),
        ([" ; plural"], "line 2: its name is empty"),
        (["cat\x1b[31m"], "line 2: it has characters that cannot be shown"),
        (["c" * (MAX_CHARS + 1)], "line 2: it has more than"),
        (["# a comment"] * MAX_LINES, f"it has more than {MAX_LINES} lines"),
    ],
)
def test_a_bad_table_of_nouns_is_refused(lines: list[str], wrong: str) -> None:
    with pytest.raises(ValueError, match=wrong.replace("[", r"\[")):
        read_nouns(table(*lines))


@pytest.mark.parametrize(
    ("columns", "wrong"),
    [
        ("", "it has no line of column names"),
        ("name\tname", "each once, name among them"),
        ("number", "each once, name among them"),
        ("name,number", "'name,number' is none of them"),
        ("name\tcolour", "'colour' is none of them"),
    ],
)
def test_bad_column_names_are_refused(columns: str, wrong: str) -> None:
    with pytest.raises(ValueError, match=wrong):
        read_nouns([columns])


def test_attributes_of_a_small_table() -> None:
    found = read_attributes(
        [
            "name\tkind\tplace\tof",
            "red\tcolor",
            "maroon\tcolor",
            "colorful\tcolor",
            "open\tstate\tafter\tall",
            "shut\tstate",
        ],
        ["kind\texclusive\torder\tplace\tof\tcompared", "color\tyes\t60\t\tthing|animal\tyes"],
        ["names\twith", "red|maroon", "colorful\tany color"],
        ["names\twith", "open\tshut"],
        ["attributes\tnames", "open\tany dog|sign"],
        lambda name: [name, "puppy"],
    )
    red, opened = found.words["red"], found.words["open"]
    assert (red.near, red.opposites, red.order, red.after) == ({"maroon", "colorful"}, frozenset(), 60, False)
    assert red.beings == {"thing", "animal"}
    assert (opened.opposites, opened.after, opened.beings) == ({"shut"}, True, frozenset())
    assert opened.unsaid == {"dog", "puppy", "sign"}
    assert (found.exclusive, found.compared) == ({"color"}, {"color"})


@pytest.mark.parametrize(
    ("kinds", "near", "opposites", "wrong"),
    [
        ("color\tmaybe", "", "", "'maybe' is none of yes, no"),
        ("color\tyes\tfirst", "", "", "the order 'first' is no whole number"),
        ("color\tyes\t1\tbeside", "", "", "'beside' is none of before, after"),
        ("color\tyes\t1\tafter\trobot", "", "", "'robot' is none of person"),
        ("state\t\t1\t\t\tcolor", "", "", "kinds.tsv: 'state' has several of 'color', which has no line"),
        ("", "red|blue|green", "", "line 2: 'green' has no line of its own"),
        ("", "red|open", "", "near.tsv: '(red|open)' and '(red|open)' are of different kinds"),
        ("", "red|color", "", "near.tsv: line 2: 'color' has no line of its own"),
        ("", "red|blue", "red|blue", "opposites.tsv: '(red|blue)' and '(red|blue)' stand in near.tsv, too"),
        ("", "", "any size\tred", "line 2: 'size' has no line of its own"),
    ],
)
def test_bad_tables_of_attributes_are_refused(kinds: str, near: str, opposites: str, wrong: str) -> None:
    with pytest.raises(ValueError, match=wrong):
        read_attributes(
            ["name\tkind", "red\tcolor", "blue\tcolor", "open\tstate"],
            ["kind\texclusive\torder\tplace\tof\tseveral", kinds],
            ["names\twith", near],
            ["names\twith", opposites],
        )


def test_a_group_of_too_many_pairs_is_refused() -> None:
    names = [f"w{i}" for i in range(1500)]
    with pytest.raises(ValueError, match="line 2: the groups make more than"):
        read_nouns(table(*names), ["names", "|".join(names)])


def test_a_kind_named_very_often_is_refused_before_it_fills_the_memory() -> None:
    asked: list[str] = []

    def below(kind: str) -> list[str]:
        asked.append(kind)
        return ["dog"] * 1_000_000

    with pytest.raises(ValueError, match="line 2: the groups make more than"):
        read_pairs(["names", "|".join(["any dog"] * 2000)], below, lambda name: True)
    assert len(asked) < 5


def test_a_folder_with_nouns_alone_has_the_other_words_of_gqa(tmp_path: Path) -> None:
    (tmp_path / "nouns.tsv").write_text("\ufeffname\tkinds\r\ncube\tshape\r\nshape\r\n", encoding="utf-8")
    words = lexicon_from(tmp_path)
    assert list(words.nouns) == ["cube", "shape"]
    assert words.is_a("cube", "shape")
    assert words.relations == gqa_lexicon().relations
    assert set(words.attributes) == set(gqa_lexicon().attributes)


@pytest.mark.parametrize(
    ("name", "content", "wrong"),
    [
        ("nouns.tsv", b"name\ncat\ncat\n", "nouns.tsv: line 3: 'cat' stands twice"),
        ("nouns.tsv", b"name\n\xff", "nouns.tsv is not UTF-8"),
        ("nouns.tsv", b"name\n" + b"#" * 16_000_001, "has more than 16000000 bytes"),
        ("attributes.tsv", b"name\tkind\nred\n", "attributes.tsv: line 2: 'red' has no kind"),
        ("relations.tsv", b"name\non\n", "relations.tsv: line 2: 'on' has no phrases"),
        ("relations.tsv", b"name\tphrases\tverb\non\ton\tis\n", "relations.tsv: line 2: a verb is two words"),
        ("relations.tsv", b"name\tphrases\tsort\non\ton\tthing\n", "relations.tsv: line 2: 'thing' is none of place"),
        ("relations.tsv", b"name\tphrases\tinverse\non\ton\tin\n", "line 2: 'on' names 'in', which has no line"),
        ("relations.tsv", b"", "relations.tsv: it has no line of column names"),
        ("noun.tsv", b"name\ncat\n", "has 'noun.tsv'; its tables are"),
        ("alike.tsv", b"names\n", "has none of nouns.tsv, attributes.tsv, relations.tsv"),
        ("readme.txt", b"", "has none of nouns.tsv, attributes.tsv, relations.tsv"),
    ],
)
def test_a_bad_folder_is_refused(tmp_path: Path, name: str, content: bytes, wrong: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=wrong):
        lexicon_from(tmp_path)


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no folder"):
        lexicon_from(tmp_path / "words")
    (tmp_path / "relations.tsv").write_text("name\tphrases\non\ton\n")
    (tmp_path / "alike.tsv").write_text("names\n")
    with pytest.raises(DataError, match=r"alike\.tsv belongs to nouns\.tsv, which is missing"):
        lexicon_from(tmp_path)
    (tmp_path / "nouns.tsv").mkdir()
    with pytest.raises(DataError, match="is no file"):
        lexicon_from(tmp_path)


def test_any_table_is_refused_or_gives_consistent_nouns() -> None:
    rng = random.Random(2)
    read = 0
    for _ in range(400):
        names = rng.sample([f"n{i}" for i in range(8)], rng.randint(1, 8))
        cells = [("", "plural", "mass"), (*names, *[""] * 20), ("z", "y", *names, *[""] * 20), (*names, *[""] * 20)]
        lines = ["\t".join((name, *map(rng.choice, cells))) for name in names]
        groups = ["\t".join((rng.choice(names), rng.choice((*names, f"any {names[0]}")))) for _ in range(3)]
        try:
            nouns = read_nouns(["name\tnumber\tkinds\tsynonyms\tsingular", *lines], ["names\twith", *groups])
        except ValueError:
            continue
        read += 1
        words = Lexicon(nouns, {}, frozenset(), {})
        for one, noun in nouns.items():
            assert all(one in nouns[other].synonyms and nouns[other].kinds == noun.kinds for other in noun.synonyms)
            assert all(one in nouns[other].alike for other in noun.alike)
            assert all(one not in nouns[kind].kinds and nouns[kind].kinds <= noun.kinds for kind in noun.kinds)
            assert not noun.alike & (noun.synonyms | noun.kinds | {one})
            for other in nouns:
                assert words.may_be(one, other) is words.may_be(other, one)
                assert words.may_be(one, other) or not words.is_a(one, other)
    assert read > 100
