"""The templates, by tuple type: how often each is drawn, and its text.

Slots, where `i` is the number of a node and `e` that of an edge, counted from 1:

| slot | what it stands for |
|---|---|
| `{T}` `{aT}` | the target with "the"; with "a" or "some" |
| `{Oi}` | a related object, with "the" where its own words fit one object of the image |
| `{re}` | a relation behind a noun: "wearing", "next to" |
| `{ise}` | it as the verb of a clause: "is next to", "is wearing" or "wears", "has" |
| `{qe}` | behind a noun, if it is a participle or "with": nearest to the noun that it is about |
| `{be}` | behind a noun, if the other `b` of the template is built alike: "next to … and behind …" |
| `{ie}` | "is" with a phrase; `{ce}` the phrase alone, behind "and", built alike |
| `{fe}` | first in the sentence, if it is a place: "on the table is …" |
| `{pe}` … `{ve}` | a place first, and the verb of its posture later: "on the bench sits …" |
| `{whoi}` | "who" of people, else "that" (node 0 is the target) |
| `{Wi}` | "who", where no other word before it is a person |
| `{there}` `{is}` | "there is", "there are"; "is", "are", of the target |
| `{kind}` `{its}` | what is the same ("color"); "its" or "their", of the target |

A template is drawn only where all of its slots can be filled so. The first of each type fits everything.
"""

from __future__ import annotations

from typing import Final

Weighted = tuple[tuple[int, str], ...]

# A target without relations is mostly named and no more: these expressions are short in every benchmark.
_NO_HOP: Final[Weighted] = (
    (12, "{T}"),
    (5, "{T} in the picture"),
    (2, "{T} in the photo"),
    (2, "{T} in this image"),
    (4, "{aT}"),
    (4, "{there} {aT}"),
    (2, "{there} {aT} in the picture"),
    (1, "in this picture, {there} {aT}"),
    (1, "in the image {there} {aT}"),
    (1, "you can see {aT}"),
    (1, "you can see {aT} in this photo"),
    (1, "find {T}"),
    (1, "find {T} in the picture"),
    (1, "please point to {T}"),
)

# Requests ("find", "you can see") are rare: they add no content, and models know them from their prompts.
_ONE_HOP: Final[Weighted] = (
    (10, "{T} {who0} {is1} {O1}"),
    (14, "{T} {r1} {O1}"),
    (5, "{there} {aT} {r1} {O1}"),
    (4, "{aT} {r1} {O1}"),
    (2, "{there} {aT} {who0} {is1} {O1}"),
    (2, "{aT} {who0} {is1} {O1}"),
    (2, "{aT} {is1} {O1}"),
    (1, "{T} in the picture {who0} {is1} {O1}"),
    (1, "{T} in this image {who0} {is1} {O1}"),
    (3, "{f1} {O1} {is} {T}"),
    (2, "{f1} {O1} {is} {aT}"),
    (3, "{f1} {O1} {there} {aT}"),
    (2, "{f1} {O1}, {there} {aT}"),
    (2, "{p1} {O1} {v1} {aT}"),
    (1, "{p1} {O1} {v1} {T}"),
    (1, "{f1} {O1} you can see {aT}"),
    (1, "you can see {aT} {r1} {O1}"),
    (1, "you can see {aT} {who0} {is1} {O1}"),
    (1, "in the picture {there} {aT} {r1} {O1}"),
    (1, "in this photo, {there} {aT} {who0} {is1} {O1}"),
    (1, "find {T} {r1} {O1}"),
    (1, "find {T} {who0} {is1} {O1}"),
    (1, "please point to {T} {r1} {O1}"),
)

# `{q2}`, not `{r2}`: in "the cup on the table near the window" either of the two may be near the window.
_TWO_HOP: Final[Weighted] = (
    (10, "{T} {r1} {O1} {who1} {is2} {O2}"),
    (10, "{T} {r1} {O1} {q2} {O2}"),
    (5, "{T} {who0} {is1} {O1} {who1} {is2} {O2}"),
    (6, "{T} {who0} {is1} {O1} {q2} {O2}"),
    (3, "{there} {aT} {r1} {O1} {who1} {is2} {O2}"),
    (3, "{there} {aT} {r1} {O1} {q2} {O2}"),
    (1, "{there} {aT} {who0} {is1} {O1} {who1} {is2} {O2}"),
    (2, "{there} {aT} {who0} {is1} {O1} {q2} {O2}"),
    (2, "{aT} {r1} {O1} {who1} {is2} {O2}"),
    (3, "{aT} {r1} {O1} {q2} {O2}"),
    (1, "{aT} {is1} {O1} {who1} {is2} {O2}"),
    (1, "{aT} {is1} {O1} {q2} {O2}"),
    (1, "{f1} {O1} {who1} {is2} {O2} {is} {T}"),
    (2, "{f1} {O1} {q2} {O2} {is} {T}"),
    (2, "{f1} {O1} {who1} {is2} {O2} {there} {aT}"),
    (2, "{f1} {O1} {q2} {O2} {there} {aT}"),
    (1, "{f1} {O1} {who1} {is2} {O2}, {there} {aT}"),
    (1, "{p1} {O1} {q2} {O2} {v1} {aT}"),
    (1, "{p1} {O1} {who1} {is2} {O2} {v1} {aT}"),
    (1, "you can see {aT} {r1} {O1} {q2} {O2}"),
    (1, "in the picture {there} {aT} {r1} {O1} {who1} {is2} {O2}"),
    (1, "find {T} {r1} {O1} {who1} {is2} {O2}"),
)

