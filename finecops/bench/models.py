"""`finecops bench models`: what batching and sharing save, with the same weights in one process.

Each stage runs in two variants, in turns: plain (one sample at a time, nothing shared), and as finecops runs it. Their
answers are compared, and the share of the time in the model's own forward passes is measured.
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
from finecops.image_memory import forget_computed
from finecops.images import forget_images, read_image
from finecops.models.backends import load_mllm_model, load_specialist_model
from finecops.models.transformers_mllm import ImagePrompt, TransformersMllm
from finecops.progress import progress
from finecops.records import Candidates, Prediction, Sample
from finecops.replies.letters import LetterScores
from finecops.runs.batches import Batch, make_batches
from finecops.runs.specification import ImageGroup, Stage
from finecops.stages.candidates import CandidateStage
from finecops.stages.mllm import MllmStage
from finecops.stages.select import Selecting, SelectionStage, prediction_of
from finecops.stages.specialist import SpecialistStage

_MAX_DIFFERENCE = 0.02
"""Boxes are the same if no coordinate differs by more pixels than this: in a batch the last digits of floats change."""


@dataclass(frozen=True)
class VariantTiming:
    """The time of one variant of a stage."""

    stage: str
    variant: str
    samples: int

    seconds: float
    """The fastest run."""

    model_share: float | None
    """Share of the time in the model's forward passes; None where no model runs in this process."""

    same_answers: float
    """Share of the samples with the plain variant's answer."""


@dataclass(frozen=True)
class _Variant:
    name: str
    stage: Stage[Prediction]
    batches: Sequence[Batch]

    shares_images: bool = True
    """Whether decoded images are kept between batches."""


def time_models(
    samples: Sequence[Sample],
    image_path: Callable[[Sample], Path],
    specialist: SpecialistConfig,
    mllm: MllmConfig,
    selector: MllmConfig,
    device: str,
    repeats: int = 3,
) -> list[VariantTiming]:
    """Time the specialist, the MLLM and CRS, the plain variant first in each.

    Args:
        samples: what to ask.
        image_path: sample → its image.
        specialist, mllm, selector: the models; the selector chooses among candidates in CRS.
        device: where they run.
        repeats: runs of each variant.

    CRS is left out for a selector that runs elsewhere or has no chat template: its plain variant generates the letter.
    """
    alone = [(ImageGroup(image_path(sample), (sample,)),) for sample in samples]
    timings: list[VariantTiming] = []

    def compare(name: str, model: Any, shared: Stage[Prediction], plain: Stage[Prediction], batch_size: int) -> None:
        variants = [
            _Variant("one at a time", plain, alone, shares_images=False),
            _Variant("finecops", shared, make_batches(samples, image_path, batch_size)),
        ]
        # Only models in this process have a module to measure.
        timings.extend(_compare(name, getattr(model, "model", None), variants, repeats))

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
        candidates = {row.sample_id: row for row in rows}
        selection = SelectionStage(chooser, selector, candidates, Selecting())
        plain = _GeneratedLetters(chooser, candidates)
        compare(f"CRS {selector.name}", chooser, selection, plain, selector.batch_size)
    return timings


class _GeneratedLetters:
    """CRS as it is usually done: one question at a time, the letter generated and read from the text."""

    def __init__(self, model: TransformersMllm, candidates: Mapping[str, Candidates]) -> None:
        self.model, self.candidates, self.selecting = model, candidates, Selecting()

    def __call__(self, groups: Sequence[ImageGroup]) -> list[Prediction]:
        return [self._row(group, sample) for group in groups for sample in group.samples]

    def _row(self, group: ImageGroup, sample: Sample) -> Prediction:
        boxes = self.candidates[sample.id].best(self.selecting.topk)
        if not boxes:
            return Prediction(sample_id=sample.id, status="failed", source="crs", reason="no candidates")
        options = self.selecting.options(self.model.config, sample, boxes)
        (reply,) = self.model.generate([ImagePrompt(0, read_image(group.image), options.prompt)])
        return prediction_of(sample, boxes, options, LetterScores(options.prompt, None, None, reply.text))


def _compare(
    name: str, module: torch.nn.Module | None, variants: Sequence[_Variant], repeats: int
) -> list[VariantTiming]:
    """Run the variants of a stage in turns; the first one is the plain one."""
    runs: dict[str, list[tuple[float, float]]] = {variant.name: [] for variant in variants}
    answers: dict[str, list[Prediction]] = {}
    for variant in variants:  # Not timed: the first call of a model is slower than the others.
        variant.stage(variant.batches[0])
    total = repeats * sum(len(batch) for variant in variants for batch in variant.batches)
    with progress(what=name, unit="group", total=total) as bar:
        # In turns, so that a slow minute of the machine meets both.
        for variant in [variant for _ in range(repeats) for variant in variants]:
            with _timed(module) as spent:
                started = time.perf_counter()
                answers[variant.name] = list(_answers(variant, bar))
                seconds = time.perf_counter() - started
            runs[variant.name].append((seconds, spent[0]))
    plain = {row.sample_id: row for row in answers[variants[0].name]}
    timings = []
    for variant in variants:
        seconds, in_model = min(runs[variant.name])
        rows = answers[variant.name]
        timings.append(
            VariantTiming(
                stage=name,
                variant=variant.name,
                samples=len(rows),
                seconds=seconds,
                model_share=None if module is None else in_model / seconds,
                same_answers=sum(_same(row, plain[row.sample_id]) for row in rows) / len(plain),
            )
        )
    return timings


def _answers(variant: _Variant, bar: tqdm[Any]) -> Iterator[Prediction]:
    """One run of a variant over all its batches."""
    # What the run before it left of the same images.
    forget_computed()
    for batch in variant.batches:
        if not variant.shares_images:
            forget_images()
            forget_computed()
        yield from variant.stage(batch)
        bar.update(len(batch))


def _same(one: Prediction, other: Prediction) -> bool:
    """Whether two answers have the same status and the same first box."""
    if one.status != other.status or bool(one.boxes) != bool(other.boxes):
        return False
    if not one.boxes:
        return True
    return all(abs(a - b) <= _MAX_DIFFERENCE for a, b in zip(one.boxes[0], other.boxes[0], strict=True))


@contextmanager
def _timed(module: torch.nn.Module | None) -> Iterator[list[float]]:
    """Seconds spent in a module's forward passes while active, as the only item of the list."""
    # Lists of one item, since the hooks below must write to them.
    spent, started = [0.0], [0.0]
    if module is None:
        yield spent
        return

    def clock() -> float:
        # A GPU works on after the call has returned.
        if torch.accelerator.is_available():
            torch.accelerator.synchronize()
        return time.perf_counter()

    def before(*_: Any) -> None:
        started[0] = clock()

    def after(*_: Any) -> None:
        spent[0] += clock() - started[0]

    handles = [module.register_forward_pre_hook(before), module.register_forward_hook(after)]
    try:
        yield spent
    finally:
        for handle in handles:
            handle.remove()
