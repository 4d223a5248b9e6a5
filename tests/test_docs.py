"""Every `finecops …` in the documents and messages names a command and options that exist."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from finecops.cli.app import app
from tests.conftest import built_command

PROJECT = Path(__file__).resolve().parents[1]
PAGES = [
    *(PROJECT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *sorted((PROJECT / "docs").rglob("*.md")),
    *sorted((PROJECT / "examples").glob("*.py")),
    *sorted((PROJECT / "configs").rglob("*.yaml")),
]
_INLINE = re.compile(r"`(finecops [^`]+)`", re.DOTALL)
_LINE = re.compile(r"^(?:[^`\n]*\| )?(finecops [^\n]*)$", re.MULTILINE)
_OPTION = re.compile(r"(?<![\w-])--?[a-z][a-z-]*")


def commands_of(text: str) -> Iterator[str]:
    """Commands in back quotes, and lines of code blocks."""
    yield from (" ".join(found.split()) for found in _INLINE.findall(text))
    for block in re.findall(r"```(?:text|bash)\n(.*?)```", text, re.DOTALL):
        yield from _LINE.findall(block.replace("\\\n", " "))


def check(command: str) -> str | None:
    """What is wrong with a command, or None."""
    # In tables of commands a description follows after several blanks.
    words = shlex.split(re.split(r" {3,}", command)[0].replace("'", " "))[1:]
    found: Any = built_command(app)
    while hasattr(found, "commands") and words and not words[0].startswith("-"):
        if not re.fullmatch(r"[a-z-]+", words[0]):
            return None
        if words[0] not in found.commands:
            return f"no command {words[0]!r}"
        found = found.commands[words.pop(0)]
    there = {name for p in found.params for name in (*p.opts, *p.secondary_opts)} | {"--help"}
    unknown = [word for word in words if _OPTION.fullmatch(word) and word not in there]
    return f"no option {unknown[0]}" if unknown else None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_commands_in_the_documents_exist(page: Path) -> None:
    text = page.read_text()
    wrong = {command: fault for command in commands_of(text) if (fault := check(command))}
    assert wrong == {}


def test_the_check_finds_wrong_commands() -> None:
    assert check("finecops sfa jump") == "no command 'jump'"
    assert check("finecops eval RUN --magic 3") == "no option --magic"
    assert check("finecops crs select --topk 5 [--none]   one letter") is None
    block = "```bash\nfinecops score --format x \\\n  --predictions y\necho '' | finecops sfa extract -\n```"
    assert list(commands_of(block)) == ["finecops score --format x    --predictions y", "finecops sfa extract -"]


@pytest.mark.parametrize("page", PAGES[:3] + sorted((PROJECT / "docs").rglob("*.md")), ids=lambda page: page.name)
def test_links_lead_to_files(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []
