"""Hours on a GPU for the paper's tables with its pair, computed from operations; nothing was measured.

What a table needs are passes of MM-GDINO-L and Qwen2-VL-7B over test sets, and rows of tuning. A pass takes its
operations at a share of the GPU's rate; for each token that a batch of answers writes, the weights are read once. The
other models of the tables are not counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from finecops.evaluation.paper import paper_counts
from finecops.evaluation.paper_ablations import paper_routers, paper_top_k, paper_tuning_data
from finecops.evaluation.paper_costs import (
    BOX_ANSWER,
    BOX_PROMPT,
    BYTES_A_WEIGHT,
    EXPRESSION,
    IMAGE_WH,
    OPTIONS,
    TARGET,
    detector_operations,
    letter_prompt,
    mllm_operations,
)
from finecops.evaluation.shapes import QWEN2_VL_7B

COCO_WH: Final = (640, 480)
"""A usual image of COCO: of Ref-Adv, and of the tuning data."""
BATCH: Final = 8
"""Answers that the MLLM writes at a time: the batch size of `qwen2-vl-7b`."""
STEP_SECONDS: Final = 0.03
"""Of a written token at least: its kernels are launched one by one. Taken, not measured."""
ROWS, NEGATIVE_ROWS = 10_000, 2500
"""Of tuning (paper, IV-B)."""
_NONE: Final = 16
"""Tokens of the sentence about None."""
_LETTER_ANSWER: Final = 2
"""A letter and the end, as tuning reads them."""
Kind = Literal["specialist", "mllm", "tuning"]


@dataclass(frozen=True)
class Gpu:
    """What a GPU does at best, by its data sheet."""

    peak: float
    """Operations a second in bfloat16, dense: of the MLLM."""
    float32: float
    """Operations a second in float32, outside of tensor cores: of the specialist, whose file has this type."""
    bandwidth: float
    """Bytes a second."""


GPUS: Final = {"a100": Gpu(312e12, 19.5e12, 2039e9), "h100": Gpu(989e12, 67e12, 3350e9)}
"""A100 80 GB SXM and H100 SXM."""


@dataclass(frozen=True)
class Pass:
    """One text about one image through a model, or one row of tuning."""

    kind: Kind
    first: float
    """Operations of what is done at once."""
    later: float = 0.0
    """Operations of the tokens that are written one after the other."""
    steps: int = 0
    """How many tokens these are."""

    def seconds(self, gpu: Gpu, share: float) -> float:
        """On a GPU of which a share of the peaks is reached."""
        rate = share * (gpu.float32 if self.kind == "specialist" else gpu.peak)
        # All answers of a batch are written together: the weights are read once for a token of each.
        read = QWEN2_VL_7B.read_for_a_token * BYTES_A_WEIGHT / (share * gpu.bandwidth)
        return self.first / rate + max(self.later / rate, self.steps * max(read, STEP_SECONDS) / BATCH)


@dataclass(frozen=True)
class Need:
    """What a table needs beyond those before it."""

    name: str
    samples: int
    """Of the test sets."""
    passes: tuple[tuple[int, Pass], ...]
    by_paper: float = 0.0
    """Seconds of the detectors whose operations are not known, at the paper's times (Table IX)."""

    def count(self, kind: Kind) -> int:
        """Passes of a kind."""
        return sum(times for times, one in self.passes if one.kind == kind)

    @property
    def operations(self) -> float:
        """Of all passes."""
        return sum(times * (one.first + one.later) for times, one in self.passes)

    def hours(self, gpu: Gpu, share: float, kinds: Iterable[Kind] = ("specialist", "mllm", "tuning")) -> float:
        """Of the passes of some kinds on one GPU."""
        return sum(times * one.seconds(gpu, share) for times, one in self.passes if one.kind in kinds) / 3600

    @property
    def paper_hours(self) -> float:
        """Of all detectors at the paper's times."""
        milliseconds = {router.name: router.milliseconds for router in paper_routers()}
        return (self.count("specialist") * milliseconds["MM-GDINO-L"] / 1000 + self.by_paper) / 3600


@dataclass(frozen=True)
class Benchmark:
    """A test set, with the paper's numbers of samples."""

    positives: int
    negatives: int = 0
    image_wh: tuple[int, int] = IMAGE_WH

    @property
    def everything(self) -> int:
        """All samples."""
        return self.positives + self.negatives


def paper_test_sets() -> dict[str, Benchmark]:
    """Those of Tables VI, VII and IX to XI.

    The precision of Ref-Adv is that of its adversarial expressions, which Table I counts as negatives.
    """
    return {
        "finecops-ref": Benchmark(
            _counted("finecops-ref", "positive"), _counted("finecops-ref", "negative_expression", "negative_image")
        ),
        "ref-adv": Benchmark(_counted("ref-adv", "negative_expression"), image_wh=COCO_WH),
        "ref-reasoning": Benchmark(_counted("ref-reasoning", "positive")),
    }


