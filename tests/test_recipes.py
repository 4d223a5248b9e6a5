"""The recipes of CONTRIBUTING.md, tried: a toy of each kind is entered in the public dictionary and run through the
command line. No file of the package changes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from typer.testing import CliRunner

from finecops.cli.app import app
from finecops.datasets.formats import FORMATS
from finecops.datasets.problems import Problem
from finecops.datasets.source import SourceFile
from finecops.models.backends import SPECIALIST_BACKENDS, Backend
from finecops.models.protocols import QueryGroup
from finecops.records import Prediction, Sample
from finecops.replies.answer import Answer
from finecops.runs.batches import Batch
from finecops.runs.engines import ENGINES
from finecops.runs.engines.local import BatchResult, run_local
from finecops.runs.manifest import Answering, Share
from finecops.runs.specification import ImageGroup, StageContext, StageSettings, StageSpec, Work
from finecops.stages.rows import failed_prediction
from finecops.strategies.baselines import routes
from finecops.strategies.parts import Parts
from finecops.strategies.sfa import FAST


def finecops(*arguments: str) -> str:
    """Run a command; what it prints."""
    result = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def rows_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


# A dataset: one line a sample, `image|width|height|expression|x1 y1 x2 y2`, the box left out where it is not known.


def read_lines(source: SourceFile) -> Iterator[Sample | Problem]:
    for number, line in enumerate(source.content.decode().splitlines(), start=1):
        image, width, height, expression, box = line.split("|")
        corners = tuple(float(v) for v in box.split())
        if len(corners) not in (0, 4):
            yield Problem(source.path, str(number), f"the box is {box!r}")
            continue
        yield Sample(
            id=str(number),
            dataset=source.dataset,
            split=source.split,
            image=image,
            width=int(width),
            height=int(height),
            expression=expression,
            truth="box" if corners else "unknown",
            box=corners or None,  # type: ignore[arg-type]
            level=None,
        )


@pytest.fixture
def dataset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A dataset in the toy format, with a sample of unknown truth and one that makes no sense; its YAML file."""
    monkeypatch.setitem(FORMATS, "lines", read_lines)
    for name in ("a.png", "b.png"):
        Image.new("RGB", (100, 80), "red").save(tmp_path / name)
    lines = ["a.png|100|80|the red car|20 16 80 64", "a.png|100|80|the tree|0 0 9 9"]
    lines += ["b.png|100|80|the cup|", "b.png|100|80|the dog|1 2 3"]
    (tmp_path / "samples.txt").write_text("\n".join(lines))
    config = {"name": "toy", "root": str(tmp_path), "format": "lines", "image_folders": ["."], "preset": "mini"}
    path = tmp_path / "toy.yaml"
    path.write_text(json.dumps(config | {"splits": {"test": ["samples.txt"]}, "get": "-"}))
    return str(path)


# A model: a specialist that answers with the middle of the image.


class Middle:
    """See `finecops.models.protocols.Specialist`."""

    def detect(self, groups: Sequence[QueryGroup]) -> list[list[Answer]]:
        return [[self._answer(*group.image.size) for _ in group.queries] for group in groups]

    def _answer(self, width: int, height: int) -> Answer:
        return Answer("box", ((0.2 * width, 0.2 * height, 0.8 * width, 0.8 * height),), (0.5,))


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A model of the toy backend; its YAML file."""
    backend = Backend("the middle", load=lambda config, device: Middle(), lacks=lambda config: None)
    monkeypatch.setitem(SPECIALIST_BACKENDS, "middle", backend)
    config = {"name": "middle", "kind": "specialist", "backend": "middle", "weights": "none"}
    path = tmp_path / "middle.yaml"
    path.write_text(json.dumps(config | {"licence": "none", "score": "always one half"}))
    return str(path)


def test_a_dataset_and_a_model(tmp_path: Path, dataset: str, model: str) -> None:
    run = tmp_path / "run"
    finecops("infer", "specialist", "--dataset", dataset, "--specialist", model, "--run", str(run))
    rows = rows_of(run / "specialist.jsonl")
    assert [(row["sample_id"], row["boxes"]) for row in rows] == [(i, [[20.0, 16.0, 80.0, 64.0]]) for i in "123"]
    assert {row["score_kind"] for row in rows} == {"always one half"}
    about = json.loads((run / "run.json").read_text())["dataset"]
    assert (about["samples"], about["unknown"], len(about["left_out"])) == (3, 1, 1)
    found = json.loads(finecops("eval", str(run), "--metrics", "p1", "--json"))
    # The sample of unknown truth has an answer and no score.
    assert next((r["value"], r["n"]) for r in found["rows"] if r["level"] is None) == (50.0, 2)


# A stage: level 1 is answered with the whole image.


class WholeSettings(StageSettings):
    """Nothing to set."""


class WholeStage:
    """Answers with the whole image."""

    def __call__(self, groups: Sequence[ImageGroup]) -> list[Prediction]:
        return [
            Prediction(sample_id=s.id, status="box", boxes=((0.0, 0.0, s.width, s.height),), source="whole")
            for group in groups
            for s in group.samples
        ]


def make_whole(settings: WholeSettings, context: StageContext) -> WholeStage:
    return WholeStage()


def fail_whole(sample: Sample, reason: str) -> Prediction:
    return failed_prediction(sample, reason, "whole")


def whole_image(parts: Parts, share: Share) -> StageSpec[Prediction]:
    return StageSpec(
        name="whole",
        row_type=Prediction,
        role="answers",
        label="Whole image",
        settings=WholeSettings(),
        make=make_whole,
        failure=fail_whole,
        inputs=(routes(parts),),
        share=share,
        answering=Answering(method="specialist"),
    )


def test_a_stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FAST, "whole", whole_image)
    text = finecops("sfa", "run", "--fast", "whole", "-n", "12", "--run", str(tmp_path / "run"))
    assert "Whole image (router level 1 only)" in text
    rows = rows_of(tmp_path / "run" / "sfa.jsonl")
    assert {row["source"] for row in rows} == {"whole", "mllm"}


# An engine: batches in the opposite order.


def run_backwards(work: Work[Any], batches: Sequence[Batch]) -> Iterator[BatchResult[Any]]:
    return run_local(work, batches[::-1])


def test_an_engine_gives_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ENGINES, "backwards", run_backwards)
    for engine in ("local", "backwards"):
        finecops("sfa", "infer", "-n", "16", "-b", "4", "--engine", engine, "--run", str(tmp_path / engine))
    for stage in ("targets", "routes", "specialist", "mllm", "sfa"):
        here, there = (tmp_path / engine / f"{stage}.jsonl" for engine in ("local", "backwards"))
        assert here.read_bytes() == there.read_bytes(), stage
