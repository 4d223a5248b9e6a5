"""A Hub that does not answer is met once, before any file is asked for."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import huggingface_hub
import pytest
from huggingface_hub import constants

from finecops.errors import ModelError
from finecops.models import hub_access
from finecops.models.hub_access import RetriesOnce, hub_answers, need_adapter, need_hub, only_downloaded

ID = "somebody/some-model"


class Session:
    """What huggingface_hub asks through: it counts, and answers or does not."""

    def __init__(self, answers: bool) -> None:
        self.answers, self.asked = answers, 0

    def head(self, url: str, timeout: float) -> None:
        """Answer."""
        assert timeout <= 10
        self.asked += 1
        if not self.answers:
            raise ConnectionError("Name or service not known")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[Session]:
    """A Hub that answers if the test's parameter says so."""
    session = Session(getattr(request, "param", False))
    monkeypatch.setattr(huggingface_hub, "get_session", lambda: session)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    hub_answers.cache_clear()
    yield session
    hub_answers.cache_clear()


def test_a_model_that_is_not_downloaded_is_refused_at_once(asked: Session) -> None:
    for _ in range(2):
        with pytest.raises(ModelError, match=r"mine: somebody/some-model is not downloaded yet, .* not answer"):
            need_hub("mine", ID, ID)
    # Once for all models of a run.
    assert asked.asked == 1


def test_an_adapter_that_is_nowhere_is_refused_before_any_stage(asked: Session) -> None:
    with pytest.raises(ModelError, match=r"there is no folder tuned/ with an adapter, .* USER/NAME"):
        need_adapter("mine", "tuned")
    assert asked.asked == 0
    with pytest.raises(ModelError, match=r"no folder somebody/some-adapter/ .* does not answer"):
        need_adapter("mine", "somebody/some-adapter")
    asked.answers = True
    hub_answers.cache_clear()
    need_adapter("mine", "somebody/some-adapter")


@pytest.mark.parametrize("asked", [True], indirect=True)
def test_a_hub_that_answers_is_left_to_the_library(asked: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    need_hub("mine", ID, ID)
    monkeypatch.setattr(hub_access, "is_downloaded", lambda where, *others: True)
    assert only_downloaded(ID) is False


def test_what_was_downloaded_is_used_without_the_hub(
    asked: Session, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert only_downloaded(ID) is False
    monkeypatch.setattr(hub_access, "is_downloaded", lambda where, *others: True)
    with caplog.at_level(logging.INFO):
        assert only_downloaded(ID) is True
        need_hub("mine", ID, ID)
    assert "used as it was downloaded" in caplog.text
    # A folder needs no Hub.
    assert only_downloaded("/") is False


def test_retries_are_said_once() -> None:
    once = RetriesOnce()
    tries = [
        logging.LogRecord("huggingface_hub.utils._http", logging.WARNING, "f", 1, text, (), None)
        for text in ("'x' thrown while requesting HEAD https://h", "Retrying in 1s [Retry 1/5].") * 3
    ]
    shown = [record.getMessage() for record in tries if once.filter(record)]
    assert shown == ["the Hub does not answer, trying again (--verbose shows each try)"]
    for name, text in (("huggingface_hub.utils._http", "a token is invalid"), ("finecops.models", "Retry 1/5")):
        assert once.filter(logging.LogRecord(name, logging.WARNING, "f", 1, text, (), None)), text
