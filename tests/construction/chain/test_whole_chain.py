"""Everything at once: a server that rewrites and chooses words, an inpainting pipeline, CLIP, DINOv2, a classifier,
refinement, people, the Hub; killed and resumed. The models are tiny and random: they prove the way, not the quality."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

from finecops.config.find import load_dataset
from finecops.construction.chain import run as run_module
from finecops.construction.chain.build import Built, Plan, build
from finecops.construction.chain.folder import BuildFolder
from finecops.construction.chain.hub import write_hub
from finecops.construction.chain.rows import ReviewedRow
from finecops.construction.chain.settings import BuildSettings
from finecops.construction.edits.mask import MaskOptions, grown_box
from finecops.construction.filters.choose import Thresholds, choose_edit
from finecops.construction.review.votes import Vote
from finecops.construction.samples import ChosenRow, EditRow, NegativeRow, PositiveRow, RewriteRow, ScoreRow
from finecops.datasets.check import check_split
from finecops.datasets.dataset import load_dataset_split
from finecops.errors import DataError
from finecops.runs.jsonl import read_rows
from tests.construction.chain.toy import write_toy
from tests.construction.rewriting.text_server import TextServer, each, serving
from tests.construction.tiny_models import (
    inpainting_pipeline,
    save_classifier,
    save_clip,
    save_dinov2,
    write_editor,
    write_scorer,
)

pytestmark = pytest.mark.slow


class Killed(BaseException):
    """As if the process had been killed."""


def said(question: dict[str, Any]) -> object:
    """A model that rewrites by a word in front, and proposes words: some good, some nonsense."""
    if "style" in question:
        return f"look for {question['expression']}"
    return ["truck", "bowl", "cat", "woman", "green", "wooden", "behind", "xyzzy"]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Settings that name the tiny models."""
    pytest.importorskip("diffusers")
    folder = tmp_path_factory.mktemp("models")
    inpainting_pipeline().save_pretrained(folder / "inpainting")
    editor = write_editor(folder / "tiny.yaml", "StableDiffusionInpaintPipeline", folder / "inpainting")
    scorers = (
        write_scorer(folder / "clip.yaml", "text", save_clip(folder / "clip")),
        write_scorer(folder / "dino.yaml", "features", save_dinov2(folder / "dino"), side=56),
        write_scorer(folder / "fake.yaml", "synthetic", save_classifier(folder / "fake"), label="AI-generated"),
    )
    return {"editor": str(editor), "scorers": ",".join(map(str, scorers)), "device": "cpu"}


@pytest.fixture(scope="module")
def server() -> Iterator[TextServer]:
    with serving(each(said)) as found:
        yield found


