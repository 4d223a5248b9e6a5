"""Whether a sentence says a description, the whole of it and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from finecops.construction.description import Description, Node
from finecops.construction.lexicon import Lexicon
from finecops.construction.rewriting.faults import fault_of
from finecops.construction.rewriting.noun_phrases import TooManyStepsError
from finecops.construction.rewriting.phrases import Phrases
from finecops.construction.rewriting.sentences import Sentences
from finecops.construction.rewriting.tokens import MAX_WORDS, tokens_of
from finecops.construction.samples import Phrased

_MOST_CHARACTERS = 500


@dataclass(frozen=True)
class Checked:
    """What a check found."""

    reason: str | None
    """Why the sentence is refused; None: it is accepted."""
    expression: Phrased | None = None
    """The sentence with the spans of its noun phrases, one per node."""
    said: Description | None = None
    """The description with the names that the sentence uses: a synonym, or with `looser` a kind above."""


class Checker:
    """Checks sentences against descriptions, with the words of one lexicon.

    A sentence is accepted if a small grammar of English reads it as the description: target, related objects,
    attributes and relations, each once, each of the right object. A word that belongs neither to the description nor
    to a list of function words is refused, so nothing can be added: no object, attribute, relation, number or negation.
    A sentence that could mean two things is refused. So are many good ones: then the template stands.

    >>> from finecops.construction.description import Edge
    >>> from finecops.construction.lexicon import Lexicon, RelationWord
    >>> words = Lexicon({}, {}, frozenset(), {"left": RelationWord("left", ("left of",), boxes="left")})
    >>> cup = Description("1_hop", (Node("cup"), Node("plate")), (Edge("left", 0, 1),))
    >>> Checker(words).check("To the left of the plate is the cup.", cup).expression.spans
    [(32, 35), (19, 24)]
    >>> Checker(words).check("the plate left of the cup", cup).reason
    'it says of the plate what belongs to the cup'

    Args:
        lexicon: the words.
        looser: objects may also be named by a kind above theirs. The sentence then says less: whether it still fits
            one object alone must be proved anew.
    """

    def __init__(self, lexicon: Lexicon, looser: bool = False) -> None:
        self.phrases = Phrases(lexicon, looser)

    def check(self, text: str, said: Description, definite: Sequence[bool] | None = None) -> Checked:
        """Check one sentence.

        Args:
            text: the sentence.
            said: what it must say.
            definite: for each node, whether it is the only object of its words: others may not have "the". None: all
                may. The target always may.
        """
        # A model may answer with a page; reading it would take long, and it is no expression.
        if len(text) > _MOST_CHARACTERS:
            return Checked(f"more than {_MOST_CHARACTERS} characters")
        tokens = tokens_of(text)
        if len(tokens) > MAX_WORDS:
            return Checked(f"more than {MAX_WORDS} words")
        try:
            state = next(Sentences(tokens, said, self.phrases, definite).readings(), None)
        except TooManyStepsError as error:
            return Checked(str(error))
        if state is None:
            return Checked(fault_of(tokens, said, self.phrases, definite))
        spans = dict(state.spans)
        names = {index: noun.name for index, noun in state.nouns}
        nodes = tuple(Node(names[i], node.attributes) for i, node in enumerate(said.nodes))
        expression = Phrased(text=text, spans=[spans[i] for i in range(len(nodes))])
        return Checked(None, expression, Description(said.tuple_type, nodes, said.edges))
