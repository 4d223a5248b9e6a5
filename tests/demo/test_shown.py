"""What the page says about an answer, without a browser, a server or a model."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from finecops.demo.asking import Asker, answer_markup, intro, notice
from finecops.demo.pictures import choice_marks, final_marks, pathway_marks, picture, router_marks
from finecops.demo.shown import NONE_OPTION, About, Shown, shown
from finecops.errors import ModelError
from finecops.grounding.questions import Question
from finecops.grounding.records import GroundAnswer, Grounding
from finecops.records import Candidates, Prediction, Route, Target, Xyxy
from finecops.strategies.options import Options

A: Xyxy = (10.0, 10.0, 50.0, 50.0)
B: Xyxy = (60.0, 20.0, 90.0, 80.0)
ABOUT = About(threshold=0.2, topk=5, none=True)
HOSTILE = "<img src=x onerror='window.hacked=1'><script>window.hacked=1</script>"


def said(status: str = "box", box: Xyxy | None = A, source: str = "specialist", **row: Any) -> GroundAnswer:
    """An answer of a model."""
    boxes = (box,) if box is not None else ()
    prediction = Prediction(**({"sample_id": "0", "status": status, "boxes": boxes, "source": source} | row))
    scores = prediction.scores
    return GroundAnswer(
        status=status,  # type: ignore[arg-type]
        box=prediction.boxes[0] if status == "box" else None,
        score=scores[0] if scores and status == "box" else None,
        score_kind="a probability" if scores and status == "box" else None,
        model=f"model of {source}",
        row=prediction,
    )


def letters(status: str = "box", **changes: Any) -> GroundAnswer:
    """CRS's answer about two candidates, with None as an option."""
    about: dict[str, Any] = {
        "boxes": (B, A),
        "scores": (0.6, 0.1),
        "letters": ("C", "A"),
        "choice": "C",
        "presence": 0.7,
        "prompt": "Which?\nA. 1\nB. None\nC. 2",
    }
    return said(status, source="crs", **(about | changes))


def grounding(**changes: Any) -> Grounding:
    """The router found two, so the MLLM answered."""
    final = said(source="mllm", scores=(0.5,), reply="(1,2)", prompt="Where?")
    fields: dict[str, Any] = {
        "id": "1",
        "image": "a.png",
        "width": 100,
        "height": 100,
        "sentence": "the red car on the left",
        "by": "all",
        "status": "box",
        "box": A,
        "score": 0.5,
        "score_kind": "a probability",
        "model": "m",
        "why": "the router found 2 'red car', so the MLLM m was asked",
        "target": Target(sample_id="0", status="found", phrase="red car", span=(4, 11), extractor="rules"),
        "route": Route(sample_id="0", status="routed", level=2, boxes=(A, B), scores=(0.9, 0.3)),
        "candidates": Candidates(
            sample_id="0", status="proposed", boxes=(A, B, B), scores=(0.9, 0.5, 0.4), kept=(0, 1)
        ),
        "answers": {
            "specialist": said(box=B, scores=(0.3,)),
            "mllm": final,
            "sfa": final,
            "crs": letters(),
        },
    }
    return Grounding(**(fields | changes))


def page(**changes: Any) -> Shown:
    return shown(grounding(**changes), ABOUT)


def test_every_step_is_said() -> None:
    found = page()
    assert found.headline == "Box 10.0 10.0 50.0 50.0"
    assert "score 0.500 (a probability)" in found.detail
    assert (found.sentence.before, found.sentence.phrase, found.sentence.after) == ("the ", "red car", " on the left")
    assert found.router is not None
    assert found.router.words == "2 boxes above the score 0.2 after NMS: level 2, hard, for the MLLM."
    assert [(a.method, a.score, a.taken) for a in found.answers] == [
        ("Specialist", "0.300", False),
        ("MLLM", "0.500", True),
        ("CRS", "0.600", False),
    ]
    assert (found.answers[1].prompt, found.answers[1].reply) == ("Where?", "(1,2)")
    assert found.choice is not None
    assert found.choice.words == (
        "The specialist proposed 3 boxes, 2 after NMS. The best 2 are the options. The model chose C."
    )


def test_none_is_among_the_letters_wherever_it_stands() -> None:
    choice = page().choice
    assert choice is not None
    # None has the letter that no candidate has, and what is left of the probability.
    assert [(o.letter, o.box, o.probability, o.chosen) for o in choice.options] == [
        ("A", A, 0.1, False),
        ("B", None, pytest.approx(0.3), False),
        ("C", B, 0.6, True),
    ]
    assert choice.options[1].said == NONE_OPTION
    rejected = page(answers=grounding().answers | {"crs": letters("reject", presence=0.2, choice="B")}).choice
    assert rejected is not None
    assert [(o.letter, o.chosen) for o in rejected.options] == [("A", False), ("B", True), ("C", False)]
    assert "The model chose B, None." in rejected.words
    # Without the option the letters are the candidates'.
    without = shown(grounding(), About(0.2, 5, none=False)).choice
    assert without is not None
    assert [o.letter for o in without.options] == ["A", "C"]


# what the row is → letters that are shown, words
ODD_CHOICES: dict[str, tuple[GroundAnswer, list[tuple[str, bool]], str]] = {
    "read from the reply": (
        letters(boxes=(B,), letters=("C",), scores=None, presence=None, reply="C."),
        [("C", True)],
        "The model chose C.",
    ),
    "None in the reply": (
        letters("reject", boxes=(), letters=None, scores=None, presence=None, choice="B", reply="B"),
        [("B", True)],
        "The model chose B, None.",
    ),
    "no letter": (
        letters("unparsed", boxes=(), letters=None, scores=None, presence=None, choice=None, reply="hm", reason="r"),
        [],
        "names none of the options",
    ),
    "failed": (
        letters("failed", boxes=(), letters=None, scores=None, presence=None, choice=None, prompt=None, reason="gone"),
        [],
        "No choice: gone.",
    ),
    "nothing proposed": (
        letters("reject", boxes=(), letters=None, scores=None, presence=0.0, choice=None, prompt=None, note="empty"),
        [],
        "No question was asked: empty.",
    ),
}


