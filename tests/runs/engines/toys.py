"""Stages without a model that another process can import."""

from __future__ import annotations

import logging
import os
import signal
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from finecops import images
from finecops.errors import ModelError
from finecops.records import Prediction, Sample
from finecops.runs.batches import Batch, make_batches
from finecops.runs.specification import ImageGroup, Resources, StageContext, StageSettings, StageSpec, Work, Workers
from finecops.stages.rows import failed_prediction

SAMPLES = [
    Sample(
        id=str(i),
        dataset="toy",
        split="test",
        image=f"{i % 8}.png",
        width=10,
        height=10,
        expression=f"“the {i}th” ❄",
        truth="unknown",
        box=None,
        level=None,
    )
    for i in range(40)
]


class ToySettings(StageSettings):
    """What the toy does, beside answering."""

    dies_of: tuple[str, ...] = ()
    """Ids of samples at which its process is killed."""
    dies_of_image: str = ""
    """Name of an image at whose decoding its process is killed."""
    times: int = 1_000_000
    """So often, counted over all processes, in files of `notes`."""
    notes: str = ""
    """A folder for what must be remembered beyond a process."""
    seconds: float = 0.0
    """That a batch takes."""
    fault: str = ""
    """What the stage says instead of being made."""


class Toy:
    """Answers with the batch's make-up, so that a row shows which batch made it."""

    def __init__(self, settings: ToySettings) -> None:
        logging.getLogger("finecops.toy").info("made")
        self.settings = settings

    def __call__(self, groups: Sequence[ImageGroup]) -> list[Prediction]:
        time.sleep(self.settings.seconds)
        ids = [s.id for g in groups for s in g.samples]
        if set(ids).intersection(self.settings.dies_of) and self._deaths() < self.settings.times:
            (Path(self.settings.notes) / str(time.time_ns())).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return [_row(i, len(ids)) for i in ids]

    def _deaths(self) -> int:
        return len(list(Path(self.settings.notes).iterdir()))


def _row(id_: str, batch: int) -> Prediction:
    box = (0.1, 0.2, 1.0 / 3.0, float(batch))
    return Prediction(sample_id=id_, status="box", boxes=(box,), scores=(0.1 + 0.2,), score_kind="toy", source="toy")


def _decode_or_die(deadly: str, paths: Sequence[Path]) -> None:
    if deadly in [path.name for path in paths]:
        os.kill(os.getpid(), signal.SIGKILL)


def make_toy(settings: ToySettings, context: StageContext) -> Toy:
    """The stage."""
    if settings.dies_of_image:
        images.read_ahead = partial(_decode_or_die, settings.dies_of_image)
    if settings.fault == "model":
        raise ModelError("no such weights")
    if settings.fault == "bug":
        raise KeyError("a bug")
    return Toy(settings)


def toy_work(count: int = 2, batch_size: int = 6, **settings: Any) -> Work[Prediction]:
    """Work for so many workers."""
    spec = StageSpec(
        name="toy",
        row_type=Prediction,
        role="answers",
        label="Toy",
        settings=ToySettings(**settings),
        make=make_toy,
        failure=partial(failed_prediction, source="toy"),
        resources=Resources(batch_size),
    )
    return Work(spec, {}, Workers(count))


def toy_batches(
    batch_size: int = 6, samples: Sequence[Sample] = SAMPLES, path: Callable[[Sample], Path] | None = None
) -> list[Batch]:
    """Batches of the samples."""
    return make_batches(samples, path or (lambda sample: Path(sample.image)), batch_size)
