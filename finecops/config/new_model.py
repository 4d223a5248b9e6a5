"""A new model's file: a copy of a known model's, with every setting explained."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator
from pathlib import Path

import yaml
from pydantic import ValidationError
from pydantic_core import PydanticUndefined

from finecops.config.choices import CHOICES
from finecops.config.faults import faults_message, faults_of
from finecops.config.schema import AnyModelConfig, Config, ExtractorConfig
from finecops.config.templates import text_of
from finecops.errors import ConfigError
from finecops.text import printable

_OTHERS_CLAIMS = frozenset({"revision", "licence", "score", "seen", "domain", "proved", "paper_row"})
"""What a known model's file says of its own weights and tests."""
_PERMISSIONS = frozenset({"trust_remote_code", "allow_pickle"})
"""These are given on the command line, for one run."""
_LOADED = ("transformers", "grounding-dino", "category-detector", "llm")
_ASKED = ("system", "chat_options", "visual_tokens")
_SERVED = ("serve", "gpus_per_server", "serve_args", "start_seconds")
_ONLY_OF = {
    "worker": ("command", "start_seconds", "timeout_seconds"),
    "replay": ("file_format", "file_score"),
    "openai": ("base_url", "servers", "api_key_env", "concurrency", "timeout_seconds", *_SERVED, *_ASKED),
    "mmdet": ("mmdet_config", "dtype"),
    **dict.fromkeys(_LOADED, ("revision", "remote_code", "device_map", "dtype")),
}
_ONLY_OF["transformers"] += ("attention", "padded_batches", "adapter", "chat", *_ASKED)
"""Backend → settings that only it and other backends here read."""
_PROMPTS = ("prompt", "focus", "refusal")
_DECLARED = """A format of one's own is declared like this (docs/models.md):
box_format:
  text: "[{x1}, {y1}, {x2}, {y2}]"
  coordinates: norm1000"""
_WIDTH = 100
_FIRST = ("name", "kind", "backend", "weights", "model", "base_url", "prompt", "focus", "box_format", "max_new_tokens")
"""Settings that come first; the others follow in the order of the schema."""


def try_it(name: str, like: AnyModelConfig) -> str:
    """The command that tries a model of that kind."""
    image = "" if isinstance(like, ExtractorConfig) else " --image photo.jpg"
    return f'finecops models check {name}{image} --expression "the red car"'


def new_model_text(name: str, like: AnyModelConfig, changes: dict[str, object], file: Path | None = None) -> str:
    """The YAML file of a new model.

    Args:
        name: the new model's name.
        like: a known model; its settings are copied, but not what its file claims of its licence and its tests.
        changes: settings that are not copied but given.
        file: where it is written, if not where its name alone finds it.

    Raises:
        ConfigError: a given setting is not valid, or the settings do not fit each other.
    """
    values = like.model_dump(mode="json", exclude_unset=True) | changes | {"name": name}
    lines = [
        f"# {name}, begun as a copy of {like.name}. To try it:",
        f"# {try_it(name if file is None else printable(str(file)), like)}",
        "# A setting behind a # without a blank has its default; None is written as null.",
    ]
    docs, fields = _docs(type(like)), type(like).model_fields
    read = [key for key in fields if key not in _PERMISSIONS and _is_read(key, like.backend)]
    for key in sorted(read, key=lambda one: _FIRST.index(one) if one in _FIRST else len(_FIRST)):
        field = fields[key]
        value = field.default if field.default_factory is None else field.get_default(call_default_factory=True)
        given = key in values and (key in changes or key not in _OTHERS_CLAIMS)
        if given:
            value = text_of(values[key]) if key in _PROMPTS and isinstance(values[key], str) else values[key]
        lines += ["", *_comment(_about(like, key, docs.get(key, ""), values))]
        written = _yaml(key, None if value is PydanticUndefined else value)
        lines += written if given else [f"#{line}" for line in written]
    text = "\n".join(lines) + "\n"
    _check(name, text, type(like))
    return text


def _is_read(key: str, backend: str) -> bool:
    """Whether a backend reads a setting; most settings are read by all."""
    return key in _ONLY_OF.get(backend, ()) or not any(key in keys for keys in _ONLY_OF.values())


def _about(like: AnyModelConfig, key: str, doc: str, values: dict[str, object]) -> str:
    """What is said above a setting."""
    if key == "kind":
        return ""
    if key == "backend":
        return f"How the model is reached: {', '.join(CHOICES[f'{like.kind} backend'])}."
    if key == "box_format":
        return f"How the model writes a box: {', '.join(CHOICES['box_format'])}.\n{_DECLARED}"
    if key in _PROMPTS and key in values and text_of(str(values[key])) != values[key]:
        return f"{doc}\nHere: the text of {values[key]}."
    return doc


def _comment(text: str) -> Iterator[str]:
    for number, paragraph in enumerate(text.split("\n")):
        # The lines of an example keep their blanks.
        wrapped = textwrap.wrap(paragraph, _WIDTH) if number == 0 else [paragraph]
        yield from (f"# {line}" for line in wrapped)


def _yaml(key: str, value: object) -> list[str]:
    value = list(value) if isinstance(value, tuple) else value
    return yaml.safe_dump({key: value}, allow_unicode=True, width=10_000, sort_keys=False).rstrip("\n").split("\n")


def _check(name: str, text: str, expected: type[Config]) -> None:
    raw = yaml.safe_load(text)
    try:
        expected.model_validate(raw)
    except ValidationError as error:
        raise ConfigError(faults_message(Path(f"{name}.yaml"), faults_of(error, raw, expected))) from error


def _docs(model: type[Config]) -> dict[str, str]:
    """The text below each setting in the source. pydantic can read it too, but then at each import."""
    found: dict[str, str] = {}
    for cls in reversed(model.__mro__):
        if not issubclass(cls, Config):
            continue
        (node,) = ast.parse(textwrap.dedent(inspect.getsource(cls))).body
        assert isinstance(node, ast.ClassDef)
        for field, below in zip(node.body, node.body[1:]):
            if isinstance(field, ast.AnnAssign) and isinstance(below, ast.Expr) and isinstance(field.target, ast.Name):
                value = below.value
                if isinstance(value, ast.Constant) and isinstance(value.value, str):
                    found[field.target.id] = " ".join(inspect.cleandoc(value.value).split())
    return found
