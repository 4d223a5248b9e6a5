"""Print how many GPUs for how many hours the paper's tables take with its pair, computed from operations.

    python scripts/gpu_hours.py                                   # one A100, and eight
    python scripts/gpu_hours.py --gpu h100 --gpus 4 --share 0.4
    python scripts/gpu_hours.py --peak 165 --float32-peak 82.6 --bandwidth 1008 --gpus 2     # another card
    python scripts/gpu_hours.py --dataset finecops-ref --as markdown

No model runs and nothing is measured: the notes below the table say what is assumed. The exit code is 2 if the command
is wrong.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace

from pydantic import JsonValue

from finecops.evaluation.paper_ablations import paper_routers
from finecops.evaluation.paper_costs import BOX_ANSWER, EXPRESSION, IMAGE_WH, OPTIONS, TARGET, detector_operations
from finecops.evaluation.paper_hours import (
    BATCH,
    COCO_WH,
    GPUS,
    STEP_SECONDS,
    Gpu,
    Need,
    paper_needs,
    paper_test_sets,
)
from finecops.report.document import Column, Document, Table
from finecops.report.writers import WRITERS

_COUNTS = ("table", "samples", "specialist", "mllm", "tuning")
_NAMES = (*_COUNTS, "pflop", "hours", "hours_divided", "detector_hours", "detector_hours_by_paper")


def positive(text: str) -> float:
    """A finite number above 0."""
    number = _number(text, float)
    if not (math.isfinite(number) and number > 0):
        raise argparse.ArgumentTypeError(f"{text} is no finite number above 0")
    return number


def share(text: str) -> float:
    """A number above 0, at most 1."""
    number = positive(text)
    if number > 1:
        raise argparse.ArgumentTypeError(f"{text} is above 1; 0.3 is 30%")
    return number


def count(text: str) -> int:
    """A whole number of at least 1."""
    number = int(_number(text, int))
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is below 1")
    return number


def _number(text: str, read: Callable[[str], float]) -> float:
    try:
        return read(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no {'whole ' if read is int else ''}number") from None


def hours_document(needs: Sequence[Need], gpu: Gpu, reached: float, gpus: int, name: str) -> Document:
    """The table with its assumptions.

    Args:
        needs: its rows.
        gpu: what one does at best.
        reached: the share of it that a program reaches.
        gpus: among how many the work is divided.
        name: of the GPU.
    """
    rows = [_row(need, gpu, reached, gpus) for need in needs]
    sums = (sum(value or 0 for value in column) for column in list(zip(*rows))[2:])
    total = ("all", None, *sums)
    header = (
        Column("tables", side="left"),
        *(Column(title) for title in ("samples", "specialist", "MLLM", "rows tuned")),
        Column("PFLOP", ",.0f"),
        Column(f"hours on 1 {name}", ".1f"),
        Column(f"hours on {gpus}", ".1f"),
        Column("detectors' hours on 1", ".1f"),
        Column("at the paper's times", ".1f"),
    )
    title = "GPU hours for the paper's tables, computed from operations, not measured"
    table = Table(title, header, (*rows, total), _notes(gpu, reached, gpus))
    flat: list[JsonValue] = [dict(zip(_NAMES, row)) for row in (*rows, total)]
    data: JsonValue = {"gpu": asdict(gpu), "share": reached, "gpus": gpus, "rows": flat}
    return Document((table,), data, [one for one in flat if isinstance(one, dict)], _NAMES)


def _row(need: Need, gpu: Gpu, reached: float, gpus: int) -> tuple[str | int | float | None, ...]:
    passes = (need.count("specialist"), need.count("mllm"), need.count("tuning"))
    if not need.passes:
        # Of routers whose operations are not known only the paper's time is.
        return (need.name, need.samples, *(None,) * 7, need.paper_hours)
    hours = need.hours(gpu, reached)
    detectors = need.hours(gpu, reached, ("specialist",))
    return (need.name, need.samples, *passes, need.operations / 1e15, hours, hours / gpus, detectors, need.paper_hours)


def _notes(gpu: Gpu, reached: float, gpus: int) -> tuple[str, ...]:
    peaks = f"{gpu.float32 / 1e12:g} (specialist, float32) and {gpu.peak / 1e12:g} TFLOP/s (MLLM, bfloat16)"
    (width, height), (coco_width, coco_height) = IMAGE_WH, COCO_WH
    times = {router.name: router.milliseconds for router in paper_routers()}
    own = times.pop("MM-GDINO-L")
    reached_there = detector_operations(TARGET) / (own / 1000) / gpu.float32
    return (
        "MM-GDINO-L and Qwen2-VL-7B with one seed; the tables' other models are not counted. What two tables share is "
        "in the first row that has it. Specialist: passes. MLLM: boxes that it writes and letters of CRS.",
        f"Speed: {100 * reached:g}% of {peaks}. Answers are written {BATCH} at a time; each token reads the weights at "
        f"{100 * reached:g}% of {gpu.bandwidth / 1e9:,.0f} GB/s and takes at least {1000 * STEP_SECONDS:g} ms.",
        f"Shapes: images of {width} x {height} (of Ref-Adv and RefCOCO {coco_width} x {coco_height}), expressions of "
        f"{EXPRESSION} tokens, boxes of {BOX_ANSWER}; {OPTIONS} candidates, and None in Table VIII.",
        "Each text is a whole pass of the specialist. finecops shares the backbone among the texts on an image.",
        "Tuning: one epoch with gradient checkpointing, the vision tower once and three times the rest of reading; one "
        "pass of the specialist a row, more where the truth is not among the candidates, none for the baseline of "
        "Table VIII.",
        "Not counted: loading, reading images, target phrases by an LLM, rows that failed. "
        f"{gpus} GPUs share the work evenly.",
        f"The paper's times (Table IX; it does not name the GPU): {own:g} ms for MM-GDINO-L, which would be "
        f"{100 * reached_there:.0f}% of the peak above; {', '.join(f'{value:g}' for value in times.values())} ms for "
        f"{', '.join(times)}, whose operations are not known: they are in the last column alone.",
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Compute and print."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
        # What is wrong is one line; the docstring has the usage.
        usage=argparse.SUPPRESS,
    )
    parser.add_argument("--gpu", choices=tuple(GPUS), default="a100", help="A100 80 GB (default) or H100, SXM")
    parser.add_argument("--peak", type=positive, metavar="TFLOP/S", help="another peak in bfloat16, for the MLLM")
    parser.add_argument("--float32-peak", type=positive, metavar="TFLOP/S", help="another one, for the specialist")
    parser.add_argument("--bandwidth", type=positive, metavar="GB/S", help="another speed of the GPU's memory")
    parser.add_argument("--share", type=share, default=0.3, help="share of these that is reached, 0 to 1; 0.3 is taken")
    parser.add_argument("--gpus", type=count, default=8, metavar="N", help="GPUs that share the work (default: 8)")
    parser.add_argument("--dataset", action="append", choices=tuple(paper_test_sets()), help="a test set; default: all")
    parser.add_argument("--as", dest="writer", choices=tuple(WRITERS), default="text")
    asked = parser.parse_args(arguments)
    given = {"peak": (asked.peak, 1e12), "float32": (asked.float32_peak, 1e12), "bandwidth": (asked.bandwidth, 1e9)}
    gpu = replace(GPUS[asked.gpu], **{key: value * unit for key, (value, unit) in given.items() if value is not None})
    name = asked.gpu.upper() if gpu == GPUS[asked.gpu] else "GPU"
    needs = paper_needs(asked.dataset or list(paper_test_sets()))
    print(WRITERS[asked.writer](hours_document(needs, gpu, asked.share, asked.gpus, name)))


if __name__ == "__main__":
    main()
