"""The section `download` of a dataset's YAML file: what `finecops data get` may fetch, and under which licence."""

from __future__ import annotations

from typing import Annotated, TypeAlias
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from finecops.config.fields import Line
from finecops.paths import name_problem

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def link_problem(url: str, local: bool = True) -> str | None:
    """What is wrong with a link to something on a server; None: nothing.

    Args:
        url: the link.
        local: whether a server on this machine may be asked without TLS.

    >>> link_problem("https://example.org/a?b=c"), link_problem("http://example.org/a")
    (None, 'is not https')
    """
    if len(url) > 4096 or not url.isascii() or not url.isprintable() or " " in url:
        return "is not a plain link"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "is not a link"
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0 or "@" in parts.netloc:
        return "is not a link to a server"
    if parts.scheme == "http" and not (local and parts.hostname in LOOPBACK):
        return "is not https"
    return None


def _link(url: str) -> str:
    problem = link_problem(url)
    if problem is not None:
        raise ValueError(problem)
    return url


def _plain_file(name: str) -> str:
    problem = name_problem(name)
    if problem is not None:
        raise ValueError(problem)
    return name


Link: TypeAlias = Annotated[str, AfterValidator(_link)]
"""A link: https, or a server on this machine."""
FileName: TypeAlias = Annotated[str, AfterValidator(_plain_file)]
"""The name of a file below the dataset's folder."""
Md5: TypeAlias = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
"""An MD5, as publishers give it: it finds a damaged file, and is no protection against a forged one."""
Text: TypeAlias = Annotated[Line, Field(max_length=1000)]
"""A line that is shown."""


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class DownloadFile(_Section):
    """A file of a dataset."""

    name: FileName
    """Its name below the dataset's folder."""
    url: Link | None = None
    """A direct link. None: the figshare article has it."""
    bytes: int | None = Field(default=None, ge=0)
    """Its size."""
    md5: Md5 | None = None
    """Its MD5. None: that of the figshare article's record, if there is one."""
    unpack: FileName | None = None
    """Of a tar archive of images: the folder below the dataset's folder that they go to."""


class DownloadImages(_Section):
    """Images that are taken one by one out of a zip file on a server that answers ranges."""

    zip: Link
    """The zip file."""
    folder: FileName
    """The folder below the dataset's folder that they go to."""
    licence: Text
    """Whose images they are, and under which terms."""


class Download(_Section):
    """What may be downloaded.

    Raises:
        ValueError: a file has no link and there is no figshare article, or a name stands twice.
    """

    licence: Text
    """The licence of the files. It is shown first."""
    page: Link
    """The page where a person finds the files."""
    figshare: Link | None = None
    """The article in figshare's API. All its files are downloaded; `files` adds what is known of them."""
    files: tuple[DownloadFile, ...] = ()
    """Files with direct links, and known sums of the article's files."""
    images: DownloadImages | None = None
    """The images that the annotations name."""

    @model_validator(mode="after")
    def _is_complete(self) -> Download:
        names = [file.name for file in self.files]
        if len(set(names)) < len(names):
            raise ValueError("a file stands twice in `files`")
        missing = [file.name for file in self.files if file.url is None]
        if missing and self.figshare is None:
            raise ValueError(f"{missing[0]} has no `url`, and there is no `figshare`")
        return self
