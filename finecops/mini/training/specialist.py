"""The mini specialist: an MM Grounding DINO of about two and a half million parameters, and its processor."""

from __future__ import annotations

import string
from typing import Final

from transformers import (
    BertConfig,
    BertTokenizer,
    GroundingDinoImageProcessor,
    GroundingDinoProcessor,
    MMGroundingDinoConfig,
    MMGroundingDinoForObjectDetection,
    SwinConfig,
)

from finecops.mini.training.words import world_words

INPUT_SIZE: Final = 256
"""Pixels of the shorter side of what the model sees: more than the image has, since its finest stride is 16."""
QUERIES: Final = 24
# Ids that the code of MM Grounding DINO expects, from BERT's vocabulary.
_FIXED = {"[PAD]": 0, "[UNK]": 100, "[CLS]": 101, "[SEP]": 102, "[MASK]": 103, ".": 1012, "?": 1029}


def mini_tokenizer() -> BertTokenizer:
    """A WordPiece tokenizer of the world's words; other words become letters.

    The ids of the delimiters are fixed in the model's code (`models/mm_grounding_dino` of transformers). So the table
    has 1,030 entries, with these at their ids and `[unusedN]` where no piece is.
    """
    letters = string.ascii_lowercase + string.digits
    pieces = [*world_words(), *letters, *",;:!'-()", *(f"##{c}" for c in letters)]
    # A dictionary drops repeats and keeps the order; ids must not depend on the run.
    pieces = [p for p in dict.fromkeys(pieces) if p not in _FIXED]
    taken = set(_FIXED.values())
    free = (i for i in range(1, 1030) if i not in taken)
    vocab = dict(_FIXED) | {piece: next(free) for piece in pieces}
    vocab |= {f"[unused{i}]": i for i in free}
    return BertTokenizer(vocab=dict(sorted(vocab.items(), key=lambda item: item[1])), do_lower_case=True)


def mini_processor() -> GroundingDinoProcessor:
    """Images to `INPUT_SIZE` pixels on the shorter side, and the mini tokenizer."""
    size = {"shortest_edge": INPUT_SIZE, "longest_edge": 2 * INPUT_SIZE}
    return GroundingDinoProcessor(GroundingDinoImageProcessor(size=size), mini_tokenizer())


def mini_config() -> MMGroundingDinoConfig:
    """The mini model's shape: Swin at strides 16 and 32, BERT of two layers, two encoder and three decoder layers."""
    # No dropout anywhere: every training image is new, so there is nothing to overfit.
    return MMGroundingDinoConfig(
        backbone_config=SwinConfig(
            image_size=INPUT_SIZE,
            embed_dim=32,
            depths=[1, 1, 2, 1],
            num_heads=[1, 2, 4, 8],
            window_size=8,
            drop_path_rate=0.0,
            out_features=["stage3", "stage4"],
        ),
        text_config=BertConfig(
            vocab_size=1030,
            hidden_size=96,
            num_hidden_layers=2,
            num_attention_heads=4,
            intermediate_size=192,
            max_position_embeddings=256,
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
        ),
        d_model=96,
        encoder_layers=2,
        decoder_layers=3,
        encoder_attention_heads=4,
        decoder_attention_heads=4,
        encoder_ffn_dim=192,
        decoder_ffn_dim=192,
        decoder_bbox_embed_share=False,
        decoder_cls_embed_share=False,
        num_queries=QUERIES,
        num_feature_levels=2,
        dropout=0.0,
        attention_dropout=0.0,
        activation_dropout=0.0,
        fusion_dropout=0.0,
        fusion_droppath=0.0,
    )


def mini_model() -> MMGroundingDinoForObjectDetection:
    """A new model with random weights."""
    return MMGroundingDinoForObjectDetection(mini_config())
