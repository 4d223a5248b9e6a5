"""Tuning data in LLaMA-Factory's layouts, as `finecops crs tune` takes it."""

from __future__ import annotations

import json
import logging
import re
from pathlib import Path
from typing import Any

import pytest

from finecops.config.find import load_mllm
from finecops.errors import DataError
from finecops.tuning.data import TuneRow
from finecops.tuning.exports import write_llama_factory
from finecops.tuning.llama_factory import is_llama_factory, read_llama_factory
from tests.cli.invoke import run
from tests.datasets.releases import picture

QUESTION = "Which is the red car?\nA. (1,2),(3,4)\nB. None"
SHAREGPT = {
    "messages": [{"role": "user", "content": f"<image>{QUESTION}"}, {"role": "assistant", "content": "A"}],
    "images": ["train2014/a.jpg"],
}
LAYOUTS: dict[str, dict[str, Any]] = {
    "sharegpt": SHAREGPT,
    "sharegpt, its default tags": {
        "conversations": [{"from": "human", "value": f"<image>\n{QUESTION}"}, {"from": "gpt", "value": "A"}],
        "images": ["train2014/a.jpg"],
    },
    "alpaca": {"instruction": f"<image>{QUESTION}", "input": "", "output": "A", "images": ["train2014/a.jpg"]},
    "alpaca with input": {
        "instruction": "Which is the red car?",
        "input": "A. (1,2),(3,4)\nB. None",
        "output": "A",
        "images": ["train2014/a.jpg"],
        "history": [],
        "system": "",
    },
    "an absolute path of another machine": SHAREGPT | {"images": ["/data/coco/train2014/a.jpg"]},
    "a path of Windows": SHAREGPT | {"images": ["D:\\coco\\train2014\\a.jpg"]},
    "one image without a list": {k: v for k, v in SHAREGPT.items() if k != "images"} | {"image": "a.jpg"},
}


def file_of(folder: Path, content: Any, name: str = "refcoco_CRS_pos.json") -> Path:
    picture(folder / "train2014/a.jpg")
    picture(folder / "a.jpg")
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


@pytest.mark.parametrize("name", LAYOUTS)
@pytest.mark.parametrize("lines", [False, True], ids=["list", "lines"])
def test_both_layouts_are_read(tmp_path: Path, name: str, lines: bool) -> None:
    entry = LAYOUTS[name]
    path = file_of(tmp_path, f"{json.dumps(entry)}\n{json.dumps(entry)}\n" if lines else [entry, entry])
    assert is_llama_factory(path)
    rows, about = read_llama_factory(path)
    assert [row.id for row in rows] == ["1", "2"]
    row = rows[0]
    assert (row.prompt, row.answer, row.width, row.height) == (QUESTION, "A", 140, 120)
    assert row.image == ("a.jpg" if name.startswith("one image") else "train2014/a.jpg")
    assert about == {"dataset": path.name, "image_root": str(tmp_path)}


def test_what_finecops_writes_for_llama_factory_is_read_back(tmp_path: Path) -> None:
    picture(tmp_path / "images/a.png")
    row = TuneRow(
        id="1", sample_id="1", image="images/a.png", width=140, height=120, prompt=QUESTION, answer="B", letters=("A",)
    )
    path = write_llama_factory(tmp_path / "out", [row], tmp_path, load_mllm("mini-qwen2vl"))
    rows, _ = read_llama_factory(path, tmp_path)
    assert rows == [row.model_copy(update={"letters": ()})]


def changed(**changes: Any) -> dict[str, Any]:
    return SHAREGPT | changes


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (changed(images=[]), "one image is meant"),
        (changed(images=["a.jpg", "a.jpg"]), "one image is meant"),
        (changed(images=["b.jpg"]), "image 'b.jpg' is not below .*--image-root names"),
        (changed(images=[5]), "the image is 5; a path is meant"),
        (changed(images=["../../etc/passwd"]), "is not below"),
        (changed(images=["broken.jpg"]), "cannot be read"),
        (changed(system="You are a robot."), "a system prompt, which CRS does not send"),
        (changed(messages=SHAREGPT["messages"] * 2), "one question and its answer are meant"),
        (changed(messages=SHAREGPT["messages"][::-1]), "a message of 'assistant'"),
        (changed(messages="A"), "one question and its answer are meant"),
        (changed(messages=[{"role": "user", "content": 5}, SHAREGPT["messages"][1]]), "the question is 5"),
        (changed(messages=[{"role": "user", "content": "<image>"}, SHAREGPT["messages"][1]]), "is empty"),
        (
            changed(messages=[{"role": "user", "content": "In <image>?"}, SHAREGPT["messages"][1]]),
            "inside the question",
        ),
        (changed(messages=[{"role": "user", "content": "<image><image>?"}, SHAREGPT["messages"][1]]), "more than one"),
        (LAYOUTS["alpaca"] | {"history": [["a", "b"]]}, "a history, which CRS does not send"),
        (LAYOUTS["alpaca"] | {"output": ["A"]}, "output is"),
        ({"text": "x"}, "neither sharegpt nor alpaca"),
        ("x", "neither sharegpt nor alpaca"),
    ],
)
def test_a_broken_entry_is_counted_and_named(
    tmp_path: Path, entry: Any, message: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = file_of(tmp_path, [SHAREGPT, entry, SHAREGPT])
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8 no picture")
    with caplog.at_level(logging.WARNING, logger="finecops"):
        rows, _ = read_llama_factory(path)
    assert [row.id for row in rows] == ["1", "3"]
    assert re.search(f"1 of 3 entries are left out: entry 2: .*{message}", caplog.text)


def test_a_file_without_a_usable_entry_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no entry can be used; entry 1: images is"):
        read_llama_factory(file_of(tmp_path, [changed(images=[])] * 2))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('[{"messages": [', r"is not JSON \(15 bytes\)"),
        ("{", r"is not JSON \(1 bytes\)"),
        ({"messages": []}, "is not tuning data: it is an object of 1 keys"),
        (
            [{"question": "x"}],
            "it is a list of 1, the first of them an object of 1 keys .'question'",
        ),
        ([], "is not tuning data: it is a list of 0"),
        ([{"sample_id": "1", "prompt": "x"}], r"refcoco_CRS_pos\.about\.json beside them"),
    ],
)
def test_another_layout_is_refused_with_what_was_found(tmp_path: Path, content: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_llama_factory(file_of(tmp_path, content))


def test_the_command_tunes_on_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    monkeypatch.setattr("finecops.tuning.train.tune", lambda *given: seen.append(given))
    path = file_of(tmp_path / "data", [SHAREGPT] * 4)
    code, output = run("crs", "tune", str(path), "--out", str(tmp_path / "adapter"), "--device", "cpu")
    assert code == 0, output
    (_, rows, root, *_, about), *_ = seen
    assert ([row.answer for row in rows], root) == (["A"] * 4, tmp_path / "data")
    assert about["dataset"] == "refcoco_CRS_pos.json"
