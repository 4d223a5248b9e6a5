"""What a shell offers when a user presses Tab: names of datasets, presets, models, runs and metrics.

A shell waits for it, so nothing heavy is imported. A broken file offers nothing and says nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final, TypeAlias

Completion: TypeAlias = Callable[[str], list[str]]
"""From what is typed so far to the words that begin with it."""
_KIND = re.compile(r"^kind:\s*(\w+)", re.MULTILINE)


def datasets(incomplete: str) -> list[str]:
    """Names of datasets."""
    return _beginning(_names("datasets"), incomplete)


def presets(incomplete: str) -> list[str]:
    """Names of presets."""
    return _beginning(_names("presets"), incomplete)


def models(*kinds: str) -> Completion:
    """Names of models of some kinds (`specialist`, `mllm`, `extractor`); of all, if none is named."""

    def complete(incomplete: str) -> list[str]:
        # Behind "@" are weights, which only the user knows.
        return _beginning((name for name, kind in _models() if not kinds or kind in kinds), incomplete)

    return complete


def runs(incomplete: str) -> list[str]:
    """Names of runs below `outputs/`."""
    return _beginning((path.parent.name for path in Path("outputs").glob("*/run.json")), incomplete)


def metrics(incomplete: str) -> list[str]:
    """Names of metrics, after those that are there with a comma behind them."""
    from finecops.metrics.dictionary import METRICS

    before, comma, last = incomplete.rpartition(",")
    there = set(before.split(","))
    return [f"{before}{comma}{name}" for name in METRICS if name.startswith(last) and name not in there]


def one_of(*choices: str) -> Completion:
    """Some fixed choices."""
    return lambda incomplete: _beginning(choices, incomplete)


OF_PARAMETERS: Final[dict[str, Completion]] = {
    "dataset": datasets,
    "preset": presets,
    "extractor": models("extractor"),
    "router": models("specialist"),
    "specialist": models("specialist"),
    "mllm": models("mllm"),
    "like": models(),
    "models": models(),
    "run": runs,
    "runs": runs,
    "source": runs,
    "val": runs,
    "metrics": metrics,
    "confidence": one_of("mean_prob", "product", "mean_logit"),
    "fast": one_of("specialist", "router"),
    "slow": one_of("mllm", "crs"),
    "doubtful": one_of("mllm", "route"),
    "candidates": one_of("router", "specialist"),
    "order": one_of("rank", "shuffle"),
    "show": one_of("text", "marks", "both"),
    "cluster": one_of("positive", "image"),
    "compat": one_of("none", "reference", "both"),
    "as_": one_of("text", "markdown", "latex", "csv", "json"),
}
"""By the name of a command's parameter."""


def _names(kind: str) -> list[str]:
    from finecops.config.find import names

    return names(kind)


def _models() -> Iterable[tuple[str, str]]:
    from finecops.config.find import config_file

    for name in _names("models"):
        path = config_file("models", name)
        try:
            # Half a millisecond a file; parsing all of them as YAML would take a second.
            kind = _KIND.search(path.read_text(encoding="utf-8")) if path is not None else None
        except (OSError, ValueError):
            continue
        yield name, kind[1] if kind else ""


def _beginning(names: Iterable[Any], incomplete: str) -> list[str]:
    return sorted(name for name in set(names) if name.startswith(incomplete))
