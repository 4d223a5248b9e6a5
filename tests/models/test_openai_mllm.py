"""An MLLM behind a chat completions server that misbehaves as each test needs."""

from __future__ import annotations

import base64
import io
import json
import math
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from PIL import Image

from finecops.config.budget import with_visual_tokens
from finecops.config.find import load_mllm
from finecops.config.schema import MllmConfig
from finecops.errors import ConfigError
from finecops.images import Picture, read_picture
from finecops.models import attempts
from finecops.models.backends import load_mllm_model
from finecops.models.openai_mllm import OpenAiMllm
from finecops.models.openai_requests import image_url
from finecops.models.protocols import Question, QuestionGroup
from finecops.runs.specification import ImageGroup
from finecops.stages.marks import draw_marks
from finecops.stages.mllm import MllmStage
from finecops.stages.rows import query_groups
from tests.conftest import make_sample

BOX = "<|box_start|>(100,200),(500,600)<|box_end|>"
BOX_TOKENS = [("<|box_start|>", 1.0), ("(100,200)", 0.5), (",", 1.0), ("(500,600)", 0.9), ("<|box_end|>", 1.0)]


class Server(BaseHTTPRequestHandler):
    """Answers with `reply(request)`: a status and a body, or text and tokens."""

    reply: ClassVar[Any] = None
    seen: ClassVar[list[Any]] = []

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.seen.append(request)
        status, body = type(self).reply(request)
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Retry-After", "0")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Be quiet."""


def answer(text: str | None, tokens: Any = None, model: str = "m", **message: Any) -> tuple[int, Any]:
    """A completion; `tokens` are (text, probability) pairs, or for the first alone a table of alternatives."""
    logprobs = None
    if isinstance(tokens, dict):
        top = [{"token": t, "logprob": math.log(p), "bytes": None} for t, p in tokens.items()]
        logprobs = {"content": [{"token": text, "logprob": top[0]["logprob"], "bytes": None, "top_logprobs": top}]}
    elif tokens is not None:
        logprobs = {
            "content": [{"token": t, "logprob": math.log(p), "bytes": None, "top_logprobs": []} for t, p in tokens]
        }
    choice = {"index": 0, "message": {"role": "assistant", "content": text} | message, "finish_reason": "stop"}
    body = {"id": "x", "object": "chat.completion", "created": 0, "model": model, "choices": [choice]}
    choice["logprobs"] = logprobs
    return 200, body


@pytest.fixture
def config(monkeypatch: pytest.MonkeyPatch) -> Iterator[MllmConfig]:
    monkeypatch.setattr(attempts, "FIRST_WAIT_SECONDS", 0.01)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    Server.seen.clear()
    url = f"http://127.0.0.1:{server.server_port}/v1"
    base = load_mllm("qwen2-vl-7b")
    yield base.model_copy(update={"backend": "openai", "base_url": url, "weights": "org/m", "name": "served"})
    server.shutdown()


@pytest.fixture
def group(tmp_path: Path) -> ImageGroup:
    Image.new("RGB", (100, 50), "red").save(tmp_path / "a.jpg")
    return ImageGroup(tmp_path / "a.jpg", (make_sample("1", width=100, height=50),))


def ground(config: MllmConfig, group: ImageGroup) -> Any:
    (row,) = MllmStage(OpenAiMllm(config), config, None, "mean_prob")([group])
    return row


def test_a_boxs_score_is_the_mean_probability_of_its_tokens(config: MllmConfig, group: ImageGroup) -> None:
    Server.reply = lambda request: answer(BOX, BOX_TOKENS)
    row = ground(config, group)
    assert row.boxes == ((10.0, 10.0, 50.0, 30.0),)
    assert row.scores == pytest.approx((0.8,), abs=1e-3)
    (request,) = Server.seen
    assert request["skip_special_tokens"] is False
    assert request["temperature"] == 0
    image, text = request["messages"][0]["content"]
    assert text["text"] == "Output the bounding box of the red car in the image."
    sent = base64.b64decode(image["image_url"]["url"].partition(",")[2])
    assert sent == group.image.read_bytes()


