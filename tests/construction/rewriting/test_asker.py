"""Questions to a language model: servers that behave well and badly, the cache, the budget."""

from __future__ import annotations

import itertools
import json
import logging
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from finecops.construction.rewriting.answers import AnswerCache
from finecops.construction.rewriting.asker import Asker, Task
from finecops.construction.rewriting.budget import Budget, estimate
from finecops.construction.rewriting.writers import Conversation, Replied, Reply, ServerWriter, load_writer_model
from finecops.errors import ModelError, RunError, UsageError
from finecops.models import attempts
from tests.construction.rewriting.text_server import TextServer, each, serving

TASK = Task("Shout.", (("a", "A"),), lambda answer: answer.upper() if isinstance(answer, str) and answer else None)
QUESTIONS = [f"question {i}" for i in range(5)]
SHOUTED = [question.upper() for question in QUESTIONS]


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts, "FIRST_WAIT_SECONDS", 0.001)
    monkeypatch.setattr(attempts, "LONGEST_WAIT_SECONDS", 0.001)


def asker(server: TextServer, **more: Any) -> Asker:
    return Asker(ServerWriter(server.config()), **{"per_request": 3} | more)


def answers(asked: Asker, questions: Sequence[str] = QUESTIONS) -> list[Any]:
    return [one.answer for one in asked.ask(TASK, list(questions))]


def test_several_questions_are_one_request() -> None:
    with serving(each(str)) as server:
        asked = asker(server)
        assert answers(asked) == SHOUTED
    assert sorted(map(len, server.asked)) == [2, 3]
    assert asked.budget.used == (200, 40)
    assert not asked.budget.is_estimate
    assert "5 questions, 0 answered before, 2 requests" in asked.summary()


def test_equal_questions_are_asked_once() -> None:
    with serving(each(str)) as server:
        assert answers(asker(server), ["q", "q", "r"]) == ["Q", "Q", "R"]
    assert server.times() == {'"q"': 1, '"r"': 1}


@pytest.mark.parametrize(
    "reply",
    [
        '{"1": "question 0", "2": "question 1", "3": "question 2"}',
        "{'1': 'question 0', 2: 'question 1', 3: 'question 2'}",
        'Sure!\n```json\n{"1": "question 0", "2": "question 1", "3": "question 2"}\n```',
        "1. question 0\n2) question 1\n3: question 2",
        '<think>{"1": "?"} or {}?</think>{"1": "question 0", "2": "question 1", "3": "question 2"}',
        'Here you are:\n1. "question 0"\n2. "question 1"\n\n3. "question 2"',
        '{"1": "question 0", "2": "question 1", "3": "question 2", "4": "not asked for"}',
    ],
)
def test_replies_are_read_leniently(reply: str) -> None:
    assert TASK.answers(3, reply) == {0: "QUESTION 0", 1: "QUESTION 1", 2: "QUESTION 2"}


@pytest.mark.parametrize(
    "reply", ["", "I would rather not.", "[1, 2]", '{"1": null, "2": 3}', '{"1": "question 0", "2": ', '{"one": "x"}']
)
def test_what_is_no_answer_gives_none(reply: str) -> None:
    assert TASK.answers(3, reply) == {}


def test_half_a_character_becomes_a_question_mark() -> None:
    assert TASK.answers(1, '{"1": "a\\ud800b"}') == {0: "A?B"}


def test_a_missing_answer_is_asked_for_again_alone() -> None:
    def half(questions: dict[str, Any]) -> str:
        return json.dumps({key: said for key, said in questions.items() if len(questions) == 1 or key == "1"})

    with serving(half) as server:
        asked = asker(server)
        assert answers(asked) == SHOUTED
    assert asked.counts.alone == 3
    assert server.times() == {json.dumps(q): 1 if q in ("question 0", "question 3") else 2 for q in QUESTIONS}


def test_a_question_that_was_alone_is_not_asked_again() -> None:
    with serving(lambda questions: "no") as server:
        assert answers(asker(server), ["q"]) == [None]
    assert len(server.asked) == 1


def test_broken_json_and_rudeness_fail_alone_and_are_not_asked_again(tmp_path: Path) -> None:
    def rude(questions: dict[str, Any]) -> str:
        if "question 1" in questions.values():
            return "Do it yourself. \x1b[31m"
        return each(str)(questions)[: 9 if len(questions) > 1 else None]

    path = tmp_path / "answers.jsonl"
    with serving(rude) as server:
        found = asker(server, cache=AnswerCache(path)).ask(TASK, [*QUESTIONS])
        assert [one.answer for one in found] == [SHOUTED[0], None, *SHOUTED[2:]]
        assert found[1].reason == "no answer in the reply: Do it yourself. ?[31m"
        before = len(server.asked)
        again = asker(server, cache=AnswerCache(path))
        assert again.ask(TASK, [*QUESTIONS]) == found
        assert len(server.asked) == before
    assert again.counts.cached == 5
    assert again.counts.unanswered == 1


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_server_is_asked_again(status: int) -> None:
    replies = itertools.chain([status, status], itertools.repeat(None))
    with serving(lambda questions: next(replies) or each(str)(questions)) as server:
        assert answers(asker(server)) == SHOUTED
    assert len(server.asked) == 4


