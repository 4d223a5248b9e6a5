"""Files of requests, each below the limits of a service, and the list of whose requests they are."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, TextIO

from finecops.errors import DataError
from finecops.exchange.exporting.folder import ExportFolder
from finecops.models.openai_requests import Request

LIST: Final = "requests.tsv"
"""Which request is of which sample: custom_id, file, stage, sample_id."""
COLUMNS: Final = ("custom_id", "file", "stage", "sample_id")


@dataclass(frozen=True)
class Limits:
    """What one file may have, and where its requests are sent to.

    The limits are those of OpenAI's batch interface; a million bytes are a megabyte.
    """

    requests: int = 50_000
    bytes: int = 200_000_000
    url: str = "/v1/chat/completions"


@dataclass(frozen=True)
class RequestLine:
    """A request of a sample, with its id."""

    custom_id: str
    stage: str
    sample_id: str
    body: Request


@dataclass
class WrittenFile:
    """A file of requests."""

    name: str
    requests: int = 0
    bytes: int = 0


@dataclass
class RequestFiles:
    """Writes requests. Those that are given together are in one file as far as it has room for them, so that a file
    has all questions about an image.

    Attributes:
        files: what was written.
        repeated: requests that another sample or order has too, and that are there once.
    """

    folder: ExportFolder
    limits: Limits
    files: list[WrittenFile] = field(default_factory=list)
    repeated: int = 0
    _known: dict[bytes, int] = field(default_factory=dict)
    _open: TextIO | None = None
    _list: TextIO | None = None

    def add(self, lines: Sequence[RequestLine]) -> None:
        """Write the requests of a batch.

        Raises:
            DataError: one is larger than a file may be.
        """
        new: dict[str, str] = {}
        for line in lines:
            if bytes.fromhex(line.custom_id) in self._known or line.custom_id in new:
                self.repeated += 1
            else:
                new[line.custom_id] = self._text(line)
        sizes = [len(text) for text in new.values()]
        # Files can then be imported one by one: a row is made again with all rows about its image.
        if new and not self._has_room(len(sizes), sum(sizes)):
            self._next_file()
        for (custom_id, text), size in zip(new.items(), sizes, strict=True):
            # More than a file takes were given together.
            if not self._has_room(1, size):
                self._next_file()
            assert self._open is not None
            self._open.write(text)
            self.files[-1].requests += 1
            self.files[-1].bytes += size
            # Half the memory of the text: there may be a million.
            self._known[bytes.fromhex(custom_id)] = len(self.files)
        self._note(lines)

    def close(self) -> None:
        """Close the files."""
        for file in (self._open, self._list):
            if file is not None:
                file.close()

    def _text(self, line: RequestLine) -> str:
        row = {"custom_id": line.custom_id, "method": "POST", "url": self.limits.url, "body": line.body}
        # In ASCII a character is a byte.
        text = json.dumps(row, separators=(",", ":")) + "\n"
        if len(text) > self.limits.bytes:
            raise DataError(
                f"the request of sample {line.sample_id} has {len(text) / 1e6:.1f} MB, and a file may have "
                f"{self.limits.bytes / 1e6:g}: --max-mb, or --images-as file"
            )
        return text

    def _has_room(self, requests: int, size: int) -> bool:
        if not self.files:
            return False
        last = self.files[-1]
        return last.requests + requests <= self.limits.requests and last.bytes + size <= self.limits.bytes

    def _next_file(self) -> None:
        if self._open is not None:
            self._open.close()
        # The folder notes each name before the file is made: what is left of a stopped export is known as its own.
        name = f"requests-{len(self.files) + 1:04}.jsonl"
        self._open = self.folder.new(name).open("x", encoding="ascii", newline="\n")
        self.files.append(WrittenFile(name))

    def _note(self, lines: Sequence[RequestLine]) -> None:
        if self._list is None:
            self._list = self.folder.new(LIST).open("x", encoding="utf-8", newline="\n")
            self._list.write("\t".join(COLUMNS) + "\n")
        for line in lines:
            name = self.files[self._known[bytes.fromhex(line.custom_id)] - 1].name
            self._list.write(f"{line.custom_id}\t{name}\t{line.stage}\t{line.sample_id}\n")
