"""Chat templates: programs of a checkpoint, written in Jinja. They run in a sandbox, with limits on time and length.

transformers renders in Jinja's `ImmutableSandboxedEnvironment`: a template reaches no file and no module. But it may
loop for ever, or ask for all memory. So each template is first tried in a process of its own, with limits, and every
later text has a limit of time.
"""

from __future__ import annotations

import ctypes
import json
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from finecops.errors import ModelError, first_line

_MOST_CHARACTERS = 1_000_000
"""The longest template, and the longest text that one may write."""
_SECONDS = 5.0
"""The longest time of one text. The templates of the configured models take a thousandth of a second."""
_START_SECONDS = 30.0
"""How long the process of the trial may take, with its start on a busy machine."""
_TRIAL = """
import json, sys
given = json.load(sys.stdin)
sys.path[:] = given["path"]
import jinja2.ext, jinja2.nodes, jinja2.sandbox
class Generation(jinja2.ext.Extension):
    tags = {"generation"}
    def parse(self, parser):
        next(parser.stream)
        return parser.parse_statements(["name:endgeneration"], drop_needle=True)
try:
    import resource
    resource.setrlimit(resource.RLIMIT_CPU, (given["seconds"], given["seconds"]))
    resource.setrlimit(resource.RLIMIT_AS, (given["memory"], given["memory"]))
except (ImportError, ValueError, OSError):
    pass
def refuse(message):
    raise jinja2.TemplateError(message)
environment = jinja2.sandbox.ImmutableSandboxedEnvironment(
    trim_blocks=True, lstrip_blocks=True, extensions=[Generation, "jinja2.ext.loopcontrols"]
)
environment.globals.update(raise_exception=refuse, strftime_now=lambda form: form)
for messages in given["conversations"]:
    try:
        text = environment.from_string(given["template"]).render(messages=messages, add_generation_prompt=True)
    except MemoryError:
        sys.exit("asks for too much memory")
    except RecursionError:
        sys.exit("is nested too deep")
    except Exception:
        continue
    if len(text) > given["most"]:
        sys.exit("writes more than %d characters" % given["most"])
"""
"""Reads what to try as JSON. Ends with what is wrong, if anything is. Other faults show when a prompt is written."""
_CONVERSATIONS = (
    [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "the red car"}]}],
    [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "the red car"}],
)


class _TooLongError(Exception):
    """The time is over."""


def check_template(processor: Any, name: str) -> None:
    """Try the chat templates of a processor or tokenizer.

    Raises:
        ModelError: one is too long, does not end, or asks for too much memory or text.
    """
    for template in _templates(processor):
        fault = (
            f"has more than {_MOST_CHARACTERS:,} characters" if len(template) > _MOST_CHARACTERS else _fault(template)
        )
        if fault is not None:
            raise ModelError(f"{name}: the checkpoint's chat template {fault}: it is refused")


def rendered(processor: Any, messages: Sequence[Mapping[str, object]], **options: object) -> str:
    """A conversation in the chat template, up to the start of the answer.

    Raises:
        ModelError: the template fails, takes too long, or writes too much.
    """
    try:
        with _time_limit(_SECONDS):
            text = processor.apply_chat_template(messages, tokenize=False, add_generation_prompt=True, **options)
    except _TooLongError:
        raise ModelError(f"the checkpoint's chat template took more than {_SECONDS:g} s") from None
    # Jinja passes on whatever the template's own expressions raise.
    except Exception as error:
        raise ModelError(f"the checkpoint's chat template fails: {first_line(error)}") from error
    if not isinstance(text, str) or len(text) > _MOST_CHARACTERS:
        raise ModelError(f"the checkpoint's chat template wrote more than {_MOST_CHARACTERS:,} characters")
    return text


def _templates(processor: Any) -> Iterator[str]:
    for owner in (processor, getattr(processor, "tokenizer", None)):
        found = getattr(owner, "chat_template", None)
        # A checkpoint may have several, by name.
        yield from (text for text in (found.values() if isinstance(found, dict) else [found]) if isinstance(text, str))


@lru_cache(maxsize=16)
def _fault(template: str) -> str | None:
    """What is wrong with a template, found in a process with limits on time and memory."""
    given = {
        "template": template,
        "conversations": _CONVERSATIONS,
        "path": sys.path,
        "seconds": int(_SECONDS),
        "memory": 1 << 30,
        "most": _MOST_CHARACTERS,
    }
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-c", _TRIAL],
            input=json.dumps(given),
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_START_SECONDS,
        )
    except subprocess.TimeoutExpired:
        return f"does not end within {_SECONDS:g} s"
    # A negative code is the signal that ended the process: here the limit of time.
    if done.returncode < 0:
        return f"does not end within {_SECONDS:g} s"
    return (done.stderr.strip().splitlines() or ["fails"])[-1] if done.returncode else None


@contextmanager
def _time_limit(seconds: float) -> Iterator[None]:
    """Raise `_TooLongError` in this thread when the time is over, in Python code that does not wait."""
    thread, lock = threading.get_ident(), threading.Lock()
    open_ = True

    def stop() -> None:
        with lock:
            if open_:
                ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(_TooLongError))

    timer = threading.Timer(seconds, stop)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        with lock:
            open_ = False
        timer.cancel()
