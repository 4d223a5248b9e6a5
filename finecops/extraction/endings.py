"""Where the noun phrase of a target ends: before the first word that says something of it."""

from __future__ import annotations

from finecops.extraction import lexicon as lex
from finecops.extraction.tokens import Words
from finecops.extraction.word_classes import (
    JOINS,
    closes,
    has_particle,
    is_actor,
    is_adjective,
    is_adverb,
    is_compared,
    is_noun,
    is_number,
    is_ordinal,
    is_owner,
    is_participle,
)


def phrase_end(words: Words, start: int) -> tuple[int, bool]:
    """Index behind the last word of the phrase that begins at `start`, and whether it is sure."""
    positions = _position_runs(words)
    for i in range(start + 1, len(words)):
        if _ends_before(words, start, i) or (positions[i] and is_noun(words, i - 1)):
            return i, not _is_guess(words, i)
        if _is_telegraphic(words, i):
            return i, words.at(i - 1) in lex.PEOPLE and words.at(i) in lex.COLOURS
    return len(words), True


def _is_guess(words: Words, i: int) -> bool:
    """Whether the word at `i` that ends a phrase might also be a noun, or stand before one."""
    word = words.at(i)
    if word in lex.PLURAL_OR_VERB or word in lex.BASE_FORMS:
        return not is_actor(words.at(i - 1))
    if _is_unknown_verb(words, i):
        return True
    if not is_participle(word) or word in lex.STRONG_PARTICIPLES or closes(words, i + 1):
        return False
    return not is_actor(words.at(i - 1)) and not is_adverb(words.at(i + 1))


def _position_runs(words: Words) -> list[bool]:
    """For each word whether a position begins there that the phrase has behind it: "man far left", not "left arm"."""
    tail_ends = [False] * (len(words) + 1)
    tail_ends[len(words)] = True
    runs = [False] * (len(words) + 1)
    for i in range(len(words) - 1, -1, -1):
        tail_ends[i] = closes(words, i) or (
            (words.at(i) in lex.POSITION_TAILS or is_ordinal(words.at(i))) and tail_ends[i + 1]
        )
        compound = f"{words.at(i - 1)}-{words.at(i)}" in lex.COMPOUNDS
        runs[i] = words.at(i) in lex.POSITIONS and tail_ends[i + 1] and not compound and not _is_region(words, i)
    return runs


def _is_region(words: Words, i: int) -> bool:
    return words.at(i) in lex.REGIONS and words.at(i + 1) == "of"


def _ends_before(words: Words, start: int, i: int) -> bool:
    """Whether the phrase that begins at `start` ends before word `i`."""
    word = words.at(i)
    if word in JOINS:
        return _says_more(words, i + 1) or words.ends_at(i + 1)
    if words.at(i - 1) in JOINS and word in lex.DETERMINERS:
        return False
    if word == ",":
        return not _lists_adjectives(words, i)
    if word == "of":
        return not _keeps_of(words, start, i)
    if words.at(i - 1) in {"of", "half"} and word in lex.DETERMINERS:
        return False
    if i == start + 1 and has_particle(words, start):
        return False
    return _says_more(words, i)


def _lists_adjectives(words: Words, i: int) -> bool:
    """Whether the comma at `i` parts adjectives: "the red, brick building", "young, happy, and smiling boy"."""
    following = i + 2 if words.at(i + 1) in JOINS else i + 1
    before = words.at(i - 1)
    is_list = is_adjective(before) or (is_participle(before) and not is_noun(words, i - 2))
    return (
        is_list and not words.ends_at(following) and not closes(words, following) and not _says_more(words, following)
    )


def _keeps_of(words: Words, start: int, i: int) -> bool:
    """Whether the "of" at `i` belongs to the name: "glass of juice", "top half of the sandwich"."""
    before, following = words.at(i - 1), words.at(i + 1)
    next_words = {following, words.at(i + 2)}
    # "The cup of the same colour as …" compares, "the front of the two cars" picks from a set.
    if "same" in next_words or words.ends_at(i + 1):
        return False
    if before in lex.REGIONS and not is_owner(words.at(i - 2)):
        return not any(word in lex.NUMBERS or word in lex.PRONOUNS for word in next_words)
    return before in lex.MEASURES and following not in lex.PRONOUNS


