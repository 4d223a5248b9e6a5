"""The settings of datasets: `configs/datasets/`, validated."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import Field, Strict, model_validator

from finecops.config.download import Download
from finecops.config.fields import Folder, Line, Names
from finecops.config.release import Release
from finecops.config.schema import Config

Pattern: TypeAlias = Annotated[str, Field(pattern=r"^[A-Za-z0-9._*?+-]{1,100}$")]
"""The name of a file, with * and ? for what differs."""
HubId: TypeAlias = Annotated[str, Field(pattern=r"^[\w.-]+/[\w.-]+$", max_length=200)]
"""An id on the Hub."""


class DatasetConfig(Config):
    """Where a dataset's files are.

    Raises:
        ValueError: its files are to be fetched from the Hub, and no id is given.
    """

    root: Folder
    """The dataset's folder. `.`, and what begins with `./`: from the folder of this file."""
    format: str = "coco"
    """How the annotation files are written: a name in `finecops.datasets.formats`."""
    image_folders: Names = Field(min_length=1)
    """Folders below the root in which an annotation's `file_name` is looked up, in this order."""
    find_images: Annotated[tuple[Pattern, ...], Strict(False)] = ()
    """Names of images (`neg_*.jpg`) that are looked up behind these in every folder below the root that has such files,
    wherever an archive was unpacked."""
    splits: dict[str, Names]
    """Split → annotation files below the root. Those that exist are read together."""
    default_split: str = "test"
    """The split to run on when no split is given."""
    preset: str
    """The preset of models to run with when none is given."""
    get: str
    """What to download from where, and where to put it. It is shown when no file is found."""
    release: Release | None = None
    """What the published release contains. `finecops data check` compares."""
    download: Download | None = None
    """What `finecops data get` downloads. None: the user downloads it."""
    layout: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9+-]*$", max_length=50)] | None = None
    """Of parquet files: what their columns mean, a name in `finecops.datasets.parquet.layouts`. None: by them."""
    hub: Annotated[tuple[HubId, ...], Strict(False)] = ()
    """Ids on the Hub that have this dataset: `--dataset hf:ID` reads them with these settings."""
    hub_files: Names = ()
    """Files of the Hub's repository to fetch beside those of the split, as patterns: images, archives of images."""
    revision: Line | None = None
    """Revision on the Hub. None: the main branch."""
    named_split: str | None = Field(default=None, exclude=True)
    """The split that the user named with the Hub id."""
    fetch: bool = Field(default=False, exclude=True)
    """Its files are fetched from the Hub, as if the dataset was named by its id."""
    licence: Line | None = None
    """Licence of the annotations, as its authors state it."""
    domain: Line | None = None
    """What pictures it has, where a model may know these alone. None: photographs."""
    warnings: dict[str, str] = Field(default_factory=dict)
    """Split → what a user must know before comparing its numbers."""
    source: Line = ""
    """Where its files come from, in a few words; `finecops data list` shows it."""
    alternatives: bool = False
    """The files of a split hold the same samples in several layouts: only the first one that exists is read."""
    boxes: str | None = None
    """Of JSON Lines and CSV: how the numbers of a box are meant, a name in `finecops.datasets.conventions`."""
    distractors: Annotated[int, Field(ge=0, le=3)] = 3
    """Of Cops-Ref: how many images of each of an expression's four lists of distractors become negatives."""

    @model_validator(mode="after")
    def _has_no_idle_setting(self) -> DatasetConfig:
        """
        Raises:
            ValueError: a setting is given for a format that does not use it, or one that it needs is missing.
        """
        if self.fetch and not self.hub:
            raise ValueError("`fetch` needs `hub`, the id on the Hub")
        if self.boxes is not None and self.format not in ("jsonl", "csv"):
            raise ValueError(f"boxes: the format {self.format} says itself what a box is; jsonl and csv do not")
        if self.distractors != 3 and self.format != "cops-ref":
            raise ValueError(f"distractors: only the format cops-ref has them, not {self.format}")
        return self
