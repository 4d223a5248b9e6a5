"""Operations from shapes are those that are counted while a model runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from PIL import Image

from finecops.config.find import load_mllm, load_specialist
from finecops.evaluation.shapes import MM_GDINO_L, QWEN2_VL_7B, DetectorShape, MllmShape
from finecops.models.grounding_dino import load_untied
from finecops.models.loading import Checkpoint, load_model_type, load_processor
from finecops.models.transformers_mllm import chat_text, load_mllm_weights
from finecops.runs.engines.operations import OperationCounter
from finecops.tuning.train import LANGUAGE_LINEARS

PROJECT = Path(__file__).resolve().parents[2]


def settings(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((PROJECT / "checkpoints" / name / "config.json").read_text())
    return found


@torch.inference_mode()
def test_a_detector_takes_what_its_shape_says() -> None:
    config, c = load_specialist("mini-gdino"), settings("mini-gdino")
    swin, bert = c["backbone_config"], c["text_config"]
    shape = DetectorShape(
        depths=tuple(swin["depths"]),
        embed=swin["embed_dim"],
        window=swin["window_size"],
        stages=tuple(int(name[-1]) - 1 for name in swin["out_features"]),
        levels=c["num_feature_levels"],
        width=c["d_model"],
        ffn=c["encoder_ffn_dim"],
        heads=c["encoder_attention_heads"],
        layers=(c["encoder_layers"], c["decoder_layers"]),
        queries=c["num_queries"],
        text=(bert["num_hidden_layers"], bert["hidden_size"], bert["intermediate_size"]),
    )
    checkpoint = Checkpoint.of(config)
    model = load_untied(checkpoint, config, load_model_type(checkpoint)).eval()
    inputs = load_processor(checkpoint)(
        images=Image.new("RGB", (240, 160)), text="the red ball on the left .", return_tensors="pt"
    )
    with OperationCounter() as counter:
        model(**inputs)
    height, width = inputs["pixel_values"].shape[-2:]
    tokens = inputs["input_ids"].shape[1]
    computed = shape.backbone((width, height)) + shape.text_pass((width, height), tokens)
    assert computed == pytest.approx(counter.total, rel=0.01)


def mini_mllm() -> MllmShape:
    c = settings("mini-qwen2vl")
    text, vision = c["text_config"], c["vision_config"]
    head = text["hidden_size"] // text["num_attention_heads"]
    return MllmShape(
        vision_layers=vision["depth"],
        vision_width=vision["embed_dim"],
        vision_ffn=vision["embed_dim"] * vision["mlp_ratio"],
        layers=text["num_hidden_layers"],
        width=text["hidden_size"],
        key_width=head * text["num_key_value_heads"],
        ffn=text["intermediate_size"],
        vocabulary=text["vocab_size"],
    )


@torch.inference_mode()
def test_an_mllm_takes_what_its_shape_says() -> None:
    config, shape = load_mllm("mini-qwen2vl"), mini_mllm()
    checkpoint = Checkpoint.of(config)
    processor, model = load_processor(checkpoint), load_mllm_weights(config, checkpoint).eval()
    prompt = chat_text(processor, "Output the bounding box of the ball in the image.", config)
    inputs = processor(images=[Image.new("RGB", (140, 140))], text=[prompt], return_tensors="pt")
    with OperationCounter() as counter:
        output = model(**inputs, use_cache=True, logits_to_keep=1)
    length = inputs["input_ids"].shape[1]
    # The processor makes every image as large as the mini model wants it.
    patches = inputs["pixel_values"].shape[0]
    side = round(patches**0.5) * 14
    assert shape.patches((side, side)) == patches
    assert shape.vision((side, side)) + shape.reading(length) == pytest.approx(counter.total, rel=0.01)
    one = {"input_ids": inputs["input_ids"][:, -1:], "past_key_values": output.past_key_values}
    with OperationCounter() as counter:
        model(**one, position_ids=torch.full((3, 1, 1), length), use_cache=True)
    assert shape.reading(1, before=length) == pytest.approx(counter.total, rel=0.01)


def test_a_row_of_tuning_takes_what_the_shape_says() -> None:
    # In training, torch does not count its own attention on a CPU; the written-out one is matrix products.
    config, shape = load_mllm("mini-qwen2vl").model_copy(update={"attention": "eager"}), mini_mllm()
    checkpoint = Checkpoint.of(config)
    processor = load_processor(checkpoint)
    base = load_mllm_weights(config, checkpoint).train()
    # As in tuning.
    base.enable_input_require_grads = lambda: None
    model = get_peft_model(base, LoraConfig(r=1, target_modules=LANGUAGE_LINEARS))
    model.gradient_checkpointing_enable({"use_reentrant": False})
    prompt = chat_text(processor, "Output the bounding box of the ball in the image.", config)
    inputs = processor(images=[Image.new("RGB", (140, 140))], text=[prompt], return_tensors="pt")
    with OperationCounter() as counter:
        model(**inputs, labels=inputs["input_ids"], use_cache=False).loss.backward()
    side = round(inputs["pixel_values"].shape[0] ** 0.5) * 14
    computed = shape.tuning(inputs["input_ids"].shape[1], (side, side))
    # The layers at both ends of the tower are not done again; their share is large in one so small.
    assert 0.99 < computed / counter.total < 1.2


def test_the_published_models_have_about_as_many_weights_as_their_names_say() -> None:
    assert 7.0e9 < QWEN2_VL_7B.read_for_a_token < 7.2e9
    # Swin-L at 384 x 384 takes 104 billion multiply-adds (Liu et al. 2021, Table 1); 3 % are projections and padding.
    assert MM_GDINO_L.backbone((384, 384)) / 2e9 == pytest.approx(104, rel=0.06)
