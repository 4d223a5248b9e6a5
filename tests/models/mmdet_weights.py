"""A transformers model's weights under mmdet's names, and an mmdet configuration of its shape."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import torch

# Patterns of the names in transformers → names in mmdet. In "a|b", the tensors of query, key and value are joined: `a`
# ends in which of the three it is, `b` is the end of the joined name.
_SWIN = r"^model\.backbone\.conv_encoder\.model\.(?:swin\.)?"
_BLOCK = _SWIN + r"encoder\.layers\.(\d+)\.blocks\.(\d+)\."
_ENCODER = r"^model\.encoder\.layers\.(\d+)\."
_DECODER = r"^model\.decoder\.layers\.(\d+)\."
_RENAMED = (
    (_SWIN + r"embeddings\.patch_embeddings\.projection\.", r"backbone.patch_embed.projection."),
    (_SWIN + r"embeddings\.norm\.", r"backbone.patch_embed.norm."),
    (_BLOCK + r"attention\.relative_position_bias\.", r"backbone.stages.\1.blocks.\2.attn.w_msa."),
    (_BLOCK + r"attention\.([qkv])_proj\.", r"backbone.stages.\1.blocks.\2.attn.w_msa.\3|qkv."),
    (_BLOCK + r"attention\.o_proj\.", r"backbone.stages.\1.blocks.\2.attn.w_msa.proj."),
    (_BLOCK + r"layernorm_before\.", r"backbone.stages.\1.blocks.\2.norm1."),
    (_BLOCK + r"layernorm_after\.", r"backbone.stages.\1.blocks.\2.norm2."),
    (_BLOCK + r"mlp\.fc1\.", r"backbone.stages.\1.blocks.\2.ffn.layers.0.0."),
    (_BLOCK + r"mlp\.fc2\.", r"backbone.stages.\1.blocks.\2.ffn.layers.1."),
    (_SWIN + r"encoder\.layers\.(\d+)\.downsample\.", r"backbone.stages.\1.downsample."),
    (r"^model\.text_backbone\.", r"language_model.language_backbone.body.model."),
    (r"^model\.text_projection\.", r"text_feat_map."),
    (_ENCODER + r"fusion_layer\.vision_param$", r"encoder.fusion_layers.\1.gamma_v"),
    (_ENCODER + r"fusion_layer\.text_param$", r"encoder.fusion_layers.\1.gamma_l"),
    (_ENCODER + r"fusion_layer\.layer_norm_vision\.", r"encoder.fusion_layers.\1.layer_norm_v."),
    (_ENCODER + r"fusion_layer\.layer_norm_text\.", r"encoder.fusion_layers.\1.layer_norm_l."),
    (_ENCODER + r"fusion_layer\.attn\.(values_|out_)?vision_proj\.", r"encoder.fusion_layers.\1.attn.\2v_proj."),
    (_ENCODER + r"fusion_layer\.attn\.(values_|out_)?text_proj\.", r"encoder.fusion_layers.\1.attn.\2l_proj."),
    (_ENCODER + r"deformable_layer\.self_attn_layer_norm\.", r"encoder.layers.\1.norms.0."),
    (_ENCODER + r"deformable_layer\.final_layer_norm\.", r"encoder.layers.\1.norms.1."),
    (_ENCODER + r"deformable_layer\.self_attn\.", r"encoder.layers.\1.self_attn."),
    (_ENCODER + r"deformable_layer\.fc1\.", r"encoder.layers.\1.ffn.layers.0.0."),
    (_ENCODER + r"deformable_layer\.fc2\.", r"encoder.layers.\1.ffn.layers.1."),
    (
        _ENCODER + r"text_enhancer_layer\.self_attn\.(query|key|value)\.",
        r"encoder.text_layers.\1.self_attn.attn.\2|in_proj_",
    ),
    (_ENCODER + r"text_enhancer_layer\.self_attn\.out_proj\.", r"encoder.text_layers.\1.self_attn.attn.out_proj."),
    (_ENCODER + r"text_enhancer_layer\.layer_norm_before\.", r"encoder.text_layers.\1.norms.0."),
    (_ENCODER + r"text_enhancer_layer\.layer_norm_after\.", r"encoder.text_layers.\1.norms.1."),
    (_ENCODER + r"text_enhancer_layer\.fc1\.", r"encoder.text_layers.\1.ffn.layers.0.0."),
    (_ENCODER + r"text_enhancer_layer\.fc2\.", r"encoder.text_layers.\1.ffn.layers.1."),
    (r"^model\.decoder\.layer_norm\.", r"decoder.norm."),
    (r"^model\.decoder\.reference_points_head\.", r"decoder.ref_point_head."),
    (_DECODER + r"self_attn\.(query|key|value)\.", r"decoder.layers.\1.self_attn.attn.\2|in_proj_"),
    (_DECODER + r"self_attn\.out_proj\.", r"decoder.layers.\1.self_attn.attn.out_proj."),
    (_DECODER + r"encoder_attn_text\.(query|key|value)\.", r"decoder.layers.\1.cross_attn_text.attn.\2|in_proj_"),
    (_DECODER + r"encoder_attn_text\.out_proj\.", r"decoder.layers.\1.cross_attn_text.attn.out_proj."),
    (_DECODER + r"self_attn_layer_norm\.", r"decoder.layers.\1.norms.0."),
    (_DECODER + r"encoder_attn_text_layer_norm\.", r"decoder.layers.\1.norms.1."),
    (_DECODER + r"encoder_attn_layer_norm\.", r"decoder.layers.\1.norms.2."),
    (_DECODER + r"final_layer_norm\.", r"decoder.layers.\1.norms.3."),
    (_DECODER + r"encoder_attn\.", r"decoder.layers.\1.cross_attn."),
    (_DECODER + r"fc1\.", r"decoder.layers.\1.ffn.layers.0.0."),
    (_DECODER + r"fc2\.", r"decoder.layers.\1.ffn.layers.1."),
    (r"^model\.level_embed$", r"level_embed"),
    (r"^model\.query_position_embeddings\.", r"query_embedding."),
    (r"^model\.enc_output\.", r"memory_trans_fc."),
    (r"^model\.enc_output_norm\.", r"memory_trans_norm."),
    (r"^class_embed\.(\d+)\.", r"bbox_head.cls_branches.\1."),
)


def mmdet_state(model: Any) -> dict[str, torch.Tensor]:
    """The weights of a `MMGroundingDinoForObjectDetection` under mmdet's names."""
    layers, levels = model.config.decoder_layers, len(model.config.backbone_config.out_features)
    state: dict[str, torch.Tensor] = {}
    parts: dict[str, dict[str, torch.Tensor]] = {}
    for key, value in model.state_dict().items():
        if key.startswith(("model.decoder.bbox_embed", "model.decoder.class_embed")) or ".swin.layernorm." in key:
            continue  # copies of the outer heads; a norm that is not used
        name = _renamed(key, layers, levels)
        if "|" in name:
            before, after = name.split("|")
            stem, _, which = before.rpartition(".")
            parts.setdefault(f"{stem}.{after}", {})[which[0]] = value
        elif "downsample" in name:
            state[name] = _patches_in_mmdets_order(value)
        else:
            # mmdet keeps the scalar biases of the class heads as vectors of one.
            state[name] = value.reshape(1) if "cls_branches" in name else value
    for name, three in parts.items():
        state[name] = torch.cat([three[which] for which in "qkv"])
    # It is used in training only, but mmdet expects it.
    state["dn_query_generator.label_embedding.weight"] = torch.zeros(256, model.config.d_model)
    return state


