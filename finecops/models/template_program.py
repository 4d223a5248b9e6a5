"""The program that renders chat templates, in a process of its own with limits on memory and time.

`finecops.models.chat_template` starts it by its path. It needs Jinja alone, and speaks the protocol of a worker
(docs/models/workers.md): a request has a template and its variables, an answer a text or what is wrong.
"""

from __future__ import annotations

import datetime
import json
import math
import os
import sys
import time
from functools import lru_cache
from typing import Any

_MEMORY_BYTES = 1 << 30
_MOST_CHARACTERS = 1_000_000
if __name__ == "__main__":
    # Folders of Jinja and of what it needs, for whoever keeps them elsewhere.
    sys.path += sys.argv[1:]

import jinja2.ext  # noqa: E402
import jinja2.sandbox  # noqa: E402


class _Generation(jinja2.ext.Extension):
    """The tag that marks answers for training. Its content is written as it is."""

    tags = {"generation"}  # noqa: RUF012 (Jinja declares it as no class variable)

    def parse(self, parser: Any) -> Any:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


class _Dict:
    """`dict` without its attributes."""

    def __call__(self, *args: Any, **members: Any) -> dict[Any, Any]:
        return dict(*args, **members)


class _Namespace(jinja2.utils.Namespace):
    """Variables that a loop may set. Names with an underscore lead to Python's own parts."""

    def __init__(*args: Any, **members: Any) -> None:
        self, given = args[0], dict(*args[1:], **members)
        for name in given:
            _check_name(name)
        jinja2.utils.Namespace.__init__(self, given)

    def __setitem__(self, name: str, value: Any) -> None:
        _check_name(name)
        super().__setitem__(name, value)


def _check_name(name: object) -> None:
    if isinstance(name, str) and name.startswith("_"):
        raise jinja2.exceptions.SecurityError(f"a namespace takes no {name!r}")


def _refuse(message: str) -> None:
    raise jinja2.exceptions.TemplateError(message)


def _to_json(
    value: Any, ensure_ascii: bool = False, indent: Any = None, separators: Any = None, sort_keys: bool = False
) -> str:
    # Jinja's own filter writes <, > and & as escapes for HTML.
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


@lru_cache(maxsize=1)
def _environment() -> jinja2.Environment:
    """What a template sees, as transformers has it (`transformers/utils/chat_template_utils.py`, 5.24)."""
    made = jinja2.sandbox.ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[_Generation, jinja2.ext.loopcontrols]
    )
    made.filters["tojson"] = _to_json
    made.globals |= {
        "raise_exception": _refuse,
        "strftime_now": lambda form: datetime.datetime.now().strftime(form),
        "dict": _Dict(),
        "namespace": _Namespace,
    }
    return made


@lru_cache(maxsize=8)
def _compiled(template: str) -> jinja2.Template:
    # Compiling takes longer than rendering.
    return _environment().from_string(template)


def _answer(request: dict[str, Any]) -> dict[str, str]:
    """The `text`; or the `fault` of a template that nobody wants, or the `failure` of one that does not fit."""
    try:
        text = _compiled(request["template"]).render(**request["variables"])
        if len(text) > _MOST_CHARACTERS:
            return {"fault": f"writes more than {_MOST_CHARACTERS} characters"}
        return {"text": text}
    except MemoryError:
        return {"fault": "asks for too much memory"}
    except RecursionError:
        return {"fault": "is nested too deep"}
    # Jinja passes on whatever the template's own expressions raise.
    except Exception as error:
        return {"failure": str(error)[:1000] or type(error).__name__}


def _limit(seconds: float) -> None:
    """End this process where it is left alone in an endless template. Windows has no such limits."""
    try:
        import resource
    except ImportError:
        return
    try:
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
        hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
        resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(time.process_time() + seconds) + 1, hard))
    except (ValueError, OSError):
        return


def main() -> None:
    """Answer requests until the input ends."""
    # Half a character of a template must not end the program.
    out = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8", errors="surrogatepass")
    out.write(json.dumps({"ready": True, "protocol": 1}) + "\n")
    for line in sys.stdin:
        request = json.loads(line)
        _limit(request["seconds"])
        out.write(json.dumps({"id": request["id"], **_answer(request)}, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
