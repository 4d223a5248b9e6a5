"""Workers that hang, flood, die or answer nonsense: killed in time, and each query fails alone with a reason."""

from __future__ import annotations

import os
import resource
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from finecops.config.find import load_mllm, load_specialist
from finecops.images import Picture
from finecops.models import redaction, worker_pipes, worker_process
from finecops.models.numbers import best_answer, box_fault
from finecops.models.protocols import Query, QueryGroup, Question, QuestionGroup
from finecops.models.replay import Replay
from finecops.models.worker import WorkerModel
from finecops.models.worker_process import PROGRAMS
from finecops.replies.answer import Answer, Reply
from tests.processes import lives, soon

IMAGE = Picture(Image.new("RGB", (100, 80)))
READY = "import json, os, sys, time\nprint(json.dumps({'ready': True, 'protocol': 1}), flush=True)\n"
SERVE = f"import sys, os, time, json; sys.path.insert(0, {str(PROGRAMS)!r})\nfrom loop import serve\n"
KEY = "sk-open-sesame-4711"


def worker(tmp_path: Path, body: str, seconds: float = 5.0, kind: str = "specialist") -> WorkerModel:
    path = tmp_path / "worker.py"
    path.write_text(body)
    changes = {"command": (sys.executable, str(path)), "start_seconds": 20.0, "timeout_seconds": seconds}
    config = load_specialist("mdetr") if kind == "specialist" else load_mllm("cogvlm")
    return WorkerModel(config.model_copy(update=changes))


def detect(model: WorkerModel, *texts: str) -> list[Answer]:
    (found,) = model.detect([QueryGroup(IMAGE, tuple(Query(text) for text in texts or ("a",)))])
    return found


def ground(model: WorkerModel) -> Reply:
    ((reply,),) = model.ground([QueryGroup(IMAGE, (Query("a"),))])
    return reply


ENDLESS = {
    "lines": "while True: print('x' * 100)",
    "JSON": "while True: print('{\"id\": -1}')",
    "one line": "while True: sys.stdout.write('x' * 10000)",
    "nothing": "time.sleep(60)",
    "slow lines": "while True: print('x', flush=True); time.sleep(0.01)",
    "standard error": "while True: sys.stderr.write('y' * 10000)",
    "a child with its pipes": "import subprocess; subprocess.run(['sleep', '60'])",
}


@pytest.mark.parametrize("when", ["after a request", pytest.param("from the start", marks=pytest.mark.hostile)])
@pytest.mark.parametrize(
    "output",
    [
        pytest.param(output, id=name, marks=() if name in ("lines", "JSON") else pytest.mark.hostile)
        for name, output in ENDLESS.items()
    ],
)
def test_a_worker_that_prints_without_end_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, output: str, when: str
) -> None:
    # A tenth of the real limits: the test shall not take long.
    monkeypatch.setattr(worker_pipes, "MOST_LINE_BYTES", 800_000)
    monkeypatch.setattr(worker_process, "_MOST_OTHER_BYTES", 3_200_000)
    model = worker(tmp_path, READY + ("input()\n" if when == "after a request" else "") + output, seconds=1.0)
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
    (found,) = detect(model)
    # The worker itself would go on for a minute or for ever.
    assert time.monotonic() - start < 30
    assert found.status == "failed"
    assert any(text in str(found.reason) for text in ("no answer within 1 s", "bytes that are no", "a line of more"))
    assert len(str(found.reason)) < 1500
    assert model.process._process is None
    # In kilobytes.
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 60_000


def test_a_worker_that_floods_between_requests_waits(tmp_path: Path) -> None:
    body = READY + (
        "for line in sys.stdin:\n"
        "    print(json.dumps({'id': json.loads(line)['id'], 'answers': [{'boxes': [[1, 2, 3, 4]]}]}), flush=True)\n"
        "    for _ in range(20_000): print('x' * 100)\n"
        "    sys.stdout.flush()\n"
    )
    model = worker(tmp_path, body)
    assert [detect(model)[0].status for _ in range(3)] == ["box"] * 3


