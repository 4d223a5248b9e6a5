"""The training scripts from nothing to a checkpoint that loads like any other, some steps each."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from transformers import AutoModelForImageTextToText, AutoModelForZeroShotObjectDetection, AutoProcessor

PROJECT = Path(__file__).resolve().parents[2]


def script(name: str, *arguments: str) -> None:
    subprocess.run([sys.executable, f"scripts/{name}.py", *arguments], cwd=PROJECT, check=True, capture_output=True)


@pytest.mark.slow
def test_mini_gdino(tmp_path: Path) -> None:
    folders = ["--folder", str(tmp_path / "train"), "--checkpoint", str(tmp_path / "out")]
    script("train_mini_gdino", "train", "--steps", "3", *folders)
    script("train_mini_gdino", "train", "--steps", "5", *folders)  # goes on
    script("train_mini_gdino", "export", *folders)
    AutoModelForZeroShotObjectDetection.from_pretrained(tmp_path / "out")
    AutoProcessor.from_pretrained(tmp_path / "out")


@pytest.mark.slow
def test_mini_qwen2vl(tmp_path: Path) -> None:
    folders = ["--folder", str(tmp_path / "train"), "--checkpoint", str(tmp_path / "out")]
    script("train_mini_qwen2vl", "vision", "--steps", "3", *folders)
    script("train_mini_qwen2vl", "language", "--steps", "3", *folders)
    script("train_mini_qwen2vl", "options", "--steps", "3", *folders)
    script("train_mini_qwen2vl", "export", *folders)
    logged = [json.loads(line) for line in (tmp_path / "out" / "training.jsonl").read_text().splitlines()]
    assert [(row["stage"], row["step"]) for row in logged] == [("vision/1", 3), ("language", 3), ("options", 3)]
    AutoModelForImageTextToText.from_pretrained(tmp_path / "out")
    AutoProcessor.from_pretrained(tmp_path / "out")
