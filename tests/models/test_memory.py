"""Batches that a device has no memory for."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import pytest
import torch

from finecops.image_memory import forget_computed
from finecops.images import Picture
from finecops.models.memory import Halving
from finecops.models.protocols import Query, QueryGroup


def small_device(most: int, calls: list[int]) -> Any:
    def ask(things: Sequence[int]) -> list[int]:
        calls.append(len(things))
        if len(things) > most:
            raise torch.OutOfMemoryError("out of memory")
        return [10 * thing for thing in things]

    return ask


def test_what_does_not_fit_is_halved_and_said_once(caplog: pytest.LogCaptureFixture) -> None:
    calls: list[int] = []
    freed: list[int] = []
    halving = Halving("large", lambda: freed.append(1))
    ask = small_device(3, calls)
    with caplog.at_level(logging.WARNING):
        assert halving(ask, range(8)) == [0, 10, 20, 30, 40, 50, 60, 70]
        assert halving(ask, range(4)) == [0, 10, 20, 30]
    assert calls == [8, 4, 2, 2, 2, 2, 2, 2]
    assert len(freed) == len(caplog.messages) == 2
    assert caplog.messages[1].startswith("large: 4 at once do not fit into the device's memory; from now on 2")


def test_one_that_does_not_fit_alone_fails() -> None:
    with pytest.raises(torch.OutOfMemoryError):
        Halving("large", lambda: None)(small_device(0, []), [1])


def test_a_detector_with_little_memory_gives_the_same_answers(
    mini_specialist: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from PIL import Image

    picture = Picture(Image.effect_noise((140, 140), 60).convert("RGB"))
    groups = [QueryGroup(picture, tuple(Query(f"the {word} car") for word in ("red", "green", "blue", "white")))]
    ((*expected,),) = mini_specialist.detect(groups)
    # Restored at the end.
    monkeypatch.setattr(mini_specialist._halving, "most", None)
    original = mini_specialist._detect

    def detect(batch: Any) -> Any:
        if len(batch) > 2:
            raise torch.OutOfMemoryError("out of memory")
        return original(batch)

    monkeypatch.setattr(mini_specialist, "_detect", detect)
    forget_computed()
    ((*found,),) = mini_specialist.detect(groups)
    for one, other in zip(found, expected, strict=True):
        assert one.scores == pytest.approx(other.scores, abs=1e-4)
        assert one.xyxy == pytest.approx(other.xyxy, abs=0.01)
