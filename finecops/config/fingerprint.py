"""What of a configuration changes what a model answers, and what tells one set of weights from another."""

from __future__ import annotations

import hashlib
from typing import Any

from finecops.config.find import resolve
from finecops.config.schema import MllmConfig, SpecialistConfig

_HASHED_WHOLE_BYTES = 200_000_000


def weights_fingerprint(weights: str) -> str:
    """What tells one set of local weights from another: a checksum, or names and sizes where they are large."""
    folder = resolve(weights)
    if folder.is_file():
        return hashlib.sha256(folder.read_bytes()).hexdigest()
    if not folder.is_dir():
        return "hub"
    files = sorted(path for path in folder.iterdir() if path.suffix in (".safetensors", ".bin"))
    if sum(path.stat().st_size for path in files) <= _HASHED_WHOLE_BYTES:
        return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()
    return ", ".join(f"{path.name} {path.stat().st_size}" for path in files)


_NOT_ANSWERS = {
    "batch_size",
    "licence",
    "seen",
    "proved",
    "paper_row",
    "base_url",
    "api_key_env",
    "concurrency",
    "start_seconds",
    "timeout_seconds",
    "device_map",
    "trust_remote_code",
    "allow_pickle",
}


def model_settings(config: SpecialistConfig | MllmConfig) -> dict[str, Any]:
    """What of a model's configuration changes what it answers, with a fingerprint of its weights."""
    told = config.model_dump(mode="json", exclude=_NOT_ANSWERS, exclude_none=True)
    if isinstance(config, MllmConfig) and config.adapter is not None:
        told["adapter_fingerprint"] = weights_fingerprint(config.adapter)
    return told | {"weights_fingerprint": weights_fingerprint(config.weights)}
