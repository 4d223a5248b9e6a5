"""What an editor is asked for in words: one object with its attributes ("a small red cup")."""

from __future__ import annotations

from finecops.construction.description import Node
from finecops.construction.english.forms import noun_phrase, stands_alone
from finecops.construction.lexicon import Lexicon


def object_text(node: Node, lexicon: Lexicon) -> str:
    """An object in words, as the expressions say it, with an article where its noun has one.

    Raises:
        KeyError: a word is not in the lexicon.
    """
    several = lexicon.nouns[node.name].number in ("plural", "mass")
    said = noun_phrase(node, lexicon, definite=False, bare="always" if several else "never", again=False, picks=(0, 0))
    behind = list(said.after)
    if behind and not stands_alone(said.after):
        behind = [said.who, "are" if said.plural else "is", " and ".join(behind)]
    return " ".join(part for part in (said.article, said.core, *behind) if part)