def _renamed(key: str, layers: int, levels: int) -> str:
    if match := re.match(_SWIN + r"hidden_states_norms\.stage(\d+)\.(.*)", key):
        return f"backbone.norm{int(match[1]) - 1}.{match[2]}"
    if match := re.match(r"model\.input_proj_vision\.(\d+)\.([01])\.(.*)", key):
        index, part = int(match[1]), ("conv", "gn")[int(match[2])]
        where = f"convs.{index}" if index < levels else f"extra_convs.{index - levels}"
        return f"neck.{where}.{part}.{match[3]}"
    if match := re.match(r"(?:model\.encoder_output_bbox_embed|bbox_embed\.(\d+))\.layers\.(\d)\.(.*)", key):
        return f"bbox_head.reg_branches.{match[1] or layers}.{2 * int(match[2])}.{match[3]}"
    if match := re.match(r"model\.encoder_output_class_embed\.(.*)", key):
        return f"bbox_head.cls_branches.{layers}.{match[1]}"
    for pattern, replacement in _RENAMED:
        renamed, count = re.subn(pattern, replacement, key)
        if count:
            return renamed
    raise KeyError(f"mmdet has no name for {key}")


def _patches_in_mmdets_order(value: torch.Tensor) -> torch.Tensor:
    """The weights that merge four neighbouring patches, in mmdet's order.

    transformers lists the four patches one after the other, column by column. mmdet lists them channel by channel, row
    by row.
    """
    rows = value.reshape(*value.shape[:-1], 4, -1)[..., [0, 2, 1, 3], :]
    return rows.transpose(-1, -2).reshape(value.shape)


