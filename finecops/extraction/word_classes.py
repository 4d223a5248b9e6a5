"""What a word is in its place: questions about a word and its neighbours, answered from the lexicon and endings."""

from __future__ import annotations

import re

from finecops.extraction import lexicon as lex
from finecops.extraction.tokens import Words

JOINS = frozenset({"and", "&", "or", "n"})
_ORDINAL = re.compile(r"\d+(?:st|nd|rd|th)")
_COMPARED = re.compile(r"(\w+?)(?:er|est)")


def is_number(word: str) -> bool:
    """Whether a word counts or orders: "two", "12", "2nd", "last"."""
    return word in lex.NUMBERS or word.isdigit() or is_ordinal(word)


def is_ordinal(word: str) -> bool:
    """Whether a word orders: "second", "2nd", "last"."""
    return word in lex.ORDINALS or bool(_ORDINAL.fullmatch(word))


def is_compared(word: str) -> bool:
    """Whether a word is the comparative or superlative of a known adjective: "taller", "biggest"."""
    match = _COMPARED.fullmatch(word)
    if match is None:
        return False
    stem = match[1]
    # "Larger", "happier" and "bigger" have lost or doubled a letter.
    bases = {stem, f"{stem}e", f"{stem[:-1]}y"} | ({stem[:-1]} if stem[-2:-1] == stem[-1:] else set())
    return not bases.isdisjoint(lex.COMPARABLE)


def is_adjective(word: str) -> bool:
    """Whether a word is a known adjective, or has the ending of one."""
    if word in lex.ADJECTIVES or is_compared(word):
        return True
    if re.fullmatch(r"\w+(?:ish|less|ful|ous|most)", word) and word not in {"dish", "fish", "radish"}:
        return True
    # "Snow-covered", "old-fashioned", "dark-haired".
    return "-" in word and word.endswith(("ed", "ing", "en"))


def is_participle(word: str) -> bool:
    """Whether a word has the form of a participle; "standing man" and "man standing" alike."""
    if word in lex.IRREGULAR_PARTICIPLES or word in lex.STRONG_PARTICIPLES:
        return True
    return len(word) > 4 and word.endswith(("ing", "ed")) and word not in lex.NO_PARTICIPLES and "-" not in word


def is_adverb(word: str) -> bool:
    """Whether a word is an adverb: known, or in -ly."""
    return word in lex.ADVERBS or (len(word) > 4 and word.endswith("ly") and word not in lex.NO_ADVERBS)


def is_actor(word: str) -> bool:
    """Whether a word names somebody who acts: a person or an animal."""
    return word in lex.ACTORS or word.endswith(("man", "woman", "boy", "girl", "keeper", "player", "rider"))


def is_owner(word: str) -> bool:
    """Whether a word is a possessor: "man's", "girls'", and "guys" without its apostrophe."""
    return word.endswith(("'s", "s'")) or word in lex.OWNERS


def closes(words: Words, i: int) -> bool:
    """Whether no noun phrase goes on at `i`: a mark, the end, or a function word."""
    word = words.at(i)
    return (
        words.ends_at(i)
        or word in lex.PREPOSITIONS
        or word in lex.RELATIVES
        or word in lex.DETERMINERS
        or word in lex.CLAUSE_WORDS
        or word in lex.PRONOUNS
        or word in lex.BE
        or word in lex.MODALS
    )


def has_particle(words: Words, i: int) -> bool:
    """Whether a participle with its particle stands before a noun at `i`: "cut off person", "lying down cow"."""
    return is_participle(words.at(i)) and words.at(i + 1) in lex.PARTICLES and not closes(words, i + 2)


def is_noun(words: Words, i: int) -> bool:
    """Whether the word at `i` can be a head noun: what is no other class is taken for one."""
    word = words.at(i)
    if word == "one":
        # "One giraffe" counts; "the one", "striped one", "one closest" stand for a noun.
        if closes(words, i + 1) or words.at(i + 1) in lex.NEARNESS:
            return True
        return words.at(i - 1) in lex.DETERMINERS or (i > 0 and not closes(words, i - 1))
    # "Light" is a noun behind one ("traffic light"), else a shade.
    return _is_plain_noun(words, i) or (word in lex.NOUNS_TOO and _is_plain_noun(words, i - 1))


def _is_plain_noun(words: Words, i: int) -> bool:
    word = words.at(i)
    if word in JOINS or closes(words, i) or is_owner(word) or is_number(word):
        return False
    modifies = is_participle(word) and not closes(words, i + 1)
    # A material stands next to its noun: the "glass" of "glass table" is none, that of "glass full of …" is.
    following = words.at(i + 1)
    if word in lex.MATERIALS and (closes(words, i + 1) or following in lex.ADJECTIVES - lex.MATERIALS):
        return True
    return not (modifies or is_adjective(word) or word in lex.POSITIONS or is_adverb(word))
