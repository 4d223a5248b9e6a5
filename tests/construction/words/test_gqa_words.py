"""GQA's lexicon: judged pairs of names and attributes, and what must hold of its tables as a whole."""

from __future__ import annotations

import pytest

from finecops.construction.lexicon import Lexicon
from finecops.construction.words import gqa_lexicon

SURE = {
    "couch": "sofa",
    "sofa": "couch furniture",
    "tv": "television device",
    "television": "tv",
    "airplane": "plane aircraft vehicle",
    "jet": "plane airplane vehicle",
    "bike": "bicycle vehicle",
    "phone": "telephone",
    "cell phone": "phone device",
    "elephant": "animal",
    "puppy": "dog animal",
    "train": "vehicle",
    "minivan": "van vehicle",
    "banana": "fruit food",
    "broccoli": "vegetable food",
    "jeans": "pants clothing",
    "t-shirt": "shirt clothing",
    "lady": "woman person",
    "guy": "man person",
    "skier": "person",
    "policeman": "man person",
    "house": "building",
    "pine tree": "evergreen tree plant",
    "wine glass": "glass",
    "stop sign": "sign",
    "men": "people",
    "cows": "animals cattle",
    "bananas": "fruits",
    "coffee table": "table furniture",
    "stone": "rock",
    "mugs": "cups",
    "plate": "dish",
}
PERHAPS = {
    "animal": "elephant zebra",
    "trees": "tree pine_tree palm_tree bush bushes",
    "people": "person man woman skier boys",
    "men": "man boy player",
    "cup": "mug glass cups mugs",
    "decoration": "picture painting poster vase",
    "lamp": "street_light pole",
    "mugs": "glasses cup",
    "bag": "backpack purse luggage",
    "player": "man woman catcher",
    "man": "boy batter fielder players statue",
    "child": "boy girl baby",
    "van": "car truck bus",
    "plate": "bowl tray",
    "shirt": "jacket sweater uniform",
    "street": "road pavement",
    "leaves": "leaf tree",
    "bear": "teddy_bear",
    "glasses": "glass sunglasses wine_glass",
    "table": "desk counter",
    "chicken": "bird meat",
    "mouse": "computer_mouse animal",
    "drink": "glass juice",
    "crowd": "people person man",
}
NEVER = {
    "man": "woman girl lady women elephant shirt",
    "boy": "girl woman",
    "dog": "cat cow horse",
    "car": "train bus boat airplane",
    "zebra": "horse giraffe",
    "truck": "train airplane",
    "pants": "shirt hat",
    "apple": "banana orange",
    "chair": "table bed",
    "fork": "knife plate",
    "laptop": "television",
    "skis": "skateboard",
    "tree": "person building",
    "cup": "plate fork",
}
ALL = [
    *((name, said, "sure") for name, others in SURE.items() for said in others.split()),
    *((name, said.replace("_", " "), "perhaps") for name, others in PERHAPS.items() for said in others.split()),
    *((name, said, "never") for name, others in NEVER.items() for said in others.split()),
]


@pytest.fixture(scope="module")
def words() -> Lexicon:
    return gqa_lexicon()


@pytest.mark.parametrize(("name", "said", "truth"), ALL)
def test_whether_a_name_may_be_another(words: Lexicon, name: str, said: str, truth: str) -> None:
    assert name in words.nouns
    assert said in words.nouns
    assert words.is_a(name, said) is (truth == "sure")
    assert words.may_be(name, said) is (truth != "never")
    assert words.may_be(said, name) is (truth != "never")


def test_synonyms_and_alike_names_are_symmetric(words: Lexicon) -> None:
    for name, noun in words.nouns.items():
        assert name not in noun.synonyms | noun.kinds | noun.alike
        for other in noun.synonyms:
            assert name in words.nouns[other].synonyms
            assert words.nouns[other].number == noun.number, (name, other)
            assert words.nouns[other].kinds == noun.kinds
        for other in noun.alike:
            assert name in words.nouns[other].alike
            assert other not in noun.synonyms | noun.kinds


