"""Selection with a model that answers from a script, then with the mini model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from finecops.config.find import load_mllm
from finecops.images import Picture
from finecops.models.protocols import QueryGroup, Question, QuestionGroup
from finecops.records import Candidates, Route
from finecops.replies.answer import Answer
from finecops.replies.letters import LetterScores
from finecops.runs.specification import ImageGroup
from finecops.stages.candidates import (
    CandidateStage,
    RoutedCandidateStage,
    candidates_of,
)
from finecops.stages.select import Selecting, SelectionStage
from tests.conftest import make_sample

CONFIG = load_mllm("mini-qwen2vl")
BOXES = ((10.0, 10.0, 50.0, 50.0), (60.0, 60.0, 90.0, 90.0), (5.0, 60.0, 30.0, 90.0))


class Scripted:
    """Gives fixed probabilities by letter, or a fixed reply."""

    def __init__(self, probabilities: Sequence[float] | None = None, reply: str | None = None) -> None:
        self.probabilities, self.reply, self.asked = probabilities, reply, 0

    def choose(self, groups: Sequence[QuestionGroup]) -> list[list[LetterScores]]:
        return [[self._answer(question) for question in group.questions] for group in groups]

    def _answer(self, question: Question) -> LetterScores:
        self.asked += 1
        if self.probabilities is None:
            return LetterScores(question.prompt, None, None, self.reply)
        values = np.array(self.probabilities[: len(question.letters)])
        return LetterScores(question.prompt, tuple((values / values.sum()).tolist()), 0.9)


def proposal(*boxes: tuple[float, ...], status: str = "proposed") -> Candidates:
    scores = tuple(0.9 - 0.1 * i for i in range(len(boxes)))
    kept = tuple(range(len(boxes)))
    return Candidates(sample_id="1", status=status, boxes=boxes, scores=scores, kept=kept)  # type: ignore[arg-type]


@pytest.fixture
def group(tmp_path: Path) -> ImageGroup:
    path = tmp_path / "1.png"
    Image.new("RGB", (100, 100), "white").save(path)
    return ImageGroup(path, (make_sample("1"),))


def select(group: ImageGroup, model: Any, candidates: Candidates, **how: Any) -> Any:
    (row,) = SelectionStage(model, CONFIG, {"1": candidates}, Selecting(**how))([group])
    return row


def test_the_likeliest_letter_wins_and_all_are_kept(group: ImageGroup) -> None:
    row = select(group, Scripted([0.2, 0.5, 0.3]), proposal(*BOXES))
    assert row.status == "box"
    assert row.choice == "B"
    assert row.boxes == (BOXES[1], BOXES[2], BOXES[0])
    assert row.letters == ("B", "C", "A")
    assert row.scores == pytest.approx((0.5, 0.3, 0.2))
    assert row.presence == pytest.approx(0.5)
    assert row.mass == 0.9


def test_none_rejects_and_boxes_keep_their_probabilities(group: ImageGroup) -> None:
    row = select(group, Scripted([0.1, 0.3, 0.1, 0.5]), proposal(*BOXES), none=True)
    assert (row.status, row.choice) == ("reject", "D")
    assert row.boxes[0] == BOXES[1]
    assert row.scores[0] == pytest.approx(0.3)
    assert row.presence == pytest.approx(0.5)


def test_fewer_candidates_than_asked_for_have_fewer_letters(group: ImageGroup) -> None:
    row = select(group, Scripted([0.4, 0.6]), proposal(BOXES[0]), none=True, topk=5)
    assert (row.status, row.choice) == ("reject", "B")
    row = select(group, Scripted([1.0]), proposal(BOXES[0]))
    assert (row.status, row.choice, row.scores) == ("box", "A", (1.0,))


def test_topk_cuts_the_ranked_list(group: ImageGroup) -> None:
    row = select(group, Scripted([0.1, 0.2, 0.9]), proposal(*BOXES), topk=2)
    assert row.choice == "B"
    assert len(row.boxes) == 2


def test_no_candidates_are_not_asked_about(group: ImageGroup) -> None:
    model = Scripted([1.0])
    assert select(group, model, proposal()).status == "failed"
    row = select(group, model, proposal(), none=True)
    assert (row.status, row.presence, row.note) == ("reject", 0.0, "the specialist proposed nothing")
    failed = select(group, model, proposal(status="failed"), none=True)
    assert failed.status == "failed"
    assert model.asked == 0


@pytest.mark.parametrize(
    ("reply", "status", "choice"),
    [
        ("B", "box", "B"),
        ("The answer is (C).", "box", "C"),
        ("None of them", "reject", "D"),
        ("D. None", "reject", "D"),
        ("F", "unparsed", None),
        ("A and B", "unparsed", None),
        ("", "unparsed", None),
    ],
)
def test_a_letter_in_words_where_there_are_no_probabilities(
    reply: str, status: str, choice: str | None, group: ImageGroup
) -> None:
    row = select(group, Scripted(reply=reply), proposal(*BOXES), none=True)
    assert (row.status, row.choice, row.scores) == (status, choice, None)
    if status == "box":
        assert row.boxes == (BOXES["ABC".index(str(choice))],)


def test_a_shuffle_moves_letters_not_candidates(group: ImageGroup) -> None:
    class ByBox(Scripted):
        """Likes the option that shows the second candidate, whatever its letter."""

        def _answer(self, question: Question) -> LetterScores:
            lines = [line for line in question.prompt.splitlines() if line[1:3] == ". "]
            values = np.array([0.9 if "600,600" in line else 0.1 for line in lines])
            return LetterScores(question.prompt, tuple((values / values.sum()).tolist()), 1.0)

    chosen = {select(group, ByBox(), proposal(*BOXES), order="shuffle", seed=str(i)).choice for i in range(20)}
    assert chosen == {"A", "B", "C"}
    assert select(group, ByBox(), proposal(*BOXES), order="shuffle").boxes[0] == BOXES[1]


def test_candidates_keep_what_was_there_before_nms() -> None:
    found = Answer.of_arrays(np.array([BOXES[0], (11.0, 10.0, 50.0, 50.0), BOXES[1]]), np.array([0.9, 0.8, 0.7]))
    row = candidates_of(make_sample("1"), found, 0.7)
    assert len(row.boxes) == 3
    assert row.kept == (0, 2)
    assert row.best(1) == (BOXES[0],)


def test_one_forward_pass_for_all_questions_and_one_look_at_each_image(mini_mllm: Any) -> None:
    calls = []
    handle = mini_mllm.model.register_forward_hook(lambda *_: calls.append(1))
    looked = mini_mllm.prefixes.images.computed
    images = [Picture(Image.new("RGB", (140, 140), colour)) for colour in ("white", "red")]
    questions = tuple(Question(f"Which?\nA. {i}\nB. 2\nC. 3", ("A", "B", "C")) for i in range(3))
    try:
        groups = [QuestionGroup(image, questions) for image in images]
        together = mini_mllm.choose(groups)
    finally:
        handle.remove()
    assert len(calls) == 1
    assert mini_mllm.prefixes.images.computed - looked == 2
    alone = [mini_mllm.choose([QuestionGroup(image, (q,))])[0][0] for image in images for q in questions]
    for a, b in zip([scores for group in together for scores in group], alone, strict=True):
        assert a.probabilities == pytest.approx(b.probabilities, abs=1e-4)
        assert sum(a.probabilities) == pytest.approx(1)


def routed(id_: str, counted: Sequence[Any], everything: Sequence[Any]) -> Route:
    scores = tuple(0.9 - 0.1 * i for i in range(len(everything)))
    return Route(
        sample_id=id_,
        status="routed",
        level=2,
        boxes=tuple(counted),
        scores=scores[: len(counted)],
        all_boxes=tuple(everything),
        all_scores=scores,
    )


class Proposing:
    """Stands for a specialist; proposes one box, and counts what it is asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def detect(self, groups: Sequence[QueryGroup]) -> list[list[Answer]]:
        self.asked += [query.sample_id or "" for group in groups for query in group.queries]
        one = Answer.of_arrays(np.array([BOXES[2]]), np.array([0.5]))
        return [[one for _ in group.queries] for group in groups]


NEAR = (11.0, 10.0, 50.0, 50.0)


@pytest.mark.parametrize(
    ("counted", "everything", "boxes", "asked"),
    [
        (BOXES[:2], BOXES, BOXES[:2], []),
        # Nothing was counted: what was found below the threshold, of which NMS takes the first thing's second box.
        ((), (BOXES[0], NEAR, BOXES[1]), BOXES[:2], []),
        ((), (), BOXES[2:], ["1"]),
    ],
)
def test_what_the_router_counted_are_candidates_and_a_specialist_helps_out(
    group: ImageGroup, counted: Sequence[Any], everything: Sequence[Any], boxes: tuple[Any, ...], asked: list[str]
) -> None:
    model = Proposing()
    routes = {"1": routed("1", counted, everything)}
    (row,) = RoutedCandidateStage(routes, 0.7, lambda: CandidateStage(model, None))([group])
    assert row.best(5) == boxes
    assert model.asked == asked
