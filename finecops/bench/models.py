"""How much batching and sharing save: each stage as finecops runs it, against one sample at a time with nothing shared.

Same weights, one process, the two ways in turns. What they answer is compared besides, and how much of the time is the
model's own forward passes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from finecops.config.schema import MllmConfig, SpecialistConfig
from finecops.images import forget_images, read_image
from finecops.models.backends import load_mllm_model, load_specialist_model
from finecops.models.transformers_mllm import TransformersMllm
from finecops.records import Candidates, Prediction, Sample
from finecops.replies.letters import LetterScores
from finecops.runs.runner import ImageGroup, Stage, make_batches
from finecops.stages.answers import MllmStage, SpecialistStage
from finecops.stages.candidates import CandidateStage
from finecops.stages.select import Selecting, SelectionStage, prediction_of

_CLOSE = 0.02
"""Boxes are the same if no coordinate differs by more pixels than this."""


@dataclass(frozen=True)
class WayTiming:
    """A stage run in one way: the fastest of some runs. `model_share` is None where no model runs in this process."""

    stage: str
    way: str
    samples: int
    seconds: float
    model_share: float | None
    same_answers: float
    """Share of the samples with the plain way's answer."""


@dataclass(frozen=True)
class _Way:
    name: str
    stage: Stage[Prediction]
    batches: list[list[ImageGroup]]
    forgets: bool = False


def time_models(
    samples: Sequence[Sample],
    image_path: Callable[[Sample], Path],
    specialist: SpecialistConfig,
    mllm: MllmConfig,
    selector: MllmConfig,
    device: str,
    repeats: int = 3,
) -> list[WayTiming]:
    """Time specialist, MLLM and CRS on some samples, the plain way first in each.

    CRS's plain way generates the letter; it is left out for a selector that runs elsewhere or has no chat.
    """
    alone = [[ImageGroup(image_path(sample), (sample,))] for sample in samples]
    timings: list[WayTiming] = []

    def compare(name: str, model: Any, shared: Stage[Prediction], plain: Stage[Prediction], batch_size: int) -> None:
        together = make_batches(samples, image_path, batch_size)
        ways = [_Way("one at a time", plain, alone, forgets=True), _Way("finecops", shared, together)]
        timings.extend(_compare(name, getattr(model, "model", None), ways, repeats))

    detector = load_specialist_model(specialist, device)
    stage = SpecialistStage(detector, specialist, None)
    compare(f"specialist {specialist.name}", detector, stage, stage, specialist.batch_size)
    writer = load_mllm_model(mllm, device)
    grounding = MllmStage(writer, mllm, None, "mean_prob")
    compare(f"MLLM {mllm.name}", writer, grounding, grounding, mllm.batch_size)
    chooser = load_mllm_model(selector, device)
    if isinstance(chooser, TransformersMllm) and not chooser.encoder_decoder:
        propose = CandidateStage(detector, None)
        rows = [row for batch in make_batches(samples, image_path, specialist.batch_size) for row in propose(batch)]
        found = {row.sample_id: row for row in rows}
        selection = SelectionStage(chooser, selector, found, Selecting())
        compare(f"CRS {selector.name}", chooser, selection, _GeneratedLetters(chooser, found), selector.batch_size)
    return timings


class _GeneratedLetters:
    """CRS as it is mostly done: a question at a time, the letter generated and read from the text."""

    def __init__(self, model: TransformersMllm, candidates: Mapping[str, Candidates]) -> None:
        self.model, self.candidates, self.selecting = model, candidates, Selecting()

    def __call__(self, groups: Sequence[ImageGroup]) -> list[Prediction]:
        return [self._row(group, sample) for group in groups for sample in group.samples]

    def _row(self, group: ImageGroup, sample: Sample) -> Prediction:
        boxes = self.candidates[sample.id].best(self.selecting.topk)
        if not boxes:
            return Prediction(sample_id=sample.id, status="failed", source="crs", reason="no candidates")
        options = self.selecting.options(self.model.config, sample, boxes)
        (reply,) = self.model.generate([(read_image(group.image), options.prompt)])
        return prediction_of(sample, boxes, options, LetterScores(options.prompt, None, None, reply.text))


def _compare(name: str, module: torch.nn.Module | None, ways: Sequence[_Way], repeats: int) -> list[WayTiming]:
    best: dict[str, tuple[float, float]] = {}
    answers: dict[str, list[Prediction]] = {}
    for way in ways:  # Not timed: the first call of a model is slower than the others.
        way.stage(way.batches[0])
    total = repeats * sum(len(batch) for way in ways for batch in way.batches)
    with tqdm(total=total, desc=name, unit="group", dynamic_ncols=True) as bar:
        for _ in range(repeats):
            for way in ways:
                found: list[Prediction] = []
                with _timed(module) as spent:
                    begun = time.perf_counter()
                    for batch in way.batches:
                        if way.forgets:
                            forget_images()
                        found += way.stage(batch)
                        bar.update(len(batch))
                    seconds = time.perf_counter() - begun
                answers[way.name] = found
                best[way.name] = min(best.get(way.name, (seconds, spent[0])), (seconds, spent[0]))
    plain = {row.sample_id: row for row in answers[ways[0].name]}
    return [
        WayTiming(
            stage=name,
            way=way.name,
            samples=len(answers[way.name]),
            seconds=best[way.name][0],
            model_share=None if module is None else best[way.name][1] / best[way.name][0],
            same_answers=sum(_same(row, plain[row.sample_id]) for row in answers[way.name]) / len(plain),
        )
        for way in ways
    ]


def _same(one: Prediction, other: Prediction) -> bool:
    if one.status != other.status or bool(one.boxes) != bool(other.boxes):
        return False
    if not one.boxes:
        return True
    return all(abs(a - b) <= _CLOSE for a, b in zip(one.boxes[0], other.boxes[0], strict=True))


@contextmanager
def _timed(module: torch.nn.Module | None) -> Iterator[list[float]]:
    """Seconds spent in a module's forward passes while active, as the only item of the list."""
    spent, begun = [0.0], [0.0]
    if module is None:
        yield spent
        return

    def clock() -> float:
        if torch.accelerator.is_available():
            torch.accelerator.synchronize()
        return time.perf_counter()

    def before(*_: Any) -> None:
        begun[0] = clock()

    def after(*_: Any) -> None:
        spent[0] += clock() - begun[0]

    handles = [module.register_forward_pre_hook(before), module.register_forward_hook(after)]
    try:
        yield spent
    finally:
        for handle in handles:
            handle.remove()
