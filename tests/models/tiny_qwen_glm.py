"""Tiny random Qwen-VL and GLM-V models: each function returns a configuration and a processor."""

from __future__ import annotations

from typing import Any

from transformers import (
    Glm4vConfig,
    Glm4vImageProcessor,
    Glm4vProcessor,
    Glm4vVideoProcessor,
    Qwen2_5_VLConfig,
    Qwen2_5_VLProcessor,
    Qwen2VLImageProcessor,
    Qwen2VLVideoProcessor,
    Qwen3VLConfig,
    Qwen3VLProcessor,
    Qwen3VLVideoProcessor,
)

from finecops.mini.training.tokenizer import CHAT_TEMPLATE
from tests.models.tiny_parts import TEXT, stop_ids, tokenizer_with

_SIDE = {"shortest_edge": 112 * 112, "longest_edge": 112 * 112}


def _qwen(config_class: Any, processor_class: Any, patch: int, vision: dict[str, Any], rope: dict[str, Any]) -> Any:
    tokenizer = tokenizer_with()
    token = tokenizer.convert_tokens_to_ids
    config = config_class(
        text_config={**TEXT, "vocab_size": len(tokenizer), **stop_ids(tokenizer), "rope_parameters": rope},
        vision_config={"depth": 2, "num_heads": 2, "patch_size": patch, "spatial_merge_size": 2, **vision},
        image_token_id=token("<|image_pad|>"),
        video_token_id=token("<|video_pad|>"),
        vision_start_token_id=token("<|vision_start|>"),
        vision_end_token_id=token("<|vision_end|>"),
    )
    images = Qwen2VLImageProcessor(size=_SIDE, patch_size=patch)
    videos = Qwen3VLVideoProcessor() if processor_class is Qwen3VLProcessor else Qwen2VLVideoProcessor()
    return config, processor_class(
        image_processor=images, tokenizer=tokenizer, video_processor=videos, chat_template=CHAT_TEMPLATE
    )


def qwen25() -> Any:
    """Qwen2.5-VL."""
    rope = {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [4, 6, 6]}
    vision = {"hidden_size": 32, "out_hidden_size": 64, "intermediate_size": 64, "fullatt_block_indexes": [1]}
    return _qwen(Qwen2_5_VLConfig, Qwen2_5_VLProcessor, 14, {**vision, "window_size": 56}, rope)


def qwen3() -> Any:
    """Qwen3-VL."""
    rope = {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [6, 5, 5], "mrope_interleaved": True}
    vision = {
        "hidden_size": 32,
        "out_hidden_size": 64,
        "intermediate_size": 64,
        "num_position_embeddings": 64,
        "deepstack_visual_indexes": [0, 1],
    }
    return _qwen(Qwen3VLConfig, Qwen3VLProcessor, 16, vision, rope)


def glm4v(config_class: Any = Glm4vConfig, processor_class: Any = Glm4vProcessor) -> Any:
    """GLM-4.1V, or GLM-4.6V with its own classes."""
    names = (
        "<|begin_of_image|>",
        "<|end_of_image|>",
        "<|image|>",
        "<|begin_of_video|>",
        "<|end_of_video|>",
        "<|video|>",
    )
    tokenizer = tokenizer_with(*names)
    ids = {name.strip("<|>"): tokenizer.convert_tokens_to_ids(name) for name in names}
    config = config_class(
        text_config={
            **TEXT,
            "vocab_size": len(tokenizer),
            **stop_ids(tokenizer),
            "rope_parameters": {
                "rope_type": "default",
                "rope_theta": 1e4,
                "mrope_section": [2, 3, 3],
                "partial_rotary_factor": 0.5,
            },
        },
        vision_config={
            "depth": 2,
            "hidden_size": 32,
            "num_heads": 2,
            "patch_size": 14,
            "out_hidden_size": 64,
            "intermediate_size": 64,
            "image_size": 112,
        },
        image_token_id=ids["image"],
        video_token_id=ids["video"],
        image_start_token_id=ids["begin_of_image"],
        image_end_token_id=ids["end_of_image"],
        video_start_token_id=ids["begin_of_video"],
        video_end_token_id=ids["end_of_video"],
    )
    template = CHAT_TEMPLATE.replace(
        "<|vision_start|><|image_pad|><|vision_end|>", "<|begin_of_image|><|image|><|end_of_image|>"
    )
    size = {"shortest_edge": 112 * 112, "longest_edge": 112 * 112}
    return config, processor_class(
        image_processor=Glm4vImageProcessor(size=size),
        tokenizer=tokenizer,
        video_processor=Glm4vVideoProcessor(),
        chat_template=template,
    )
