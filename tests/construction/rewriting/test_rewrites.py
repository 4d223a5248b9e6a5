"""Rewriting of positives and swapped negatives: by models that obey, lie and talk nonsense, and by rules."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import Qwen2Config, Qwen2ForCausalLM

from finecops.config.find import load_writer, names
from finecops.config.writing import WriterConfig
from finecops.construction.description import Description
from finecops.construction.english.realise import realise, sample_wording
from finecops.construction.rewriting.answers import AnswerCache
from finecops.construction.rewriting.asker import Asker
from finecops.construction.rewriting.budget import Budget
from finecops.construction.rewriting.checker import Checker
from finecops.construction.rewriting.rewrites import (
    TASK,
    UNCHANGED,
    UNPROVED,
    ModelRewriter,
    RuleRewriter,
    Sentence,
    Templates,
    rewritten_positives,
    styled,
)
from finecops.construction.rewriting.writers import LocalWriter, ServerWriter, load_writer_model
from finecops.construction.samples import DescriptionRow, Phrased, PositiveRow
from finecops.construction.words import gqa_lexicon
from finecops.errors import ConfigError
from finecops.mini.training.tokenizer import mini_processor
from finecops.models import attempts
from finecops.prompts import REWRITE_STYLES
from tests.construction.rewriting.text_server import TextServer, each, serving
from tests.construction.rewriting.words import LEFT, LEXICON, described, drawn

SAID = [
    described("red,cup", "plate", f"0 {LEFT} 1"),
    described("man", "hat", "0 wearing 1"),
    described("cup", "table", "plate", "0 on 1", "0 next to 2"),
    described("trees"),
]
TEXTS = [
    "the red cup to the left of the plate",
    "the man wearing a hat",
    "the cup on the table and next to the plate",
    "there are some trees",
]
GOOD = dict(
    zip(
        TEXTS,
        [
            "To the left of the plate is the red mug.",
            "The man who wears a hat.",
            "The cup on the table is next to the plate.",
            "the trees in the picture",
        ],
        strict=True,
    )
)


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts, "FIRST_WAIT_SECONDS", 0.001)
    monkeypatch.setattr(attempts, "LONGEST_WAIT_SECONDS", 0.001)


def phrased(text: str, said: Description) -> Phrased:
    found = Checker(LEXICON).check(text, said)
    assert found.expression is not None, found.reason
    return found.expression


def positives() -> list[PositiveRow]:
    return [
        PositiveRow(
            id=i,
            image_id="1",
            said=DescriptionRow.of(said),
            objects=[str(j) for j in range(len(said.nodes))],
            level=1,
            template="{T}",
            definite=[True] * len(said.nodes),
            expression=phrased(text, said),
        )
        for i, (said, text) in enumerate(zip(SAID, TEXTS, strict=True))
    ]


def rewriter(server: TextServer, **more: Any) -> ModelRewriter:
    return ModelRewriter(Asker(ServerWriter(server.config()), per_request=3, **more), LEXICON)


def test_a_good_model_is_taken_and_its_spans_are_exact() -> None:
    with serving(each(lambda question: GOOD[question["expression"]])) as server:
        rows = list(rewritten_positives(positives(), rewriter(server)))
    # As the templates are written: without a capital letter and a full stop.
    texts = [row.expression.text for row in rows]
    assert texts[0] == "to the left of the plate is the red mug"
    assert texts[1:] == [
        "the man who wears a hat",
        "the cup on the table is next to the plate",
        "the trees in the picture",
    ]
    assert [row.by for row in rows] == ["model"] * 4
    spans = [[row.expression.text[start:end] for start, end in row.expression.spans] for row in rows]
    assert spans == [["red mug", "plate"], ["man", "hat"], ["cup", "table", "plate"], ["trees"]]
    assert all(row.source["model"] == "m" and len(str(row.source["prompt_sha256"])) == 64 for row in rows)
    # Two requests at once: which of them reaches the server first is not fixed.
    targets = {question["expression"]: question["target"] for asked in server.asked for question in asked.values()}
    assert targets.keys() == set(TEXTS)
    assert targets[TEXTS[0]] == "red cup"


LIES = {
    TEXTS[0]: ("The plate to the left of the red cup.", "it says of the plate what belongs to the cup"),
    TEXTS[1]: ("a smiling man wearing a hat", "it adds an attribute: 'smiling'"),
    TEXTS[2]: (
        "the cup on the table next to the plate",
        "it says 'next to' of the table where another object is meant",
    ),
    TEXTS[3]: ("There are some trees.", UNCHANGED),
}


def test_a_lying_model_is_refused_and_the_template_stands() -> None:
    with serving(each(lambda question: LIES[question["expression"]][0])) as server:
        rows = list(rewritten_positives(positives(), rewriter(server)))
    assert [row.expression.text for row in rows] == TEXTS
    assert [row.by for row in rows] == ["template"] * 4
    assert [row.reason for row in rows] == [reason for _, reason in LIES.values()]
    assert [row.rejected for row in rows] == [*[text for text, _ in LIES.values()][:3], None]


@pytest.mark.parametrize("answer", [None, "", 7, ["x"], {"a": 1, "b": 2}, "x" * 10_000, "\x1b[2Jthe man wearing a hat"])
def test_nonsense_costs_one_sentence_alone(answer: object) -> None:
    def say(question: dict[str, str]) -> object:
        return answer if question["expression"] == TEXTS[1] else GOOD[question["expression"]]

    with serving(each(say)) as server:
        rows = list(rewritten_positives(positives(), rewriter(server)))
    assert [row.by for row in rows] == ["model", "template", "model", "model"]
    assert rows[1].reason
    assert (rows[1].rejected or "").isprintable()


def test_with_the_budget_used_up_the_templates_stand() -> None:
    with serving(each(lambda question: GOOD[question["expression"]])) as server:
        done = rewriter(server, budget=Budget(tokens=10))
        rows = list(rewritten_positives(positives(), done))
    assert [row.by for row in rows] == ["template"] * 4
    assert {row.reason for row in rows} == {"not asked: the budget of 10 tokens is used up"}
    assert server.asked == []


def test_a_second_run_asks_nothing_and_gives_the_same_rows(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    with serving(each(lambda question: GOOD[question["expression"]])) as server:
        first = list(rewritten_positives(positives(), rewriter(server, cache=AnswerCache(path))))
        asked = len(server.asked)
        # Another order: the cache is by question.
        rows = [*rewritten_positives(positives()[::-1], rewriter(server, cache=AnswerCache(path)))]
        assert rows[::-1] == first
        assert len(server.asked) == asked


def test_kinds_are_taken_only_where_the_graph_proves_them() -> None:
    asked = []

    def proof(key: str, said: Description) -> bool:
        asked.append((key, said.nodes[0].name))
        return key == "a"

    said = SAID[1]
    sentences = [Sentence(key, phrased(TEXTS[1], said), said, [True, True]) for key in "ab"]
    with serving(each(lambda question: "the person in the hat")) as server:
        asker = Asker(ServerWriter(server.config()))
        found = ModelRewriter(asker, LEXICON, proof=proof).rewrite(sentences)
        assert ModelRewriter(asker, LEXICON).rewrite(sentences)[0].reason == "it adds an object: 'person'"
    assert [(one.by, one.reason) for one in found] == [("model", None), ("template", UNPROVED)]
    assert asked == [("a", "person"), ("b", "person")]


def test_rules_give_other_sentences_that_the_checker_accepts() -> None:
    sentences = []
    for seed in range(60):
        rng = random.Random(seed)
        said = drawn(rng)
        definite = [True] * len(said.nodes)
        template = realise(said, sample_wording(rng, said, LEXICON), definite, LEXICON)
        expression = Phrased(text=template.text, spans=[*template.spans])
        sentences.append(Sentence(str(seed), expression, said, definite))
    found = RuleRewriter(LEXICON, seed=1).rewrite(sentences)
    assert found == RuleRewriter(LEXICON, seed=1).rewrite(sentences[::-1])[::-1]
    assert found != RuleRewriter(LEXICON, seed=2).rewrite(sentences)
    changed = [(one, two) for one, two in zip(sentences, found, strict=True) if two.by == "rules"]
    assert len(changed) > 54
    checker = Checker(LEXICON)
    for sentence, rewrite in changed:
        assert rewrite.expression.text != sentence.expression.text
        assert checker.check(rewrite.expression.text, sentence.said, sentence.definite).expression == rewrite.expression
    assert Templates().rewrite(sentences)[0].expression == sentences[0].expression


@pytest.mark.parametrize(
    ("text", "like", "expected"),
    [
        ("The cup.", "the cup", "the cup"),
        ("the cup", "The cup.", "The cup."),
        ("TV on the table", "the tv on the table", "TV on the table"),
        ("I see a cup.", "the cup", "I see a cup"),
        ("", "the cup", ""),
        ("the cup..", "the cup", "the cup"),
    ],
)
def test_a_rewrite_is_written_as_its_template(text: str, like: str, expected: str) -> None:
    assert styled(text, like) == expected


def test_the_prompts_examples_are_rewrites_that_are_taken() -> None:
    said = [
        described("red,cup", "table", "plate", "0 on 1", "1 next to 2"),
        described("man", "car", f"0 {LEFT} 1"),
        described("couch", "dog", "0 behind 1"),
    ]
    checker = Checker(gqa_lexicon())
    for (question, answer), description in zip(TASK.examples, said, strict=True):
        assert isinstance(question, dict)
        for text in (question["expression"], answer):
            assert checker.check(str(text), description).reason is None
        assert question["style"] in REWRITE_STYLES


def test_the_writers_that_are_configured() -> None:
    assert {"local", "openai"} <= set(names("writers"))
    assert load_writer("openai@gpt-x").model == "gpt-x"
    assert load_writer("local").backend == "llm"
    with pytest.raises(ConfigError, match="writer 'opnai'"):
        load_writer("opnai")


@pytest.fixture
def nonsense(tmp_path: Path) -> WriterConfig:
    """A tiny random model."""
    torch.manual_seed(0)
    processor = mini_processor()
    tokenizer = processor.tokenizer
    tokenizer.chat_template = processor.chat_template
    config = Qwen2Config(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=2,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    Qwen2ForCausalLM(config).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    return WriterConfig(name="tiny", backend="llm", model=str(tmp_path), max_new_tokens=6)


def test_a_local_model_that_talks_nonsense(nonsense: WriterConfig) -> None:
    writer = load_writer_model(nonsense, "cpu")
    assert isinstance(writer, LocalWriter)
    # Rows have no path of this machine.
    assert writer.name == Path(str(nonsense.model)).name
    asker = Asker(writer, per_request=2)
    rows = list(rewritten_positives(positives(), ModelRewriter(asker, LEXICON)))
    assert [row.expression.text for row in rows] == TEXTS
    assert all("no answer in the reply" in str(row.reason) for row in rows)
    assert asker.counts.requests == 6
    assert asker.budget.used[0] > 1000
    assert not asker.budget.is_estimate
