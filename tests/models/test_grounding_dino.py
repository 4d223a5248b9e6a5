"""The specialist through transformers, on the committed mini model."""

from __future__ import annotations

from copy import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import GroundingDinoConfig, GroundingDinoForObjectDetection

from finecops.config.find import load_specialist
from finecops.errors import ModelError
from finecops.images import Picture, read_picture
from finecops.mini.training.specialist import mini_config, mini_model, mini_processor
from finecops.models.grounding_dino import GroundingDino, clean_text, span_columns, token_scores
from finecops.models.protocols import Query, QueryGroup
from finecops.models.shared_backbone import buckets

IMAGE = Path("data/finecops-mini/images")


@pytest.fixture(scope="module")
def image() -> Picture:
    return read_picture(sorted(IMAGE.glob("test_*.png"))[0])


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("the red car", "the red car ."),
        ("the red car.", "the red car ."),
        ("a cup. on the left?", "a cup  on the left ."),
        ("  the car", "the car ."),
    ],
)
def test_text_ends_in_one_period_and_has_none_inside(text: str, cleaned: str) -> None:
    assert clean_text(text)[0] == cleaned
    assert cleaned.count(".") == 1


def test_focus_uses_exactly_the_targets_tokens() -> None:
    tokenizer = mini_processor().tokenizer
    text, _ = clean_text("the car. left of the small red car")
    encoded = tokenizer(text, return_offsets_mapping=True)
    start = text.rindex("small")
    columns = span_columns(np.array(encoded["offset_mapping"]), (start, start + len("small red car")))
    assert tokenizer.convert_ids_to_tokens([encoded["input_ids"][c] for c in columns]) == ["small", "red", "car"]
    probabilities = np.random.default_rng(0).random((4, len(encoded["input_ids"])))
    focused, note = token_scores(probabilities, np.array(encoded["offset_mapping"]), (start, start + 13))
    assert note is None
    assert np.allclose(focused, probabilities[:, columns].mean(1))
    assert np.allclose(token_scores(probabilities, np.array(encoded["offset_mapping"]), None)[0], probabilities.max(1))
    fallback, note = token_scores(probabilities, np.array(encoded["offset_mapping"]), (500, 510))
    assert np.allclose(fallback, probabilities.max(1))
    assert note is not None


def test_scores_are_the_same_alone_and_in_a_batch(mini_specialist: Any, image: Picture) -> None:
    queries = (
        Query("the car"),
        Query("the small red tree that is to the left of the house and above the striped fish", "tree", (14, 18)),
        Query("fish"),
    )
    before = mini_specialist.backbone.images.computed
    together = mini_specialist.detect(
        [QueryGroup(image, queries), QueryGroup(Picture(image.pixels.resize((140, 70))), queries[:1])]
    )
    assert [len(group) for group in together] == [3, 1]
    # The backbone runs once per image, not once per text.
    assert mini_specialist.backbone.images.computed - before == 2
    for query, batched in zip(queries, together[0], strict=True):
        ((alone,),) = mini_specialist.detect([QueryGroup(image, (query,))])
        assert np.allclose(alone.scores, batched.scores, atol=1e-5)
        assert np.allclose(alone.xyxy, batched.xyxy, atol=0.05)


SIZES = ((140, 140), (140, 120), (70, 140), (140, 100))


def test_padded_batches_and_one_by_one_and_the_librarys_own_way_agree(mini_specialist: Any, image: Picture) -> None:
    pictures = [Picture(image.pixels.resize(size)) for size in SIZES]
    query = Query("the small red tree that is to the left of the house")
    passes: list[int] = []
    handle = mini_specialist.model.register_forward_hook(lambda *_: passes.append(1))
    together = mini_specialist.detect([QueryGroup(picture, (query,)) for picture in pictures])
    # The first, second and fourth size share a batch.
    assert len(passes) == 2
    for picture, (padded,) in zip(pictures, together, strict=True):
        again = Picture(picture.pixels.copy())
        ((alone,),) = mini_specialist.detect([QueryGroup(again, (query,))])
        assert np.allclose(alone.scores, padded.scores, atol=1e-4)
        assert np.allclose(alone.xyxy, padded.xyxy, atol=0.01)
        inputs = mini_specialist.processor(images=[again.pixels], text=[clean_text(query.text)[0]], return_tensors="pt")
        with torch.inference_mode():
            plain = mini_specialist.model(**inputs)
        assert np.allclose(
            alone.scores, plain.logits[0].sigmoid().max(1).values.sort(descending=True).values, atol=1e-5
        )
    handle.remove()


