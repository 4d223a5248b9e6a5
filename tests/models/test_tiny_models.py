"""Every transformers class that a configuration names, as a tiny random model with the real one's settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from finecops.config.find import load_mllm, load_specialist
from finecops.errors import ModelError
from finecops.images import Picture, read_picture
from finecops.models.backends import load_mllm_model, load_specialist_model
from finecops.models.protocols import Query, QueryGroup, Question, QuestionGroup
from finecops.models.transformers_mllm import ImagePrompt
from finecops.replies.box_text import frame_of
from tests.models.tiny import save_tiny

QUERIES = (Query("the red car"), Query("the tree, to the left of the small red house", "tree", (4, 8)))
CHATS = {
    "qwen2_5_vl": "qwen2.5-vl-7b",
    "qwen3_vl": "qwen3-vl-8b",
    "glm4v": "glm-4.1v-9b",
    "glm46v": "glm-4.6v-flash",
    "internvl": "internvl3-8b",
    "kosmos2": "kosmos-2",
    "paligemma": "paligemma2-3b",
    "molmo2": "molmo2-8b",
}
SHARES_PREFIXES = ("qwen2_5_vl", "qwen3_vl", "glm4v", "glm46v")


@pytest.fixture(scope="module")
def images() -> list[Picture]:
    first, second = (read_picture(path) for path in sorted(Path("data/finecops-mini/images").glob("test_*.png"))[:2])
    return [first, Picture(second.pixels.crop((0, 0, 140, 90)))]


def tiny_mllm(kind: str, name: str, folder: Path, **changes: Any) -> Any:
    changes = {"weights": str(save_tiny(kind, folder)), "dtype": "float32", "max_new_tokens": 5} | changes
    return load_mllm_model(load_mllm(name).model_copy(update=changes), "cpu")


@pytest.mark.parametrize("kind", [*CHATS, "florence2"])
def test_an_mllms_replies_are_the_same_alone_in_a_batch_and_with_nothing_shared(
    kind: str, tmp_path: Path, images: list[Picture], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = tiny_mllm(kind, CHATS.get(kind, "florence-2-large"), tmp_path)
    groups = [QueryGroup(image, QUERIES) for image in images]
    together = model.ground(groups)
    for group, replies in zip(groups, together, strict=True):
        for query, reply in zip(group.queries, replies, strict=True):
            ((alone,),) = model.ground([QueryGroup(group.image, (query,))])
            assert alone.text == reply.text == "".join(reply.token_texts)
            assert alone.token_probs == pytest.approx(reply.token_probs, abs=1e-4)
            assert len(reply.token_texts) > 0
    # The batch of four queries has two images. On a CPU each is computed once more when it is asked about alone.
    assert model.prefixes.images.computed == (4 if kind in SHARES_PREFIXES else 0)
    monkeypatch.setattr(model.prefixes, "possible", False)
    monkeypatch.setattr(model.processing, "_possible", False)
    for ours, theirs in zip(together, model.ground(groups), strict=True):
        for reply, plain in zip(ours, theirs, strict=True):
            assert reply.text == plain.text
            assert reply.token_probs == pytest.approx(plain.token_probs, abs=1e-4)


@pytest.mark.parametrize("kind", CHATS)
def test_letter_probabilities_depend_on_question_and_image(kind: str, tmp_path: Path, images: list[Picture]) -> None:
    model = tiny_mllm(kind, CHATS[kind], tmp_path)
    questions = tuple(Question(f"Pick {word}.\nA. x\nB. y", ("A", "B")) for word in ("one", "another one"))
    ((first, second), (third, _)) = model.choose([QuestionGroup(image, questions) for image in images])
    for scores in (first, second):
        assert sum(scores.probabilities) == pytest.approx(1)
        assert 0 < scores.mass < 1
    assert first.probabilities != second.probabilities
    assert first.probabilities != third.probabilities


def test_an_encoder_decoder_cannot_select(tmp_path: Path, images: list[Picture]) -> None:
    model = tiny_mllm("florence2", "florence-2-large", tmp_path)
    with pytest.raises(ModelError, match="cannot select"):
        model.choose([QuestionGroup(images[0], (Question("Pick.\nA. x\nB. y", ("A", "B")),))])


def test_the_frame_is_the_size_of_the_resized_image(tmp_path: Path, images: list[Picture]) -> None:
    bounds = {"min_pixels": 56 * 56, "max_pixels": 112 * 112}
    model = tiny_mllm("qwen2_5_vl", "qwen2.5-vl-7b", tmp_path, **bounds)
    for image in images:
        prompts = [ImagePrompt(0, image.pixels, "x")]
        inputs = model._inputs(prompts, model.texts(prompts))
        _, rows, columns = inputs["image_grid_thw"][0].tolist()
        assert frame_of(model.config, image.size) == (14 * columns, 14 * rows)


@pytest.mark.parametrize("kind", ["owlv2", "omdet-turbo"])
def test_a_category_detectors_scores_are_the_same_alone_and_in_a_batch(
    kind: str, tmp_path: Path, images: list[Picture]
) -> None:
    changes = {"weights": str(save_tiny(kind, tmp_path)), "max_boxes": 5}
    config = load_specialist(kind).model_copy(update=changes)
    model = load_specialist_model(config, "cpu")
    long = Query(" ".join(["the red car that is to the left of the tree"] * 9))
    groups = [QueryGroup(image, (*QUERIES, long)) for image in images]
    for group, results in zip(groups, model.detect(groups), strict=True):
        assert [len(found.scores) for found in results] == [5, 5, 5]
        assert [found.note is not None for found in results] == [False, False, True]
        assert (np.diff(results[0].scores) <= 0).all()
        assert ((results[0].xyxy >= 0) & (results[0].xyxy <= np.array([*group.image.size] * 2))).all()
        ((alone,),) = model.detect([QueryGroup(group.image, (QUERIES[1],))])
        np.testing.assert_allclose(alone.scores, results[1].scores, atol=1e-6)
        # A query with a target asks for the target.
        ((target,),) = model.detect([QueryGroup(group.image, (Query("tree"),))])
        np.testing.assert_allclose(target.scores, results[1].scores, atol=1e-6)
    strict = load_specialist_model(config.model_copy(update={"long_text": "error"}), "cpu")
    with pytest.raises(ModelError, match="tokens"):
        strict.detect([QueryGroup(images[0], (long,))])


@pytest.mark.parametrize(
    ("permitted", "revision", "message"),
    [(False, None, "--trust-remote-code"), (True, None, "pin"), (True, "main", "pin")],
)
def test_remote_code_needs_permission_and_a_pinned_commit(permitted: bool, revision: str | None, message: str) -> None:
    changes = {"remote_code": True, "trust_remote_code": permitted, "revision": revision, "weights": "no/such-model"}
    with pytest.raises(ModelError, match=message):
        load_mllm_model(load_mllm("qwen2-vl-2b").model_copy(update=changes), "cpu")
