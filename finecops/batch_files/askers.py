"""Who is asked in place of a server: one who notes the requests, and one who has the answers in files."""

from __future__ import annotations

from collections.abc import Sequence, Set

from finecops.batch_files.identity import RequestIds
from finecops.batch_files.outputs import OutputFiles
from finecops.batch_files.places import ImageUrls
from finecops.batch_files.request_files import RequestLine
from finecops.config.schema import MllmConfig
from finecops.errors import ModelError
from finecops.models.completion import Completion
from finecops.models.openai_requests import Asked, Mode, body_of, request_of

NOTED = "the request is in a batch"
"""What the recorder says of every question."""


class Recorder:
    """Notes the requests that a server would have got.

    Attributes:
        lines: what was asked since the last `take`.
        stage: the stage that asks.
    """

    def __init__(self, config: MllmConfig, mode: Mode, urls: ImageUrls) -> None:
        self._config, self._mode, self._urls = config, mode, urls
        self._ids = RequestIds(config, mode)
        self.lines: list[RequestLine] = []
        self.stage = ""

    def __call__(self, asked: Sequence[Asked]) -> list[Completion | ModelError]:
        """Nobody answers yet."""
        for one in asked:
            request = request_of(self._config, one, self._urls(one.image), self._mode)
            body = body_of(self._config.weights, request)
            self.lines.append(RequestLine(self._ids(one), self.stage, one.sample_id or "", body))
        return [ModelError(NOTED) for _ in asked]

    def width(self) -> int:
        """It never waits."""
        return 1

    def take(self) -> list[RequestLine]:
        """The requests, which are then forgotten."""
        lines, self.lines = self.lines, []
        return lines


class GivenAnswers:
    """Answers questions from output files.

    Args:
        config: the model.
        mode: in which it was asked.
        requests: the ids of all requests of the export.
        outputs: the files.
    """

    def __init__(self, config: MllmConfig, mode: Mode, requests: Set[bytes], outputs: OutputFiles) -> None:
        self._ids = RequestIds(config, mode)
        self._requests, self._outputs = requests, outputs

    def __call__(self, asked: Sequence[Asked]) -> list[Completion | ModelError]:
        """The answers of the files."""
        return [self._answer(bytes.fromhex(self._ids(one))) for one in asked]

    def width(self) -> int:
        """It never waits."""
        return 1

    def _answer(self, id_: bytes) -> Completion | ModelError:
        if id_ not in self._requests:
            return ModelError("batch: not in the export, or image, prompt or model have changed since")
        return self._outputs.answer(id_) or ModelError("batch: no line of the output files answers the request")