def test_a_worker_that_reads_nothing_is_killed(tmp_path: Path) -> None:
    start = time.monotonic()
    (found,) = detect(worker(tmp_path, READY + "time.sleep(60)", seconds=0.5), "x" * 1_000_000)
    assert "no answer within 0.5 s" in str(found.reason)
    # The worker itself would go on for a minute.
    assert time.monotonic() - start < 30


def test_what_a_worker_started_ends_with_it(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    # It is ready when its child is there: the limit of an answer does not run before.
    body = (
        "import subprocess\n"
        "child = subprocess.Popen(['sleep', '60'])\n"
        f"open({str(note)!r}, 'w').write(str(child.pid))\n{READY}time.sleep(60)"
    )
    detect(worker(tmp_path, body, seconds=0.5))
    assert soon(lambda: not lives(note.read_text()))


BOXES = [
    # (boxes, scores, what is seen), for an image of 100 by 80
    ("[[0, 0, 1e308, 1e308]]", "[0.5]", "reaches far out of the image"),
    ("[[-1e308, 0, 1, 1]]", "[0.5]", "reaches far out of the image"),
    ("[[0, 0, 1e999, 1]]", "[0.5]", "finite"),
    ("[[0, 0, float('nan'), 1]]", "[0.5]", "finite"),
    ("[[0, 0, 10, 10]]", "[float('nan')]", "finite"),
    ("[[0, 0, 10, 10]]", "[1e308]", "a score is too large"),
    ("[[0, 0, 10, 10]]", "[-1e300]", "a score is too large"),
    ("[[200, 10, 300, 20]]", "[0.5]", "lies outside the image"),
    ("[[-9, -9, 0, 0]]", "[0.5]", "lies outside the image"),
    ("[[10, 10, 5, 20]]", "[0.5]", "corners in the wrong order"),
    ("[['a', 0, 1, 1]]", "[0.5]", "valid number"),
    ("[[0, 0, 10**400, 1]]", "[0.5]", ""),
    ("[[True, False, None, 1]]", "[0.5]", "valid number"),
    ("[[True, 0, 1, 1]]", "[0.5]", "valid number"),
    ("[['0', '0', '10', '10']]", "[0.5]", "valid number"),
    ("[[0, 0, 10, 10]]", "[True]", "valid number"),
    ("[[0, 0, 10, 10]]", "['0.5']", "valid number"),
    ("'boxes'", "[0.5]", "valid"),
    ("{}", "[]", "valid"),
]


@pytest.mark.parametrize("task", ["detect", "ground"])
def test_a_box_that_is_none_fails_its_query_alone(tmp_path: Path, task: str) -> None:
    cases = ", ".join(f"lambda: {{'boxes': {boxes}, 'scores': {scores}}}" for boxes, scores, _ in BOXES)
    body = SERVE + (
        f"cases = [{cases}]\n"
        "def answer(task, image, queries):\n"
        "    return [cases[int(q['text'])]() if q['text'].isdigit() else"
        " {'boxes': [[-5, 10, 50, 99]], 'scores': [0.5]} for q in queries]\n"
        "serve(answer)\n"
    )
    model = worker(tmp_path, body, kind="specialist" if task == "detect" else "mllm")
    queries = tuple(Query(text) for i in range(len(BOXES)) for text in (str(i), "fine"))
    group = QueryGroup(IMAGE, queries)
    found = model.detect([group])[0] if task == "detect" else [r.answer for r in model.ground([group])[0]]
    for (_, _, message), bad, good in zip(BOXES, found[::2], found[1::2], strict=True):
        assert bad is not None
        assert (bad.status, bad.boxes) == ("failed", ())
        assert message in str(bad.reason)
        # A box that reaches over the border is clipped.
        assert good is not None
        assert good.boxes == ((0.0, 10.0, 50.0, 80.0),)


LETTERS = [
    ("{'A': float('nan'), 'B': 0.5}", "finite"),
    ("{'A': 1e308, 'B': 1e308}", "the weight of a letter"),
    ("{'A': -0.5, 'B': 0.5}", "the weight of a letter"),
    ("{'A': 'x'}", "valid number"),
    ("{'A': '0.5', 'B': 0.5}", "valid number"),
    ("{'A': True, 'B': 0.5}", "valid number"),
    ("[0.5, 0.5]", "valid"),
]


def test_weights_of_letters_that_are_none_are_an_error(tmp_path: Path) -> None:
    cases = ", ".join(letters for letters, _ in LETTERS)
    body = SERVE + f"cases = [{cases}]\nserve(lambda t, i, q: [{{'letters': cases[int(one['prompt'])]}} for one in q])"
    questions = tuple(Question(str(i), ("A", "B")) for i in range(len(LETTERS)))
    (found,) = worker(tmp_path, body, kind="mllm").choose([QuestionGroup(IMAGE, questions)])
    for (_, message), scores in zip(LETTERS, found, strict=True):
        assert scores.probabilities is None
        assert message in str(scores.error)


RAW = [
    # (the rest of an answer's line, what is seen)
    ('"id": 1, "answers": [{"boxes": [[1, 2, 3, 4]], "scores": [1]}]', None),
    ('"id": true, "answers": [{"boxes": [[1, 2, 3, 4]]}]', "no answer within 0.5 s"),
    ('"id": 1, "answers": [{"boxes": [[1, 2, 3, 4]], "boxes": [[5, 6, 7, 8]]}]', "has the key 'boxes' twice"),
    ('"id": 1, "answers": [], "answers": [{"boxes": [[1, 2, 3, 4]]}]', "has the key 'answers' twice"),
]


@pytest.mark.parametrize(("line", "message"), RAW)
def test_an_answers_line_means_one_thing(tmp_path: Path, line: str, message: str | None) -> None:
    body = READY + f"for request in sys.stdin: print({'{' + line + '}'!r}, flush=True)"
    (found,) = detect(worker(tmp_path, body, seconds=0.5 if "true" in line else 5.0))
    assert found.status == ("box" if message is None else "failed")
    assert (message or "") in str(found.reason)


@pytest.mark.parametrize(
    ("answer", "status", "message"),
    [
        ("{'boxes': []}", "reject", ""),
        ("{'boxes': [], 'text': '(1,2),(3,4)'}", None, ""),
        ("{}", "failed", "neither a text nor boxes"),
        ("{'text': 'x' * 200001}", "failed", "more than 200,000 characters"),
        ("{'text': 'ab', 'tokens': ['a', 'b'], 'probabilities': [0.5, float('nan')]}", "failed", "finite"),
        ("{'text': 'ab', 'tokens': ['a', 'b'], 'probabilities': [0.5, 1.5]}", "failed", "not between 0 and 1"),
        ("{'text': 'ab', 'tokens': ['a', 'b'], 'probabilities': [0.5, -0.5]}", "failed", "not between 0 and 1"),
        ("{'text': 'ab', 'tokens': ['a', 'b'], 'probabilities': [0.5]}", "failed", "differ in number"),
        ("{'error': 'a\\x1b[2J\\nb' + 'c' * 5000}", "failed", "a?[2J bc"),
        ("{'a\\x1b[2J' * 50: 1}", "failed", "a?[2J"),
        ("{'note': 7}", "failed", "valid string"),
        ("{'reject': 'yes'}", "failed", "valid boolean"),
        ("{'reject': 1}", "failed", "valid boolean"),
        ("{'text': 'a', 'tokens': ['a'], 'probabilities': [True]}", "failed", "valid number"),
        ("{'text': 'a', 'mass': '0.5'}", "failed", "valid number"),
        ("[]", "failed", "valid dictionary"),
    ],
)
def test_an_answer_of_an_mllm_is_what_it_says_or_a_failure(
    tmp_path: Path, answer: str, status: str | None, message: str
) -> None:
    reply = ground(worker(tmp_path, SERVE + f"serve(lambda t, i, q: [{answer}])", kind="mllm"))
    assert (reply.answer.status if reply.answer else None) == status
    if reply.answer is not None and reply.answer.reason is not None:
        assert message in reply.answer.reason
        assert reply.answer.reason.isprintable()
        assert len(reply.answer.reason) < 1000


def test_a_key_that_a_worker_prints_stands_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(redaction, "_known", set())
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    caplog.set_level("DEBUG")
    answers = [
        "{'text': os.environ['OPENAI_API_KEY']}",
        "{'error': os.environ['OPENAI_API_KEY']}",
        "{os.environ['OPENAI_API_KEY']: 1}",
        "{'text': k, 'tokens': [k[:5], k[5:]], 'probabilities': [1, 1]}",
        "{'boxes': [[1, 1, 2, 2]], 'note': k}",
        "print(k, file=sys.stderr) or sys.stderr.flush() or os._exit(3)",
        "os.write(1, k.encode() + b'\\n') and {'text': 'x'}",
    ]
    for answer in answers:
        body = SERVE + f"k = os.environ['OPENAI_API_KEY']\nserve(lambda t, i, q: [{answer}])"
        reply = ground(worker(tmp_path, body, kind="mllm"))
        assert KEY not in str(reply)
        assert KEY not in "".join(reply.token_texts or ())
    assert KEY not in caplog.text


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(*[st.floats()] * 4), max_size=4),
    st.integers(1, 5000),
    st.integers(1, 5000),
    st.lists(st.floats(), max_size=4),
)
def test_boxes_that_pass_are_finite_and_inside_when_clipped(
    boxes: list[tuple[float, float, float, float]], width: int, height: int, scores: list[float]
) -> None:
    if box_fault(boxes, scores, (width, height)) is None:
        array = np.array(boxes, dtype=np.float64).reshape(-1, 4)
        answer = best_answer(array, np.zeros(len(boxes)), (width, height), 10)
        assert all(0 <= x1 <= x2 <= width and 0 <= y1 <= y2 <= height for x1, y1, x2, y2 in answer.boxes)
        assert np.isfinite(np.round(scores, 6)).all()


