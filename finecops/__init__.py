"""Referring expression comprehension by a small detector and a multimodal language model together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from finecops.version import __version__

if TYPE_CHECKING:
    from finecops.grounding.api import Grounder, ground, load_mllm, load_specialist

__all__ = ["Grounder", "__version__", "ground", "load_mllm", "load_specialist"]


def __getattr__(name: str) -> Any:
    # Models need torch; `import finecops` and `finecops --help` do not.
    if name in ("Grounder", "ground", "load_mllm", "load_specialist"):
        from finecops.grounding import api

        return getattr(api, name)
    raise AttributeError(f"module 'finecops' has no attribute {name!r}")
