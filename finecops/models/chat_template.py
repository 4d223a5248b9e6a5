"""Chat templates: programs of a checkpoint, written in Jinja. They run in a sandbox, with limits on time and length.

Jinja's `ImmutableSandboxedEnvironment` lets a template reach no file and no module. But it may loop for ever, or ask
for all memory, for one prompt alone. So every text is rendered in a process of its own with limits on both.
"""

from __future__ import annotations

import importlib.util
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from finecops.errors import ModelError, first_line
from finecops.models.redaction import one_line
from finecops.models.worker_process import WorkerProcess

_MOST_CHARACTERS = 1_000_000
"""The longest template."""
_SECONDS = 5.0
"""The longest time of one text. The templates of the configured models take a thousandth of a second."""
_START_SECONDS = 30.0
"""How long the process may take to start, on a busy machine."""
_PROGRAM = Path(__file__).with_name("template_program.py")
"""What renders."""
_CONVERSATIONS: Sequence[Sequence[Mapping[str, object]]] = (
    [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "the red car"}]}],
    [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "the red car"}],
)
"""What every template is tried with before its model is loaded."""


class _RefusedError(ModelError):
    """A template takes too long, or asks for too much."""


def check_template(processor: Any, name: str) -> None:
    """Try the chat templates of a processor or tokenizer.

    Raises:
        ModelError: one is too long, does not end, or asks for too much memory or text.
    """
    for template in _templates(processor):
        if len(template) > _MOST_CHARACTERS:
            raise ModelError(
                f"{name}: the checkpoint's chat template has more than {_MOST_CHARACTERS:,} characters: it is refused"
            )
        for messages in _CONVERSATIONS:
            try:
                _render(template, _variables(processor, messages, {}))
            except _RefusedError as error:
                raise ModelError(f"{name}: {error}: it is refused") from error
            except ModelError:
                # It does not fit this conversation. That shows when a prompt is written.
                continue


def rendered(processor: Any, messages: Sequence[Mapping[str, object]], **options: object) -> str:
    """A conversation in the chat template, up to the start of the answer.

    Args:
        processor: a processor or a tokenizer.
        messages: the conversation.
        options: more variables of the template.

    Raises:
        ModelError: there is no template, it fails, takes too long, or asks for too much memory or text.
    """
    found = getattr(processor, "chat_template", None)
    template = found.get("default") if isinstance(found, dict) else found
    if not isinstance(template, str):
        raise ModelError("the checkpoint has no chat template")
    return _render(template, _variables(processor, messages, options))


def _variables(processor: Any, messages: Sequence[Mapping[str, object]], options: Mapping[str, object]) -> Any:
    """What transformers gives to a template: the conversation, the names of special tokens, the caller's options."""
    tokenizer = getattr(processor, "tokenizer", processor)
    given = {"tools": None, "documents": None, "add_generation_prompt": True}
    return {"messages": messages, **given, **getattr(tokenizer, "special_tokens_map", {}), **options}


def _templates(processor: Any) -> Iterator[str]:
    for owner in (processor, getattr(processor, "tokenizer", None)):
        found = getattr(owner, "chat_template", None)
        # A checkpoint may have several, by name.
        yield from (text for text in (found.values() if isinstance(found, dict) else [found]) if isinstance(text, str))


_processes: dict[int, WorkerProcess] = {}
"""The process of each thread: it answers one request at a time."""


def _render(template: str, variables: Mapping[str, object]) -> str:
    thread = threading.get_ident()
    process = _processes[thread] if thread in _processes else _processes.setdefault(thread, _new_process())
    process.timeout_seconds = _SECONDS
    start = time.monotonic()
    try:
        answer = process.ask({"template": template, "variables": variables, "seconds": _SECONDS})
    except ModelError as error:
        # A new process for the next text: this one does not count how often it was started.
        _processes.pop(thread, None)
        process.close()
        if time.monotonic() - start >= _SECONDS:
            raise _RefusedError(f"the checkpoint's chat template does not end within {_SECONDS:g} s") from error
        raise ModelError(f"the checkpoint's chat template fails: {first_line(error)}") from error
    if "fault" in answer:
        raise _RefusedError(f"the checkpoint's chat template {one_line(str(answer['fault']))}")
    if not isinstance(text := answer.get("text"), str):
        raise ModelError(f"the checkpoint's chat template fails: {one_line(str(answer.get('failure')))}")
    return text


def _new_process() -> WorkerProcess:
    """The program, which starts with its first request, isolated from the user's settings of Python."""
    needed = [spec.origin for name in ("jinja2", "markupsafe") if (spec := importlib.util.find_spec(name))]
    folders = [str(Path(origin).parents[1]) for origin in needed if origin is not None]
    command = [sys.executable, "-I", str(_PROGRAM), *folders]
    return WorkerProcess("chat template", command, _START_SECONDS, _SECONDS, quiet=True)
