"""Each message that docs/troubleshooting.md quotes is one of the package's."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]
PAGE = PROJECT / "docs" / "troubleshooting.md"


def quoted(text: str) -> list[str]:
    """The messages that are headings, and those in italics, which are parts of others."""
    found = re.findall(r"^### `(.*)`$", text, re.MULTILINE) + re.findall(r"^- \*(.*?)\*", text, re.MULTILINE)
    # A quotation begins and ends somewhere in its message.
    return [one.strip("… ") for one in found]


@cache
def texts_of_the_package() -> tuple[str, ...]:
    """All texts in the source, with "…" for what is put in when the program runs."""
    return tuple(
        text
        for path in sorted((PROJECT / "finecops").rglob("*.py"))
        for text in texts_of(ast.parse(path.read_text(encoding="utf-8")))
    )


def texts_of(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(part.value if isinstance(part, ast.Constant) else "…" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def is_there(message: str) -> bool:
    """Whether a text of the package has the message; each "…" stands for anything, also for nothing."""
    return any(has_in_order(text, message.split("…")) for text in texts_of_the_package())


def has_in_order(text: str, parts: list[str]) -> bool:
    end = 0
    for part in parts:
        found = text.find(part, end)
        if found < 0:
            return False
        end = found + len(part)
    return True


@pytest.mark.parametrize("message", quoted(PAGE.read_text(encoding="utf-8")))
def test_a_quoted_message_is_in_the_package(message: str) -> None:
    # Enough of it to be found: not only what is put in.
    assert len(message.replace("…", "").strip()) >= 10
    assert is_there(message)


def test_a_message_that_is_not_there_is_noticed() -> None:
    assert not is_there("no model in …/: ask your neighbour")
    assert quoted("### `… is broken: …`\n\n- *half of it …* is gone\n") == ["is broken:", "half of it"]
