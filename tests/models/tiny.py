"""Tiny random models of the classes that configurations name, saved as a checkpoint would be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoModelForImageTextToText,
    AutoModelForZeroShotObjectDetection,
    CLIPImageProcessor,
    DetrImageProcessor,
    Florence2Config,
    Florence2Processor,
    Glm4vConfig,
    Glm4vImageProcessor,
    Glm4vProcessor,
    Glm4vVideoProcessor,
    Glm46VConfig,
    Glm46VProcessor,
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
    OmDetTurboConfig,
    OmDetTurboProcessor,
    Owlv2Config,
    Owlv2ImageProcessor,
    Owlv2Processor,
    PaliGemmaConfig,
    PaliGemmaProcessor,
    PreTrainedTokenizerFast,
    Qwen2_5_VLConfig,
    Qwen2_5_VLProcessor,
    Qwen2VLImageProcessor,
    Qwen2VLVideoProcessor,
    Qwen3VLConfig,
    Qwen3VLProcessor,
    Qwen3VLVideoProcessor,
    SiglipImageProcessor,
)

from finecops.mini.training.tokenizer import CHAT_TEMPLATE, mini_tokenizer

_TEXT = {
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "max_position_embeddings": 2048,
    "bos_token_id": None,
}
_SIDE = {"shortest_edge": 112 * 112, "longest_edge": 112 * 112}


def save_tiny(kind: str, folder: Path) -> Path:
    """Write a tiny random model of a kind with its processor; the same one each time."""
    torch.manual_seed(0)
    config, processor = _MAKERS[kind]()
    make: Any = AutoModelForZeroShotObjectDetection if kind in DETECTORS else AutoModelForImageTextToText
    make.from_config(config).save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def _tokenizer(*more: str, **named: str) -> PreTrainedTokenizerFast:
    tokenizer = mini_tokenizer()
    tokenizer.add_tokens([*more], special_tokens=True)
    if named:
        tokenizer = PreTrainedTokenizerFast(
            tokenizer_object=tokenizer.backend_tokenizer,
            eos_token="<|im_end|>",
            pad_token="<|endoftext|>",
            extra_special_tokens=named,
        )
    return tokenizer


def _ids(tokenizer: PreTrainedTokenizerFast) -> dict[str, int]:
    return {"eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id}


def _qwen(config_class: Any, processor_class: Any, patch: int, vision: dict[str, Any], rope: dict[str, Any]) -> Any:
    tokenizer = _tokenizer()
    token = tokenizer.convert_tokens_to_ids
    config = config_class(
        text_config={**_TEXT, "vocab_size": len(tokenizer), **_ids(tokenizer), "rope_parameters": rope},
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


def _qwen25() -> Any:
    rope = {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [4, 6, 6]}
    vision = {"hidden_size": 32, "out_hidden_size": 64, "intermediate_size": 64, "fullatt_block_indexes": [1]}
    return _qwen(Qwen2_5_VLConfig, Qwen2_5_VLProcessor, 14, {**vision, "window_size": 56}, rope)


def _qwen3() -> Any:
    rope = {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [6, 5, 5], "mrope_interleaved": True}
    vision = {
        "hidden_size": 32,
        "out_hidden_size": 64,
        "intermediate_size": 64,
        "num_position_embeddings": 64,
        "deepstack_visual_indexes": [0, 1],
    }
    return _qwen(Qwen3VLConfig, Qwen3VLProcessor, 16, vision, rope)


def _glm4v(config_class: Any = Glm4vConfig, processor_class: Any = Glm4vProcessor) -> Any:
    names = (
        "<|begin_of_image|>",
        "<|end_of_image|>",
        "<|image|>",
        "<|begin_of_video|>",
        "<|end_of_video|>",
        "<|video|>",
    )
    tokenizer = _tokenizer(*names)
    ids = {name.strip("<|>"): tokenizer.convert_tokens_to_ids(name) for name in names}
    config = config_class(
        text_config={
            **_TEXT,
            "vocab_size": len(tokenizer),
            **_ids(tokenizer),
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


def _internvl() -> Any:
    tokenizer = _tokenizer(
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
        text_config={**_TEXT, "model_type": "qwen2", "vocab_size": len(tokenizer), **_ids(tokenizer)},
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


def _florence2() -> Any:
    tokenizer = _tokenizer(image_token="<image>")
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
            **_ids(tokenizer),
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


def _kosmos2() -> Any:
    tokenizer = _tokenizer()
    tokenizer.bos_token = "<|im_start|>"
    # Placeholders of the image are the tokens after the unknown one's.
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
            **_ids(tokenizer),
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


def _paligemma() -> Any:
    tokenizer = _tokenizer("<image>")
    tokenizer.bos_token = "<|im_start|>"
    tokenizer.add_tokens([f"<loc{i:04d}>" for i in range(1024)])
    images = SiglipImageProcessor(size={"height": 56, "width": 56})
    images.image_seq_length = 16
    processor = PaliGemmaProcessor(images, tokenizer)
    config = PaliGemmaConfig(
        text_config={
            **_TEXT,
            "model_type": "gemma2",
            "head_dim": 32,
            "vocab_size": len(processor.tokenizer),
            **_ids(tokenizer),
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


def _molmo2() -> Any:
    names = ("im_patch", "im_col", "im_start", "low_res_im_start", "frame_start", "im_end", "frame_end", "im_low")
    tokenizer = _tokenizer("<|image|>", "<|video|>", *(f"<{name}>" for name in names))
    ids = {name: tokenizer.convert_tokens_to_ids(f"<{name}>") for name in names}
    shape = {"num_attention_heads": 2, "num_key_value_heads": 2, "head_dim": 16, "hidden_size": 32}
    config = Molmo2Config(
        text_config={
            **_TEXT,
            "head_dim": 32,
            "vocab_size": len(tokenizer),
            "additional_vocab_size": 0,
            "rope_parameters": {"rope_type": "default", "rope_theta": 1e4},
            **_ids(tokenizer),
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


_CLIP = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
}


def _owlv2() -> Any:
    tokenizer = _tokenizer()
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


def _omdet() -> Any:
    tokenizer = _tokenizer()
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


_MAKERS = {
    "qwen2_5_vl": _qwen25,
    "qwen3_vl": _qwen3,
    "glm4v": _glm4v,
    "glm46v": lambda: _glm4v(Glm46VConfig, Glm46VProcessor),
    "internvl": _internvl,
    "florence2": _florence2,
    "kosmos2": _kosmos2,
    "paligemma": _paligemma,
    "molmo2": _molmo2,
    "owlv2": _owlv2,
    "omdet-turbo": _omdet,
}
DETECTORS = ("owlv2", "omdet-turbo")
