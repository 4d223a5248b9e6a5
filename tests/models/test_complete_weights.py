"""Checkpoints with missing weights, weights of other shapes, or half of the file."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from finecops.config.find import load_mllm, load_specialist, resolve
from finecops.errors import ModelError
from finecops.models.backends import load_mllm_model, load_specialist_model
from finecops.models.loading import Checkpoint

Weights = dict[str, torch.Tensor]


def without(part: str) -> Callable[[Weights], Weights]:
    return lambda weights: {key: value for key, value in weights.items() if part not in key}


def narrower(part: str) -> Callable[[Weights], Weights]:
    return lambda weights: {k: v[..., :-1].contiguous() if part in k else v for k, v in weights.items()}


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("mini-gdino", without("decoder.layers.1.fc1"), "lacks 2 of the model's weights"),
        ("mini-qwen2vl", without("layers.2.self_attn.q_proj"), "lacks 2 of the model's weights"),
        ("mini-qwen2vl", without(""), "lacks"),
        ("mini-gdino", narrower("encoder.layers.0.fusion_layer.vision_param"), "cannot load"),
    ],
)
def test_a_checkpoint_with_missing_weights_is_refused(
    name: str, change: Callable[[Weights], Weights], message: str, tmp_path: Path
) -> None:
    folder = tmp_path / "weights"
    shutil.copytree(resolve(f"checkpoints/{name}"), folder)
    path = folder / "model.safetensors"
    changed = change(load_file(path))
    path.unlink()
    save_file(changed, path, metadata={"format": "pt"})
    with pytest.raises(ModelError, match=message):
        _load(name, folder)


@pytest.mark.parametrize("name", ["mini-gdino", "mini-qwen2vl"])
def test_an_incomplete_file_is_refused(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "weights"
    shutil.copytree(resolve(f"checkpoints/{name}"), folder)
    path = folder / "model.safetensors"
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(ModelError, match="cannot load"):
        _load(name, folder)


def _load(name: str, folder: Path) -> Any:
    if name == "mini-gdino":
        return load_specialist_model(load_specialist(f"{name}@{folder}"), "cpu")
    return load_mllm_model(load_mllm(f"{name}@{folder}"), "cpu")


@pytest.mark.parametrize(("error", "advised"), [(OSError("no network"), True), (KeyError("a broken file"), False)])
def test_weights_that_cannot_be_fetched_say_where_to_put_them(error: Exception, advised: bool) -> None:
    checkpoint = Checkpoint("big", "owner/Big-7B", "owner/Big-7B", None, code=False, pickle=False)
    with pytest.raises(ModelError) as caught, checkpoint.errors():
        raise error
    assert ("Put the weights into checkpoints/Big-7B, or use --preset mini" in str(caught.value)) == advised
