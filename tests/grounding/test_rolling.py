"""Questions to a server: many images at a time, and the answers in the order of the questions."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from PIL import Image

from finecops.errors import ModelError
from finecops.grounding.grounder import Grounder
from finecops.grounding.in_order import in_order
from finecops.grounding.questions import Question, of_image
from finecops.images import forget_images, read_picture
from finecops.strategies.options import Options
from tests.cli.invoke import run
from tests.grounding.stub_server import serving

BOX = "(10,20),(300,400)"
IMAGES = 6


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "six").mkdir()
    for number in range(IMAGES):
        Image.new("RGB", (40 + number, 30), "red").save(tmp_path / "six" / f"{number}.png")
    return tmp_path / "six"


def ground(url: str) -> tuple[int, list[str]]:
    """Exit code and answers."""
    model = ("--by", "mllm", "--mllm", "qwen2-vl-7b-server", "--base-url", url, "--api-model", "m", "--no-focus")
    code, text = run("ground", "six", "the kite", *model, "--json", "--no-draw")
    return code, [line for line in text.splitlines() if line.startswith("{")]


def test_a_server_is_asked_about_many_images_at_a_time_and_answers_stay_in_order(folder: Path) -> None:
    numbers, everyone = count(), threading.Event()

    def hold() -> None:
        number = next(numbers)
        if number == IMAGES - 1:
            everyone.set()
        # The client finds out with its first call what the server takes. One at a time, the others would wait for ever.
        assert number == 0 or everyone.wait(60)

    with serving(BOX, hold) as stub:
        code, lines = ground(stub.url)
    found = [json.loads(line) for line in lines]
    assert (code, [one["id"] for one in found]) == (0, [f"{number}.png" for number in range(IMAGES)])
    assert [one["width"] for one in found] == [40 + number for number in range(IMAGES)]
    assert {one["status"] for one in found} == {"box"}
    # Those that are there keep their places among new ones.
    (kept,) = Path("outputs").glob("*/answers.jsonl")
    rows = kept.read_text().splitlines()
    kept.write_text("".join(row + "\n" for row in rows[1::2]))
    with serving(BOX) as stub:
        assert ground(stub.url) == (0, lines)
        assert len(stub.pictures) == IMAGES // 2


def test_with_ahead_false_a_question_is_answered_before_the_next_one_is_taken(folder: Path) -> None:
    given: list[int] = []

    def questions() -> Iterator[Question]:
        for number in range(IMAGES):
            given.append(number)
            yield of_image(folder / f"{number}.png", ["the kite"])[0]

    with serving(BOX) as stub:
        options = Options(mllm="qwen2-vl-7b-server", base_url=stub.url, api_model="m", batch_size=1, focus=False)
        answers = Grounder("mllm", options).ask(questions(), ahead=False)
        assert next(answers).status == "box"
        assert given == [0]


def test_results_come_in_order_and_an_error_in_its_place() -> None:
    later = threading.Event()

    def do(number: int) -> int:
        if number == 0:
            assert later.wait(60)
        if number == 2:
            later.set()
            raise ModelError("two")
        return number

    found = in_order(do, range(4), lambda: 4)
    assert [next(found), next(found)] == [0, 1]
    with pytest.raises(ModelError, match="two"):
        next(found)


def _note(done: list[tuple[int, int]], number: int) -> None:
    done.append((number, threading.get_ident()))


def test_alone_it_is_done_here_when_it_is_asked_for() -> None:
    done: list[tuple[int, int]] = []
    for width, alone in ((1, False), (8, True)):
        found = in_order(
            lambda number: done.append((number, threading.get_ident())), range(3), lambda w=width: w, alone
        )
        next(found)
    assert done == [(0, threading.get_ident())] * 2


def test_images_that_are_asked_about_are_kept(folder: Path) -> None:
    forget_images()
    first, second = (read_picture(folder / f"{number}.png") for number in range(2))
    forget_images(but={folder / "1.png"})
    assert read_picture(folder / "1.png") is second
    assert read_picture(folder / "0.png") is not first
