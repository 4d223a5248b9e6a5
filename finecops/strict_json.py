"""JSON of files that are not trusted: whatever is wrong with it is a ValueError."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any, Final, TypeVar

import msgspec
from pydantic import BaseModel, ValidationError

_LONG_DIGITS = 300
"""A whole number of more digits is beyond every float."""
Pairs = list[tuple[str, Any]]
T = TypeVar("T")
R = TypeVar("R", bound=BaseModel)


ODD: Final[Any] = object()
"""What `plain_json` gives where it leaves a text to the standard library's parser."""
_BLANK_BEFORE_COLON = re.compile(rb'"[ \n\t\r]+:')


class RepeatedKeys(dict[str, Any]):
    """An object in which a key stands twice: nobody knows which value was meant."""

    key = ""
    """The key."""


def parse_json(content: bytes | str) -> Any:
    """Parse JSON.

    Raises:
        ValueError: it is none, is nested too deeply, has a key twice in one object or a number of thousands of digits.
    """
    found = plain_json(content)
    if found is not ODD:
        return found
    try:
        return json.loads(content, object_pairs_hook=_refuse_repeated)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def plain_json(content: bytes | str) -> Any:
    """What `json.loads` gives, several times as fast; `ODD` where it might be something else, or an error.

    msgspec takes less than the standard library does: no NaN, no number beyond a float, no half character, UTF-8 alone.
    Of a key that stands twice it takes the last without a word, so the keys are counted.
    """
    try:
        text = content.encode() if isinstance(content, str) else content
        found = msgspec.json.decode(text)
        return found if _keys_are_once(text, found) else ODD
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return ODD


def _keys_are_once(text: bytes, found: Any) -> bool:
    """Whether no key stands twice in one object; False also where that is not certain."""
    return has_keys_once(text, _keys_near(found)) or has_keys_once(text, _all_keys(found))


def has_keys_once(text: bytes, keys: int) -> bool:
    """Whether JSON of objects that have so many different keys together has no key twice in one object; False also
    where that is not certain."""
    # Inside a text a quotation mark stands behind a backslash. So, if no blank stands before a colon and no key ends
    # with a backslash, every `":` without a backslash ends a key.
    ends = text.count(b'":')
    escaped = 0
    if b"\\" in text:
        escaped = text.count(b'\\":')
        if b'\\\\":' in text:
            return False
    # Where a quotation mark stands before every colon, no blank does.
    return ends - escaped == keys and (text.count(b":") == ends or not _BLANK_BEFORE_COLON.search(text))


def _keys_near(found: Any) -> int:
    """The keys of an object, or of a list's objects, and of the objects in lists of these."""
    if type(found) is dict:
        lists = (value for value in found.values() if type(value) is list)
        return len(found) + sum(map(_keys_of_objects, lists))
    return _keys_of_objects(found) if type(found) is list else 0


def _keys_of_objects(values: list[Any]) -> int:
    return sum(map(len, values if set(map(type, values)) == {dict} else [v for v in values if type(v) is dict]))


def _all_keys(found: Any) -> int:
    if type(found) is dict:
        return len(found) + sum(_all_keys(value) for value in found.values() if type(value) in (dict, list))
    return sum(_all_keys(value) for value in found if type(value) in (dict, list)) if type(found) is list else 0


def parse_record(line: bytes, record_type: type[R], strict: bool | None = None, keys_once: bool = True) -> R:
    """Parse a record, as rows of our own files are.

    Args:
        line, record_type: the text, and what is in it.
        strict: as pydantic means it.
        keys_once: refuse a key that stands twice; else the last one counts.

    Raises:
        ValueError: it is none, or has a key twice; names the first key that is wrong.
    """
    try:
        record = record_type.model_validate_json(line, strict=strict)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the line"
        raise ValueError(f"{where}: {first['msg']}") from error
    if not keys_once:
        return record
    # Of a key that stands twice pydantic takes the last one without a word. Counting is faster than parsing again, and
    # inside a text a quotation mark stands behind a backslash.
    keys = line.count(b'":') - line.count(b'\\":')
    known = keys == len(record.model_fields_set) or keys == _count_keys(record)
    if not known or b" :" in line or b"\t:" in line or b"\r:" in line:
        parse_json(line)
    return record


def _count_keys(record: BaseModel) -> int:
    """How many keys were given, also in records of a record."""
    inner = (value for value in vars(record).values() if isinstance(value, BaseModel))
    return len(record.model_fields_set) + sum(map(_count_keys, inner))


def parse_marked_json(content: bytes | str) -> Any:
    """Parse JSON in which one bad entry stops no file.

    An object with a key twice becomes `RepeatedKeys`; a number of thousands of digits becomes infinite.

    Raises:
        ValueError: it is none, or is nested too deeply.
    """
    found = plain_json(content)
    return found if found is not ODD else _any_length(partial(json.loads, content, object_pairs_hook=_mark_repeated))


def next_marked_value(text: str, start: int) -> tuple[Any, int]:
    """The value that starts at a position of a text, as `parse_marked_json` gives it, and the position of its end.

    Raises:
        json.JSONDecodeError: there is no whole value.
        ValueError: it is nested too deeply.
    """

    def read(**how: Any) -> tuple[Any, int]:
        return _decoder(object_pairs_hook=_mark_repeated, **how).raw_decode(text, start)

    return _any_length(read)


def next_end(text: str, start: int) -> tuple[bool, int]:
    """Whether the value that starts at a position of a text is a number, and the position of its end.

    Raises:
        json.JSONDecodeError: there is no whole value.
        ValueError: it is nested too deeply.
    """

    def read(**how: Any) -> tuple[bool, int]:
        found, end = _decoder(**how).raw_decode(text, start)
        return isinstance(found, int | float), end

    return _any_length(read)


@lru_cache(maxsize=8)
def _decoder(**how: Any) -> json.JSONDecoder:
    return json.JSONDecoder(**how)


def _any_length(read: Callable[..., T]) -> T:
    """Read JSON; a number of thousands of digits becomes infinite."""
    try:
        try:
            return read()
        except json.JSONDecodeError:
            raise
        except ValueError:
            # Python converts no number of thousands of digits: it is no JSONDecodeError, and costs the whole file.
            return read(parse_int=_any_int)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def marked_decoder() -> json.JSONDecoder:
    """A decoder that gives what `parse_marked_json` gives, but for numbers of thousands of digits: a ValueError."""
    return json.JSONDecoder(object_pairs_hook=_mark_repeated)


def parse_reduced_json(content: bytes | str, reduce: Callable[[dict[str, Any]], Any]) -> Any:
    """Parse a large JSON file of which little is kept: each object, the innermost first, becomes what `reduce` makes
    of it.

    Raises:
        ValueError: it is none, or is nested too deeply.
    """
    try:
        try:
            return json.loads(content, object_hook=reduce)
        except json.JSONDecodeError:
            raise
        except ValueError:
            return json.loads(content, object_hook=reduce, parse_int=_any_int)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def _any_int(digits: str) -> int | float:
    return int(digits) if len(digits) <= _LONG_DIGITS else float(digits)


def _refuse_repeated(pairs: Pairs) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError(f"the key {_first_repeated(pairs)!r} stands twice in one object")
    return found


def _mark_repeated(pairs: Pairs) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    marked = RepeatedKeys(found)
    marked.key = _first_repeated(pairs)
    return marked


def _first_repeated(pairs: Pairs) -> str:
    return next(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
