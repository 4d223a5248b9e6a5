"""Limits on the settings of a checkpoint: a number there decides how much is built, or how large an image becomes.

Each kind of setting has bounds, also inside lists and objects at any depth. They lie far above what published models
have. A setting of no known kind has one too: transformers reads hundreds, and new ones come with each version.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple


class Limit(NamedTuple):
    """The bounds of one kind of setting."""

    keys: str
    """A regular expression for the names of its settings; matched anywhere in the name."""
    most: float
    least: float = -math.inf


_FREE = Limit(r"theta|seed|version|total|param|sampling_rate|model_max_length", math.inf)
_BUILT_ONE_BY_ONE = Limit(r"layers|depths?$|levels|stages|blocks|experts|heads", 1000)
"""A thousand layers take minutes to build; the deepest configured model has 80."""
_PATCH = Limit(r"patch_size|merge_size", 128, least=1)
MODEL: Sequence[Limit] = (
    _FREE,
    _BUILT_ONE_BY_ONE,
    Limit(r"(_size|_dim|d_model)$", 5_000_000),
    # Long contexts have 10 million positions; a table of positions takes 8 bytes each.
    Limit(r"", 20_000_000),
)
"""Of `config.json` and `generation_config.json`."""
_COMMON_OF_IMAGES: Sequence[Limit] = (
    _FREE,
    _PATCH,
    Limit(r"divisor|factor$", 1024),
    # An image has at least so many parts, however small it is.
    Limit(r"min_(patches|tiles|crops|frames)", 64),
    Limit(r"patches|tiles|crops", 4096),
    Limit(r"image_seq", 65_536),
)
_SIDES = Limit(r"edge|height|width|size|pinpoints", 4096)
IMAGES_BY_SIDE: Sequence[Limit] = (
    *_COMMON_OF_IMAGES,
    # A small image becomes that large.
    Limit(r"min_pixels", 4_000_000),
    Limit(r"pixels", 50_000_000),
    _SIDES,
    Limit(r"", 1_000_000),
)
"""Of processors that make an image's sides so long."""
IMAGES_BY_AREA: Sequence[Limit] = (
    *_COMMON_OF_IMAGES,
    Limit(r"min_pixels|shortest_edge", 4_000_000),
    Limit(r"pixels|longest_edge", 50_000_000),
    _SIDES,
    Limit(r"", 1_000_000),
)
"""Of processors that call an image's smallest and largest area its edges (Qwen-VL, GLM-V)."""
TOKENS: Sequence[Limit] = (_FREE, Limit(r"", 20_000_000))
"""Of a tokenizer: the numbers of its tokens, and how far it pads."""

_MOST_GROWTH = 10_000
"""So many times longer may a tokenizer's normalizer or decoder make a text."""
_MOST_WORD = 10_000
"""The longest token, in characters."""
_MOST_RULES = 200_000
"""The longest rules of a tokenizer, in characters. A table of characters (`precompiled_charsmap`) does not count."""
_RULES = ("normalizer", "pre_tokenizer", "post_processor", "decoder")


def number_fault(settings: object, limits: Sequence[Limit], key: str = "") -> str | None:
    """The first number beyond its bounds, in words; None if there is none.

    >>> number_fault({"backbone_config": {"depths": [2, 2, 1000000, 2]}}, MODEL)
    'depths is 1,000,000; at most 1,000 is read'
    """
    for name, number in _numbers(settings, key):
        limit = next(limit for limit in limits if re.search(limit.keys, name))
        # In a model's settings, numbers with a fraction are rates and scales: nothing has that size.
        if isinstance(number, float) and limits is MODEL and limit is not _BUILT_ONE_BY_ONE:
            continue
        if number > limit.most:
            return f"{name} is {number:,}; at most {limit.most:,} is read"
        if number < limit.least:
            return f"{name} is {number:,}; at least {limit.least:,} is needed"
    return None


def image_fault(settings: object, by_area: bool) -> str | None:
    """As `number_fault`, of an image processor.

    Args:
        settings: all of its settings.
        by_area: it calls an image's smallest and largest area its edges (Qwen-VL, GLM-V).
    """
    return number_fault(settings, IMAGES_BY_AREA if by_area else IMAGES_BY_SIDE)


def tokenizer_fault(settings: dict[str, object]) -> str | None:
    """What in a `tokenizer.json` makes a short text endless, in words; None if nothing does."""
    rules = {name: settings.get(name) for name in (*_RULES, "padding", "truncation")}
    if (fault := number_fault(rules, TOKENS)) is not None:
        return fault
    growth = 1.0
    for rule in _objects(rules):
        for name, value in rule.items():
            if isinstance(value, str) and name != "precompiled_charsmap" and len(value) > _MOST_WORD:
                return f"{name} has {len(value):,} characters; at most {_MOST_WORD:,} are read"
        if rule.get("type") == "Replace":
            growth *= _growth(rule)
    if growth > _MOST_GROWTH:
        return f"its rules make a text {growth:,.0f} times longer; at most {_MOST_GROWTH:,} times is read"
    if sum(_sizes(rules)) > _MOST_RULES:
        return f"its rules have more than {_MOST_RULES:,} characters"
    longest = max(map(len, _words(settings)), default=0)
    return f"a token has {longest:,} characters; at most {_MOST_WORD:,} are read" if longest > _MOST_WORD else None


def _growth(rule: dict[str, object]) -> float:
    """How many times longer a replacement makes a text at most."""
    content, pattern = rule.get("content"), rule.get("pattern")
    found = pattern.get("String") if isinstance(pattern, dict) else None
    # A regular expression may match between all characters.
    added = len(content) if isinstance(content, str) else 0
    return max(1.0, added / len(found)) if isinstance(found, str) and found else 1.0 + added


def _numbers(value: object, key: str) -> Iterator[tuple[str, int | float]]:
    """Every number with the name of its setting; those of a list have the list's name."""
    waiting: list[tuple[str, object]] = [(key, value)]
    while waiting:
        name, found = waiting.pop()
        if isinstance(found, dict):
            # The members of a table from numbers to names belong to the table.
            waiting += ((str(k) if not str(k).isdecimal() else name, v) for k, v in found.items())
        elif isinstance(found, list | tuple):
            waiting += ((name, v) for v in found)
        elif isinstance(found, int | float) and not isinstance(found, bool):
            yield name, found


def _objects(value: object) -> Iterator[dict[str, object]]:
    waiting = [value]
    while waiting:
        found = waiting.pop()
        if isinstance(found, dict):
            yield found
        if isinstance(found, dict | list):
            waiting += found.values() if isinstance(found, dict) else found


def _sizes(value: object) -> Iterator[int]:
    """The characters of every text and name, and one for every other value."""
    for found in _objects([value]):
        for name, member in found.items():
            members = member if isinstance(member, list) else [member]
            yield len(name)
            if name != "precompiled_charsmap":
                yield from (len(one) if isinstance(one, str) else 1 for one in members)


def _words(settings: dict[str, object]) -> Iterator[str]:
    """Every token: of the vocabulary, which is an object or a list of pairs, and those that were added."""
    model, added = settings.get("model"), settings.get("added_tokens")
    vocabulary = model.get("vocab") if isinstance(model, dict) else None
    for entry in vocabulary if isinstance(vocabulary, dict | list) else ():
        yield from (one for one in (entry if isinstance(entry, list) else [entry]) if isinstance(one, str))
    for token in added if isinstance(added, list) else ():
        if isinstance(token, dict) and isinstance(content := token.get("content"), str):
            yield content
