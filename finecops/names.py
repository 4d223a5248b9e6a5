"""A name that is not known: the message, with what was probably meant. Every list of choices is refused through it."""

from __future__ import annotations

from collections.abc import Collection
from difflib import SequenceMatcher

_LISTED = 12
"""Up to so many names are listed in a message even where a command lists them."""
_ALIKE = 0.6
"""Names whose letters match less than this (`difflib`) are not near."""
_MOST = 200
"""Characters of a name that are compared and shown."""


def nearest(name: str, known: Collection[str], most: int = 3) -> list[str]:
    """The known names that are most like a name, best first: those that contain it, then those with alike letters.

    >>> nearest("GDINO", ["mini-gdino", "owlv2", "mdetr"])
    ['mini-gdino']
    """
    wanted = name[:_MOST].lower()
    found = []
    for one in known:
        alike = SequenceMatcher(None, wanted, one.lower()).ratio()
        # A word of the name says more than letters that are alike by chance.
        contains = bool(wanted) and wanted in one.lower()
        if contains or alike >= _ALIKE:
            found.append((not contains, -alike, one))
    return [one for _, _, one in sorted(found)[:most]]


def meant(name: str, known: Collection[str]) -> str:
    """The question whether one of the nearest names was meant; empty if none is near.

    >>> meant("parsr", ["parser", "rules"])
    "did you mean 'parser'?"
    """
    near = [repr(one) for one in nearest(name, known)]
    return f"did you mean {' or '.join([', '.join(near[:-1]), near[-1]] if near[1:] else near)}?" if near else ""


def no_such(said: str, name: str, known: Collection[str], lists: str = "", hint: str = "") -> str:
    """A sentence that says that a name is none of the known ones, with the nearest of them, or all.

    Args:
        said: the sentence.
        name: the name as it was given.
        known: all names of that kind, in the order to show.
        lists: a command that lists them, for a kind with many.
        hint: what is said instead of the nearest names.
    """
    hint = hint or meant(name, known)
    short = len(known) <= _LISTED or not (lists and hint)
    there = f"there are: {', '.join(known) or 'none'}" if short else f"`{lists}` lists all {len(known)}"
    return f"{said}{f' ({hint})' if hint else ''}; {there}"


def unknown_name(what: str, name: str, known: Collection[str], lists: str = "", hint: str = "") -> str:
    """What to say of a name that is none of a kind; the other arguments are those of `no_such`.

    >>> unknown_name("order", "rang", ["rank", "shuffle"])
    "unknown order 'rang' (did you mean 'rank'?); there are: rank, shuffle"
    """
    return no_such(f"unknown {what} {name[:_MOST]!r}", name, known, lists, hint)
