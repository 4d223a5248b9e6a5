"""Questions for a language model: several in one request, each of which fails alone, cached, within a budget."""

from __future__ import annotations

import json
import logging
import re
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from pydantic import JsonValue

from finecops.construction.rewriting.answers import SPENT, AnswerCache, KeptAnswer, answer_key
from finecops.construction.rewriting.budget import Budget
from finecops.construction.rewriting.writers import Conversation, Reply, Writer
from finecops.errors import ModelError
from finecops.replies.dictionary import reply_dictionary

log = logging.getLogger(__name__)

_FAILURES_IN_A_ROW = 10
"""So many requests without any answer, each tried several times: the server is gone."""
_SHOWN = 200
_LINE = re.compile(r"^[\s>*#\"']*(\d{1,4})[\"']?\s*[.):\]-]+\s*(.+?)\s*$")

Group: TypeAlias = list[tuple[str, JsonValue]]
"""Keys and questions of one request."""


@dataclass(frozen=True)
class Task:
    """A kind of question.

    Question and answer are JSON dictionaries with the keys "1", "2", …, after one example of both.
    """

    system: str
    """What is to be done."""
    examples: tuple[tuple[JsonValue, JsonValue], ...]
    """Questions with good answers."""
    usable: Callable[[JsonValue], JsonValue]
    """An answer as it is kept; None: it is none."""
    characters: int = 120
    """How long an answer may be expected to be: for the budget."""

    def conversation(self, questions: Sequence[JsonValue]) -> Conversation:
        """The messages that ask some questions."""
        shown = numbered([question for question, _ in self.examples])
        answers = numbered([answer for _, answer in self.examples])
        return [
            {"role": "system", "content": self.system},
            {"role": "user", "content": _json(shown)},
            {"role": "assistant", "content": _json(answers)},
            {"role": "user", "content": _json(numbered(questions))},
        ]

    def answers(self, count: int, reply: str) -> dict[int, JsonValue]:
        """Index → answer, for the questions of which the reply has a usable one: a dictionary, or numbered lines."""
        # A model that thinks first may write anything there.
        reply = reply.rpartition("</think>")[2]
        found: Mapping[str, object] = {str(key): value for key, value in reply_dictionary(reply).items()}
        if not found:
            lines = (_LINE.match(line) for line in reply.splitlines())
            found = {match[1]: match[2].strip("\"' ") for match in lines if match}
        # Keys that a model invents are nobody's.
        given = {i: self.usable(_plain(found.get(str(i + 1)))) for i in range(count)}
        return {i: answer for i, answer in given.items() if answer is not None}


@dataclass(frozen=True)
class Answered:
    """What became of a question."""

    answer: JsonValue
    """None: there is none."""
    key: str
    """Of the question, in the cache."""
    reason: str | None = None
    """Why there is no answer."""


@dataclass
class AskedCounts:
    """How many questions were asked, and what for."""

    questions: int = 0
    cached: int = 0
    requests: int = 0
    alone: int = 0
    """Asked again alone, since a request with several had no answer to them."""
    unanswered: int = 0


