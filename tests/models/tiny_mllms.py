"""Tiny random models of other MLLM classes: each function returns a configuration and a processor."""

from __future__ import annotations

from typing import Any

from transformers import (
    CLIPImageProcessor,
    Florence2Config,
    Florence2Processor,
    GotOcr2ImageProcessor,
    InternVLConfig,
    InternVLProcessor,
    InternVLVideoProcessor,
    Kosmos2Config,
    Kosmos2Processor,
    Molmo2Config,
    Molmo2ImageProcessor,
    Molmo2Processor,
    Molmo2VideoProcessor,
    PaliGemmaConfig,
    PaliGemmaProcessor,
    SiglipImageProcessor,
)

from finecops.mini.training.tokenizer import CHAT_TEMPLATE
from tests.models.tiny_parts import TEXT, stop_ids, tokenizer_with


def internvl() -> Any:
    """InternVL."""
    tokenizer = tokenizer_with(
        start_image_token="<img>",
        end_image_token="</img>",
        context_image_token="<IMG_CONTEXT>",
        video_token="<video>",
    )
    config = InternVLConfig(
        vision_config={
            "hidden_size": 32,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "intermediate_size": 64,
            "image_size": [56, 56],
            "patch_size": [14, 14],
        },
        text_config={**TEXT, "model_type": "qwen2", "vocab_size": len(tokenizer), **stop_ids(tokenizer)},
        image_token_id=tokenizer.context_image_token_id,
        image_seq_length=4,
        downsample_ratio=0.5,
    )
    images = GotOcr2ImageProcessor(size={"height": 56, "width": 56}, crop_to_patches=True, min_patches=1, max_patches=2)
    template = CHAT_TEMPLATE.replace("<|vision_start|><|image_pad|><|vision_end|>", "<IMG_CONTEXT>\n")
    return config, InternVLProcessor(
        image_processor=images,
        tokenizer=tokenizer,
        video_processor=InternVLVideoProcessor(),
        image_seq_length=4,
        chat_template=template,
    )


def florence2() -> Any:
    """Florence-2."""
    tokenizer = tokenizer_with(image_token="<image>")
    tokenizer.bos_token = "<|im_start|>"
    tokenizer.add_tokens([f"<loc_{i}>" for i in range(1000)])
    config = Florence2Config(
        text_config={
            "model_type": "bart",
            "vocab_size": len(tokenizer),
            "d_model": 64,
            "encoder_layers": 1,
            "decoder_layers": 1,
            "encoder_attention_heads": 2,
            "decoder_attention_heads": 2,
            "encoder_ffn_dim": 64,
            "decoder_ffn_dim": 64,
            "max_position_embeddings": 512,
            "bos_token_id": tokenizer.bos_token_id,
            "decoder_start_token_id": tokenizer.bos_token_id,
            "forced_eos_token_id": None,
            "forced_bos_token_id": None,
            **stop_ids(tokenizer),
        },
        vision_config={
            "embed_dim": [16, 16, 16, 32],
            "depths": [1, 1, 1, 1],
            "num_heads": [1, 1, 1, 2],
            "num_groups": [1, 1, 1, 2],
            "projection_dim": 64,
            "window_size": 4,
        },
        image_token_id=tokenizer.image_token_id,
    )
    images = CLIPImageProcessor(size={"height": 64, "width": 64}, do_center_crop=False)
    images.image_seq_length = 5
    return config, Florence2Processor(image_processor=images, tokenizer=tokenizer)


def kosmos2() -> Any:
    """Kosmos-2."""
    tokenizer = tokenizer_with()
    tokenizer.bos_token = "<|im_start|>"
    # The processor takes the tokens after the unknown token as placeholders of the image.
    tokenizer.unk_token = "<|video_pad|>"
    images = CLIPImageProcessor(size={"height": 56, "width": 56}, crop_size={"height": 56, "width": 56})
    processor = Kosmos2Processor(images, tokenizer, num_patch_index_tokens=1024)
    config = Kosmos2Config(
        text_config={
            "vocab_size": len(processor.tokenizer),
            "embed_dim": 64,
            "layers": 2,
            "ffn_dim": 64,
            "attention_heads": 2,
            "max_position_embeddings": 512,
            "bos_token_id": tokenizer.bos_token_id,
            **stop_ids(tokenizer),
        },
        vision_config={
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "image_size": 56,
            "patch_size": 14,
        },
        latent_query_num=64,
    )
    return config, processor


def paligemma() -> Any:
    """PaliGemma 2."""
    tokenizer = tokenizer_with("<image>")
    tokenizer.bos_token = "<|im_start|>"
    tokenizer.add_tokens([f"<loc{i:04d}>" for i in range(1024)])
    images = SiglipImageProcessor(size={"height": 56, "width": 56})
    images.image_seq_length = 16
    processor = PaliGemmaProcessor(images, tokenizer)
    config = PaliGemmaConfig(
        text_config={
            **TEXT,
            "model_type": "gemma2",
            "head_dim": 32,
            "vocab_size": len(processor.tokenizer),
            **stop_ids(tokenizer),
        },
        vision_config={
            "model_type": "siglip_vision_model",
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "image_size": 56,
            "patch_size": 14,
            "vision_use_head": False,
        },
        image_token_index=processor.image_token_id,
        projection_dim=64,
    )
    return config, processor


def molmo2() -> Any:
    """Molmo2."""
    names = ("im_patch", "im_col", "im_start", "low_res_im_start", "frame_start", "im_end", "frame_end", "im_low")
    tokenizer = tokenizer_with("<|image|>", "<|video|>", *(f"<{name}>" for name in names))
    ids = {name: tokenizer.convert_tokens_to_ids(f"<{name}>") for name in names}
    shape = {"num_attention_heads": 2, "num_key_value_heads": 2, "head_dim": 16, "hidden_size": 32}
    config = Molmo2Config(
        text_config={
            **TEXT,
            "head_dim": 32,
            "vocab_size": len(tokenizer),
            "additional_vocab_size": 0,
            "rope_parameters": {"rope_type": "default", "rope_theta": 1e4},
            **stop_ids(tokenizer),
        },
        vision_config={**shape, "intermediate_size": 64, "num_hidden_layers": 2, "image_size": [56, 56]},
        adapter_config={**shape, "intermediate_size": 64, "vision_feature_layer": [1, 0], "text_hidden_size": 64},
        image_start_token_id=ids["im_start"],
        low_res_image_start_token_id=ids["low_res_im_start"],
        image_end_token_id=ids["im_end"],
        image_patch_id=ids["im_patch"],
        frame_start_token_id=ids["frame_start"],
        frame_end_token_id=ids["frame_end"],
    )
    images = Molmo2ImageProcessor(size={"height": 56, "width": 56}, max_crops=2, overlap_margins=[1, 1])
    template = CHAT_TEMPLATE.replace("<|vision_start|><|image_pad|><|vision_end|>", "<|image|>")
    return config, Molmo2Processor(images, Molmo2VideoProcessor(), tokenizer, chat_template=template)
