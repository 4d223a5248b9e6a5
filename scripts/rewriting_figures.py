"""Rewriting in figures: what the rules change, what the checker takes, what moves into negatives, what a model costs.

    python scripts/rewriting_figures.py                            # 2,000 descriptions drawn from GQA's lexicon
    python scripts/rewriting_figures.py OUT/build/test/positives.jsonl
    python scripts/rewriting_figures.py --show 20                  # some rewrites beside their templates
    python scripts/rewriting_figures.py --others 1500              # other descriptions that the checker must refuse

Drawn descriptions are of the right sorts of words, frequent ones more often, and need not make sense. Tokens are those
of OpenAI's o200k_base (GPT-4o, GPT-4.1), counted by the package bpe-openai, where it is installed. The answer is taken
to be as long as the rules' sentence.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from finecops.construction.description import SAME, Description, Edge, Node
from finecops.construction.english.oddities import oddity
from finecops.construction.english.realise import realise, sample_wording
from finecops.construction.lexicon import Lexicon
from finecops.construction.negatives.requests import COLUMNS, Level, requests, swaps
from finecops.construction.negatives.words import known_words
from finecops.construction.rewriting.asker import numbered
from finecops.construction.rewriting.checker import Checker
from finecops.construction.rewriting.rewrites import TASK, Rewrite, RuleRewriter, Sentence
from finecops.construction.rewriting.transfer import transferred
from finecops.construction.samples import Phrased, PositiveRow
from finecops.construction.words import gqa_lexicon
from finecops.runs.jsonl import read_rows
from tests.construction.rewriting.words import meaning, others, spoilt

KINDS = ("0_hop", "1_hop", "2_hop", "and", "same_attr", "same_attr_two_hop")
MESSAGE_TOKENS = 4
"""What a chat adds to each message, in OpenAI's count."""


def frequent(rng: random.Random, names: Sequence[str]) -> str:
    """One of some names in order of frequency; rank r about as often as 1/r."""
    return names[int(len(names) ** rng.random()) - 1]


def drawn(rng: random.Random, lexicon: Lexicon) -> Description:
    """A description of any type in which no two words are odd together."""
    relations = [name for name, word in lexicon.relations.items() if word.question]
    while True:
        kind = rng.choice(KINDS)
        count = {"0_hop": 1, "1_hop": 2, "same_attr": 2}.get(kind, 3)
        nodes = tuple(drawn_node(rng, lexicon, target=i == 0) for i in range(count))
        ends = {1: [], 2: [(0, 1)], 3: [(0, 1), (0 if kind == "and" else 1, 2)]}[count]
        edges = [Edge(frequent(rng, relations), *pair) for pair in ends]
        if kind.startswith("same"):
            edges[0] = Edge(SAME + rng.choice(("color", "material", "shape")), 0, 1)
        said = Description(kind, nodes, tuple(edges))
        if oddity(said, lexicon) is None:
            return said


def drawn_node(rng: random.Random, lexicon: Lexicon, target: bool) -> Node:
    """An object with up to two attributes of two kinds."""
    names = [name for name, noun in lexicon.nouns.items() if noun.target or not target]
    chosen: dict[str, str] = {}
    for _ in range(rng.choice((0, 0, 1, 1, 2))):
        word = lexicon.attributes[frequent(rng, list(lexicon.attributes))]
        chosen.setdefault(word.kind, word.name)
    return Node(frequent(rng, names), tuple(chosen.values()))


def drawn_sentences(count: int, seed: int, lexicon: Lexicon) -> list[Sentence]:
    """Template sentences of drawn descriptions."""
    found = []
    for number in range(count):
        rng = random.Random(f"{seed}/{number}")
        said = drawn(rng, lexicon)
        definite = [rng.random() < 0.5 for _ in said.nodes]
        template = realise(said, sample_wording(rng, said, lexicon), definite, lexicon)
        expression = Phrased(text=template.text, spans=list(template.spans))
        found.append(Sentence(str(number), expression, said, definite))
    return found


def row_sentences(path: Path) -> list[Sentence]:
    """The sentences of a build."""
    rows = read_rows(path, PositiveRow)
    return [Sentence(str(row.id), row.expression, row.said.description(), row.definite) for row in rows]


def counter() -> Callable[[str], int] | None:
    """Counts tokens; None: the package is not there."""
    try:
        import bpe_openai
    except ImportError:
        return None
    encoding = bpe_openai.get_encoding("o200k_base")
    return lambda text: len(encoding.encode(text))


def cost(sentences: Sequence[Sentence], answers: Sequence[str], count: Callable[[str], int], together: int) -> str:
    """Tokens for 1,000 sentences."""
    asked = answered = 0
    for start in range(0, len(sentences), together):
        some = sentences[start : start + together]
        questions = [
            {
                "expression": s.expression.text,
                "target": s.expression.text[slice(*s.expression.spans[0])],
                "style": "a sentence",
            }
            for s in some
        ]
        asked += sum(count(message["content"]) + MESSAGE_TOKENS for message in TASK.conversation(questions))
        answered += count(json.dumps(numbered(answers[start : start + together])))
    thousand = 1000 / len(sentences)
    return f"{together:>3} in a request: {asked * thousand:>9,.0f} asked, {answered * thousand:>7,.0f} answered"