def test_what_is_asked_twice_is_computed_once(mini_specialist: Any, image: Picture) -> None:
    passes: list[int] = []
    handle = mini_specialist.model.register_forward_hook(lambda *_: passes.append(1))
    group = QueryGroup(Picture(image.pixels.copy()), (Query("the car"), Query("the red car", "car", (8, 11))))
    first, second = (mini_specialist.detect([group]) for _ in range(2))
    assert first == second
    assert len(passes) == 1
    before = mini_specialist.backbone.images.computed
    mini_specialist.detect([QueryGroup(group.image, (Query("the tree"),))])
    # Another text: another pass over the features that are there.
    assert len(passes) == 2
    assert mini_specialist.backbone.images.computed == before
    handle.remove()


def test_sizes_that_would_be_mostly_padding_do_not_share_a_batch() -> None:
    assert buckets([(10, 20), (20, 10), (10, 19), (10, 20)]) == [[2, 0, 3], [1]]
    assert buckets([]) == []


def test_detections_are_sorted_and_inside_the_image(mini_specialist: Any, image: Picture) -> None:
    ((found,),) = mini_specialist.detect([QueryGroup(image, (Query("the car"),))])
    assert np.all(np.diff(found.scores) <= 0)
    assert found.xyxy.min() >= 0
    assert found.xyxy.max() <= max(image.size)
    assert len(found.scores) == 24


def test_a_text_that_is_too_long_is_an_error(mini_specialist: Any, image: Picture) -> None:
    with pytest.raises(ModelError, match="tokens; mini-gdino takes 256"):
        mini_specialist.detect([QueryGroup(image, (Query("car " * 300),))])


def test_a_text_that_is_too_long_is_cut_where_the_model_says_so(mini_specialist: Any, image: Picture) -> None:
    cutting = copy(mini_specialist)
    cutting.config = mini_specialist.config.model_copy(update={"long_text": "cut", "max_tokens": 12})
    long = "the car left of the tree and the red cup below the small boat"
    focused = [Query(long, "boat", (len(long) - 4, len(long))), Query("the car"), Query(long)]
    (behind_the_cut, short, cut) = cutting.detect([QueryGroup(image, tuple(focused))])[0]
    assert (
        behind_the_cut.note
        == "the text was cut from 17 to 12 tokens; no token lies in the target's span: scored without focus"
    )
    assert (short.note, cut.note) == (None, "the text was cut from 17 to 12 tokens")
    ((first_words,),) = mini_specialist.detect([QueryGroup(image, (Query("the car left of the tree and the red"),))])
    assert np.allclose(cut.xyxy, first_words.xyxy, atol=0.05)
    assert first_words.note is None


def test_a_checkpoint_without_head_settings_keeps_its_separate_heads(tmp_path: Path) -> None:
    """With shared heads, such a checkpoint would load with only a warning, and give wrong boxes."""
    torch.manual_seed(0)
    model = mini_model()
    for i, (outer, inner) in enumerate(zip(model.bbox_embed, model.model.decoder.bbox_embed, strict=True)):
        for a, b in zip(outer.parameters(), inner.parameters(), strict=True):
            torch.nn.init.constant_(a, 0.01 * (i + 1))
            b.data.copy_(a.data)
    model.save_pretrained(tmp_path)
    mini_processor().save_pretrained(tmp_path)
    config_file = tmp_path / "config.json"
    lines = [line for line in config_file.read_text().splitlines() if "_embed_share" not in line]
    config_file.write_text("\n".join(lines))
    loaded = GroundingDino(load_specialist("mini-gdino").model_copy(update={"weights": str(tmp_path)}))
    for i, head in enumerate(loaded.model.model.decoder.bbox_embed):
        assert float(next(head.parameters()).detach().flatten()[0]) == pytest.approx(0.01 * (i + 1))


def test_the_original_grounding_dino_runs_with_the_same_code(tmp_path: Path, image: Picture) -> None:
    """A tiny random model of the class of `IDEA-Research/grounding-dino-*`."""
    torch.manual_seed(0)
    shape = mini_config().to_dict()
    for key in ("model_type", "decoder_bbox_embed_share", "decoder_cls_embed_share", "architectures"):
        shape.pop(key, None)
    GroundingDinoForObjectDetection(GroundingDinoConfig(**shape)).save_pretrained(tmp_path)
    mini_processor().save_pretrained(tmp_path)
    model = GroundingDino(load_specialist("mini-gdino").model_copy(update={"weights": str(tmp_path)}))
    assert isinstance(model.model, GroundingDinoForObjectDetection)
    queries = (Query("the car"), Query("the small red tree left of the house", "red tree", (10, 18)))
    (together,) = model.detect([QueryGroup(image, queries)])
    ((alone,),) = model.detect([QueryGroup(image, queries[1:])])
    assert np.allclose(alone.scores, together[1].scores, atol=1e-5)
