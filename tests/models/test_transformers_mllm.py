"""The MLLM through transformers, on the committed mini model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from finecops.config.find import load_mllm
from finecops.errors import ConfigError
from finecops.images import Picture, read_picture
from finecops.models.protocols import Query, QueryGroup
from finecops.replies.answer import Reply
from finecops.replies.confidence import box_confidence, tokens_in_span
from finecops.replies.formats import BOX_FORMATS, decode
from finecops.replies.prompting import prompt_text

PAREN = BOX_FORMATS["norm1000_paren"]


@pytest.fixture(scope="module")
def images() -> list[Picture]:
    return [read_picture(path) for path in sorted(Path("data/finecops-mini/images").glob("test_*.png"))[:2]]


def test_a_prompt_that_is_not_there_is_an_error() -> None:
    config = load_mllm("qwen2-vl-7b")
    with pytest.raises(ConfigError, match="no such prompt"):
        prompt_text(config.model_copy(update={"prompt": "NO_SUCH"}), "x")


def test_replies_are_the_same_alone_and_in_a_batch(mini_mllm: Any, images: list[Picture]) -> None:
    queries = (Query("the car"), Query("the tree that is to the left of the small striped red house", "tree", (4, 8)))
    groups = [QueryGroup(image, queries) for image in images]
    together = mini_mllm.ground(groups)
    for group, replies in zip(groups, together, strict=True):
        for query, batched in zip(group.queries, replies, strict=True):
            ((alone,),) = mini_mllm.ground([QueryGroup(group.image, (query,))])
            assert alone.text == batched.text
            assert alone.token_probs == pytest.approx(batched.token_probs, abs=1e-4)


def test_a_reply_is_a_box_in_the_models_format(mini_mllm: Any, images: list[Picture]) -> None:
    ((reply,),) = mini_mllm.ground([QueryGroup(images[0], (Query("the candle"),))])
    assert reply.text.startswith("<|box_start|>(")
    assert reply.text.endswith(")<|box_end|>")
    assert "".join(reply.token_texts) == reply.text
    decoded = decode(PAREN, reply.text, images[0].size)
    assert decoded.status == "box"
    inside = tokens_in_span(reply.token_texts, decoded.spans[0])
    assert reply.token_texts[inside[0]] == "("
    assert (
        0
        < box_confidence(reply, decoded.spans[0], "product")
        <= box_confidence(reply, decoded.spans[0], "mean_prob")
        <= 1
    )


def test_confidence_uses_the_tokens_between_the_markers() -> None:
    texts = ("<|box_start|>", "(", "10", ",", "20", "),(", "30", ",", "40", ")", "<|box_end|>")
    probabilities = (0.1, 1.0, 0.5, 1.0, 0.5, 1.0, 0.5, 1.0, 0.5, 1.0, 0.1)
    reply = Reply("p", "".join(texts), texts, probabilities, tuple(float(i) for i in range(11)))
    span = decode(PAREN, reply.text, (100, 100)).spans[0]
    assert box_confidence(reply, span, "mean_prob") == pytest.approx(7 / 9)
    assert box_confidence(reply, span, "product") == pytest.approx(0.5**4)
    assert box_confidence(reply, span, "mean_logit") == pytest.approx(5.0)
    assert box_confidence(Reply("p", reply.text), span, "mean_prob") is None
