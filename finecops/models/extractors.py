"""Target extractors: which phrase of an expression names what it refers to (paper, IV-A).

Here are two: rules, and a text model, behind a server or in this process; those that read a dependency tree are in
`finecops.models.parser_extractors`. A phrase from a model is located in the
expression (`finecops.extraction.phrases`). If it is not there, its head noun is; otherwise the row says `unmatched`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Literal, cast

from finecops import prompts
from finecops.errors import ModelError
from finecops.extraction.phrases import locate_phrase
from finecops.extraction.rules import Found, find_target
from finecops.models.protocols import TextLlm
from finecops.models.redaction import one_line
from finecops.records import Sample, Target
from finecops.replies.dictionary import reply_dictionary


class RulesExtractor:
    """Extraction by rules on the word order; see `finecops.extraction.rules`."""

    def extract(self, samples: Sequence[Sample]) -> list[Target]:
        """One row per sample, always with a span."""
        return [found_target(sample, find_target(sample.expression), "rules") for sample in samples]


class LlmExtractor:
    """The paper's extraction (`SFA/target_extraction.py`): several expressions in one question, after three examples.

    The reply is a dictionary. If it is none, or a member is missing, each missing expression is asked again alone; if
    it is missing again, only its row fails.

    Args:
        llm: the text model.
        name: the extractor's name, for the rows.
        per_request: expressions per question.
    """

    def __init__(self, llm: TextLlm, name: str, per_request: int) -> None:
        self.llm, self.name, self.per_request = llm, name, per_request

    def width(self) -> int:
        """As its model's."""
        width: Callable[[], int] | None = getattr(self.llm, "width", None)
        return width() if width is not None else 1

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
                reasons[sample.id] = _reason(reply)
        return [self._row(sample, phrases.get(sample.id), reasons.get(sample.id)) for sample in samples]

    def _row(self, sample: Sample, phrase: str | None, reason: str | None) -> Target:
        if phrase is None:
            return failed_target(sample, reason or "no reply", self.name)
        status, found, span = locate_phrase(sample.expression, phrase)
        kind = cast(Literal["found", "matched", "unmatched"], status)
        return Target(sample_id=sample.id, status=kind, phrase=found, span=span, extractor=self.name)


def _reason(reply: str | Exception) -> str:
    """Why there is no target: what failed, or what the model wrote in place of a dictionary."""
    if isinstance(reply, str):
        return f"no target in the reply: {one_line(reply, 200)}"
    return str(reply) if isinstance(reply, ModelError) else f"{type(reply).__name__}: {one_line(str(reply))}"


def found_target(sample: Sample, found: Found, extractor: str) -> Target:
    """The row of a span: `doubtful` where the extractor is not sure of it."""
    phrase = sample.expression[found.span[0] : found.span[1]]
    status: Literal["found", "doubtful"] = "found" if found.sure else "doubtful"
    return Target(sample_id=sample.id, status=status, phrase=phrase, span=found.span, extractor=extractor)


def failed_target(sample: Sample, reason: str, extractor: str) -> Target:
    """The row of a sample whose target could not be extracted."""
    return Target(sample_id=sample.id, status="failed", phrase="", span=None, extractor=extractor, reason=reason)


def conversation(samples: Sequence[Sample]) -> list[dict[str, str]]:
    """The messages that ask for the targets of some expressions, after the three in-context examples.

    Question and answer are JSON dictionaries with the keys "1", "2", …
    """
    examples = {str(i): text for i, (text, _) in enumerate(prompts.EXTRACTION_EXAMPLES, start=1)}
    answers = {str(i): target for i, (_, target) in enumerate(prompts.EXTRACTION_EXAMPLES, start=1)}
    asked = {str(i): sample.expression for i, sample in enumerate(samples, start=1)}
    return [
        {"role": "system", "content": prompts.EXTRACTION_SYSTEM},
        {"role": "user", "content": f"{prompts.EXTRACTION_INSTRUCTION}{json.dumps(examples)}"},
        {"role": "assistant", "content": json.dumps(answers)},
        {"role": "user", "content": json.dumps(asked, ensure_ascii=False)},
    ]


def parse_phrases(samples: Sequence[Sample], reply: str) -> dict[str, str]:
    """Sample id → phrase, for the members of the reply's dictionary that are text.

    The dictionary may be JSON or Python, in a code fence or with words around it.
    """
    raw = reply_dictionary(reply)
    # A Python dictionary may have numbers as keys.
    by_key = {str(key): value for key, value in raw.items()}
    found = {sample.id: by_key.get(str(i)) for i, sample in enumerate(samples, start=1)}
    return {key: value for key, value in found.items() if isinstance(value, str) and value.strip()}
