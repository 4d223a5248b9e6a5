"""The record of a figshare article: its licence and files, by figshare's public API (version 2)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from typing import Any, NamedTuple

from finecops.config.download import link_problem
from finecops.datasets.fetch.http import NetworkError, Patience, Reply, Session, TransientError
from finecops.errors import DataError
from finecops.paths import name_problem
from finecops.strict_json import parse_json
from finecops.text import printable, shortly

_MOST_RECORD_BYTES = 16_000_000
_PAGE = 100
_MOST_PAGES = 50
_MD5 = re.compile(r"[0-9a-f]{32}")


class RecordFile(NamedTuple):
    """A file of an article."""

    name: str
    size: int
    url: str
    md5: str | None


class Record(NamedTuple):
    """An article."""

    title: str
    licence: str
    """Its name, and the link to its text."""
    files: tuple[RecordFile, ...]


def read_record(session: Session, article: str) -> Record:
    """An article's record.

    Args:
        session: the connections.
        article: its link in the API, for example `https://api.figshare.com/v2/articles/26048050`.

    Raises:
        NetworkError: the API cannot be reached.
        DataError: the answer is no record of an article.
    """
    raw = _json(session, article)
    if not isinstance(raw, dict):
        raise DataError(f"{article} is no record of an article: {shortly(raw)}")
    licence = raw.get("license")
    parts = [licence.get(key) for key in ("name", "url")] if isinstance(licence, dict) else []
    files: dict[str, RecordFile] = {}
    for entry in _entries(session, article):
        file = _file(entry, article)
        if file.name in files:
            raise DataError(f"{article} has two files of the name {file.name}")
        files[file.name] = file
    if not files:
        raise DataError(f"{article} has no file")
    said = ", ".join(printable(part) for part in parts if isinstance(part, str))
    return Record(printable(str(raw.get("title"))), said or "not stated", tuple(files.values()))


def _entries(session: Session, article: str) -> Iterator[Any]:
    # The record itself has the first ten files only.
    for page in range(1, _MOST_PAGES + 1):
        entries = _json(session, f"{article}/files?page={page}&page_size={_PAGE}")
        if not isinstance(entries, list):
            raise DataError(f"{article} has no list of files: {shortly(entries)}")
        yield from entries
        if len(entries) < _PAGE:
            return
    raise DataError(f"{article} has more than {_PAGE * _MOST_PAGES} files")


def _file(entry: Any, article: str) -> RecordFile:
    if not isinstance(entry, dict):
        raise DataError(f"{article}: a file is {shortly(entry)}")
    name, size, url, md5 = (entry.get(key) for key in ("name", "size", "download_url", "computed_md5"))
    problem = name_problem(name)
    if problem is not None or "/" in str(name):
        raise DataError(f"{article}: a file has {problem or f'the name {name!r}'}")
    if type(size) is not int or not 0 <= size < 10**15:
        raise DataError(f"{article}: the size of {name} is {shortly(size)}")
    # Whoever is asked on this machine may send to it; a server elsewhere may not.
    local = link_problem(article, local=False) is not None
    problem = link_problem(url, local) if isinstance(url, str) else "is missing"
    if problem is not None:
        raise DataError(f"{article}: the link of {name} {problem}")
    return RecordFile(str(name), size, str(url), md5 if isinstance(md5, str) and _MD5.fullmatch(md5) else None)


def _json(session: Session, url: str) -> Any:
    patience = Patience(url)
    while True:
        try:
            with closing(session.get(url)) as reply:
                content = _whole(reply)
            return parse_json(content)
        except TransientError as error:
            patience.pause(error)
        except ValueError as error:
            raise DataError(f"{url} does not answer with JSON: {printable(str(error))[:200]}") from error


def _whole(reply: Reply) -> bytes:
    content = b""
    while piece := reply.read(65_536):
        content += piece
        if len(content) > _MOST_RECORD_BYTES:
            raise NetworkError(f"{reply.url}: a record of more than {_MOST_RECORD_BYTES:,} bytes")
    if reply.length is not None and len(content) < reply.length:
        raise TransientError(f"the connection ended after {len(content):,} of {reply.length:,} bytes")
    return content
