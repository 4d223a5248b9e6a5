"""Target extraction from a dependency tree: the noun that the sentence is about, with what stands before it.

The tree is spaCy's (labels of ClearNLP: nsubj, attr, pobj, relcl, …). Which noun is the target follows from the root:
a noun is it; a verb leads to its subject, or in a request, a question or "there is" to its object or complement. The
span follows the same convention as the rules' (`finecops.extraction.rules`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from finecops.extraction import lexicon as lex
from finecops.extraction.rules import Found

if TYPE_CHECKING:
    from spacy.tokens import Doc, Span, Token

Parse = Callable[[str], "Doc"]
"""Text → its dependency tree, as a loaded spaCy pipeline does."""

_SUBJECTS = ("nsubj", "nsubjpass")
_AUXILIARIES = ("aux", "auxpass")
_EMPTY_SUBJECTS = frozenset({"it", "this", "that", "there", "here", "these", "those", "you", "i", "we"})
_REQUESTS = frozenset("find locate show point select choose pick identify detect look tell want need see click".split())
_LEADING = lex.DETERMINERS | {"which", "what", "only", "just"}
# What may stand before a noun in its phrase; a clause or a preposition there is not part of the name.
_LEFT = frozenset("amod compound nummod poss nmod advmod quantmod npadvmod neg det predet case".split())


def parse_target(doc: Doc) -> Found | None:
    """The span of the target, and whether the tree has a usual shape; None where the tree has no noun."""
    sentences = [s for s in doc.sents if any(token.is_alpha for token in s)]
    if not sentences:
        return None
    sentence = sentences[0]
    introduced = len(sentences) > 1 and any(t.dep_ == "expl" for t in sentence.root.children)
    if introduced and sentences[1][0].lower_ in lex.ARTICLES | lex.IMPERATIVES:
        sentence = sentences[1]
    head = _head(sentence.root)
    sure = head is not None
    head = head or next((t for t in sentence if t.pos_ in {"NOUN", "PROPN", "PRON"}), None)
    return None if head is None else Found(_span(head, sentence), sure)


def is_sentence(doc: Doc) -> bool:
    """Whether the root of some tree is a verb in a finite form or a command, as parsers are used to."""
    finite = {"VBZ", "VBP", "VBD", "VB", "MD"}
    roots = (sentence.root for sentence in doc.sents)
    return any(r.tag_ in finite or any(t.tag_ in finite for t in r.children if t.dep_ in _AUXILIARIES) for r in roots)


def _head(root: Token) -> Token | None:
    """The noun that a sentence with this root is about."""
    if root.pos_ not in {"VERB", "AUX"}:
        return _below_preposition(root) if root.pos_ in {"ADP", "ADV", "SCONJ"} else root
    children = list(root.children)
    subject = _first(children, _SUBJECTS)
    auxiliary = _first(children, _AUXILIARIES)
    if subject is None and auxiliary is not None and auxiliary.i > root.i:
        # "Parked by the curb is a van": the participle is taken for the root, and the subject hangs on the auxiliary.
        subject = _first(auxiliary.children, ("attr", *_SUBJECTS))
    is_empty = subject is None or subject.lower_ in _EMPTY_SUBJECTS
    if is_empty and (root.lemma_ in _REQUESTS or any(t.dep_ == "expl" for t in children)):
        return _object(children)
    if is_empty or (subject is not None and subject.dep_ == "csubj"):
        return _first((t for t in children if t.i > root.i), ("attr", "dobj", *_SUBJECTS)) or _inner(children)
    # "Behind the fence is a horse": the tree may take either side of the verb for its subject.
    complement = _first((t for t in children if t.i > root.i), ("attr",))
    fronted = children[0].dep_ in {"prep", "advmod", "csubj", "advcl"} and children[0].i < root.i
    if fronted and complement is not None and subject is not None and subject.i < root.i:
        comma = any(t.text == "," and t.i < subject.i for t in children)
        return subject if comma else complement
    if subject is not None and subject.lower_ in {"what", "which", "who"} and complement is not None:
        return complement
    return subject


def _object(children: list[Token]) -> Token | None:
    """What a request asks for: its object, that of its preposition, or the subject of its clause."""
    found = _first(children, ("dobj", "attr"))
    if found is not None and found.lower_ not in {"me", "us"}:
        return found
    clause = _first(children, ("ccomp", "xcomp"))
    if clause is not None:
        return _first(clause.children, (*_SUBJECTS, "dobj", "attr"))
    preposition = _first(children, ("prep",))
    return None if preposition is None else _first(preposition.children, ("pobj",))


def _inner(children: list[Token]) -> Token | None:
    """The subject of a clause that the tree put below the root by mistake."""
    clause = _first(children, ("ccomp", "advcl", "relcl"))
    return None if clause is None else _first(clause.children, _SUBJECTS)


def _below_preposition(root: Token) -> Token | None:
    """Where a location is the root: the noun behind the comma, if need be an apposition; None without one."""
    children = list(root.children)
    nouns = [*children, *(t for child in children for t in child.children if t.dep_ == "appos")]
    return next((t for t in nouns if t.pos_ in {"NOUN", "PROPN"} and t.dep_ != "pobj"), None)


def _first(tokens: Iterable[Token], labels: tuple[str, ...]) -> Token | None:
    """The first token with the first of the labels that any token has."""
    tokens = list(tokens)
    return next((token for label in labels for token in tokens if token.dep_ == label), None)


def _span(head: Token, sentence: Span) -> tuple[int, int]:
    """The character span of a noun with its left modifiers, and the "of" phrase or joint noun that belongs to it."""
    first = _left_end(head)
    doc = head.doc
    while first < head.i and (doc[first].lower_ in _LEADING or doc[first].is_punct):
        first += 1
    last = _last(head)
    return (int(doc[first].idx), doc[last].idx + len(doc[last]))


def _left_end(head: Token) -> int:
    """Index of the first token of the unbroken run of modifiers before a noun."""
    first = int(head.i)
    for child in reversed(list(head.lefts)):
        if child.dep_ not in _LEFT and not child.is_punct and child.dep_ != "cc":
            break
        first = child.left_edge.i
    return first


def _last(head: Token) -> int:
    """Index of the last token of the name: the noun, or the end of its "of" phrase or of the nouns joined to it."""
    last = head
    for child in head.rights:
        if child.i > last.i + 1 and not _is_bare(head, last, child):
            break
        if child.lower_ == "of" and head.lower_ in lex.MEASURES | lex.REGIONS:
            last = _first(child.children, ("pobj",)) or last
        elif child.dep_ == "conj" and child.pos_ in {"NOUN", "PROPN"}:
            last = child
    return int(last.i)


def _is_bare(head: Token, last: Token, child: Token) -> bool:
    """Whether only "and" and modifiers stand between two joined nouns."""
    between = head.doc[last.i + 1 : child.i]
    return child.dep_ == "conj" and all(t.dep_ in _LEFT | {"cc"} for t in between)
