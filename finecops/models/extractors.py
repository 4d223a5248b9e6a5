"""Target extractors: which phrase of an expression names what it refers to (paper, IV-A).

By rules, or by a text model behind a server or in this process. What a model says is checked against the expression
(`finecops.extraction.phrases`): a phrase that is not in it is matched to its head noun, or marked and counted.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Sequence
from typing import Literal, cast

from finecops import prompts
from finecops.extraction.phrases import locate_phrase
from finecops.extraction.rules import extract_target
from finecops.models.protocols import TextLlm
from finecops.records import Sample, Target


class RulesExtractor:
    """Extraction by word order; see `finecops.extraction.rules`."""

    def extract(self, samples: Sequence[Sample]) -> list[Target]:
        """One row per sample; the span is always there."""
        rows = []
        for sample in samples:
            span = extract_target(sample.expression)
            phrase = sample.expression[span[0] : span[1]]
            rows.append(Target(sample_id=sample.id, status="found", phrase=phrase, span=span, extractor="rules"))
        return rows


class LlmExtractor:
    """The paper's extraction: a question, three examples, a dictionary as the answer, several expressions at once.

    A reply that is no dictionary, or lacks a member, costs only those members: each is asked again alone, and
    fails alone.
    """

    def __init__(self, llm: TextLlm, name: str, per_request: int) -> None:
        self.llm, self.name, self.per_request = llm, name, per_request

    def extract(self, samples: Sequence[Sample]) -> list[Target]:
        """One row per sample."""
        parts = [samples[i : i + self.per_request] for i in range(0, len(samples), self.per_request)]
        phrases: dict[str, str] = {}
        for part, reply in zip(parts, self.llm.complete([conversation(p) for p in parts]), strict=True):
            phrases |= parse_phrases(part, reply) if isinstance(reply, str) else {}
        alone = [sample for sample in samples if sample.id not in phrases]
        reasons: dict[str, str] = {}
        for sample, reply in zip(alone, self.llm.complete([conversation([s]) for s in alone]), strict=True):
            found = parse_phrases([sample], reply) if isinstance(reply, str) else {}
            phrases |= found
            if not found:
                shown = reply if isinstance(reply, str) else f"{type(reply).__name__}: {reply}"
                reasons[sample.id] = f"no target in the reply: {shown[:200]}"
        return [self._row(sample, phrases.get(sample.id), reasons.get(sample.id)) for sample in samples]

    def _row(self, sample: Sample, phrase: str | None, reason: str | None) -> Target:
        if phrase is None:
            return failed_target(sample, reason or "no reply", self.name)
        status, found, span = locate_phrase(sample.expression, phrase)
        kind = cast(Literal["found", "matched", "unmatched"], status)
        return Target(sample_id=sample.id, status=kind, phrase=found, span=span, extractor=self.name)


def failed_target(sample: Sample, reason: str, extractor: str) -> Target:
    """The row of a sample whose target could not be had."""
    return Target(sample_id=sample.id, status="failed", phrase="", span=None, extractor=extractor, reason=reason)


def conversation(samples: Sequence[Sample]) -> list[dict[str, str]]:
    """The question for some expressions, after the three in-context examples; keys are "1", "2", …"""
    examples = {str(i): text for i, (text, _) in enumerate(prompts.EXTRACTION_EXAMPLES, start=1)}
    answers = {str(i): target for i, (_, target) in enumerate(prompts.EXTRACTION_EXAMPLES, start=1)}
    asked = {str(i): sample.expression for i, sample in enumerate(samples, start=1)}
    return [
        {"role": "system", "content": prompts.EXTRACTION_SYSTEM},
        {"role": "user", "content": f"{prompts.EXTRACTION_INSTRUCTION}\n{json.dumps(examples)}"},
        {"role": "assistant", "content": json.dumps(answers)},
        {"role": "user", "content": json.dumps(asked, ensure_ascii=False)},
    ]


def parse_phrases(samples: Sequence[Sample], reply: str) -> dict[str, str]:
    """Sample id → phrase, for those members that a reply has as text. Reads JSON and Python dictionaries, also
    in a code fence or with words around them."""
    match = re.search(r"\{.*\}", reply, re.DOTALL)
    if match is None:
        return {}
    raw: object
    try:
        raw = json.loads(match[0])
    except json.JSONDecodeError:
        try:
            raw = ast.literal_eval(match[0])
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return {}
    if not isinstance(raw, dict):
        return {}
    by_key = {str(key): value for key, value in raw.items()}
    found = {sample.id: by_key.get(str(i)) for i, sample in enumerate(samples, start=1)}
    return {key: value for key, value in found.items() if isinstance(value, str) and value.strip()}
