"""The line that installs an extra fits how finecops was installed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from finecops import install
from finecops.install import install_line

PROJECT = Path(__file__).resolve().parents[1]


def test_the_line_fits_the_installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(PROJECT)
    assert install_line("openai") == "pip install -e '.[openai]'"
    monkeypatch.chdir(tmp_path)
    assert install_line("openai") == f"pip install -e '{PROJECT}[openai]'"
    # As in a folder of installed packages.
    monkeypatch.setattr(install, "_PROJECT", tmp_path)
    assert install_line("openai") == "pip install 'finecops[openai]'"


def test_every_message_takes_the_line_from_there() -> None:
    written = [
        f"{path.relative_to(PROJECT)}: {line.strip()}"
        for path in sorted((PROJECT / "finecops").rglob("*.py"))
        # Workers run in environments without finecops; their own text names a checkout.
        if path.name != "install.py" and "workers" not in path.parts
        for line in path.read_text().splitlines()
        if re.search(r"pip install.*\[\w", line)
    ]
    assert written == []