def paper_needs(names: Sequence[str]) -> list[Need]:
    """What the tables need on some test sets. A pass that two tables share is counted in the first of them.

    Args:
        names: keys of `paper_test_sets()`.
    """
    chosen = {name: one for name, one in paper_test_sets().items() if name in names}
    sets, fine = list(chosen.values()), chosen.pop("finecops-ref", None)
    n = _positives(sets)
    found = []
    if fine is not None:
        both = _alone([replace(fine, positives=fine.everything)])
        found.append(_need("III, IV, V, VI: both models alone, finecops-ref", fine.everything, both))
    if others := list(chosen.values()):
        found.append(_need(f"VI: both models alone, {', '.join(chosen)}", _positives(others), _alone(others)))
    found += [
        _need("VI, VII: both models with focus", n, _alone(sets)),
        _need("VI, IX: MM-GDINO-L as the router of SFA", n, [(n, Pass("specialist", detector_operations(TARGET)))]),
        _need("VI, X, XI: CRS, tuned on 10k rows", n, [(n, _detection()), *_crs(sets, ROWS, COCO_WH)]),
    ]
    if fine is not None:
        found.append(_need("VIII: rejection in three settings", fine.everything, _rejection(fine)))
    milliseconds = sum(router.milliseconds for router in paper_routers() if router.name != "MM-GDINO-L")
    return [
        *found,
        Need("IX: the four other routers", n, (), by_paper=n * milliseconds / 1000),
        _need("X: the other six amounts and sources", n, _amounts(sets)),
        _need("XI: 3, 8 and 10 candidates", n, _candidates(sets)),
    ]


def _counted(name: str, *kinds: str) -> int:
    counts = paper_counts(name, "test")
    return sum(getattr(counts, kind) for kind in kinds)


def _positives(sets: Iterable[Benchmark]) -> int:
    return sum(one.positives for one in sets)


def _need(name: str, samples: int, passes: Iterable[tuple[int, Pass]]) -> Need:
    return Need(name, samples, tuple(passes))


def _detection() -> Pass:
    return Pass("specialist", detector_operations(EXPRESSION))


def _answer(image_wh: tuple[int, int], prompt: int, tokens: int) -> Pass:
    first, later = mllm_operations(prompt, tokens, image_wh)
    return Pass("mllm", first, sum(later), len(later))


def _row(image_wh: tuple[int, int], prompt: int, answer: int) -> Pass:
    tokens = prompt + QWEN2_VL_7B.visual_tokens(image_wh) + answer
    return Pass("tuning", QWEN2_VL_7B.tuning(tokens, image_wh))


def _alone(sets: Iterable[Benchmark]) -> Iterator[tuple[int, Pass]]:
    for one in sets:
        yield one.positives, _detection()
        yield one.positives, _answer(one.image_wh, BOX_PROMPT, BOX_ANSWER)


def _crs(
    sets: Iterable[Benchmark], rows: int, tuned_wh: tuple[int, int], options: int = OPTIONS
) -> Iterator[tuple[int, Pass]]:
    """Tuning with the candidates of its rows, and a letter for each positive."""
    prompt = letter_prompt(options)
    yield rows, _detection()
    yield rows, _row(tuned_wh, prompt, _LETTER_ANSWER)
    for one in sets:
        yield one.positives, _answer(one.image_wh, prompt, 1)


def _rejection(fine: Benchmark) -> Iterator[tuple[int, Pass]]:
    """Candidates of what CRS has not seen yet; letters with and without tuning; the baseline, which writes boxes."""
    samples, rows = fine.everything, ROWS + NEGATIVE_ROWS
    prompt = letter_prompt(OPTIONS + 1) + _NONE
    yield fine.negatives + rows, _detection()
    yield 2 * samples, _answer(fine.image_wh, prompt, 1)
    yield rows, _row(fine.image_wh, prompt, _LETTER_ANSWER)
    yield samples, _answer(fine.image_wh, BOX_PROMPT + _NONE, BOX_ANSWER)
    yield rows, _row(fine.image_wh, BOX_PROMPT + _NONE, BOX_ANSWER)


def _amounts(sets: Sequence[Benchmark]) -> Iterator[tuple[int, Pass]]:
    """Table X without its row that is not tuned and that of Table VI."""
    for row in paper_tuning_data():
        if row.label == "-":
            continue
        size = 1000 * int(row.label.removesuffix("k"))
        own = row.source == "FineCops-Ref"
        if own or size != ROWS:
            yield from _crs(sets, size, IMAGE_WH if own else COCO_WH)


def _candidates(sets: Sequence[Benchmark]) -> Iterator[tuple[int, Pass]]:
    """Table XI without its row that is not tuned and that of Table VI."""
    for row in paper_top_k():
        options = row.label.removeprefix("Top-")
        if options not in ("-", str(OPTIONS)):
            yield from _crs(sets, ROWS, COCO_WH, int(options))