def mmdet_config(model: Any, language_model: Path, side: int) -> str:
    """The text of an mmdet configuration for a model of this shape; `side` is the size of the images."""
    c = model.config
    b = c.backbone_config
    width, last = c.d_model, [b.embed_dim * 2 ** (int(name[-1]) - 1) for name in b.out_features]
    heads = {"embed_dims": width, "dropout": 0.0}
    settings: dict[str, Any] = {
        "type": "GroundingDINO",
        "num_queries": c.num_queries,
        "num_feature_levels": c.num_feature_levels,
        "with_box_refine": True,
        "as_two_stage": True,
        "data_preprocessor": {
            "type": "DetDataPreprocessor",
            "mean": [123.675, 116.28, 103.53],
            "std": [58.395, 57.12, 57.375],
            "bgr_to_rgb": True,
            "pad_mask": False,
        },
        "language_model": {
            "type": "BertModel",
            "name": str(language_model),
            "max_tokens": 256,
            "pad_to_max": False,
            "use_sub_sentence_represent": True,
            "special_tokens_list": ["[CLS]", "[SEP]", ".", "?"],
            "add_pooling_layer": False,
        },
        "backbone": {
            "type": "SwinTransformer",
            "embed_dims": b.embed_dim,
            "depths": list(b.depths),
            "num_heads": list(b.num_heads),
            "window_size": b.window_size,
            "out_indices": [int(name[-1]) - 1 for name in b.out_features],
            "drop_path_rate": 0.0,
            "with_cp": False,
            "convert_weights": False,
        },
        "neck": {
            "type": "ChannelMapper",
            "in_channels": last,
            "kernel_size": 1,
            "out_channels": width,
            "act_cfg": None,
            "bias": True,
            "norm_cfg": {"type": "GN", "num_groups": 32},
            "num_outs": c.num_feature_levels,
        },
        "encoder": {
            "num_layers": c.encoder_layers,
            "num_cp": 0,
            "layer_cfg": {
                "self_attn_cfg": {
                    **heads,
                    "num_heads": c.encoder_attention_heads,
                    "num_levels": c.num_feature_levels,
                    "num_points": c.encoder_n_points,
                },
                "ffn_cfg": {"embed_dims": width, "feedforward_channels": c.encoder_ffn_dim, "ffn_drop": 0.0},
            },
            "text_layer_cfg": {
                "self_attn_cfg": {**heads, "num_heads": c.encoder_attention_heads // 2},
                "ffn_cfg": {"embed_dims": width, "feedforward_channels": c.encoder_ffn_dim // 2, "ffn_drop": 0.0},
            },
            "fusion_layer_cfg": {
                "v_dim": width,
                "l_dim": width,
                "embed_dim": c.encoder_ffn_dim // 2,
                "num_heads": c.encoder_attention_heads // 2,
                "init_values": 1e-4,
            },
        },
        "decoder": {
            "num_layers": c.decoder_layers,
            "return_intermediate": True,
            "layer_cfg": {
                "self_attn_cfg": {**heads, "num_heads": c.decoder_attention_heads},
                "cross_attn_text_cfg": {**heads, "num_heads": c.decoder_attention_heads},
                "cross_attn_cfg": {
                    **heads,
                    "num_heads": c.decoder_attention_heads,
                    "num_levels": c.num_feature_levels,
                    "num_points": c.decoder_n_points,
                },
                "ffn_cfg": {"embed_dims": width, "feedforward_channels": c.decoder_ffn_dim, "ffn_drop": 0.0},
            },
            "post_norm_cfg": None,
        },
        "positional_encoding": {
            "num_feats": width // 2,
            "normalize": True,
            "offset": 0.0,
            "temperature": c.positional_embedding_temperature,
        },
        "bbox_head": {
            "type": "GroundingDINOHead",
            "embed_dims": width,
            "num_classes": 256,
            "sync_cls_avg_factor": True,
            "contrastive_cfg": {"max_text_len": 256, "log_scale": "auto", "bias": True},
            "loss_cls": {"type": "FocalLoss", "use_sigmoid": True, "gamma": 2.0, "alpha": 0.25, "loss_weight": 1.0},
            "loss_bbox": {"type": "L1Loss", "loss_weight": 5.0},
        },
        "dn_cfg": {
            "label_noise_scale": 0.5,
            "box_noise_scale": 1.0,
            "group_cfg": {"dynamic": True, "num_groups": None, "num_dn_queries": 100},
        },
        "test_cfg": {"max_per_img": c.num_queries},
    }
    pipeline = [
        {"type": "LoadImageFromFile", "imdecode_backend": "pillow"},
        {"type": "FixScaleResize", "scale": (side, side), "keep_ratio": True, "backend": "pillow"},
        {"type": "LoadAnnotations", "with_bbox": True},
        {"type": "PackDetInputs"},
    ]
    return f"model = {settings!r}\ntest_dataloader = dict(dataset=dict(pipeline={pipeline!r}))\n"