def wrong(sentences: Sequence[Sentence], checker: Checker, spoil: bool) -> str:
    """How many other descriptions are accepted for a sentence, with the sentences. `spoil`: commas and words put in."""
    tried, texts, found = 0, 0, []
    for sentence in sentences:
        rng = random.Random(sentence.key)
        for text in [spoilt(sentence.expression.text, rng) for _ in range(3)] if spoil else [sentence.expression.text]:
            if checker.check(text, sentence.said).reason is not None:
                continue
            texts += 1
            for other in others(sentence.said, rng):
                if meaning(other) != meaning(sentence.said):
                    tried += 1
                    found += [text] if checker.check(text, other).reason is None else []
    shown = "".join(f"\n    {text}" for text in dict.fromkeys(found))
    return f"{texts:,} sentences, {tried:,} other descriptions, {len(found)} accepted{shown}"


def moved(sentences: Sequence[Sentence], checker: Checker, lexicon: Lexicon) -> Iterator[str]:
    """For each type of negative, how many changes can be made in the words of the rules' sentences."""
    counts: dict[str, list[bool]] = {}
    for sentence in sentences:
        rng = random.Random(sentence.key)
        for type_, level in COLUMNS:
            new = changed(sentence.said, type_, level, lexicon, rng)
            if new is not None:
                made = transferred(sentence.expression, sentence.said, new, checker, sentence.definite)
                counts.setdefault(type_, []).append(made is not None)
    for type_, made in counts.items():
        yield f"  {type_:<18}{sum(made):>6} of {len(made)} ({sum(made) / len(made):.1%})"


def changed(said: Description, type_: str, level: Level, lexicon: Lexicon, rng: random.Random) -> Description | None:
    """A change of a type; None: there is none."""
    exchanges = swaps(said, type_, level, lexicon)
    if exchanges:
        return rng.choice(exchanges).said
    parts = requests(said, type_, level)
    if not parts:
        return None
    part = rng.choice(parts)
    pools = {
        "replace_object": list(lexicon.nouns),
        "replace_attribute": list(lexicon.attributes),
        "replace_relation": [name for name, word in lexicon.relations.items() if word.question],
    }
    pool = [SAME + kind for kind in ("color", "material", "shape")] if part.old.startswith(SAME) else pools[type_]
    for _ in range(200):
        word = known_words([frequent(rng, pool)], part, lexicon)
        new = part.replaced(word[0]) if word else said
        if new != said and oddity(new, lexicon) is None:
            return new
    return None


def show(sentences: Sequence[Sentence], done: Sequence[Rewrite]) -> None:
    """Templates and rewrites."""
    for sentence, rewrite in zip(sentences, done, strict=False):
        print(f"- {sentence.expression.text}\n  {rewrite.by}: {rewrite.expression.text}")


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("positives", nargs="?", type=Path)
    parser.add_argument("--sentences", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--show", type=int, default=0)
    parser.add_argument("--others", type=int, default=0)
    given = parser.parse_args()
    lexicon = gqa_lexicon()
    sentences = (
        row_sentences(given.positives) if given.positives else drawn_sentences(given.sentences, given.seed, lexicon)
    )
    checker = Checker(lexicon)
    accepted = sum(checker.check(s.expression.text, s.said, s.definite).reason is None for s in sentences)
    print(f"{len(sentences):,} template sentences; the checker accepts {accepted:,} ({accepted / len(sentences):.1%})")
    start = time.perf_counter()
    done = RuleRewriter(lexicon, given.seed).rewrite(sentences)
    seconds = time.perf_counter() - start
    changed = sum(rewrite.by == "rules" for rewrite in done)
    print(
        f"rules change {changed:,} ({changed / len(sentences):.1%}), {len(sentences) / seconds:,.0f} sentences a second"
    )
    for reason, number in Counter(rewrite.reason for rewrite in done if rewrite.reason).most_common(5):
        print(f"  {number:>5} left: {reason}")
    rewritten = [
        dataclasses.replace(sentence, expression=rewrite.expression)
        for sentence, rewrite in zip(sentences, done, strict=True)
        if rewrite.by == "rules"
    ]
    if given.others:
        print(f"as they are: {wrong(sentences[: given.others], checker, spoil=False)}")
        print(f"with words and commas put in: {wrong(rewritten[: given.others], checker, spoil=True)}")
    print("negatives in the words of the rules' sentences:")
    print("\n".join(moved(rewritten, checker, lexicon)))
    count = counter()
    if count is None:
        print("tokens: not counted (pip install bpe-openai)")
    else:
        print("tokens for 1,000 sentences (o200k_base):")
        for together in (1, 10, 25):
            print(f"  {cost(sentences, [rewrite.expression.text for rewrite in done], count, together)}")
    show(sentences, done[: given.show])


if __name__ == "__main__":
    main()