@pytest.mark.parametrize("name", ODD_CHOICES)
def test_a_choice_without_probabilities(name: str) -> None:
    answer, options, words = ODD_CHOICES[name]
    choice = page(answers=grounding().answers | {"crs": answer}).choice
    assert choice is not None
    assert [(option.letter, option.chosen) for option in choice.options] == options
    assert words in choice.words
    assert all(option.probability is None for option in choice.options)


@pytest.mark.parametrize(
    ("changes", "headline", "detail"),
    [
        ({"status": "reject"}, "Not in the image", "says that this is not in the image"),
        ({"status": "unparsed", "reason": "no box in it"}, "No readable answer", "no box in it"),
        ({"status": "failed", "reason": "the server is gone"}, "No answer", "the server is gone"),
    ],
)
def test_what_is_no_box_is_said(changes: dict[str, Any], headline: str, detail: str) -> None:
    found = page(**({"box": None, "score": None, "score_kind": None} | changes))
    assert found.headline == headline
    assert detail in found.detail
    assert final_marks(found) == []


def test_a_target_without_a_place_marks_nothing() -> None:
    target = Target(sample_id="0", status="unmatched", phrase="truck", span=None, extractor="llm")
    found = page(target=target)
    assert (found.sentence.before, found.sentence.phrase) == ("the red car on the left", "")
    assert found.target == "target 'truck', found by the extractor llm; it is not in the sentence"
    route = Route(sample_id="0", status="failed", level=2, boxes=(), scores=(), reason="out of memory")
    failed = page(route=route).router
    assert failed is not None
    assert "The router failed: out of memory" in failed.words


def test_pictures_have_the_boxes_of_their_step() -> None:
    found = page()
    assert [mark.xyxy for mark in final_marks(found)] == [A]
    assert [(mark.xyxy, mark.label) for mark in router_marks(found)] == [(A, "0.90"), (B, "0.30")]
    assert {(mark.xyxy, mark.label) for mark in pathway_marks(found)} == {(B, "Specialist"), (A, "MLLM")}
    assert found.choice is not None
    assert [(mark.xyxy, mark.label, mark.role) for mark in choice_marks(found.choice)] == [
        (A, "A", "candidate"),
        (B, "C", "crs"),
    ]
    assert picture(Image.new("RGB", (30, 20)), []).startswith("data:image/jpeg;base64,")


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    Image.new("RGB", (100, 100), "navy").save(path)
    return path


def test_no_text_becomes_markup(image: Path) -> None:
    hostile = {
        "sentence": f"the red car {HOSTILE}",
        "why": HOSTILE,
        "target": Target(sample_id="0", status="found", phrase=HOSTILE, span=(4, 11), extractor=HOSTILE),
        "answers": {
            "mllm": said(source="mllm", reply=HOSTILE, prompt=HOSTILE),
            "sfa": said(source="mllm"),
            "crs": letters(prompt=HOSTILE),
        },
    }
    text = answer_markup(grounding(**hostile), ABOUT, image)
    assert "<script" not in text
    assert "<img src=x" not in text
    assert text.count("&lt;script&gt;") >= 5
    assert "data:image/jpeg;base64," in text
    for other in (notice(HOSTILE, fault=True), intro([HOSTILE], [HOSTILE], Path("/tmp/x"))):
        assert "<script" not in other
        assert "&lt;script&gt;" in other


class Scripted:
    """In place of a `Grounder`: notes what it is asked, and how many ask at once."""

    def __init__(self, fault: Exception | None = None) -> None:
        self.fault, self.inside, self.most = fault, 0, 0
        self.pipeline = self
        self.specs: list[Any] = []

    def ask(self, questions: Iterable[Question]) -> Iterator[Grounding]:
        self.inside += 1
        self.most = max(self.most, self.inside)
        if self.fault is not None:
            raise self.fault
        for question in questions:
            yield grounding(sentence=question.sentence, target=None)
        self.inside -= 1


def asker(fault: Exception | None = None) -> Asker:
    return Asker(Scripted(fault), Options())  # type: ignore[arg-type]


def test_what_is_missing_or_wrong_is_said_in_words(image: Path) -> None:
    assert "No picture yet" in asker()(None, "the car")
    assert "No sentence yet" in asker()(str(image), "  ")
    gone = asker()(str(image.with_name("gone.png")), "the car")
    assert "no such file: gone.png" in gone
    assert str(image.parent) not in gone
    assert "the model is &lt;b&gt; away" in asker(ModelError("the model is <b> away"))(str(image), "the car")
    # What nobody foresaw does not tell a visitor about this machine.
    assert "(ZeroDivisionError)" in (text := asker(ZeroDivisionError("secret"))(str(image), "the car"))
    assert "secret" not in text


def test_two_users_at_once_do_not_mix(image: Path) -> None:
    scripted = Scripted()
    ask = Asker(scripted, Options())  # type: ignore[arg-type]
    found: dict[str, str] = {}

    def user(sentence: str) -> None:
        found[sentence] = ask(str(image), sentence)

    threads = [threading.Thread(target=user, args=(f"thing number {i}",)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert scripted.most == 1
    for sentence, text in found.items():
        assert [other for other in found if other in text] == [sentence]
