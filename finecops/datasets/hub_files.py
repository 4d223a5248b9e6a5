"""Files of a dataset on the Hub, through `huggingface_hub`, which keeps them in its own cache and resumes downloads.

A revision becomes a commit first, so that `run.json` says which files were read. Without network, what was fetched
before is used, and that is said.
"""

from __future__ import annotations

import fnmatch
import logging
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from finecops.config.home import home
from finecops.errors import DataError, first_line
from finecops.hub_faults import hub_fault
from finecops.install import install_line
from finecops.text import printable

log = logging.getLogger(__name__)

_COMMIT = re.compile(r"[0-9a-f]{40}")
_TIMEOUT = 20.0
"""Seconds that the Hub may take to answer."""


@dataclass(frozen=True)
class HubRepository:
    """A dataset's repository on the Hub at one commit."""

    id: str
    commit: str
    names: tuple[str, ...]
    """Its files."""
    fetched: Path | None = None
    """The folder with these files, where the Hub could not be asked."""

    @property
    def origin(self) -> str:
        """The repository and its commit, as `run.json` has it."""
        return f"hf:{self.id}@{self.commit}"

    def matching(self, patterns: Sequence[str]) -> list[str]:
        """Its files that fit one of some patterns, in the order of the patterns."""
        found = [name for pattern in patterns for name in sorted(self.names) if fnmatch.fnmatchcase(name, pattern)]
        return list(dict.fromkeys(found))


def find_repository(id_: str, revision: str | None) -> HubRepository:
    """A dataset's repository at the commit that a revision stands for.

    Raises:
        DataError: `huggingface_hub` is not installed, the Hub has no such dataset or revision or does not let the user
            in, or it cannot be reached and nothing was fetched before.
    """
    hub = _hub()
    try:
        info = hub.HfApi().dataset_info(id_, revision=revision, timeout=_TIMEOUT)
    except Exception as error:
        # huggingface_hub lets every error of its HTTP library through.
        fault = hub_fault(error, f"hf:{id_}", "dataset", revision)
        if fault is not None:
            raise DataError(fault) from error
        return _fetched_before(hub, id_, revision, error)
    commit = str(info.sha)
    if _COMMIT.fullmatch(commit) is None:
        raise DataError(f"hf:{id_}: the Hub's answer has no commit")
    _remember(id_, revision, commit)
    return HubRepository(id_, commit, tuple(file.rfilename for file in info.siblings or ()))


def _fetched_before(hub: Any, id_: str, revision: str | None, cause: Exception) -> HubRepository:
    said = printable(first_line(cause))[:200]
    try:
        commit = revision if revision and _COMMIT.fullmatch(revision) else _note(id_, revision).read_text().strip()
        if _COMMIT.fullmatch(commit) is None:
            raise ValueError(commit)
        chosen = {"repo_type": "dataset", "revision": commit, "local_files_only": True}
        folder = Path(hub.snapshot_download(id_, **chosen))
    except Exception as error:
        raise DataError(
            f"hf:{id_}: the Hub cannot be reached, and nothing of it was fetched before: {said}. On a machine with "
            f"network: hf download {id_} --repo-type dataset --local-dir DIR; then here: --dataset DIR"
        ) from error
    names = tuple(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    log.warning("hf:%s: the Hub cannot be reached (%s); commit %s, fetched before, is used", id_, said, commit)
    return HubRepository(id_, commit, names, folder)


def _note(id_: str, revision: str | None) -> Path:
    """Where it is noted which commit a branch or tag was: the Hub's own cache keeps files by commit alone here."""
    return home() / "hub" / id_.replace("/", "--") / "revisions" / f"at-{quote(revision or 'main', safe='')}"


def _remember(id_: str, revision: str | None, commit: str) -> None:
    # A note is for days without network. A folder that cannot be written to is met again, where images are kept.
    with suppress(OSError):
        from finecops.archives.zip_images import write_atomically

        write_atomically(_note(id_, revision), f"{commit}\n".encode())


def fetch(repository: HubRepository, names: Sequence[str]) -> Path:
    """The folder with some files of a repository, fetched if they are not there yet.

    Raises:
        DataError: a file cannot be fetched.
    """
    if repository.fetched is not None:
        return repository.fetched
    hub = _hub()
    chosen = {"repo_type": "dataset", "revision": repository.commit}
    # Names are patterns there: one with brackets would match itself no longer.
    exactly = [name.replace("[", "[[]") for name in names]
    try:
        folder = hub.snapshot_download(repository.id, allow_patterns=exactly, **chosen)
    except Exception as error:
        said = printable(first_line(error))[:200]
        raise DataError(
            f"{repository.origin}: {', '.join(names[:3])} cannot be fetched: {said}. The same command goes on from here"
        ) from error
    lacking = [name for name in names if not (Path(folder) / name).is_file()]
    if lacking:
        raise DataError(f"{repository.origin}: {', '.join(lacking[:3])} could not be fetched")
    return Path(folder)


def _hub() -> Any:
    try:
        import huggingface_hub
    except ImportError as error:
        raise DataError(f"datasets on the Hub need huggingface_hub: {install_line('hub')}") from error
    return huggingface_hub
