"""Where an expression begins to speak of its target: behind a request, a question, "there is", or a location.

Each frame is a function from the words and a place in them to the place behind the frame; the same place if the frame
does not stand there. A frame never takes the last word.
"""

from __future__ import annotations

from collections.abc import Callable

from finecops.extraction import lexicon as lex
from finecops.extraction.tokens import Words
from finecops.extraction.word_classes import JOINS, closes, has_particle, is_adverb, is_number, is_participle

_MOST_FRAMES = 8
_WHERE_IT_IS = lex.BE | lex.STAND | {"can", "could"}
_COPULAS = lex.BE | {"there's", "here's", "it's", "that's", "he's", "she's"}


def skip_frames(words: Words, i: int) -> int:
    """The place behind all frames that stand at `i`."""
    # Frames follow one another ("please can you tell me where the … is"). A limit keeps the time linear: some of them
    # look through all words.
    for _ in range(_MOST_FRAMES):
        behind = next((j for frame in _FRAMES if (j := frame(words, i)) > i), i)
        if behind == i or behind >= len(words):
            break
        i = behind
    return i


def _polite(words: Words, i: int) -> int:
    # "Only child" and "just married couple" would be nouns; before an article the word is the speaker's.
    word, following = words.at(i), words.at(i + 1)
    if word in {"only", "just", "simply", "now"}:
        return i + 1 if following in lex.DETERMINERS | lex.IMPERATIVES else i
    return i + 1 + (following == ",") if word in lex.POLITE else i


def _request(words: Words, i: int) -> int:
    """ "Find", "point out", "could you show me", "i am looking for"."""
    if words.at(i) in lex.ASKERS and words.at(i + 1) in {"you", "we", "i"}:
        return i + 2
    if words.at(i) in {"i", "we", "you"}:
        # "I am looking for", "I would like to find": up to the verb and its preposition.
        return next((j + 1 for j in range(i + 1, i + 6) if words.at(j) in {"for", "at", "see", "want", "need"}), i + 1)
    if words.at(i) in {"i'm", "we're"}:
        return i + 1 + (words.at(i + 1) in {"looking", "searching"}) + (words.at(i + 2) == "for")
    if words.at(i) in lex.IMPERATIVES:
        return _behind_tails(words, i + 1)
    if words.at(i) in lex.MAYBE_IMPERATIVES and words.at(i + 1) in lex.REQUEST_TAILS:
        return _behind_tails(words, i + 1)
    return i


def _behind_tails(words: Words, i: int) -> int:
    tails = {"me", "us", "out", "at", "to", "on", "for", "up"}
    stop = next((j for j in range(i, i + 3) if words.at(j) not in tails), i + 3)
    # "Show me where the cat is", "tell me which bus".
    return stop + (words.at(stop) in {"where", "who"} and words.at(stop + 1) in lex.DETERMINERS)


def _existential(words: Words, i: int) -> int:
    """ "There is", "here are", "it is", "this is"."""
    word, following = words.at(i), words.at(i + 1)
    if word in _COPULAS - lex.BE or (word == "its" and following in lex.ARTICLES):
        return i + 1
    subjects = {"there", "here", "it", "this", "that", "these", "those", "he", "she", "they"}
    if word not in subjects or following not in _WHERE_IT_IS | {"exists", "exist"}:
        return i
    if word in {"there", "here"}:
        return _behind_verb(words, i + 1)
    # "This is the man", but "that is on the table" says nothing else of what it is.
    return i + 2 if words.at(i + 2) in lex.DETERMINERS or not closes(words, i + 2) else i


def _behind_verb(words: Words, i: int) -> int:
    """Behind a verb with its auxiliaries: "can be seen", "is also"."""
    auxiliary = {"seen", "found", "also", "only"}
    return next((j for j in range(i + 1, i + 4) if words.at(j) not in lex.BE and words.at(j) not in auxiliary), i + 4)


def _question(words: Words, i: int) -> int:
    """ "Where is", "which" before a noun, "what looks like"; of "what is on the table", "what" is the target."""
    word, following, third = words.at(i), words.at(i + 1), words.at(i + 2)
    if word not in {"where", "what", "which", "who", "where's", "what's", "who's"}:
        return i
    if word.endswith("'s"):
        return i + 1 if following in lex.DETERMINERS else i
    if following in {"looks", "look", "appears", "seems"}:
        return i + 3 + (words.at(i + 3) == "be") if third in {"like", "to"} else i
    if following in lex.BE:
        return i + 2 if third in lex.DETERMINERS or word == "where" else i
    return i + 1 if word in {"what", "which"} and not closes(words, i + 1) and following not in lex.VERBS else i