def test_a_replayed_specialist_keeps_its_best_boxes_inside_the_image(tmp_path: Path) -> None:
    path = tmp_path / "boxes.json"
    rows = ", ".join(
        f'{{"image_id": {image}, "category_id": 1, "bbox": {box}, "score": {score}}}'
        for image, box, score in [
            (1, [90, 70, 50, 50], 0.9), (1, [0, 0, 10, 10], 0.5), (1, [0, 0, 20, 20], 0.7), (2, [5000, 0, 10, 10], 0.9)
        ]
    )  # fmt: skip
    path.write_text(f"[{rows}]")
    base = load_specialist("proxydet").model_dump()
    changes = {"weights": str(path), "max_boxes": 2, "file_format": "coco-results", "file_score": None}
    config = type(load_specialist("proxydet")).model_validate(base | changes)
    model = Replay(config)
    ((found,),) = model.detect([QueryGroup(IMAGE, (Query("a", sample_id="1"),))])
    assert found.boxes == ((90.0, 70.0, 100.0, 80.0), (0.0, 0.0, 20.0, 20.0))
    assert found.scores == (0.9, 0.7)
    with pytest.raises(Exception, match="sample 2: a box lies outside the image"):
        model.detect([QueryGroup(IMAGE, (Query("a", sample_id="2"),))])


def test_a_worker_ends_when_the_program_does(tmp_path: Path) -> None:
    model = worker(tmp_path, SERVE + "serve(lambda t, i, q: [{'boxes': [], 'note': str(os.getpid())}])")
    (found,) = detect(model)
    model.process.close()
    with pytest.raises(ProcessLookupError):
        os.kill(int(str(found.note)), 0)
