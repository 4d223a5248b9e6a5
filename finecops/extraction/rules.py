"""Target extraction without a model: the noun phrase that an expression is about.

English word order does most of the work. An expression starts with its subject ("the red car to the left of …"), or
with its location ("to the left of the cup stands a small tree"); then the subject follows the main verb. The phrase
ends where something is said of it: at a preposition, a relative clause or a verb. The result is always a span.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from finecops.records import Span

# Words with their hyphens and apostrophes ("T-shirt", "it's"), and the punctuation that can end a phrase.
_TOKEN = re.compile(r"[A-Za-z0-9][\w'’-]*|[,;:]")

_DETERMINERS = frozenset("a an the this that these those some one another his her its their".split())
_RELATIVES = frozenset("that which who whose whom where".split())
_BE = frozenset("is are was were be been being".split())
_STAND = frozenset(
    "stands stand stood sits sit sat lies lie lay rests rest rested resides reside resided hangs hang hung "
    "appears appear appeared leans lean leaned remains remain waits wait exists exist".split()
)
_VERBS = (_BE | _STAND) | frozenset(
    "can could has have had do does did will would may might must wears wear holds hold carries carry looks look "
    "seems seem faces face shares share belongs belong".split()
)
_PREPOSITIONS = frozenset(
    "to on in at by near next beside besides behind above below over under beneath underneath between among "
    "against inside outside around along across from for with without of off into onto atop before after toward "
    "towards within beyond opposite alongside amid amongst adjacent close closest nearest left right".split()
)
_SIDES = frozenset({"left", "right"})
# "A pair of skis" is one phrase; "the man of the house" ends before "of".
_CONTAINERS = frozenset(
    "pair group bottle cup glass slice piece bunch row set stack plate bowl box bag pile loaf can jar basket "
    "crowd herd flock couple part".split()
)
# Words of a request or a statement before the subject: "where is the …", "find the …", "there is a …".
_LEAD_IN = frozenset(
    "there here find locate look show me point select choose pick identify detect where what is are was were "
    "it's i we you see want can could please for at".split()
)


@dataclass(frozen=True, slots=True)
class _Word:
    text: str
    start: int
    end: int


def extract_target(expression: str) -> Span:
    """The half-open character span of the referred noun phrase, without its article.

    >>> text = "to the left of the red cup stands a small tree"
    >>> text[slice(*extract_target(text))]
    'small tree'
    """
    words = [_Word(m[0].lower(), m.start(), m.end()) for m in _TOKEN.finditer(expression)]
    if not words:
        stripped = expression.strip()
        start = expression.find(stripped)
        return (start, start + len(stripped))
    start = _subject_start(words)
    end = _phrase_end(words, start)
    return (words[start].start, words[end - 1].end)


def _subject_start(words: list[_Word]) -> int:
    """Index of the subject's first word behind its article."""
    first = 0
    # The last word always stays: a phrase has at least one.
    while first < len(words) - 1 and words[first].text in _LEAD_IN:
        first += 1
    if _is_inverted(words, first):
        first = _after_main_verb(words, first)
    while first < len(words) - 1 and (words[first].text in _DETERMINERS or not words[first].text[0].isalnum()):
        first += 1
    return first


def _is_inverted(words: list[_Word], first: int) -> bool:
    """Whether the expression starts with a location, so that its subject comes after the verb."""
    word = words[first].text
    following = words[first + 1].text if first + 1 < len(words) else ""
    if word in _SIDES:
        # "left of the tree is …" is a location, "left dog" and "right most bottle" are objects.
        return following in {"of", "to", "side"}
    # These words may also begin a noun phrase: "close door", "nearest cup", "can on the table".
    return word in _PREPOSITIONS and word not in {"close", "closest", "nearest", "can", "opposite"}


def _after_main_verb(words: list[_Word], first: int) -> int:
    """Index behind the first verb of the main clause that an article follows; else the last comma's; else `first`."""
    for i in range(first + 1, len(words) - 1):
        before, word, after = words[i - 1].text, words[i].text, words[i + 1].text
        if word in (_BE | _STAND) and after in _DETERMINERS and before not in _RELATIVES:
            return i + 1
    # No such verb ("left of the tree, a red car"): the last comma before an article.
    for i in range(len(words) - 2, first, -1):
        if words[i].text == "," and words[i + 1].text in _DETERMINERS:
            return i + 1
    # No article at all ("on the left is boy"): a verb that no preposition follows.
    for i in range(first + 1, len(words) - 1):
        is_verb = words[i].text in (_BE | _STAND) and words[i - 1].text not in _RELATIVES
        if is_verb and words[i + 1].text not in _PREPOSITIONS:
            return i + 1
    return min(first + 1, len(words) - 1)


def _phrase_end(words: list[_Word], start: int) -> int:
    """Index behind the phrase's last word."""
    for i in range(start + 1, len(words)):
        if _ends_before(words, start, i):
            return i
    return len(words)


def _ends_before(words: list[_Word], start: int, i: int) -> bool:
    """Whether the phrase that begins at `start` ends before word `i`."""
    word = words[i].text
    following = words[i + 1].text if i + 1 < len(words) else ""
    if word in ",;:":
        # "the red, brick building" goes on, "the long snowboard, can be found …" does not.
        return word != "," or not following or _says_more(words, i + 1) or following in _DETERMINERS
    if word == "and":
        return words[i - 1].text != "," or following in _DETERMINERS
    if word == "of":
        # "The cup of the same colour as …" compares, also behind a container.
        kind_of = [w.text for w in words[i + 1 : i + 3]]
        return words[i - 1].text not in _CONTAINERS or "same" in kind_of
    return _says_more(words, i)


def _says_more(words: list[_Word], i: int) -> bool:
    """Whether the word at `i` begins something that is said of the phrase before it."""
    word = words[i].text
    following = words[i + 1].text if i + 1 < len(words) else ""
    if word in _SIDES:
        return following in {"of", "to", "side", ""}
    if word in _PREPOSITIONS or word in _RELATIVES or (word in _VERBS and word not in {"can"}):
        return True
    if word == "can":
        return following in (_BE | {"see"})
    if re.fullmatch(r"\w+(ing|ed)", word) and len(word) > 4:
        # "smiling boy", "parked car" modify; "boy standing next to", "car parked in" say more.
        return not following or following in _PREPOSITIONS | _DETERMINERS | {","}
    return False
