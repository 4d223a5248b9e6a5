"""What the paper's pair costs a sample, computed from the shapes of MM-GDINO-L and Qwen2-VL-7B; nothing was measured.

For the paper's figures 5(a) and 5(b): operations, and the time that they take at the published limits of a GPU. A
written answer costs a pass over the language model for each of its tokens, in which all weights are read; a letter is
there after the first pass. Precision is what the paper reports.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from finecops.evaluation.paper import PaperMethod, paper_figures
from finecops.evaluation.shapes import MM_GDINO_L, QWEN2_VL_7B

IMAGE_WH: Final = (500, 375)
"""A usual image of GQA."""
DETECTOR_WH: Final = (1067, 800)
"""The same, as the detector gets it: the shorter side 800 pixels."""
EXPRESSION, TARGET, OPTIONS = 12, 3, 5
"""Tokens of an expression and of its target, and candidates."""
_SPECIAL: Final = 3
"""What a detector's text has besides: its ends and the full stop."""
BOX_PROMPT: Final = 30 + EXPRESSION
"""Tokens of the chat template and of the script's prompt (`finecops.prompts`)."""
BOX_ANSWER: Final = 22 + EXPRESSION
"""Tokens of `<|object_ref_start|>…<|box_start|>(ddd,ddd),(ddd,ddd)<|box_end|><|im_end|>`."""
GPU: Final = "A100 80 GB (312 x 10^12 operations and 2,039 GB a second)"
_RATE, _BYTES_A_SECOND = 312e12, 2039e9
BYTES_A_WEIGHT: Final = 2
"""Of the MLLM: bfloat16."""


@dataclass(frozen=True)
class ComputedCost:
    """A strategy of the paper's pair."""

    name: str
    precision: float
    """Precision@1 on FineCops-Ref's positives, per cent, as the paper reports it."""
    gflops: float
    """10**9 operations a sample."""
    seconds: float
    """A sample, at the GPU's limits."""
    own_seconds: float | None = None
    """Of that, the MLLM's; None for what is no MLLM alone."""


def computed_costs(reached: float = 1.0) -> list[ComputedCost]:
    """Specialist, MLLM, SFA and CRS, one question at a time. Each pass of the detector is counted whole, as separate
    programs do it.

    Args:
        reached: the share of the GPU's rate of operations that a program reaches. Of the rate at which weights are read
            it is taken to reach all.
    """
    specialist, router = (_detector(tokens, reached) for tokens in (EXPRESSION, TARGET))
    hard = share_to_mllm()
    reading, written = _mllm(BOX_PROMPT, BOX_ANSWER, reached), _mllm(letter_prompt(OPTIONS), 1, reached)
    # The router sees every sample; each pathway its share.
    sfa = tuple(r + (1 - hard) * s + hard * m for r, s, m in zip(router, specialist, reading))
    crs = tuple(s + m for s, m in zip(specialist, written))
    return [
        ComputedCost("specialist", _precision("MM-GDINO-L"), specialist[0] / 1e9, specialist[1]),
        ComputedCost("MLLM", _precision("Qwen2-VL-7B"), reading[0] / 1e9, reading[1], reading[1]),
        ComputedCost("SFA", _precision("Qwen2-VL-7B", "sfa"), sfa[0] / 1e9, sfa[1]),
        ComputedCost("CRS", _precision("Qwen2-VL-7B", "crs"), crs[0] / 1e9, crs[1], written[1]),
    ]


def share_to_mllm() -> float:
    """The share of FineCops-Ref's positives that the paper's router sends to the MLLM.

    It is not printed; it follows from Table VI, where a model's precision on all is the mean of that on both levels.
    """
    of = {figure.router_level: figure.value for figure in paper_figures("finecops-ref", "MM-GDINO-L")}
    levels = [of[level] for level in (1, 2)]
    overall = _precision("MM-GDINO-L")
    return (levels[0] - overall) / (levels[0] - levels[1])


def letter_prompt(options: int) -> int:
    """Tokens of a question of CRS: an option is a letter, a box of three digits a coordinate, one token each, and its
    brackets."""
    return 55 + EXPRESSION + 19 * options


def detector_operations(tokens: int) -> float:
    """Of one text of so many tokens about one image."""
    return MM_GDINO_L.backbone(DETECTOR_WH) + MM_GDINO_L.text_pass(DETECTOR_WH, tokens + _SPECIAL)


def mllm_operations(prompt: int, answer: int, image_wh: tuple[int, int] = IMAGE_WH) -> tuple[float, list[float]]:
    """Of a prompt with its image, and of each token of the answer after the first.

    Args:
        prompt: its tokens, without those of the image.
        answer: its tokens.
        image_wh: as the MLLM gets it.
    """
    model = QWEN2_VL_7B
    read = prompt + model.visual_tokens(image_wh)
    # The first token comes out of the pass over the prompt.
    later = [model.reading(1, before=read + i) for i in range(1, answer)]
    return model.vision(image_wh) + model.reading(read), later


def _precision(model: str, method: PaperMethod = "alone") -> float:
    figures = paper_figures("finecops-ref", model, method)
    return next(f.value for f in figures if f.metric == "precision@1" and f.router_level is None and f.level is None)


def _detector(tokens: int, reached: float) -> tuple[float, float]:
    """Operations and seconds of one text about one image."""
    operations = detector_operations(tokens)
    return operations, operations / (_RATE * reached)


def _mllm(prompt: int, answer: int, reached: float) -> tuple[float, float]:
    """Operations and seconds of a prompt, its image, and an answer."""
    first, later = mllm_operations(prompt, answer)
    weights = QWEN2_VL_7B.read_for_a_token * BYTES_A_WEIGHT / _BYTES_A_SECOND
    rate = _RATE * reached
    return first + sum(later), first / rate + sum(max(weights, one / rate) for one in later)