def test_an_image_is_sent_as_large_as_the_budget_allows_and_boxes_are_the_originals(
    config: MllmConfig, group: ImageGroup
) -> None:
    Server.reply = lambda request: answer(BOX, BOX_TOKENS)
    row = ground(with_visual_tokens(config.model_copy(update={"min_pixels": 784}), 2), group)
    assert row.boxes == ((10.0, 10.0, 50.0, 30.0),)
    url = Server.seen[0]["messages"][0]["content"][0]["image_url"]["url"]
    with Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))) as sent:
        assert sent.size == (56, 28)


@pytest.mark.parametrize("end", ["<|im_end|>", "</s>", "<end_of_turn>", "<|im_end|><|endoftext|>"])
@pytest.mark.parametrize("scored", [True, False])
def test_end_of_turn_tokens_are_removed(config: MllmConfig, group: ImageGroup, end: str, scored: bool) -> None:
    tokens = [*BOX_TOKENS, *((piece, 0.1) for piece in re.findall("<.*?>", end))] if scored else None
    Server.reply = lambda request: answer(BOX + end, tokens)
    ((reply,),) = OpenAiMllm(config).ground(query_groups([group], None))
    assert reply.text == BOX
    assert reply.token_texts == (tuple(text for text, _ in BOX_TOKENS) if scored else None)


def test_a_reply_without_markers_and_probabilities_has_a_box_without_score(
    config: MllmConfig, group: ImageGroup
) -> None:
    Server.reply = lambda request: answer("(100,200),(500,600)")
    row = ground(config, group)
    assert (row.status, row.scores) == ("box", None)


def test_a_refused_parameter_is_left_out_from_then_on(config: MllmConfig, group: ImageGroup) -> None:
    def reply(request: Any) -> tuple[int, Any]:
        if "logprobs" in request:
            return 400, {"error": {"message": "logprobs are not supported"}}
        return answer(BOX)

    Server.reply = reply
    model = OpenAiMllm(config)
    stage = MllmStage(model, config, None, "mean_prob")
    assert [stage([group])[0].status for _ in range(2)] == ["box", "box"]
    # With both parameters, without special tokens, without log-probabilities; the next call begins with the last.
    assert ["logprobs" in request for request in Server.seen] == [True, True, False, False]
    assert ["skip_special_tokens" in request for request in Server.seen] == [True, False, True, True]


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (lambda request: (401, {"error": {"message": "bad key"}}), "AuthenticationError"),
        (lambda request: (400, {"error": {"message": "image too large"}}), "image too large"),
        (lambda request: (404, {"object": "error", "message": "The model `x` does not exist."}), "does not exist"),
        (lambda request: (400, {"detail": "Server is pinned to 'mine'"}), "code: 400: Server is pinned to 'mine'"),
        (lambda request: (422, {"detail": [{"loc": ["top_k"], "msg": "too large"}]}), '"msg": "too large"'),
        (lambda request: (404, b"<html><h1>not found"), "NotFoundError: Error code: 404"),
        (lambda request: (200, b'{"choices": [{"mess'), ""),
        (lambda request: (200, answer("")[1] | {"choices": []}), "no choices"),
        (lambda request: answer(None), "no content"),
        (lambda request: answer(None, refusal="I cannot look at this."), "moderation refused: I cannot look"),
        (lambda request: answer(BOX, model="another-model"), "answered as model 'another-model'"),
    ],
)  # fmt: skip
def test_a_bad_answer_is_a_failed_row_with_its_reason(
    reply: Any, reason: str, config: MllmConfig, group: ImageGroup
) -> None:
    Server.reply = reply
    row = ground(config, group)
    assert row.status == "failed"
    assert reason in row.reason


def test_a_url_without_v1_is_said(config: MllmConfig, group: ImageGroup) -> None:
    Server.reply = lambda request: (404, {"detail": "Not Found"})
    assert "v1)" not in ground(config, group).reason
    bare = config.model_copy(update={"base_url": str(config.base_url).removesuffix("/v1")})
    assert ground(bare, group).reason.endswith("Error code: 404: Not Found (most servers' base_url ends in /v1)")


