"""What a stage is: one record from which the runner makes its file and `run.json` says how it was made."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict, JsonValue

from finecops.config.box_pattern import BoxPattern
from finecops.records import Sample, StageRow
from finecops.runs.jsonl import read_table
from finecops.runs.manifest import ALL, Answering, Role, Share

Row = TypeVar("Row", bound=StageRow)
RowOut = TypeVar("RowOut", bound=StageRow, covariant=True)


@dataclass(frozen=True)
class ImageGroup:
    """Samples that share an image, in the dataset's order. What an image costs is paid once per group."""

    image: Path
    samples: tuple[Sample, ...]


class Stage(Protocol[RowOut]):
    """Maps a batch of groups to rows: one per sample, in the groups' order. May raise; the runner handles it.

    One that mostly waits may also have a method `width` (`width_of`).
    """

    def __call__(self, groups: Sequence[ImageGroup]) -> Sequence[RowOut]:
        """Do the work of one batch."""
        ...


def width_of(worker: object) -> int:
    """How many calls a stage or a model wants at the same time by now, in threads: 1 unless it has a method `width`."""
    width: Callable[[], int] | None = getattr(worker, "width", None)
    return width() if width is not None else 1


class StageSettings(BaseModel):
    """Base of a stage's settings: everything that changes its rows, apart from its inputs and its share."""

    model_config = ConfigDict(frozen=True, extra="forbid")


@dataclass(frozen=True)
class Resources:
    """What a stage needs to run; none of it changes which answer is right.

    Attributes:
        batch_size: largest number of samples in a batch.
        device: of a model in this process (`cpu`, `cuda:1`).
        images: largest number of images in a batch; None: any.
    """

    batch_size: int = 256
    device: str = "cpu"
    images: int | None = None


@dataclass(frozen=True)
class Workers:
    """How many workers an engine has and what each of them gets; none of it changes which answer is right.

    Attributes:
        count: so many; None: as many as there is room for.
        gpus_each: GPUs of a worker; below 1, several workers share a GPU. None: 1 where there are GPUs, else 0.
        address: of a Ray cluster (`auto`: the one that this machine belongs to); None: Ray is started for the run.
    """

    count: int | None = None
    gpus_each: float | None = None
    address: str | None = None


@dataclass(frozen=True)
class StageContext:
    """What a stage is made from beside its settings: files of its inputs by stage name, and the device."""

    inputs: Mapping[str, Path]
    device: str

    def rows(self, name: str, row_type: type[Row]) -> Mapping[str, Row]:
        """The rows of an input by sample id; a file is read once per process."""
        return read_table(self.inputs[name], row_type)


@dataclass(frozen=True)
class Watched:
    """Of a stage whose first answers are watched: the model, and the box format it answers in, if in text."""

    model: str
    box_format: str | BoxPattern | None = None


@dataclass(frozen=True)
class StageSpec(Generic[Row]):
    """A stage: what its file is called and holds, what it is made from, and how.

    Everything in it can be pickled, so that another process can make the stage.

    Attributes:
        name: its file is `<name>.jsonl`.
        row_type: the rows in it.
        role: what the rows are for.
        label: its name for people.
        settings: what changes its rows.
        make: from the settings and the context to the stage, with its models loaded. A function of a module.
        failure: from a sample and a reason to the row that stands for a failure.
        inputs: the stages whose rows it reads. Made first if they are not there.
        share: which samples it is for; with a router level, `inputs` has the routes.
        answering: who answers, where the rows are answers.
        resources: what it needs to run.
        command: what makes it alone, for messages.
        watched: how its first answers are judged; None where nothing can be wrong with a model.
        reads_images: whether it opens the samples' images.
        remake: where an input has changed it is made again instead of refused: it costs next to nothing.
        model: the model that it asks about images. Stages with the same one do their batches together
            (`finecops.runs.beside`).
    """

    name: str
    row_type: type[Row]
    role: Role
    label: str
    settings: StageSettings
    make: Callable[[Any, StageContext], Stage[Row]]
    failure: Callable[[Sample, str], Row]
    inputs: tuple[StageSpec[Any], ...] = ()
    share: Share = ALL
    answering: Answering | None = None
    resources: Resources = field(default_factory=Resources)
    command: str = "finecops sfa run"
    watched: Watched | None = None
    reads_images: bool = True
    remake: bool = False
    model: object = None

    def walk(self) -> Iterator[StageSpec[Any]]:
        """Every stage it depends on, each once and after its own inputs, and itself last."""
        seen: set[str] = set()
        for before in self.inputs:
            for spec in before.walk():
                if spec.name not in seen:
                    seen.add(spec.name)
                    yield spec
        yield self

    @property
    def key(self) -> tuple[object, ...]:
        """What tells it from another specification, in this process."""
        return self.name, self.settings, self.share, self.resources, tuple(before.key for before in self.inputs)

    def described(self, inputs_sha256: Mapping[str, str]) -> dict[str, JsonValue]:
        """All that changes its rows, as `run.json` has it: `share`, `inputs`, `settings`."""
        return {
            "share": self.share.model_dump(mode="json", exclude_none=True),
            "inputs": dict(inputs_sha256),
            "settings": self.settings.model_dump(mode="json"),
        }


def fingerprint(described: Mapping[str, JsonValue]) -> str:
    """One checksum of what `StageSpec.described` gives."""
    return hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Work(Generic[Row]):
    """What an engine gets: a stage that it makes where it runs, the files that it reads there, and its workers.

    It can be pickled as far as the specification can.
    """

    spec: StageSpec[Row]
    inputs: Mapping[str, Path]
    workers: Workers = field(default_factory=Workers)
    beside: tuple[Work[Any], ...] = ()
    """Stages that may do each batch after it. An engine need not."""

    def make_stage(self) -> Stage[Row]:
        """The stage, with its models loaded."""
        return self.spec.make(self.spec.settings, StageContext(self.inputs, self.spec.resources.device))
