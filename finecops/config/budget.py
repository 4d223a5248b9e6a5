"""The budget of visual tokens: at how many tokens an MLLM sees an image, as a setting and from the command line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from finecops.errors import UsageError

if TYPE_CHECKING:
    from finecops.config.schema import MllmConfig

_BACKENDS: Final = ("transformers", "openai")
"""Those that resize an image themselves, or send it resized."""


def budget_faults(given: Mapping[str, object]) -> list[str]:
    """Which of a model's settings do not go with its `visual_tokens`, as sentences; their types may be wrong."""
    tokens, factor, least = (given.get(key) for key in ("visual_tokens", "resize_factor", "min_pixels"))
    if tokens is None:
        return []
    if given.get("backend") not in _BACKENDS:
        return [f"`visual_tokens` is for the backends {' and '.join(_BACKENDS)}; no other one resizes images"]
    if not isinstance(factor, int):
        return ["`visual_tokens` needs `resize_factor`, the side of a visual token in pixels (28 in Qwen2-VL)"]
    if given.get("max_pixels") is not None:
        return ["`visual_tokens` and `max_pixels` both say how large an image may be; give one of them"]
    return _server_faults(tokens, factor, least) if given.get("backend") == "openai" else []


def _server_faults(tokens: object, factor: int, least: object) -> list[str]:
    """An image is made smaller here and sent: that a server makes it larger again cannot be seen from here."""
    if least is None:
        return ["`visual_tokens` behind a server needs `min_pixels`, the server's smallest area (3136 in Qwen2-VL)"]
    if isinstance(tokens, int) and isinstance(least, int) and tokens * factor**2 < least:
        fewest = -(-least // factor**2)
        return [f"the server makes images larger that are below `min_pixels`: `visual_tokens` is at least {fewest}"]
    return []


def with_visual_tokens(config: MllmConfig, tokens: int | None) -> MllmConfig:
    """The configuration with another budget, which its name says too; without a budget it stays.

    Raises:
        UsageError: the model has no such budget, or its server cannot be held to it.
    """
    if tokens is None:
        return config
    if config.resize_factor is None or config.backend not in _BACKENDS:
        raise UsageError(
            "--visual-tokens is for models whose images have as many tokens as their size asks for (`resize_factor` in "
            f"their file, as in the Qwen-VL family); {config.name} is not one of them"
        )
    changes = {"visual_tokens": tokens, "max_pixels": None, "name": f"{config.name}-{tokens}tokens"}
    if faults := budget_faults(config.model_dump() | changes):
        raise UsageError(f"--visual-tokens {tokens}: {config.name}: {faults[0]}")
    return config.model_copy(update=changes)
