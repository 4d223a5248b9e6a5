"""Tiny random models of the classes that configurations name, saved like checkpoints."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForImageTextToText, AutoModelForZeroShotObjectDetection, Glm46VConfig, Glm46VProcessor

from tests.models.tiny_detectors import omdet, owlv2
from tests.models.tiny_mllms import florence2, internvl, kosmos2, molmo2, paligemma
from tests.models.tiny_qwen_glm import glm4v, qwen3, qwen25

_MAKERS = {
    "qwen2_5_vl": qwen25,
    "qwen3_vl": qwen3,
    "glm4v": glm4v,
    "glm46v": lambda: glm4v(Glm46VConfig, Glm46VProcessor),
    "internvl": internvl,
    "florence2": florence2,
    "kosmos2": kosmos2,
    "paligemma": paligemma,
    "molmo2": molmo2,
    "owlv2": owlv2,
    "omdet-turbo": omdet,
}
DETECTORS = ("owlv2", "omdet-turbo")


def save_tiny(kind: str, folder: Path) -> Path:
    """Save a tiny random model with its processor. The weights are the same each time."""
    torch.manual_seed(0)
    config, processor = _MAKERS[kind]()
    make: Any = AutoModelForZeroShotObjectDetection if kind in DETECTORS else AutoModelForImageTextToText
    make.from_config(config).save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder
