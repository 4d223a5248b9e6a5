"""The Python functions: `from finecops import ground, load_mllm, load_specialist`. Docs: `docs/python.md`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, overload

from pydantic import ValidationError

from finecops.config import find
from finecops.errors import UsageError
from finecops.grounding.grounder import Grounder
from finecops.grounding.questions import of_image
from finecops.grounding.records import By, Grounding
from finecops.models.backends import load_mllm_model, load_specialist_model
from finecops.models.protocols import Mllm, Specialist
from finecops.models.readiness import AUTO
from finecops.names import meant
from finecops.strategies.options import Options

__all__ = ["Grounder", "ground", "load_mllm", "load_specialist"]


@overload
def ground(image: str | Path, sentence: str, *, by: By = ..., **options: Any) -> Grounding: ...


@overload
def ground(image: str | Path, sentence: Sequence[str], *, by: By = ..., **options: Any) -> list[Grounding]: ...


def ground(
    image: str | Path, sentence: str | Sequence[str], *, by: By = "sfa", **options: Any
) -> Grounding | list[Grounding]:
    """Find what a sentence describes in an image.

    Models are loaded at the first call and kept for calls with the same options. For many images make a `Grounder` and
    call its `ask`.

    Args:
        image: an image file; EXIF rotation is applied.
        sentence: one sentence, or several about the same image.
        by: `sfa`, `crs`, `specialist`, `mllm` or `all`.
        options: fields of `finecops.strategies.options.Options`: `preset`, `specialist`, `mllm`, `device`, ….

    Returns:
        One `Grounding` for one sentence, a list for several. A failure is one with status `failed` and a reason.

    Raises:
        DataError: there is no such file.
        UsageError: an option is unknown, out of its range, or of no use to this strategy.
        FinecopsError: a model cannot be loaded.
    """
    alone = isinstance(sentence, str)
    questions = of_image(Path(image), [sentence] if isinstance(sentence, str) else list(sentence))
    found = list(_grounder(by, _checked(options)).ask(questions))
    return found[0] if alone else found


def _checked(options: Mapping[str, Any]) -> Options:
    """
    Raises:
        UsageError: one is unknown, or out of its range.
    """
    for name in options:
        if name not in Options.model_fields:
            raise UsageError(f"unknown option {name!r}; {meant(name, Options.model_fields) or 'see Options'}")
    try:
        return Options(**options)
    except ValidationError as error:
        faults = [f"{fault['loc'][0]}: {fault['msg']}" for fault in error.errors(include_url=False)]
        raise UsageError("; ".join(faults)) from error


def load_specialist(name: str, *, device: str | None = None) -> Specialist:
    """A detector that takes text, ready to be asked (`finecops.models.protocols.Specialist`).

    Args:
        name: a name of `finecops models list`, a YAML file, or `NAME@WEIGHTS`.
        device: `cpu`, `cuda`, `cuda:1`, `mps`; None: the best there is.

    Raises:
        ConfigError: there is no such specialist.
        ModelError: it cannot be loaded.
    """
    return load_specialist_model(find.load_specialist(name), device or AUTO)


def load_mllm(name: str, *, device: str | None = None) -> Mllm:
    """A multimodal language model, ready to be asked (`finecops.models.protocols.Mllm`).

    Args:
        name: a name of `finecops models list`, a YAML file, or `NAME@WEIGHTS`.
        device: `cpu`, `cuda`, `cuda:1`, `mps`; None: the best there is.

    Raises:
        ConfigError: there is no such MLLM.
        ModelError: it cannot be loaded.
    """
    return load_mllm_model(find.load_mllm(name), device or AUTO)


_GROUNDERS: dict[tuple[By, Options], Grounder] = {}
_MOST = 4
"""Grounders that are kept."""


def _grounder(by: By, options: Options) -> Grounder:
    key = (by, options)
    if key not in _GROUNDERS:
        new = Grounder(by, options)
        # A grounder holds its models: one with others would keep them in memory beside the new one's.
        for old, kept in list(_GROUNDERS.items()):
            if not (kept.models <= new.models or new.models <= kept.models):
                del _GROUNDERS[old]
        while len(_GROUNDERS) >= _MOST:
            _GROUNDERS.pop(next(iter(_GROUNDERS)))
        _GROUNDERS[key] = new
    return _GROUNDERS[key]
