"""What is in a checkpoint's folder, looked at before any of it is loaded. Needs neither torch nor transformers.

A folder comes from a download. It may be incomplete, hold pickled weights, or send its reader to other places.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from finecops.errors import ModelError, first_line
from finecops.models.checkpoint_limits import MODEL, number_fault, tokenizer_fault

_MOST_TEXT_BYTES = 200_000_000
"""The largest file of text. The largest `tokenizer.json` of a configured model has 35 MB."""
_MOST_TEMPLATE_BYTES = 1_000_000
"""The largest chat template. Those of the configured models have at most 20 KB."""
_MOST_RANK = 8192
"""The highest rank of a LoRA adapter."""
PICKLES = (".bin", ".pt", ".pth", ".pkl", ".ckpt")
"""Endings of pickled weights."""


def check_checkpoint(name: str, folder: Path, allow_pickle: bool) -> None:
    """Check the folder of a model: complete, without pickles unless they are allowed, and nothing that leads out.

    Args:
        name: the model's name, for the message.
        folder: the folder.
        allow_pickle: the user allows weights in pickle form.

    Raises:
        ModelError: it has no `config.json` or no weights, lacks a shard, or holds what is not wanted.
    """
    _check_sizes(name, folder)
    if not (folder / "config.json").is_file():
        is_adapter = (folder / "adapter_config.json").is_file()
        advice = ": it is an adapter; name it as `adapter`, or give --adapter" if is_adapter else ""
        raise ModelError(f"{name}: {folder} has no config.json{advice}")
    config = _read(name, folder / "config.json")
    for key, value in _settings(config):
        _check_setting(name, folder, key, value)
    _check_limits(name, folder / "config.json", number_fault(config, MODEL))
    # transformers passes over one that it cannot read, and answers would not end where they should.
    if (path := folder / "generation_config.json").is_file():
        _check_limits(name, path, number_fault(_read(name, path), MODEL))
    if (path := folder / "tokenizer.json").is_file():
        _check_limits(name, path, tokenizer_fault(_read(name, path)))
    # transformers would load this adapter too, and nobody asked for it.
    if (folder / "adapter_config.json").is_file():
        raise ModelError(f"{name}: {folder} holds a model and an adapter: move the adapter to a folder of its own")
    _check_weights(name, folder, ("model.safetensors", "pytorch_model.bin"), allow_pickle)


def check_adapter(name: str, folder: Path, allow_pickle: bool) -> None:
    """Check the folder of a LoRA adapter, as `check_checkpoint` does for a model.

    Raises:
        ModelError: it is no LoRA adapter, has no weights, or holds what is not wanted.
    """
    _check_sizes(name, folder)
    if not (folder / "adapter_config.json").is_file():
        raise ModelError(f"{name}: the adapter {folder} has no adapter_config.json")
    config = _read(name, folder / "adapter_config.json")
    if str(config.get("peft_type")).upper() != "LORA":
        raise ModelError(f"{name}: the adapter {folder} is of the kind {config.get('peft_type')!r}; LORA is needed")
    # peft imports the module that this setting names.
    if config.get("megatron_config") or config.get("megatron_core") not in (None, "megatron.core"):
        raise ModelError(f"{name}: the adapter {folder} is made for Megatron and is refused")
    if not isinstance(rank := config.get("r"), int) or not 1 <= rank <= _MOST_RANK:
        raise ModelError(f"{name}: the adapter {folder} has no rank from 1 to {_MOST_RANK} and is refused")
    _check_weights(name, folder, ("adapter_model.safetensors", "adapter_model.bin"), allow_pickle)


def _check_sizes(name: str, folder: Path) -> None:
    try:
        files = [path for path in folder.rglob("*") if path.suffix in (".json", ".jinja", ".txt", ".model")]
        for path in files:
            most = _MOST_TEMPLATE_BYTES if "chat_template" in path.name else _MOST_TEXT_BYTES
            if path.is_file() and path.stat().st_size > most:
                raise ModelError(f"{name}: {path} has {path.stat().st_size:,} bytes; at most {most:,} are read")
    except OSError as error:
        raise ModelError(f"{name}: {folder} cannot be read: {error.strerror}") from error


def _read(name: str, path: Path) -> dict[str, object]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelError(f"{name}: {path} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{name}: {path} is not JSON: {first_line(error)}") from error
    if not isinstance(found, dict):
        raise ModelError(f"{name}: {path} is not a JSON object")
    return found


def _settings(config: object) -> Iterator[tuple[str, object]]:
    """Every key with its value, at any depth."""
    waiting = [config]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            yield from value.items()
        if isinstance(value, dict | list):
            waiting += value.values() if isinstance(value, dict) else value


def _check_setting(name: str, folder: Path, key: str, value: object) -> None:
    # transformers loads an attention with a "/" as a kernel from the Hub: code.
    if "attn_implementation" in key and "/" in str(value):
        raise ModelError(f"{name}: {folder}/config.json names code on the Hub as {key} and is refused")
    # Weights for a part of the model, fetched from elsewhere: the folder has all that is needed.
    if (key == "use_pretrained_backbone" and value) or (key == "backbone" and "/" in str(value)):
        raise ModelError(f"{name}: {folder}/config.json names a backbone on the Hub ({key}) and is refused")
    if key == "transformers_weights" and not str(value).endswith((".safetensors", ".safetensors.index.json")):
        raise ModelError(f"{name}: {folder}/config.json names other weights than safetensors and is refused")


def _check_limits(name: str, path: Path, fault: str | None) -> None:
    if fault is not None:
        raise ModelError(f"{name}: {path}: {fault}; the checkpoint is refused")


def _check_weights(name: str, folder: Path, files: tuple[str, str], allow_pickle: bool) -> None:
    """Check that the weights are there: in one file or in shards, as safetensors or, where allowed, as pickles."""
    safe, pickled = files
    for file in (safe, pickled) if allow_pickle else (safe,):
        if (folder / file).is_file():
            return
        if (folder / f"{file}.index.json").is_file():
            _check_shards(name, folder, f"{file}.index.json", Path(file).suffix)
            return
    # Also weights under other names: a user who looks into the folder sees them.
    found = sorted(path.name for path in folder.iterdir() if path.suffix in PICKLES)
    if found and not allow_pickle:
        raise ModelError(
            f"{name}: the weights of {folder} are pickled ({found[0]}): --allow-pickle loads them, tensors only, or "
            "convert them to safetensors"
        )
    raise ModelError(f"{name}: {folder} has no weights ({safe})")


def _check_shards(name: str, folder: Path, index: str, ending: str) -> None:
    weight_map = _read(name, folder / index).get("weight_map")
    if not isinstance(weight_map, dict) or not weight_map:
        raise ModelError(f"{name}: {folder}/{index} names no weights")
    shards = sorted({str(shard) for shard in weight_map.values()})
    strange = [shard for shard in shards if Path(shard).name != shard or not shard.endswith(ending)]
    if strange:
        raise ModelError(f"{name}: {folder}/{index} names {strange[0]!r}, which is no {ending} file of that folder")
    missing = [shard for shard in shards if not (folder / shard).is_file()]
    if missing:
        raise ModelError(
            f"{name}: {folder} is incomplete: {len(missing)} of {len(shards)} files of weights are missing "
            f"({', '.join(missing[:3])})"
        )