@pytest.fixture(scope="module")
def settings(models: dict[str, Any], server: TextServer, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("toy")
    graphs, photos = write_toy(folder, 12)
    writer = folder / "stand-in.yaml"
    writer.write_text(yaml.safe_dump({"name": "stand-in", "model": "m", "concurrency": 2}))
    return {
        **models,
        "scene_graphs": graphs,
        "images": photos,
        "positives": (5, 5, 3),
        "expressions": 3,
        "edits": 1,
        "flips": 1,
        "candidates": 2,
        "sides": 1.0,
        "workers": 1,
        "rewriter": str(writer),
        "base_url": server.url,
        "words_by": "model",
        "refine": "adversarial",
        "refine_scorers": "ngram",
        "synthetic_threshold": 0.99,
        "licence": "cc-by-4.0",
    }


@pytest.fixture(scope="module")
def out(settings: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The benchmark, built without a stop."""
    folder = tmp_path_factory.mktemp("whole") / "toys"
    make(settings, folder)
    return folder


def make(settings: dict[str, Any], out: Path, plan: Plan | None = None, **changes: Any) -> Built:
    return build(BuildSettings(**{**settings, "out": out, **changes}), plan or Plan())


def rows(out: Path, stage: str, row_type: Any) -> list[Any]:
    return list(read_rows(out / "build" / "test" / f"{stage}.jsonl", row_type))


def contents(out: Path) -> dict[str, bytes]:
    found = {path.relative_to(out).as_posix(): path.read_bytes() for path in out.rglob("*") if path.is_file()}
    # The cache of answers has them in the order in which the server gave them.
    return {name: content for name, content in found.items() if not name.endswith(("build.lock", "answers.jsonl"))}


def test_every_stage_did_its_part(out: Path) -> None:
    positives = {row.id: row for row in rows(out, "positives", PositiveRow)}
    rewrites = rows(out, "rewrites", RewriteRow)
    assert {row.by for row in rewrites} >= {"model"}
    assert all(row.expression.text.startswith("look for ") for row in rewrites if row.by == "model")
    negatives = [row for row in rows(out, "negatives", NegativeRow) if row.status == "kept"]
    by = Counter((row.chosen_by, row.by) for row in negatives)
    assert by["model", "model"] > 0
    assert by["swap", "model"] > 0
    assert by["statistics", "model"] == by["statistics", "template"] == 0
    edits = [row for row in rows(out, "edits", EditRow) if row.status == "kept"]
    painted = [row for row in edits if row.type != "flip"]
    assert {row.type for row in painted} >= {"replace_object", "replace_attribute"}
    assert all(len(row.candidates) == 2 and row.editor == "tiny" for row in painted)
    scores = {row.id: row for row in rows(out, "scores", ScoreRow)}
    assert all({"text_positive", "similarity", "synthetic"} <= scores[row.id].scores.keys() for row in painted)
    assert all({"ngram", "ngram/positive"} == scores[row.id].scores.keys() for row in negatives)
    chosen = {row.id: row for row in rows(out, "chosen", ChosenRow)}
    assert chosen.keys() == {row.id for row in [*negatives, *edits]}
    assert all(row.reason for row in chosen.values() if not row.kept)
    assert positives


def test_pixels_outside_of_the_masks_are_those_of_the_photograph(out: Path, settings: dict[str, Any]) -> None:
    images = {row.id: row.image_id for row in rows(out, "positives", PositiveRow)}
    painted = [row for row in rows(out, "edits", EditRow) if row.status == "kept" and row.type != "flip"]
    assert painted
    for row in painted:
        original = np.asarray(Image.open(settings["images"] / f"{images[row.positive_id]}.jpg").convert("RGB"))
        for name in row.candidates:
            edited = np.asarray(Image.open(out / "build" / "test" / name))
            inside = np.zeros(original.shape[:2], bool)
            for box in row.boxes:
                left, top, right, bottom = grown_box(box, original.shape[1::-1], MaskOptions())
                inside[top:bottom, left:right] = True
            assert np.array_equal(original[~inside], edited[~inside])
            assert not np.array_equal(original[inside], edited[inside])


def test_the_export_names_models_prompts_and_licences(out: Path, settings: dict[str, Any]) -> None:
    config = load_dataset(str(out / "dataset.yaml"))
    assert config.licence == "cc-by-4.0"
    assert list(check_split(config, "test", place=settings["images"]).problems) == []
    card = (out / "README.md").read_text()
    assert card.startswith("---\nlicense: cc-by-4.0\n")
    for word in ("stand-in", "prompt_sha256", "StableDiffusionInpaintPipeline", "similarity", "adversarial"):
        assert word in card, word


def test_killed_in_every_stage_it_ends_in_the_same_bytes(
    out: Path, settings: dict[str, Any], server: TextServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    append, written = run_module.append_rows, Counter[str]()

    def killed(file: Any, some: Any) -> None:
        some, name = list(some), Path(file.name).name
        if some and written[name] == 1:
            written[name] += 1
            file.write('{"torn')
            file.flush()
            raise Killed
        written[name] += len(some)
        append(file, some)

    monkeypatch.setattr(run_module, "append_rows", killed)
    again, kills = tmp_path / "toys", 0
    before = server.times()
    while True:
        try:
            make(settings, again)
            break
        except Killed:
            kills += 1
    assert kills == 7
    assert contents(again) == contents(out)
    # No question was asked twice, for all the kills.
    asked = server.times() - before
    assert max(asked.values()) == 1


def test_people_drop_and_mend_and_the_export_follows(out: Path, settings: dict[str, Any], tmp_path: Path) -> None:
    copy = Path(shutil.copytree(out, tmp_path / "toys"))
    dataset = load_dataset_split(load_dataset(str(copy / "dataset.yaml")), "test", images=settings["images"])
    about = {"rater": "anna", "dataset": "toys", "split": "test", "sha256": dataset.sha256, "page": "p"}
    positives = [sample for sample in dataset.samples if sample.positive]
    parents = {sample.positive_id for sample in dataset.samples if sample.negative is not None}
    gone = next(sample for sample in positives if sample.id in parents)
    mended = next(sample for sample in positives if sample.id in parents and sample.id != gone.id)
    votes = [
        Vote(sample_id=gone.id, verdict="drop", reason="not_unique", **about),
        Vote(sample_id=mended.id, verdict="fix", text="the thing itself", **about),
    ]
    path = tmp_path / "votes.jsonl"
    path.write_text("".join(vote.model_dump_json() + "\n" for vote in votes))
    make(settings, copy, votes=(path,))
    reviewed = {row.id: row for row in rows(copy, "reviewed", ReviewedRow)}
    assert (reviewed[int(gone.id)].kept, reviewed[int(gone.id)].reason) == (False, "not_unique")
    left = json.loads((copy / "test_expression_all.json").read_text())
    assert gone.id not in left
    assert not [row for row in left.values() if str(row.get("positive_id")) == gone.id]
    assert left[mended.id]["expression"] == "the thing itself"
    images = [r for r in left.values() if r.get("negative_cate") == "image" and str(r["positive_id"]) == mended.id]
    assert all(row["expression"] == "the thing itself" for row in images)
    config = load_dataset(str(copy / "dataset.yaml"))
    assert list(check_split(config, "test", place=settings["images"]).problems) == []
    # The same command again changes nothing; without the votes, all are back.
    before = contents(copy)
    make(settings, copy, votes=(path,))
    assert contents(copy) == before
    make(settings, copy)
    assert contents(copy) == contents(out)
    path.write_text(votes[0].model_copy(update={"sha256": "0" * 64}).model_dump_json() + "\n")
    with pytest.raises(DataError, match="have changed since the page was made"):
        make(settings, copy, votes=(path,))


def test_a_folder_for_the_hub(out: Path, settings: dict[str, Any], tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    for _ in range(2):
        # The second time it is written again.
        write_hub(out / "dataset.yaml", tmp_path / "hub", settings["images"])
    with pytest.raises(DataError, match="has another dataset"):
        write_hub(out / "dataset.yaml", out, settings["images"])
    samples = load_dataset_split(load_dataset(str(out / "dataset.yaml")), "test", images=settings["images"]).samples
    again = load_dataset_split(load_dataset(str(tmp_path / "hub")), "test").samples
    assert [(s.id, s.expression, s.box, s.truth) for s in again] == [
        (s.id, s.expression, s.box, s.truth) for s in samples
    ]
    card = (tmp_path / "hub" / "README.md").read_text()
    assert "### How it was made" in card
    assert "data/test-*" in card


def test_thresholds_change_without_painting_or_scoring_again(
    out: Path, settings: dict[str, Any], tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(out, tmp_path / "toys"))
    make(settings, copy, synthetic_threshold=0.0)
    record = BuildFolder(copy, "test").stages["chosen"]
    assert record.settings["synthetic threshold"] == 0.0
    # The rows are those of the rule itself on the scores that were there.
    scores = {row.id: row for row in rows(out, "scores", ScoreRow)}
    limits = Thresholds(synthetic=0.0)
    expected = [
        choose_edit(row, scores.get(row.id), limits) for row in rows(out, "edits", EditRow) if row.status == "kept"
    ]
    assert [row for row in rows(copy, "chosen", ChosenRow) if row.id > 10_999_999] == expected
    for stage in ("edits", "scores"):
        name = f"build/test/{stage}.jsonl"
        assert (copy / name).stat().st_mtime_ns == (out / name).stat().st_mtime_ns
