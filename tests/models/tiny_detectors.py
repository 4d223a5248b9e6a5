"""Tiny random detectors of categories: each function returns a configuration and a processor."""

from __future__ import annotations

from typing import Any

from transformers import (
    DetrImageProcessor,
    OmDetTurboConfig,
    OmDetTurboProcessor,
    Owlv2Config,
    Owlv2ImageProcessor,
    Owlv2Processor,
)

from tests.models.tiny_parts import tokenizer_with

_CLIP = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
}


def owlv2() -> Any:
    """OWLv2."""
    tokenizer = tokenizer_with()
    tokenizer.padding_side = "right"
    config = Owlv2Config(
        text_config={
            **_CLIP,
            "vocab_size": len(tokenizer),
            "max_position_embeddings": 16,
            "bos_token_id": 1,
            "eos_token_id": 2,
            "pad_token_id": 0,
        },
        vision_config={**_CLIP, "image_size": 64, "patch_size": 16},
        projection_dim=32,
    )
    return config, Owlv2Processor(Owlv2ImageProcessor(size={"height": 64, "width": 64}), tokenizer)


def omdet() -> Any:
    """OmDet-Turbo."""
    tokenizer = tokenizer_with()
    tokenizer.padding_side = "right"
    config = OmDetTurboConfig(
        text_config={
            **_CLIP,
            "model_type": "clip_text_model",
            "vocab_size": len(tokenizer),
            "max_position_embeddings": 77,
            "projection_dim": 32,
            "bos_token_id": 1,
            "eos_token_id": 2,
            "pad_token_id": 0,
        },
        backbone_config={
            "model_type": "swin",
            "image_size": 64,
            "embed_dim": 16,
            "depths": [1, 1, 1, 1],
            "num_heads": [1, 1, 2, 2],
            "window_size": 4,
            "out_features": ["stage2", "stage3", "stage4"],
        },
        image_size=64,
        apply_layernorm_after_vision_backbone=False,
        encoder_in_channels=(32, 64, 128),
        vision_features_channels=(64, 64, 64),
        encoder_hidden_dim=64,
        encoder_dim_feedforward=32,
        encoder_attention_heads=2,
        decoder_hidden_dim=64,
        decoder_num_heads=2,
        decoder_num_layers=2,
        decoder_dim_feedforward=32,
        class_embed_dim=32,
        text_projection_in_dim=32,
        text_projection_out_dim=32,
        task_encoder_hidden_dim=32,
        num_queries=20,
    )
    images = DetrImageProcessor(size={"height": 64, "width": 64}, do_pad=False)
    return config, OmDetTurboProcessor(images, tokenizer)