def test_a_request_that_is_refused_is_split() -> None:
    def filtered(questions: dict[str, Any]) -> str | int:
        return 400 if "question 1" in questions.values() else each(str)(questions)

    with serving(filtered) as server:
        found = asker(server).ask(TASK, [*QUESTIONS])
    assert [one.answer for one in found] == [SHOUTED[0], None, *SHOUTED[2:]]
    assert "Error code: 400: try later" in str(found[1].reason)


def test_a_slow_server_fails_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(attempts, "RETRIES", 0)

    over = threading.Event()

    def slow(questions: dict[str, Any]) -> str:
        if "question 4" in questions.values():
            over.wait(20)
        return each(str)(questions)

    with serving(slow) as server:
        cache = AnswerCache(tmp_path / "answers.jsonl")
        # The client's imports are no part of the seconds that an answer may take.
        assert answers(asker(server), ["question 1"]) == [SHOUTED[1]]
        writer = ServerWriter(server.config(timeout_seconds=2.0))
        found = Asker(writer, cache, per_request=1).ask(TASK, ["question 4", "question 0"])
        over.set()
    assert [one.answer for one in found] == [None, SHOUTED[0]]
    assert "no answer within 2 s" in str(found[0].reason)
    # An error of the server is no answer: it is asked again next time.
    assert len(AnswerCache(tmp_path / "answers.jsonl")) == 1


def test_a_server_that_is_gone_stops_the_work(tmp_path: Path) -> None:
    counted = itertools.count()
    with serving(lambda questions: each(str)(questions) if next(counted) < 4 else 401) as server:
        many = [f"question {i}" for i in range(60)]
        asked = asker(server, cache=AnswerCache(tmp_path / "a.jsonl"), per_request=1)
        with pytest.raises(ModelError, match=r"in a row got no answer .*401.*What was answered is kept"):
            asked.ask(TASK, many)
        assert len(AnswerCache(tmp_path / "a.jsonl")) == 4
        assert len(server.asked) < 20