def test_kinds_are_transitive_and_form_no_circle(words: Lexicon) -> None:
    for name, noun in words.nouns.items():
        for kind in noun.kinds:
            above = words.nouns[kind]
            assert name not in above.kinds
            assert above.kinds <= noun.kinds, (name, kind)
            assert above.synonyms <= noun.kinds, (name, kind)


def test_two_kinds_of_one_name_may_be_the_same_thing(words: Lexicon) -> None:
    for name, noun in words.nouns.items():
        for kind in noun.kinds:
            assert [other for other in sorted(noun.kinds) if not words.may_be(kind, other)] == [], (name, kind)


def test_persons_and_animals_are_beings(words: Lexicon) -> None:
    for name, noun in words.nouns.items():
        kinds = {name, *noun.kinds}
        assert (noun.being == "person") or not kinds & {"person", "people"}, name
        assert (noun.being == "animal") or not kinds & {"animal", "animals"}, name


def test_what_is_said_of_attributes_is_symmetric(words: Lexicon) -> None:
    for name, word in words.attributes.items():
        assert name not in word.near | word.opposites
        assert not word.near & word.opposites
        for other in word.near:
            assert name in words.attributes[other].near
            assert words.attributes[other].kind == word.kind
        for other in word.opposites:
            assert name in words.attributes[other].opposites
    assert words.compared <= words.exclusive <= {word.kind for word in words.attributes.values()}


@pytest.mark.parametrize(
    ("values", "attribute", "excluded"),
    [
        (["red"], "blue", True),
        (["red"], "maroon", False),
        (["red", "white"], "blue", False),
        (["tan"], "beige", False),
        (["gray"], "silver", False),
        (["light blue"], "blue", False),
        (["dark brown"], "brown", False),
        (["navy"], "blue", False),
        (["cream colored"], "white", False),
        (["colorful"], "red", False),
        (["white", "striped"], "blue", False),
        (["plaid", "red"], "green", False),
        (["floral", "round"], "square", True),
        (["wood"], "leather", False),
        (["cloth"], "wicker", False),
        (["glass"], "wood", False),
        (["brick"], "leather", True),
        (["open"], "closed", True),
        (["open"], "broken", False),
        (["wet"], "dry", True),
        (["full"], "empty", True),
        (["clean"], "dirty", True),
        (["lit"], "unlit", True),
        (["old"], "young", True),
        (["old"], "antique", False),
        (["sitting"], "standing", True),
        (["sitting"], "walking", True),
        (["sitting"], "eating", False),
        (["walking"], "standing", False),
        (["wood"], "brick", True),
        (["wood"], "metal", False),
        (["steel"], "metal", False),
        (["large"], "small", True),
        (["large"], "huge", False),
        (["tall"], "short", True),
        (["striped"], "floral", True),
        (["round"], "square", True),
        (["cloudy"], "clear", True),
        (["sliced"], "ripe", False),
        (["curly"], "straight", True),
        ([], "red", False),
    ],
)
def test_what_an_attribute_excludes(words: Lexicon, values: list[str], attribute: str, excluded: bool) -> None:
    assert words.excluded(values, attribute) is excluded


@pytest.mark.parametrize(
    ("name", "attribute", "fits"),
    [
        ("car", "red", True),
        ("man", "tall", True),
        ("man", "red", False),
        ("woman", "blond", True),
        ("man", "standing", True),
        ("vase", "standing", False),
        ("bowl", "ceramic", True),
        ("woman", "ceramic", False),
        ("orange", "orange", False),
        ("orange", "ripe", True),
        ("baseball bat", "baseball", False),
        ("baseball player", "tall", True),
        ("bat", "baseball", True),
        ("tennis ball", "tennis", False),
        ("man", "nike", False),
        ("gadgetry", "red", False),
    ],
)
def test_whether_an_attribute_can_be_said_of_a_name(words: Lexicon, name: str, attribute: str, fits: bool) -> None:
    assert words.fits(name, attribute) is fits
