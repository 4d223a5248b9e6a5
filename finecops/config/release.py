"""What a published release of a dataset contains: the section `release:` of a dataset's YAML file."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

Number: TypeAlias = Annotated[int, Field(ge=0, le=10**15)]
"""How many there are."""
Words: TypeAlias = dict[Annotated[str, Field(pattern=r"^[A-Za-z0-9_]{1,100}$")], Number]
"""A word of the published files → how many rows have it."""
Levels: TypeAlias = dict[Annotated[int, Field(ge=1, le=9)], Number]
"""A level → how many rows have it."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ReleaseFile(_Part):
    """A file of the release. What is not given is not known, and not checked."""

    bytes: Number | None = None
    """Its size."""
    md5: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")] | None = None
    """Its MD5 checksum, in hexadecimal digits."""
    rows: Number | None = None
    """Of a file in the vanilla format: how many rows it has."""


class ReleaseSplit(_Part):
    """How many samples a split has. What is not given is not known, and not checked."""

    positives: Number | None = None
    negative_texts: Number | None = None
    negative_images: Number | None = None
    images: Number | None = None
    """Different images of positives and negative texts."""
    levels: Levels = Field(default_factory=dict)
    """Level of positives → how many."""
    tuple_types: Words = Field(default_factory=dict)
    """Tuple type of positives → how many."""
    negative_types: Words = Field(default_factory=dict)
    """Type of negatives, in the published words → how many texts and images."""
    negative_levels: Levels = Field(default_factory=dict)
    """Level of negatives → how many texts and images."""
    boxes_beyond_at_most: Number | None = None
    """So many boxes may extend beyond their image by more than a pixel: they do in the release itself."""


class Release(_Part):
    """A release: its files and the numbers of its splits."""

    source: Annotated[str, Field(max_length=1000)]
    """Where it is published, with its licence."""
    files: dict[Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._+()-]{0,199}$")], ReleaseFile] = Field(
        default_factory=dict
    )
    """File below the dataset's folder → what is known of it."""
    splits: dict[str, ReleaseSplit] = Field(default_factory=dict)
    """Split → its numbers."""
