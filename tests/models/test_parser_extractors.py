"""Extractors that read a dependency tree: with spaCy where it is installed, and what is said where it is not."""

from __future__ import annotations

import importlib.util
from functools import cache
from typing import Any

import pytest

from finecops.config.find import load_extractor
from finecops.errors import ModelError
from finecops.models.backends import backend_of, load_extractor_model
from finecops.models.parser_extractors import CombinedExtractor, ParserExtractor, lacks_parser
from tests.conftest import make_sample

needs_parser = pytest.mark.skipif(lacks_parser() is not None, reason=f"spaCy is missing: {lacks_parser()}")


@cache
def extractor(name: str) -> ParserExtractor:
    """An extractor, whose model is loaded once: it takes a third of a second."""
    loaded = load_extractor_model(load_extractor(name), "cpu")
    assert isinstance(loaded, ParserExtractor)
    return loaded


@needs_parser
@pytest.mark.parametrize(
    ("expression", "target"),
    [
        ("The fireman sprays water on the burning house.", "fireman"),  # a subject and its verb
        ("Situated behind the fence is a brown horse.", "brown horse"),  # inverted
        ("Behind the woman, there is a tall green sign.", "tall green sign"),
        ("Could you point out the pizza that is cut?", "pizza"),  # a request
        ("Which bus is in front of the other bus?", "bus"),
        ("It is the small plate that is under the fork.", "small plate"),
        ("Among the three women, the one whose hat is red.", "one"),
        ("A bottle of ketchup standing behind the fries", "bottle of ketchup"),
        ("The handle of the refrigerator", "handle"),
        ("The man and the girl who feed the ducks", "man and the girl"),
    ],
)
def test_the_tree_leads_to_the_target(expression: str, target: str) -> None:
    row = extractor("parser").extract([make_sample(expression=expression)])[0]
    assert (row.phrase, row.extractor) == (target, "parser")
    assert row.span is not None
    assert expression[slice(*row.span)] == target


@needs_parser
@pytest.mark.parametrize("text", ["...", "?", "the", "ß", "a\n\nb", "\u200b", "\ud83d\ude00" * 2, "left " * 50, "'"])
@pytest.mark.parametrize("name", ["parser", "combined"])
def test_any_text_has_a_span(name: str, text: str) -> None:
    text = text.encode("utf-16", "surrogatepass").decode("utf-16")
    start, end = extractor(name).find(text).span
    assert 0 <= start < end <= len(text)


@needs_parser
def test_the_tree_decides_where_the_rules_are_in_doubt_and_the_text_is_a_sentence() -> None:
    combined = extractor("combined")
    assert isinstance(combined, CombinedExtractor)
    rows = [
        combined.extract([make_sample(expression=text)])[0]
        for text in ("The bridge spans the river.", "school yellow bus")
    ]
    assert [(row.phrase, row.status) for row in rows] == [("bridge", "found"), ("school", "doubtful")]


def test_without_spacy_the_error_and_the_list_say_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    find_spec = importlib.util.find_spec

    def without_spacy(name: str, *arguments: Any) -> Any:
        return None if name == "spacy" else find_spec(name, *arguments)

    monkeypatch.setattr(importlib.util, "find_spec", without_spacy)
    for name in ("parser", "combined"):
        config = load_extractor(name)
        assert backend_of(config).lacks(config) == "pip install -e '.[parser]'"
        with pytest.raises(ModelError, match=r"pip install -e '\.\[parser\]'"):
            load_extractor_model(config, "cpu")