# Two places in a row are joined by "and", or stand on both sides of the target, for the same reason.
_AND: Final[Weighted] = (
    (8, "{T} {who0} {is1} {O1} and {is2} {O2}"),
    (12, "{T} {b1} {O1} and {b2} {O2}"),
    (6, "{T} {who0} {i1} {O1} and {c2} {O2}"),
    (5, "{T} {r1} {O1} {W0} {is2} {O2}"),
    (2, "{T} {who0} {is} both {b1} {O1} and {b2} {O2}"),
    (4, "{there} {aT} {b1} {O1} and {b2} {O2}"),
    (3, "{there} {aT} {who0} {is1} {O1} and {is2} {O2}"),
    (3, "{aT} {b1} {O1} and {b2} {O2}"),
    (1, "{aT} {is1} {O1} and {is2} {O2}"),
    (1, "{aT} {r1} {O1} {W0} {is2} {O2}"),
    (2, "{f1} {O1} and {f2} {O2} {is} {T}"),
    (2, "{f1} {O1} and {f2} {O2} {there} {aT}"),
    (1, "{f1} {O1} and {f2} {O2}, {there} {aT}"),
    (3, "{f1} {O1} {is} {T} {r2} {O2}"),
    (2, "{f1} {O1} {is} {aT} {r2} {O2}"),
    (3, "{f1} {O1} {there} {aT} {r2} {O2}"),
    (1, "{f1} {O1}, {there} {aT} {who0} {is2} {O2}"),
    (3, "{f2} {O2} {is} {T} {r1} {O1}"),
    (3, "{f2} {O2} {there} {aT} {r1} {O1}"),
    (1, "{f2} {O2}, {there} {aT} {who0} {is1} {O1}"),
    (2, "{p1} {O1} {v1} {aT} {q2} {O2}"),
    (1, "you can see {aT} {b1} {O1} and {b2} {O2}"),
    (1, "in the picture {there} {aT} {b1} {O1} and {b2} {O2}"),
    (1, "find {T} {b1} {O1} and {b2} {O2}"),
    (1, "find {T} {who0} {is1} {O1} and {is2} {O2}"),
)

_SAME: Final[Weighted] = (
    (10, "{T} {who0} {is1} {O1}"),
    (7, "{T} {r1} {O1}"),
    (3, "{there} {aT} {who0} {is1} {O1}"),
    (2, "{there} {aT} {r1} {O1}"),
    (2, "{aT} {who0} {is1} {O1}"),
    (1, "{aT} {r1} {O1}"),
    (1, "{aT} {is1} {O1}"),
    (2, "{T} whose {kind} is the same as that of {O1}"),
    (1, "{aT} whose {kind} is the same as that of {O1}"),
    (1, "{T} in the picture {who0} {is1} {O1}"),
    (1, "you can see {aT} {r1} {O1}"),
    (1, "in the picture {there} {aT} {who0} {is1} {O1}"),
    (1, "find {T} {r1} {O1}"),
    (1, "find {T} {who0} {is1} {O1}"),
)

# Here a bare second relation is about the related object: "the same color as the door left of the man".
_SAME_TWO_HOP: Final[Weighted] = (
    (8, "{T} {who0} {is1} {O1} {who1} {is2} {O2}"),
    (10, "{T} {who0} {is1} {O1} {r2} {O2}"),
    (6, "{T} {r1} {O1} {r2} {O2}"),
    (5, "{T} {r1} {O1} {who1} {is2} {O2}"),
    (2, "{there} {aT} {who0} {is1} {O1} {r2} {O2}"),
    (2, "{there} {aT} {r1} {O1} {r2} {O2}"),
    (2, "{there} {aT} {r1} {O1} {who1} {is2} {O2}"),
    (2, "{aT} {r1} {O1} {r2} {O2}"),
    (1, "{aT} {is1} {O1} {r2} {O2}"),
    (1, "{aT} {who0} {is1} {O1} {r2} {O2}"),
    (2, "{T} whose {kind} is the same as that of {O1} {r2} {O2}"),
    (1, "{T} in the picture {who0} {is1} {O1} {r2} {O2}"),
    (1, "you can see {aT} {r1} {O1} {r2} {O2}"),
    (1, "find {T} {who0} {is1} {O1} {r2} {O2}"),
)

TEMPLATES: Final[dict[str, Weighted]] = {
    "0_hop": _NO_HOP,
    "1_hop": _ONE_HOP,
    "2_hop": _TWO_HOP,
    "and": _AND,
    "same_attr": _SAME,
    "same_attr_two_hop": _SAME_TWO_HOP,
}
