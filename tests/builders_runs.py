"""Run folders written by hand, with `run.json` of version 2: no model runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from finecops.records import Prediction, Route, StageRow
from finecops.runs.checksums import checksums_of, sha256_of
from finecops.runs.jsonl import append_rows
from finecops.runs.manifest import Answering, DatasetEntry, Manifest, StageEntry, write_manifest
from tests.conftest import make_negative, make_prediction, make_sample

RIGHT, WRONG = (10.0, 10.0, 50.0, 50.0), (60.0, 60.0, 90.0, 90.0)
NEIGHBOURS = ((50.0, 50.0, 56.0, 56.0), (56.0, 50.0, 62.0, 56.0))
LABELS = {"specialist": "Specialist toy", "mllm": "MLLM toy", "sfa": "SFA", "crs": "CRS top-2 toy"}
COSTS = {"routes": 1.0, "specialist": 2.0, "mllm": 9.0}


def stage_entry(role: str, method: str | None = None, **changes: Any) -> StageEntry:
    """What `run.json` says of a finished stage; `changes` replace fields, of `answering` too."""
    answering = None
    if method is not None:
        own = {key: changes.pop(key) for key in ("model", "paper_row", "focus") if key in changes}
        answering = Answering(method=method, **own)  # type: ignore[arg-type]
    fields: dict[str, Any] = {
        "role": role,
        "label": LABELS.get(method or "", role),
        "answering": answering,
        "settings": {},
        "fingerprint": "0",
        "state": "done",
    }
    return StageEntry.model_validate(fields | changes)


def write_run(
    folder: Path,
    rows: Mapping[str, Iterable[Any]],
    stages: Mapping[str, StageEntry],
    dataset: str = "toy",
    split: str = "test",
) -> Path:
    """A run folder from the rows of each file (`samples` among them) and what `run.json` says of each stage."""
    folder.mkdir(parents=True)
    content = {name: list(found) for name, found in rows.items()}
    for name, found in content.items():
        with (folder / f"{name}.jsonl").open("w") as file:
            append_rows(file, found)
    samples = content["samples"]
    about = DatasetEntry(
        name=dataset,
        split=split,
        files=("test.json",),
        sha256="0",
        limit=0,
        samples=len(samples),
        unknown=sum(sample.truth == "unknown" for sample in samples),
    )
    for name, entry in stages.items():
        if entry.state == "done" and name in content:
            found = {"checksums": checksums_of(folder / f"{name}.jsonl", len(content[name]))}
            stages = {**stages, name: entry.model_copy(update=found)}
    manifest = Manifest(dataset=about, prompts_sha256="0", environment={}, stages=dict(stages))
    samples_sha256 = sha256_of(folder / "samples.jsonl")
    write_manifest(folder, manifest.model_copy(update={"samples_sha256": samples_sha256}))
    return folder


def change_entry(folder: Path, stage: str, **changes: Any) -> None:
    """Change what a run's `run.json` says of a stage."""
    from finecops.runs.manifest import read_manifest

    manifest = read_manifest(folder)
    entry = StageEntry.model_validate(manifest.stages[stage].model_dump() | changes)
    write_manifest(folder, manifest.with_stage(stage, entry))


def make_run(
    folder: Path,
    scale: float = 1.0,
    without: Iterable[str] = (),
    dataset: str = "toy",
    unknown: int = 0,
    **entries: StageEntry,
) -> Path:
    """A run of 20 positives and their negatives with both pathways; `scale` bends the specialist's scores.

    Args:
        without: stages that were not run.
        unknown: so many samples of unknown truth more, with answers.
        entries: of stages, in place of the usual ones.
    """
    samples = [make_sample(f"p{i}", level=1 + i % 2) for i in range(20)]
    samples += [make_negative(f"n{i}", f"p{i}") for i in range(20)]
    samples += [make_sample(f"u{i}", truth="unknown", box=None, level=None) for i in range(unknown)]
    routes = [_route(sample.id, two=i % 2 == 1) for i, sample in enumerate(samples)]
    specialist: list[Prediction] = []
    mllm: list[Prediction] = []
    for i, sample in enumerate(samples):
        score = (20 - i % 20) / 20
        box = RIGHT if i % 20 < 12 else WRONG
        specialist.append(_answer(sample.id, box, score * scale, "specialist"))
        mllm.append(_answer(sample.id, RIGHT, 0.5 + score / 2, "mllm"))
    sfa = [mllm[i] if route.level == 2 else specialist[i] for i, route in enumerate(routes)]
    rows: dict[str, list[StageRow]] = {"routes": [*routes], "specialist": [*specialist], "mllm": [*mllm], "sfa": [*sfa]}
    stages = {"routes": stage_entry("routes", gflops_per_sample=COSTS["routes"])}
    for name in ("specialist", "mllm", "sfa"):
        stages[name] = stage_entry("answers", name, gflops_per_sample=COSTS.get(name))
    stages = {name: entry for name, entry in (stages | entries).items() if name not in without}
    kept = {name: found for name, found in rows.items() if name not in without}
    return write_run(folder, {"samples": samples, **kept}, stages, dataset)


def _route(id_: str, two: bool) -> Route:
    boxes, scores = (NEIGHBOURS, (0.9, 0.8)) if two else ((RIGHT,), (0.9,))
    return Route(
        sample_id=id_,
        status="routed",
        level=2 if two else 1,
        boxes=boxes,
        scores=scores,
        all_boxes=boxes,
        all_scores=scores,
    )


def _answer(id_: str, box: Any, score: float, source: str) -> Prediction:
    return make_prediction(id_, [box], (score,)).model_copy(update={"source": source})