@dataclass
class Asker:
    """Asks a model; see the module's docstring.

    Attributes:
        writer: the model.
        cache: what it answered before.
        budget: what it may cost, with what the answers in the cache cost.
        per_request: questions in one request.
    """

    writer: Writer
    cache: AnswerCache = field(default_factory=lambda: AnswerCache(None))
    budget: Budget = field(default_factory=Budget)
    per_request: int = 10
    counts: AskedCounts = field(default_factory=AskedCounts)
    _failed: int = 0
    _useless: int = 0
    """Replies in a row without a usable answer, while there never was one."""

    def __post_init__(self) -> None:
        # A build that was killed and begun again would else spend a budget each time, and end in other words.
        self.budget.start(self.cache.used, self.cache.is_estimate)
        self._any = self.cache.has_answers
        self._withheld: list[KeptAnswer] = []

    def ask(self, task: Task, questions: Sequence[JsonValue]) -> list[Answered]:
        """What the model answers to each question, in order.

        A question that a request leaves without a usable answer is asked again alone. If there is none again, it is
        kept as unanswered. Errors of the server are not kept. What was answered is in the cache, whatever comes after.

        Raises:
            ModelError: ten requests in a row got no answer, or the first ten replies had none that is usable.
            RunError: the cache cannot be written.
        """
        keys = [self._key(task, question) for question in questions]
        self.counts.questions += len(keys)
        # A dictionary: a question that stands twice is asked once.
        waiting = {key: q for key, q in zip(keys, questions, strict=True) if self.cache.get(key) is None}
        self.counts.cached += len(keys) - len(waiting)
        reasons: dict[str, str] = {}
        groups = [list(waiting.items())[i : i + self.per_request] for i in range(0, len(waiting), self.per_request)]
        self._ask_groups(task, groups, reasons, last=self.per_request == 1)
        if self.per_request > 1:
            tried = {group[0][0] for group in groups if len(group) == 1 and group[0][0] in reasons}
            left = [(key, q) for key, q in waiting.items() if self.cache.get(key) is None and key not in tried]
            # Alone, since one member may have spoilt the answer to all.
            alone = [[one] for one in left if reasons.get(one[0]) != self.budget.reason]
            self.counts.alone += len(alone)
            self._ask_groups(task, alone, reasons, last=True)
        found = [self._answered(key, reasons) for key in keys]
        self.counts.unanswered += sum(one.answer is None for one in found)
        return found

    def _key(self, task: Task, question: JsonValue) -> str:
        examples: JsonValue = [[shown, answer] for shown, answer in task.examples]
        return answer_key(self.writer.name, self.writer.settings, [task.system, examples, question])

    def _answered(self, key: str, reasons: Mapping[str, str]) -> Answered:
        kept = self.cache.get(key)
        if kept is None:
            return Answered(None, key, reasons.get(key, "no answer"))
        return Answered(kept.answer, key, kept.fault)

    def _ask_groups(self, task: Task, groups: list[Group], reasons: dict[str, str], last: bool) -> None:
        """Ask groups of questions; `last`: what has no answer now is kept as unanswered."""
        for wave in self._waves(task, groups, reasons):
            self._ask_wave(task, wave, reasons, last)
            if self._useless >= _FAILURES_IN_A_ROW:
                raise ModelError(
                    f"{self.writer.name}: none of the first {self._useless} replies had a usable answer "
                    f"({reasons[wave[-1][0][0]]}). Is it the right model? The templates stand without --rewriter"
                )
            if self._failed >= _FAILURES_IN_A_ROW:
                raise ModelError(
                    f"{self.writer.name}: {self._failed} requests in a row got no answer ({reasons[wave[-1][0][0]]}). "
                    "What was answered is kept: start again when the server is there"
                )

    def _ask_wave(self, task: Task, wave: list[Group], reasons: dict[str, str], last: bool) -> None:
        conversations = [task.conversation([question for _, question in group]) for group in wave]

        def replied(index: int, reply: Reply | ModelError) -> None:
            if isinstance(reply, ModelError):
                self._failed += 1
                reasons.update((key, str(reply)) for key, _ in wave[index])
                return
            self._failed = 0
            used = self.budget.settle(conversations[index], reply)
            rows = self._kept(task, wave[index], reply.text, reasons, last or len(wave[index]) == 1)
            first = (rows or [KeptAnswer(key=SPENT, model=self.writer.name)])[0]
            first = first.model_copy(update={"used": used, "estimated": reply.used is None})
            for row in (first, *rows[1:]):
                self.cache.keep(row)

        self.counts.requests += len(wave)
        try:
            self.writer.write(conversations, replied)
        finally:
            self.budget.release()

    def _waves(self, task: Task, groups: list[Group], reasons: dict[str, str]) -> Iterator[list[Group]]:
        """As many groups as are asked at the same time and the budget allows; the next ones when these are answered."""
        waiting, was_reached = deque(groups), self.budget.reached
        while waiting:
            wave: list[Group] = []
            while waiting and len(wave) < 2 * self.writer.width:
                conversation = task.conversation([question for _, question in waiting[0]])
                if not self.budget.hold(conversation, task.characters * len(waiting[0])):
                    break
                wave.append(waiting.popleft())
            if wave:
                yield wave
            elif self.budget.reached:
                break
        for group in waiting:
            reasons.update((key, self.budget.reason) for key, _ in group)
        if waiting and not was_reached:
            log.warning("%s: %s; %s", self.writer.name, self.budget.reason.removeprefix("not asked: "), self.budget)

    def _kept(self, task: Task, group: Group, reply: str, reasons: dict[str, str], last: bool) -> list[KeptAnswer]:
        """What is kept of a reply."""
        from finecops.models.redaction import one_line

        found = task.answers(len(group), reply)
        fault = f"no answer in the reply: {one_line(reply, _SHOWN)}"
        self._any = self._any or bool(found)
        self._useless = 0 if self._any else self._useless + 1
        rows = [
            KeptAnswer(key=key, model=self.writer.name, answer=found.get(i), fault=None if i in found else fault)
            for i, (key, _) in enumerate(group)
            if i in found or last
        ]
        if not self._any:
            # Of a model that never gives an answer, nothing is kept: the right one behind that name shall be asked.
            self._withheld += rows
            rows = []
        else:
            rows, self._withheld = [*rows, *self._withheld], []
        reasons.update((key, fault) for i, (key, _) in enumerate(group) if i not in found)
        return rows

    def summary(self) -> str:
        """What was asked and what it cost, in one line."""
        counts = self.counts
        return (
            f"{self.writer.name}: {counts.questions} questions, {counts.cached} answered before, {counts.requests} "
            f"requests ({counts.alone} for one question again), {counts.unanswered} without an answer; {self.budget}"
        )


def numbered(values: Sequence[JsonValue]) -> dict[str, JsonValue]:
    """Values with the keys "1", "2", …"""
    return {str(i): value for i, value in enumerate(values, start=1)}


def _json(value: JsonValue) -> str:
    return json.dumps(value, ensure_ascii=False)


def _plain(value: object) -> JsonValue:
    """What JSON can hold; a Python dictionary of a reply may have tuples, sets and bytes."""
    try:
        # Half a character, which no file takes, becomes a question mark.
        text = json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")
        plain: JsonValue = json.loads(text)
    except (TypeError, ValueError, RecursionError):
        return None
    return plain
