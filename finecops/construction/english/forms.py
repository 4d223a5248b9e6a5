"""Forms of words: articles, noun phrases, and relations as phrases and as verbs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from finecops.construction.description import SAME, Node
from finecops.construction.lexicon import Attribute, Lexicon, RelationWord, Sort

PICKS: Final = 1 << 16
"""A free choice is a number below this, not an index: it stays valid where another word has another number of forms."""

# Words that begin with a vowel's letter and a consonant's sound, by their beginnings, and the other way round.
_AS_IF_CONSONANT = ("uni", "use", "usu", "ute", "uti", "uri", "eur", "ewe", "one", "once", "ufo", "uk")
_AS_IF_VOWEL = ("hour", "honest", "honor", "heir", "herb")
_VOWEL_AFTER_ALL = ("unin", "unim")
# Said letter by letter, the first of which begins with a vowel.
_SPELLED = frozenset("suv suvs rv rvs lcd led mp3 atv hd hdtv xbox".split())
_AMERICAN = {"colour": "color"}
_WRITTEN = (
    "American Asian CD CDs Chinese Christmas Coke DVD DVDs Elmo French iPod Jeep Lego Mexican Oreo Oreos Roman SUV "
    "TV TVs Wii Xbox"
)
_CAPITALS = {word.lower(): word for word in _WRITTEN.split()}
_AFTER = {"lying": "lying down", "bending": "bending over"}
"""Attributes that are said otherwise behind a noun."""
_STILL = frozenset("standing sitting lying kneeling crouching squatting resting sleeping waiting hanging".split())
"""What is done in one place."""

ONE_IN_THE_WORLD: Final = frozenset("sky ground air sun moon ocean sea shore horizon background".split())
"""Names that always have "the"."""


def indefinite(phrase: str) -> str:
    """ "a" or "an", by the sound of the first word.

    >>> indefinite("orange car"), indefinite("used umbrella"), indefinite("hour glass")
    ('an', 'a', 'an')
    """
    word = phrase.split()[0].lower()
    if word in _SPELLED or word.startswith(_AS_IF_VOWEL):
        return "an"
    if word.startswith(_AS_IF_CONSONANT) and not word.startswith(_VOWEL_AFTER_ALL):
        return "a"
    return "an" if word[0] in "aeiou" else "a"


def with_capitals(phrase: str) -> str:
    """Names of makers, languages and the like as they are written: "a Chinese sign", "an SUV"."""
    return " ".join(_CAPITALS.get(word, word) for word in phrase.split(" "))


def chosen(pick: int, options: Sequence[str], plainness: float = 2.0) -> str:
    """One of some wordings, the first of which is the plainest and most frequent."""
    # A pick below PICKS is below 1 here, so the index is in range; the power moves it to the front.
    return options[int((pick / PICKS) ** plainness * len(options))]


@dataclass(frozen=True, slots=True)
class NounPhrase:
    """An object in words.

    Attributes:
        article: "the", "a", "an", "some", or nothing.
        core: the noun with the words before it ("small red car", "pair of scissors").
        after: attributes that stand behind the noun ("looking down").
        plural: whether verbs have the form of the plural.
        who: the word that begins a clause about it.
    """

    article: str
    core: str
    after: tuple[str, ...]
    plural: bool
    who: str

    @property
    def head(self) -> str:
        """Article and core."""
        return f"{self.article} {self.core}" if self.article else self.core


Bare = Literal["never", "indefinite", "always"]
"""Where a plural or mass noun has no article: behind what touches ("wearing gloves", "in water", but "the gloves"), and
behind what has it as its content ("covered with snow")."""


def noun_phrase(
    node: Node, lexicon: Lexicon, definite: bool, bare: Bare, again: bool, picks: Sequence[int]
) -> NounPhrase:
    """An object in words.

    Args:
        node: its name and attributes.
        lexicon: the world's words.
        definite: with "the".
        bare: whether a plural or mass noun needs no article.
        again: where it is not definite, it is "another" one: the target has this name, too.
        picks: two free choices: "who" or "that" of people; "some" or nothing.
    """
    noun = lexicon.nouns[node.name]
    # In the description's order where two have one place: a negative then differs in the changed word alone.
    words = [lexicon.attributes[name] for name in node.attributes]
    core = with_capitals(" ".join([*_before(words, lexicon), node.name]))
    article, plural = "the", noun.number in ("plural", "pair")
    if bare == "always" and noun.number in ("plural", "mass") and node.name not in ONE_IN_THE_WORLD:
        article = ""
    elif not definite and node.name not in ONE_IN_THE_WORLD:
        alone = bare != "never" and noun.number != "singular" and picks[1] < 0.75 * PICKS
        # "A scissors" is no English; "a pair of scissors" is singular for its verb.
        if noun.number == "pair" and not alone:
            core, plural = f"pair of {core}", False
        if alone:
            article = ""
        elif noun.number in ("plural", "mass"):
            article = "other" if again and noun.number == "plural" else "some"
        else:
            article = "another" if again else indefinite(core)
    who = "who" if noun.being == "person" and picks[0] < 0.8 * PICKS else "that"
    return NounPhrase(article, core, after_words(node, lexicon), plural, who)


def _before(words: Sequence[Attribute], lexicon: Lexicon) -> list[str]:
    """The attributes before a noun in their order; two values of one kind are joined: "black and white"."""
    before = sorted((word for word in words if not word.after), key=lambda word: word.order)
    found: list[str] = []
    for i, word in enumerate(before):
        # Only exclusive kinds: "black and white" is one pattern, "large round" is two properties.
        if i and word.kind == before[i - 1].kind and word.kind in lexicon.exclusive:
            found.append("and")
        found.append(word.name)
    return found


def after_words(node: Node, lexicon: Lexicon) -> tuple[str, ...]:
    """The attributes that stand behind the noun."""
    return tuple(_AFTER.get(name, name) for name in node.attributes if lexicon.attributes[name].after)


def is_participle(after: Sequence[str]) -> bool:
    """Whether the words behind a noun are one participle, which may go before a place: "standing next to the bus"."""
    return len(after) == 1 and after[0].split()[0].endswith("ing")


def goes_before(after: Sequence[str], phrase: Phrasing) -> bool:
    """Whether a place may follow the words behind a noun: "standing next to the bus".

    Not "staring to the left of the bus" or "driving to the left of the bus": that would be a direction.
    """
    if phrase.sort != "place" or not is_participle(after):
        return False
    # What does not move cannot be on its way: "standing to the left of" is a place.
    return not phrase.phrases[0].startswith("to ") or after[0].split()[0] in _STILL


def stands_alone(after: Sequence[str]) -> bool:
    """Whether they need no "that is": "the man looking down", but "the man who is standing"."""
    return is_participle(after) and " " in after[0]


@dataclass(frozen=True, slots=True)
class Phrasing:
    """A relation in words: behind a noun, and as the verb of a clause (singular, plural)."""

    sort: Sort
    phrases: tuple[str, ...]
    verbs: tuple[tuple[str, str], ...]
    posture: tuple[str, str] | None = None
    """The bare verb of a posture: "sits", "sit"."""
    bare: Bare = "never"
    """Of the noun behind the relation."""
    same: bool = False


# Attributes of which a thing "is" the same: a car is the same color as a bus, and has the same pattern.
_IS_THE_SAME = frozenset({"color", "size", "shape", "length", "height", "age", "weight", "width"})


def phrasing(relation: str, lexicon: Lexicon) -> Phrasing:
    """How a relation of the lexicon, or "same color", is said."""
    if relation.startswith(SAME):
        return _same(kind_word(relation))
    word = lexicon.relations[relation]
    if word.sort == "having":
        return Phrasing(word.sort, word.phrases, (_both(word),), bare="always")
    verbs = [(f"is {phrase}", f"are {phrase}") for phrase in word.phrases]
    posture = None
    if word.verb is not None:
        verbs.append(word.verb)
        # "Sitting on": a place is left for the front when the verb is taken out; a single word has none.
        if word.sort == "posture" and " " in word.phrases[0]:
            posture = (word.verb[0].split()[0], word.verb[1].split()[0])
    # "The house surrounded by trees"; "the man wearing gloves" or "the gloves"; but "next to some trees".
    bare: Bare = (
        "always" if word.sort == "state" else "indefinite" if word.contact or word.sort == "action" else "never"
    )
    return Phrasing(word.sort, word.phrases, tuple(verbs), posture, bare)


def kind_word(relation: str) -> str:
    """ "color" of "same color"."""
    kind = relation[len(SAME) :]
    return _AMERICAN.get(kind, kind)


def _same(kind: str) -> Phrasing:
    if kind == "material":
        phrase = "made of the same material as"
        return Phrasing("state", (phrase,), ((f"is {phrase}", f"are {phrase}"),), same=True)
    has = (f"has the same {kind} as", f"have the same {kind} as")
    if kind not in _IS_THE_SAME:
        return Phrasing("having", (f"with the same {kind} as",), (has,), same=True)
    phrases = (f"of the same {kind} as", f"with the same {kind} as")
    return Phrasing("having", phrases, ((f"is the same {kind} as", f"are the same {kind} as"), has), same=True)


def _both(word: RelationWord) -> tuple[str, str]:
    return word.verb or (f"is {word.phrases[0]}", f"are {word.phrases[0]}")