def _says_more(words: Words, i: int) -> bool:
    """Whether the word at `i` begins something that is said of the phrase before it."""
    word = words.at(i)
    if words.ends_at(i):
        return words.at(i) != ","
    if word in lex.PREPOSITIONS or word in lex.RELATIVES or word in lex.CLAUSE_WORDS or word in lex.PRONOUNS:
        return True
    if word in lex.DETERMINERS:
        return words.at(i - 1) not in JOINS
    if word == "can":
        return words.at(i + 1) in lex.BE | {"see"}
    if word in lex.VERBS | lex.PLURAL_OR_VERB:
        return _is_verb(words, i)
    return _modifies_from_behind(words, i) or _is_unknown_verb(words, i)


def _is_verb(words: Words, i: int) -> bool:
    word, before = words.at(i), words.at(i - 1)
    if word in lex.BASE_FORMS:
        return before in lex.PLURALS or (before.endswith("s") and not is_owner(before))
    if word in lex.PLURAL_OR_VERB and word not in lex.STAND:
        return is_actor(before) or words.at(i + 1) in lex.ARTICLES
    return True


def _is_unknown_verb(words: Words, i: int) -> bool:
    """ "The bridge spans the river": behind a noun, before an article, a form in -s."""
    word = words.at(i)
    is_form = word.endswith("s") and not word.endswith(("ss", "us")) and not is_owner(word)
    follows = lex.ARTICLES | lex.POSSESSIVES
    ends_in_particle = words.at(i + 1) in lex.PARTICLES and words.ends_at(i + 2)
    return is_form and is_noun(words, i - 1) and (words.at(i + 1) in follows or ends_in_particle)


def _modifies_from_behind(words: Words, i: int) -> bool:
    """Whether a participle, an adverb or an adjective at `i` stands behind its noun."""
    word, behind_noun = words.at(i), is_noun(words, i - 1)
    if is_participle(word):
        return _participle_says_more(words, i, behind_noun)
    if not behind_noun:
        return False
    if word in lex.NEARNESS or word in lex.NOBODY or is_adverb(word) or words.at(i - 1) in lex.INDEFINITE:
        return True
    if word == "half" and (words.at(i + 1) in lex.STATES or is_participle(words.at(i + 1))):
        return True
    if word in lex.LIKENESS:
        return words.at(i + 1) in {"in", "to"}
    if is_ordinal(word):
        return closes(words, i + 1)
    if is_compared(word):
        return words.at(i + 1) in {"than", "to", "in", "of", "from"} or words.ends_at(i + 1)
    return is_adjective(word) and closes(words, i + 1) and not is_noun(words, i) and word not in lex.MATERIALS


def _participle_says_more(words: Words, i: int, behind_noun: bool) -> bool:
    """ "Man standing", "person obscured by", "guy playing wii"; not "orange traffic cone", "red parked car"."""
    word, following = words.at(i), words.at(i + 1)
    if following in lex.PREPOSITIONS or following in lex.DETERMINERS:
        return True
    if closes(words, i + 1) or is_adverb(following) or following in lex.POSITIONS | lex.NEARNESS:
        return behind_noun
    if not behind_noun or f"{word}-{following}" in lex.COMPOUNDS:
        return word in {"wearing", "holding", "carrying", "facing"} and words.at(i - 1) not in lex.DETERMINERS
    if is_adjective(following) and closes(words, i + 2):
        return True
    # In -ed, a noun may come before: "snow covered mountain".
    return word.endswith(("ing", "in"))


def _is_telegraphic(words: Words, i: int) -> bool:
    """Whether a second phrase begins at `i` without a word between: "lady red coat", "man glasses"."""
    word, before = words.at(i), words.at(i - 1)
    if not is_noun(words, i - 1):
        return False
    if before in lex.PEOPLE and word in lex.WORN:
        return True
    if word in lex.SHADES and word not in lex.STRIKING:
        return words.at(i + 1) in lex.COLOURS
    return word in lex.STRIKING and not is_number(word) and not closes(words, i + 1)