def _ruled_out(words: Words, i: int) -> int:
    """ "Not the mom the baby": behind the object that is not meant."""
    if words.at(i) != "not":
        return i
    return second_phrase(words, i + 1) or i + 1


_FRAMES: tuple[Callable[[Words, int], int], ...] = (_polite, _request, _existential, _question, _ruled_out)


def second_phrase(words: Words, i: int) -> int | None:
    """Where a second noun phrase begins, without a preposition before it; None if there is none."""
    for j in range(i + 1, len(words) - 1):
        if words.at(j) in {",", "but"}:
            return j + 1
        if words.at(j) in lex.ARTICLES and not closes(words, j - 1) and words.at(j - 1) not in JOINS:
            return j
    return None


def is_location(words: Words, i: int) -> bool:
    """Whether a location or a state comes first at `i`, so that the subject follows: "behind the …", "parked in …"."""
    # "Directly behind", "just to the left of", "partially hidden by".
    while is_adverb(words.at(i)) and words.at(i) != "only":
        i += 1
    word, following = words.at(i), words.at(i + 1)
    if word in {"far", "right", "left"} and following in lex.PREPOSITIONS:
        # "Left of the tree is …" is a location; "left dog" and "right in front" stand for objects.
        return following in {"of", "to"} or (word != "left" and main_clause(words, i) is not None)
    if word in lex.SIDES:
        return following == "side" and main_clause(words, i) is not None
    if word == "next" and following == "to":
        return True
    if word in lex.NEARNESS or word in {"opposite", "next"}:
        return following in {"to", "by", "the", "from"} and main_clause(words, i) is not None
    if word == "near":
        # "Near zebra" is the nearer one.
        return closes(words, i + 1) or main_clause(words, i) is not None
    if word in lex.PREPOSITIONS:
        return True
    if has_particle(words, i) and main_clause(words, i) is None:
        return False
    return is_participle(word) and closes(words, i + 1) and not words.ends_at(i + 1) and following not in lex.BE


def main_clause(words: Words, i: int) -> int | None:
    """Where the subject begins behind a location that begins at `i`; None if no verb or comma shows it."""
    named = next((k for j in range(i + 1, len(words) - 1) if (k := _behind_naming(words, j))), None)
    if named is not None and named < len(words):
        return named
    comma = next((j for j in range(i + 1, len(words) - 1) if _begins_clause(words, j)), None)
    verb = next((k for j in range(i + 1, len(words) - 1) if (k := _behind_main_verb(words, j))), None)
    if comma is not None and (verb is None or (comma < verb and "and" not in words.texts[comma:verb])):
        return comma + 1
    if verb is not None:
        return verb
    return _bare_subject(words, i)


def _behind_naming(words: Words, j: int) -> int | None:
    """Behind "there is" or "you can see" at `j`: words that do nothing but name the subject."""
    if words.at(j) == "there's":
        return j + 1
    if words.at(j) == "there" and words.at(j + 1) in _WHERE_IT_IS:
        return _existential(words, j)
    if words.at(j) in {"you", "we", "i"}:
        return next((k + 1 for k in range(j + 1, j + 4) if words.at(k) in {"see", "find", "notice", "spot"}), None)
    return None


def _begins_clause(words: Words, j: int) -> bool:
    following = words.at(j + 1)
    return words.at(j) in {",", ":"} and (
        following in lex.DETERMINERS - {"both"} or is_number(following) or following in lex.IMPERATIVES
    )


def _behind_main_verb(words: Words, j: int) -> int | None:
    """Behind the verb at `j` with its participle, if an article follows: "hangs a", "is parked a"."""
    if words.at(j) not in lex.BE | lex.STAND or words.at(j - 1) in lex.RELATIVES:
        return None
    k = j + 1
    while k < j + 4 and (is_adverb(words.at(k)) or is_participle(words.at(k))):
        k += 1
    # "Is next to a book" says where it is.
    names = words.at(k) in lex.DETERMINERS or (is_number(words.at(k)) and words.at(k + 1) != "to")
    return k if k < len(words) and names else None


def _bare_subject(words: Words, i: int) -> int | None:
    """The subject without an article: "on the left is boy", "next to the car, man"."""
    for j in range(i + 1, len(words) - 1):
        is_verb = words.at(j) in lex.BE | lex.STAND and words.at(j - 1) not in lex.RELATIVES
        if is_verb and not closes(words, j + 1) and not is_participle(words.at(j + 1)):
            return j + 1
    return next((j + 1 for j in range(len(words) - 2, i, -1) if words.at(j) == "," and not closes(words, j + 1)), None)
