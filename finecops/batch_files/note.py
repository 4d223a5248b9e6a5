"""What `export.json` says of an export, from which an import makes the same stages again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, JsonValue

from finecops.batch_files.request_files import COLUMNS, LIST
from finecops.batch_files.stages import BatchStages
from finecops.config.schema import MllmConfig
from finecops.errors import DataError, UsageError
from finecops.exchange.exporting.folder import EXPORT_JSON
from finecops.models.openai_requests import Mode
from finecops.paths import open_regular
from finecops.runs.run import Run
from finecops.strategies.options import Options
from finecops.strict_json import parse_json

FORMAT: Final = "openai-batch"


class BatchNote(BaseModel):
    """An export: whose questions it has, and how they are asked."""

    model_config = ConfigDict(frozen=True)

    state: str
    by: str
    options: dict[str, JsonValue]
    """The options of the command, by their names in `finecops.strategies.options.Options`."""
    special_tokens: bool
    logprobs: bool

    @staticmethod
    def of(stages: BatchStages, by: str, options: Options, mode: Mode, run: Run) -> Mapping[str, Any]:
        """What `export.json` says beside the files."""
        return {
            "run": run.folder.name,
            "dataset": run.dataset.config.name,
            "samples": len(run.samples),
            "model": stages.model.weights,
            "stages": [spec.name for spec in stages.asked],
            "by": by,
            "options": options.model_dump(mode="json", exclude_defaults=True),
            "special_tokens": mode.special_tokens,
            "logprobs": mode.logprobs,
        }

    @property
    def mode(self) -> Mode:
        """Which optional parameters the requests have."""
        return Mode(self.special_tokens, self.logprobs)


def mode_of(config: MllmConfig, logprobs: bool, special_tokens: bool) -> Mode:
    """The mode in which requests are written.

    Raises:
        UsageError: special tokens are left out of requests that do not have them.
    """
    if not special_tokens and config.base_url is None:
        raise UsageError(
            f"--no-special-tokens: requests to OpenAI's own server do not ask for them; {config.name} has no base_url"
        )
    return Mode(special_tokens and config.base_url is not None, logprobs)


def refuse_existing(out: Path) -> None:
    """
    Raises:
        DataError: a folder has a finished export, whose requests may be on their way, or something else.
    """
    if not out.exists():
        return
    if not out.is_dir():
        raise DataError(f"{out} is no folder; choose another --out")
    note = out / EXPORT_JSON
    if note.is_file():
        if _read(note).get("state") == "done":
            raise DataError(f"{out}/ has an export, whose requests may be under way; choose another --out")
    # What a stopped export left is replaced: nobody has sent it, as it has no list of its requests.
    elif any(out.iterdir()):
        raise DataError(f"{out}/ is not empty; choose another --out")


def read_note(folder: Path) -> BatchNote:
    """What an export says of itself.

    Raises:
        DataError: there is none, or it is not whole.
    """
    path = folder / EXPORT_JSON
    if not path.is_file():
        raise DataError(f"{folder}/ is no export: it has no {EXPORT_JSON}. `finecops export {FORMAT}` makes one")
    raw = _read(path)
    if raw.get("format") != FORMAT:
        raise DataError(f"{path} is not of `finecops export {FORMAT}`")
    try:
        note = BatchNote.model_validate(raw)
    except ValueError as error:
        raise DataError(f"{path} is not of this finecops: export again") from error
    if note.state != "done":
        raise DataError(f"{folder}/: the export was stopped before it was whole: export again")
    return note


def _read(path: Path) -> Mapping[str, Any]:
    try:
        with open_regular(path) as file:
            raw = parse_json(file.read())
    except ValueError as error:
        raise DataError(f"{path} is not JSON: {error}; choose another folder") from error
    if not isinstance(raw, dict):
        raise DataError(f"{path} is not of `finecops export`; choose another folder")
    return raw


def read_ids(folder: Path) -> frozenset[bytes]:
    """The ids of an export's requests.

    Raises:
        DataError: the list is not there, or broken.
    """
    path = folder / LIST
    if not path.is_file():
        raise DataError(f"{path} is not there: the list of the export's requests; export again")
    with open_regular(path) as file:
        lines = iter(file)
        try:
            if next(lines, b"").decode().rstrip("\n").split("\t") != list(COLUMNS):
                raise ValueError
            return frozenset(bytes.fromhex(line.partition(b"\t")[0].decode()) for line in lines)
        except ValueError:
            raise DataError(f"{path} is not as the export wrote it; export again") from None