def test_a_budget_in_tokens_stops_the_asking(caplog: pytest.LogCaptureFixture) -> None:
    one = estimate(TASK.conversation(["question 0"])) + 40
    with serving(each(str)) as server:
        server.usage = {"prompt_tokens": one - 40, "completion_tokens": 40}
        asked = asker(server, budget=Budget(tokens=2 * one + one // 2), per_request=1)
        found = asked.ask(TASK, [*QUESTIONS])
    assert [one.answer for one in found] == [*SHOUTED[:2], None, None, None]
    assert found[2].reason == f"not asked: the budget of {2 * one + one // 2:,} tokens is used up"
    assert len(server.asked) == 2
    assert sum(asked.budget.used) == 2 * one
    assert sum("is used up" in record.message for record in caplog.records if record.levelno == logging.WARNING) == 1


def test_what_a_request_did_not_use_is_left_for_the_next(caplog: pytest.LogCaptureFixture) -> None:
    one = estimate(TASK.conversation(["question 0"])) + 40
    with serving(each(str)) as server:
        server.usage = {"prompt_tokens": 5, "completion_tokens": 5}
        # Two fit at a time by the estimate; each uses a tenth of it.
        asked = asker(server, budget=Budget(tokens=2 * one), per_request=1)
        assert answers(asked) == SHOUTED
    assert not asked.budget.reached
    assert not caplog.records


def test_a_budget_in_money_counts_what_the_server_counts() -> None:
    budget = Budget(usd=0.001, prices=(2.0, 10.0))
    with serving(each(str)) as server:
        found = asker(server, budget=budget, per_request=1).ask(TASK, [f"question {i}" for i in range(30)])
    # A request costs 100 * 2 + 20 * 10 millionths: two of them, and a third is not left with its estimate.
    assert sum(one.answer is not None for one in found) == 2
    assert budget.usd_used == pytest.approx(0.0008)
    assert "$0.00" in str(budget)


def test_money_needs_prices() -> None:
    with serving(each(str)) as server:
        with pytest.raises(UsageError, match="--budget-usd needs prices"):
            Budget.of(server.config(), usd=1.0)
        priced = server.config(usd_per_million_input=1.0, usd_per_million_output=2.0)
        assert Budget.of(priced, usd=1.0).prices == (1.0, 2.0)
        assert Budget.of(server.config(), tokens=5) == Budget(tokens=5)


@pytest.mark.parametrize("usage", [None, {}, {"prompt_tokens": "7"}, {"prompt_tokens": -1, "completion_tokens": 1}, 7])
def test_a_server_that_counts_nothing_is_estimated(usage: object) -> None:
    with serving(each(str)) as server:
        server.usage = usage
        asked = asker(server)
        assert answers(asked) == SHOUTED
    assert asked.budget.is_estimate
    assert asked.budget.used[0] > 20
    assert "about" in asked.summary()


class Stopping:
    """A writer that is stopped with Ctrl-C after some replies, in the middle of a wave."""

    name, settings, width = "m", {}, 4

    def __init__(self, after: int) -> None:
        self.left, self.asked = after, list[str]()

    def write(self, conversations: Sequence[Conversation], replied: Replied) -> None:
        for index, conversation in enumerate(conversations):
            if self.left == 0:
                raise KeyboardInterrupt
            self.left -= 1
            content = conversation[-1]["content"]
            self.asked.append(content)
            replied(index, Reply(content))


def test_what_was_answered_before_a_stop_is_not_asked_again(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    first, second = Stopping(after=3), Stopping(after=99)
    with pytest.raises(KeyboardInterrupt):
        Asker(first, AnswerCache(path), per_request=1).ask(TASK, [*QUESTIONS])
    # The process was killed while it wrote the third answer.
    path.write_bytes(path.read_bytes()[:-20])
    done = Asker(second, AnswerCache(path), per_request=1)
    assert answers(done) == SHOUTED
    assert done.counts.cached == 2
    assert first.asked[:2] + second.asked == [json.dumps({"1": question}) for question in QUESTIONS]


_ASKING = """
import sys
from pathlib import Path
from finecops.construction.rewriting.asker import Asker
from finecops.construction.rewriting.answers import AnswerCache
from finecops.construction.rewriting.writers import ServerWriter
from finecops.config.writing import WriterConfig
from tests.construction.rewriting.test_asker import QUESTIONS, TASK
config = WriterConfig(name="w", model="m", base_url=sys.argv[1], concurrency=1)
Asker(ServerWriter(config), AnswerCache(Path(sys.argv[2])), per_request=1).ask(TASK, [*QUESTIONS])
"""


@pytest.mark.slow
def test_a_killed_process_loses_no_answer(tmp_path: Path) -> None:
    stuck, over = threading.Event(), threading.Event()

    def say(questions: dict[str, Any]) -> str:
        # The fourth request of the first process is still on its way when it is killed.
        if "question 3" in questions.values() and not stuck.is_set():
            stuck.set()
            over.wait(60)
        return each(str)(questions)

    path = tmp_path / "answers.jsonl"
    with serving(say) as server:
        process = subprocess.Popen([sys.executable, "-c", _ASKING, server.url, str(path)])
        assert stuck.wait(60)
        process.kill()
        process.wait()
        over.set()
        assert len(AnswerCache(path)) == 3
        assert answers(asker(server, cache=AnswerCache(path), per_request=1)) == SHOUTED
    times = server.times()
    assert times.pop(json.dumps("question 3")) == 2
    assert set(times.values()) == {1}


def test_another_model_or_prompt_is_another_question(tmp_path: Path) -> None:
    cache = AnswerCache(tmp_path / "answers.jsonl")
    with serving(each(str)) as server:
        assert answers(asker(server, cache=cache)) == SHOUTED
        other = Asker(ServerWriter(server.config(temperature=0.7)), cache)
        other.ask(TASK, [*QUESTIONS])
        other.ask(Task("Whisper.", TASK.examples, TASK.usable), [*QUESTIONS])
    assert len(cache) == 15


def test_a_cache_of_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    path.write_text('{"key": 1}\n')
    with pytest.raises(RunError, match=r"answers.jsonl:1: not a KeptAnswer row: .*delete the line"):
        AnswerCache(path)


def test_a_missing_server_is_said_before_anything_else() -> None:
    with serving(each(str)) as server:
        assert load_writer_model(server.config()).name == "m"
        gone = server.config(base_url="http://127.0.0.1:9/v1")
    with pytest.raises(ModelError, match="no server answers"):
        load_writer_model(gone)


def test_a_budget_is_that_of_all_commands_with_one_cache(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    spent = 0
    with serving(each(str)) as server:
        for _ in range(6):
            asked = asker(server, per_request=1, cache=AnswerCache(path), budget=Budget(tokens=1000))
            # As if it were killed after one question, and begun again.
            left = [question for question in QUESTIONS if asked.cache.get(asked._key(TASK, question)) is None]
            asked.ask(TASK, left[:1])
            spent = sum(asked.budget.used)
    assert len(server.asked) == 5
    assert spent == 5 * 120
    again = asker(server, cache=AnswerCache(path), budget=Budget(tokens=600))
    with serving(each(str)) as server:
        assert again.ask(TASK, ["another"])[0].reason == "not asked: the budget of 600 tokens is used up"
        assert server.asked == []


def test_replies_without_an_answer_are_counted_too(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    with serving(lambda questions: "no" if len(questions) > 1 else each(str)(questions)) as server:
        answers(asker(server, cache=AnswerCache(path)))
    assert AnswerCache(path).used == (100 * len(server.asked), 20 * len(server.asked)) == (700, 140)


def test_a_model_that_never_answers_stops_it_and_spoils_no_cache(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    with serving(lambda questions: "") as server, pytest.raises(ModelError, match=r"none of the first 1\d replies had"):
        answers(asker(server, cache=AnswerCache(path)), [f"question {i}" for i in range(40)])
    assert len(server.asked) < 16
    with serving(each(str)) as server:
        assert answers(asker(server, cache=AnswerCache(path))) == SHOUTED
