"""The stand-in for vLLM as a program, and what it left behind."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from finecops.serving import fleet, program
from tests.processes import lives, soon

PROJECT = Path(__file__).resolve().parents[2]


@dataclass
class FakeVllm:
    """The program, and a folder with a file for each of its starts."""

    path: Path
    notes: Path
    monkeypatch: pytest.MonkeyPatch

    def faults(self, **faults: Any) -> None:
        self.monkeypatch.setenv("FAKE_VLLM", json.dumps({"notes": str(self.notes), **faults}))

    @property
    def starts(self) -> list[dict[str, Any]]:
        """What each start noted, in their order."""
        files = sorted(self.notes.glob("*.json"), key=lambda path: path.stat().st_mtime_ns)
        return [json.loads(path.read_text()) for path in files]

    @property
    def asked(self) -> list[int]:
        """How many requests each start answered that answered any."""
        return [path.stat().st_size for path in self.notes.glob("*.asked")]

    def is_gone(self, seconds: float = 30.0) -> bool:
        """Whether nothing of what was started lives."""
        pids = [str(start[of]) for start in self.starts for of in ("pid", "child")]
        return soon(lambda: not any(map(lives, pids)), seconds)


@pytest.fixture
def vllm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeVllm]:
    path, notes = tmp_path / "bin" / "vllm", tmp_path / "notes"
    path.parent.mkdir()
    notes.mkdir()
    path.write_text(
        f"#!{sys.executable}\nimport sys\nsys.path.insert(0, {str(PROJECT)!r})\n"
        "from tests.serving.fake_vllm import main\nmain()\n"
    )
    path.chmod(0o755)
    monkeypatch.setenv("FINECOPS_VLLM", str(path))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(fleet, "FIRST_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(program, "POLITE_SECONDS", 0.5)
    fake = FakeVllm(path, notes, monkeypatch)
    fake.faults()
    yield fake
    assert fake.is_gone()
