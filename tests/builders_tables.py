"""Runs for the paper's tables and claims, written by hand: no model runs.

There are 20 positives of each router level, each with a negative expression and a negative image. A method is written
as how many positives of each level it has right, how many negatives of each kind it rejects, and how many it scores
below their positives.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from finecops.config.fingerprint import weights_fingerprint
from finecops.records import Prediction, Route, Sample
from finecops.runs.manifest import ALL, Share
from tests.builders_runs import RIGHT, WRONG, stage_entry, write_run
from tests.conftest import make_negative, make_prediction, make_sample

EACH = 20
SEEDS = (0, 1, 2)


@dataclass(frozen=True)
class Rates:
    """How many of 20 a method has right on router levels 1 and 2; rejects of each kind; ranks below their positives."""

    easy: int
    hard: int
    rejects: int = 0
    ranked: int = 10


def samples() -> list[Sample]:
    """The positives by router level, then their negatives."""
    positives = [make_sample(f"p{i}", level=1 + i // EACH) for i in range(2 * EACH)]
    text = [make_negative(f"t{i}", f"p{i}") for i in range(2 * EACH)]
    return [*positives, *text, *(make_negative(f"i{i}", f"p{i}", kind="image") for i in range(2 * EACH))]


def answers(rates: Rates) -> list[Prediction]:
    """A method's answers to all samples."""
    found = []
    for sample in samples():
        number = int(sample.id[1:])
        level, place = divmod(number, EACH)
        if sample.positive:
            right = place < (rates.hard if level else rates.easy)
            found.append(make_prediction(sample.id, [RIGHT if right else WRONG], (0.5,)))
        elif number < rates.rejects:
            found.append(make_prediction(sample.id, [WRONG], (0.1,), status="reject"))
        else:
            found.append(make_prediction(sample.id, [WRONG], (0.1 if number < rates.ranked else 0.9,)))
    return found


def routes() -> list[Route]:
    """Level 1 of the first half of the positives, and of their negatives."""
    found = []
    for sample in samples():
        level = 1 + int(sample.id[1:]) // EACH
        boxes = (RIGHT,) * level
        found.append(
            Route(sample_id=sample.id, status="routed", level=level, boxes=boxes, scores=(0.9,) * level)  # type: ignore[arg-type]
        )
    return found


def adapter(
    folder: Path, rows: int, seed: int | None = 0, split: str = "train", positives: int | None = None
) -> dict[str, Any]:
    """The settings of an MLLM with an adapter that was tuned on so many rows; without a seed its card says little."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "adapter_model.safetensors").write_bytes(f"{rows} {seed} {split}".encode())
    card: dict[str, Any] = {"rows": rows, "data": {"dataset": "toy", "split": split}}
    if seed is not None:
        card["rows_sha256"] = str(seed)
        card["tuning"] = {"rank": 64, "seed": seed}
        card["data"]["plan"] = {"positives": positives or rows, "seed": seed}
    (folder / "finecops.json").write_text(json.dumps(card))
    name = f"toy+{folder.name}"
    return {"name": name, "adapter": str(folder), "adapter_fingerprint": weights_fingerprint(str(folder))}


@dataclass(frozen=True)
class Made:
    """A stage of answers: its method, its settings, what its label is, and what it answers."""

    method: str
    settings: dict[str, Any]
    label: str
    rates: Rates
    inputs: Sequence[str] = ()
    share: Share = ALL


def alone(specialist: Rates, mllm: Rates, sfa: Rates, focus: bool = False) -> dict[str, Made]:
    """The stages of `finecops sfa run --both`."""
    end, asked = (" + focus" if focus else ""), {"focus": focus}
    return {
        "specialist": Made("specialist", {"specialist": {"name": "box"}, **asked}, f"Specialist box{end}", specialist),
        "mllm": Made("mllm", {"mllm": {"name": "toy"}, **asked}, f"MLLM toy{end}", mllm),
        "sfa": Made("sfa", {"easy": "specialist", "hard": "mllm"}, f"SFA{end}", sfa, ("routes", "specialist", "mllm")),
    }


def choice(model: dict[str, Any], rates: Rates, topk: int = 5, none: bool = False) -> dict[str, Made]:
    """The stage of `finecops crs select`."""
    words = ["crs", f"top{topk}", *(["none"] if none else []), str(model.get("name", "toy"))]
    settings = {"topk": topk, "none": none, "mllm": model, "focus": False}
    return {"-".join(words): Made("crs", settings, f"CRS {' '.join(words[1:])}", rates)}


def sfa_with_crs(model: dict[str, Any], rates: Rates) -> dict[str, Made]:
    """The stages of `finecops sfa run --slow crs`."""
    ((name, asked),) = choice(model, rates).items()
    easy = alone(rates, rates, rates, focus=True)["specialist"]
    merged = Made("sfa", {"easy": "specialist", "hard": name}, "SFA + focus", rates, ("routes", "specialist", name))
    hard = replace(asked, share=Share(router_level=2))
    return {"specialist": replace(easy, share=Share(router_level=1)), name: hard, "sfa": merged}


def tables_run(
    folder: Path, stages: Mapping[str, Made], split: str = "test", missing: Mapping[str, int] | None = None
) -> Path:
    """A run of some stages, with routes; of the stages in `missing` so many last answers are not there."""
    rows: dict[str, Any] = {"samples": samples(), "routes": routes()}
    entries = {"routes": stage_entry("routes", gflops_per_sample=1.0)}
    for name, made in stages.items():
        rows[name] = answers(made.rates)
        rows[name] = rows[name][: len(rows[name]) - (missing or {}).get(name, 0)]
        entries[name] = stage_entry(
            "answers",
            made.method,
            settings=made.settings,
            label=made.label,
            share=made.share,
            inputs=dict.fromkeys(made.inputs, "0"),
            focus=bool(made.settings.get("focus")) or made.label.endswith(" + focus"),
            gflops_per_sample=2.0,
        )
    return write_run(folder, rows, entries, split=split)
