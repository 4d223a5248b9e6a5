"""Files of a dataset on the Hub, through `huggingface_hub`, which keeps them in its own cache and resumes downloads.

A revision becomes a commit first, so that `run.json` says which files were read. Without network, what was fetched
before is used, and that is said.
"""

from __future__ import annotations

import fnmatch
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from finecops.errors import DataError, first_line
from finecops.text import printable

log = logging.getLogger(__name__)

INSTALL = "pip install 'finecops[hub]'"
_TIMEOUT = 20.0
"""Seconds that the Hub may take to answer."""


@dataclass(frozen=True)
class HubRepository:
    """A dataset's repository on the Hub at one commit."""

    id: str
    commit: str
    names: tuple[str, ...]
    """Its files."""

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
    errors = hub.errors
    try:
        info = hub.HfApi().dataset_info(id_, revision=revision, timeout=_TIMEOUT)
    except errors.GatedRepoError as error:
        raise DataError(
            f"hf:{id_}: the Hub gives it only to users who accepted its terms. Accept them on its page, then log in: "
            "`hf auth login`"
        ) from error
    except errors.RevisionNotFoundError as error:
        raise DataError(f"hf:{id_}: the Hub has no revision {revision!r} of it") from error
    except errors.RepositoryNotFoundError as error:
        raise DataError(f"hf:{id_}: the Hub has no such dataset, or it is private (`hf auth login`)") from error
    except Exception as error:
        # huggingface_hub lets every error of its HTTP library through.
        return _fetched_before(hub, id_, revision, error)
    return HubRepository(id_, str(info.sha), tuple(file.rfilename for file in info.siblings or ()))


def _fetched_before(hub: Any, id_: str, revision: str | None, cause: Exception) -> HubRepository:
    said = printable(first_line(cause))[:200]
    try:
        folder = Path(hub.snapshot_download(id_, repo_type="dataset", revision=revision, local_files_only=True))
    except Exception as error:
        raise DataError(f"hf:{id_}: the Hub cannot be reached, and nothing of it was fetched before: {said}") from error
    names = tuple(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    log.warning("hf:%s: the Hub cannot be reached (%s); commit %s, fetched before, is used", id_, said, folder.name)
    return HubRepository(id_, folder.name, names)


def fetch(repository: HubRepository, names: Sequence[str]) -> Path:
    """The folder with some files of a repository, fetched if they are not there yet.

    Raises:
        DataError: a file cannot be fetched.
    """
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
        import huggingface_hub.errors
    except ImportError as error:
        raise DataError(f"datasets on the Hub need huggingface_hub: {INSTALL}") from error
    return huggingface_hub