def test_a_busy_server_is_asked_again(config: MllmConfig, group: ImageGroup) -> None:
    replies = [(429, {"error": {"message": "slow down"}}), (500, {"error": {"message": "oops"}}), answer(BOX)]
    Server.reply = lambda request: replies.pop(0)
    assert ground(config, group).status == "box"
    assert len(Server.seen) == 3


@pytest.mark.parametrize(
    ("reply", "probabilities", "mass"),
    [
        (("B", {"B": 0.6, "A": 0.2, " B": 0.1}), (2 / 9, 7 / 9, 0.0), 0.9),
        (("The", {"The": 0.9, "It": 0.1}), None, None),
        (("B", None), None, None),
        (("B<|im_end|>", None), None, None),
    ],
)
def test_letter_probabilities_from_the_first_token(
    reply: Any, probabilities: Any, mass: Any, config: MllmConfig, group: ImageGroup
) -> None:
    Server.reply = lambda request: answer(*reply)
    question = Question("Which?", ("A", "B", "C"))
    ((scores,),) = OpenAiMllm(config).choose([QuestionGroup(read_picture(group.image), (question,))])
    assert scores.probabilities == (None if probabilities is None else pytest.approx(probabilities))
    assert scores.mass == (None if mass is None else pytest.approx(mass))
    assert scores.reply == reply[0].removesuffix("<|im_end|>")
    assert Server.seen[0]["top_logprobs"] == 20


def test_a_changed_image_is_sent_as_png(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6  # rotated by 90 degrees
    Image.new("RGB", (40, 20), "blue").save(path, exif=exif)
    turned = read_picture(path)
    assert turned.size == (20, 40)
    for image in (turned, Picture(draw_marks(turned.pixels, [(1.0, 1.0, 9.0, 9.0)]))):
        url = image_url(image)
        assert url.startswith("data:image/png;")
        sent = Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2])))
        assert np.array_equal(np.asarray(sent), np.asarray(image.pixels))


@pytest.mark.parametrize(
    ("name", "text", "sent_wh"),
    [
        ("qwen2.5-vl-7b-server", '```json\n[{"bbox_2d": [14, 14, 56, 42]}]\n```', (112, 56)),
        ("qwen3-vl-8b-server", '[{"bbox_2d": [125, 250, 500, 750], "label": "car"}]', (100, 50)),
        ("internvl2.5-8b-server", "<ref>the red car</ref><box>[[125, 250, 500, 750]]</box>", (100, 50)),
    ],
)
def test_each_model_has_its_own_prompt_and_box_format(
    config: MllmConfig, group: ImageGroup, name: str, text: str, sent_wh: tuple[int, int]
) -> None:
    own = load_mllm(name).model_copy(update={"base_url": config.base_url, "weights": config.weights})
    Server.reply = lambda request: answer(text)
    row = ground(own, group)
    assert row.boxes == (pytest.approx((12.5, 12.5, 50.0, 37.5)),)
    image, prompt = Server.seen[0]["messages"][0]["content"]
    assert prompt["text"] == row.prompt
    assert "the red car" in row.prompt
    # Where boxes are in pixels of the resized image, the resized image is sent.
    sent = Image.open(io.BytesIO(base64.b64decode(image["image_url"]["url"].partition(",")[2])))
    assert sent.size == sent_wh


def test_system_message_and_chat_options_reach_the_server(config: MllmConfig, group: ImageGroup) -> None:
    Server.reply = lambda request: answer(BOX)
    changes = {"system": "Be brief.", "chat_options": {"enable_thinking": False}, "plain_commas": True}
    own = config.model_copy(update=changes)
    sample = make_sample("1", width=100, height=50, expression="the red, shiny car")
    row = ground(own, ImageGroup(group.image, (sample,)))
    (request,) = Server.seen
    assert request["messages"][0] == {"role": "system", "content": "Be brief."}
    assert request["chat_template_kwargs"] == {"enable_thinking": False}
    assert "the red shiny car" in row.prompt


def test_a_missing_key_is_an_error(config: MllmConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(ConfigError, match="set OPENAI_API_KEY"):
        load_mllm_model(config.model_copy(update={"base_url": None, "name": "cloud"}), "cpu")
