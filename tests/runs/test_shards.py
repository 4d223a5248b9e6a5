"""Shards: parts of a run that give, joined, the bytes of the undivided one."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from finecops.config.find import load_dataset
from finecops.datasets.dataset import Dataset, load_dataset_split
from finecops.errors import RunError, UsageError
from finecops.records import Prediction, Route, Sample
from finecops.runs.checksums import checksums_of
from finecops.runs.folder import open_run
from finecops.runs.manifest import Answering, Share, read_manifest, write_manifest
from finecops.runs.merging import merge_shards
from finecops.runs.run import RunOptions
from finecops.runs.shards import Shard, own_ids, owners, parse_shard
from finecops.runs.specification import ImageGroup, Resources, StageContext, StageSettings, StageSpec
from finecops.stages.merge import merge_spec
from finecops.stages.rows import failed_prediction
from tests.cli.invoke import run as finecops
from tests.conftest import make_prediction

N = 45
EVERYTHING = ("routes", "easy", "hard", "sfa")


@pytest.fixture(scope="module")
def mini() -> Dataset:
    return load_dataset_split(load_dataset("finecops-mini"))


def ids_in(groups: Sequence[ImageGroup]) -> list[str]:
    return [sample.id for group in groups for sample in group.samples]


def routing(settings: StageSettings, context: StageContext) -> Any:
    def stage(groups: Sequence[ImageGroup]) -> list[Route]:
        ids = ids_in(groups)
        # The row shows its batch; the level differs within a batch.
        box = (0.0, 0.0, 1.0, float(len(ids)))
        return [
            Route(sample_id=i, status="routed", level=1 + n % 2, boxes=(box,), scores=(1.0,))  # type: ignore[arg-type]
            for n, i in enumerate(ids)
        ]

    return stage


def answering(settings: StageSettings, context: StageContext) -> Any:
    routes = context.rows("routes", Route)

    def stage(groups: Sequence[ImageGroup]) -> list[Prediction]:
        ids = ids_in(groups)
        mark = sum(routes[i].boxes[0][3] for i in ids)
        return [make_prediction(i, [(0.0, 0.0, float(len(ids)), mark)]) for i in ids]

    return stage


def failed_route(sample: Sample, reason: str) -> Route:
    return Route(sample_id=sample.id, status="failed", level=2, boxes=(), scores=(), reason=reason)


def chain() -> StageSpec[Prediction]:
    """Stages whose rows depend on their batches, and whose batches have other sizes."""
    usual: dict[str, Any] = {"label": "Toy", "settings": StageSettings(), "reads_images": False}
    routes = StageSpec("routes", Route, "routes", make=routing, failure=failed_route, resources=Resources(7), **usual)
    pathways = [
        StageSpec(
            name,
            Prediction,
            "answers",
            make=answering,
            failure=partial(failed_prediction, source=name),
            inputs=(routes,),
            share=Share(router_level=level),  # type: ignore[arg-type]
            answering=Answering(method="mllm"),
            resources=Resources(size),
            **usual,
        )
        for name, level, size in (("easy", 1, 5), ("hard", 2, 4))
    ]
    return merge_spec(routes, *pathways, focus=False)


def do(folder: Path, mini: Dataset, shard: Shard | None = None) -> None:
    """The whole chain, or a part of it."""
    at = folder if shard is None else shard.folder(folder)
    run = open_run(at, mini, N, RunOptions(shard=shard))
    run.plan([chain()])
    run.do(chain())


def rows(folder: Path) -> dict[str, bytes]:
    return {name: (folder / f"{name}.jsonl").read_bytes() for name in (*EVERYTHING, "samples")}


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_merged_parts_have_the_bytes_of_the_whole(tmp_path: Path, mini: Dataset, count: int) -> None:
    do(tmp_path / "whole", mini)
    for index in range(count, 0, -1):
        do(tmp_path / "run", mini, Shard(index, count))
    merge_shards(tmp_path / "run")
    assert rows(tmp_path / "run") == rows(tmp_path / "whole")
    merged, whole = read_manifest(tmp_path / "run"), read_manifest(tmp_path / "whole")
    for name in EVERYTHING:
        one, other = merged.stages[name], whole.stages[name]
        timed = {"seconds": 0, "timed_samples": 0, "samples_per_second": None}
        assert one.model_copy(update=timed) == other.model_copy(update=timed)
    # A run that was merged is done.
    before = rows(tmp_path / "run")
    do(tmp_path / "run", mini)
    assert rows(tmp_path / "run") == before
    merge_shards(tmp_path / "run")


def test_a_part_computes_whole_batches_and_few_others(tmp_path: Path, mini: Dataset) -> None:
    do(tmp_path, mini, Shard(2, 3))
    made = {name: (Shard(2, 3).folder(tmp_path) / f"{name}.jsonl").read_text().count("\n") for name in EVERYTHING}
    own = len(
        own_ids(open_run(Shard(2, 3).folder(tmp_path), mini, N, RunOptions(shard=Shard(2, 3))).samples, Shard(2, 3))
    )
    # Merging depends on no batch; what it reads goes beyond the ends by less than a batch on each side and stage.
    assert made["sfa"] == own
    assert own < made["routes"] <= own + 2 * (5 - 1) + 2 * (7 - 1)


def test_images_stay_together_and_parts_are_even() -> None:
    images = [f"{i // 3}" for i in range(300)]
    found = owners(images, 4)
    assert sorted(set(found)) == [1, 2, 3, 4]
    assert all(abs(found.count(part) - 75) <= 3 for part in (1, 2, 3, 4))
    assert all(len({o for o, image in zip(found, images, strict=True) if image == one}) == 1 for one in images)


@pytest.mark.parametrize("text", ["0/4", "5/4", "1", "a/b", "1/0", "-1/4", "1/4/2"])
def test_a_part_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"--shard"):
        parse_shard(text)


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        ("lacking", r"1 of 3 parts were not begun: --shard 2/3"),
        ("unfinished", r"2-of-3/hard.jsonl is not done: start its command with --shard 2/3 again"),
        ("other", r"2-of-3/hard.jsonl was made otherwise than that of part 1/3: batchy"),
        ("edited", r"2-of-3/hard.jsonl was changed since it was finished"),
        ("two", r"parts of divisions by 2 and 3"),
        ("there", r"hard.jsonl is there, and its parts give another one"),
        ("begun", r"hard.jsonl.partial: an undivided run has begun it"),
        ("samples", r"samples.jsonl: not as the parts were begun with"),
        ("none", r"has no parts"),
    ],
)
def test_parts_that_do_not_fit_are_not_merged(tmp_path: Path, mini: Dataset, harm: str, message: str) -> None:
    for index in (1, 2, 3):
        do(tmp_path, mini, Shard(index, 3))
    part = Shard(2, 3).folder(tmp_path)
    run_json = json.loads((part / "run.json").read_text())
    if harm == "lacking":
        shutil.rmtree(part)
    elif harm == "unfinished":
        run_json["stages"]["hard"]["state"] = "begun"
    elif harm == "other":
        run_json["stages"]["hard"]["settings"]["batchy"] = 1
    elif harm == "edited":
        (part / "hard.jsonl").write_text((part / "hard.jsonl").read_text().replace("1", "2", 1))
    elif harm == "two":
        do(tmp_path, mini, Shard(1, 2))
    elif harm == "there":
        (tmp_path / "hard.jsonl").write_text("{}\n")
    elif harm == "begun":
        (tmp_path / "hard.jsonl.partial").write_text("")
    elif harm == "samples":
        (tmp_path / "shards" / "samples.jsonl").write_text("")
    else:
        shutil.rmtree(tmp_path / "shards")
    if harm in ("unfinished", "other"):
        (part / "run.json").write_text(json.dumps(run_json))
    with pytest.raises(RunError, match=message):
        merge_shards(tmp_path)
    assert not (tmp_path / "run.json").exists()


def test_a_part_goes_on_where_it_was(tmp_path: Path, mini: Dataset) -> None:
    shard = Shard(1, 2)
    do(tmp_path / "a", mini, shard)
    do(tmp_path / "b", mini, shard)
    path = shard.folder(tmp_path / "b") / "hard.jsonl"
    path.write_bytes(b"".join(path.read_bytes().splitlines(True)[:3]))
    do(tmp_path / "b", mini, shard)
    assert path.read_bytes() == (shard.folder(tmp_path / "a") / "hard.jsonl").read_bytes()


def test_of_two_answers_the_owner_s_is_taken(tmp_path: Path, mini: Dataset, caplog: pytest.LogCaptureFixture) -> None:
    """Parts of unlike machines fit together sample by sample, and it is said."""
    do(tmp_path / "whole", mini)
    for index in (1, 2):
        shard = Shard(index, 2)
        do(tmp_path / "run", mini, shard)
        path = shard.folder(tmp_path / "run") / "routes.jsonl"
        path.write_text(path.read_text().replace('"boxes":[[0.0,', f'"boxes":[[0.{index},'))
        entry = (manifest := read_manifest(path.parent)).stages["routes"]
        changed = entry.model_copy(update={"checksums": checksums_of(path, entry.rows or 0)})
        write_manifest(path.parent, manifest.with_stage("routes", changed))
    merge_shards(tmp_path / "run")
    found = (tmp_path / "run" / "routes.jsonl").read_text().splitlines()
    whole = (tmp_path / "whole" / "routes.jsonl").read_text().splitlines()
    samples = open_run(tmp_path / "whole", mini, N).samples
    expected = owners([sample.image for sample in samples], 2)
    assert found == [row.replace("[[0.0,", f"[[0.{part},") for row, part in zip(whole, expected, strict=True)]
    assert "rows that two parts have differ" in caplog.text


def test_the_command_line_divides_and_joins(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    code, text = finecops("sfa", "extract", "-n", "30", "--run", str(tmp_path / "whole"))
    assert code == 0
    for part in ("1/2", "2/2"):
        code, text = finecops("sfa", "extract", "-n", "30", "--run", str(folder), "--shard", part)
        assert code == 0
        assert f"part {part} is done; `finecops merge {folder}` joins the parts" in text
    code, text = finecops("eval", str(folder / "shards" / "1-of-2"))
    assert code == 1
    assert f"is part 1/2 of a run: `finecops merge {folder}`" in text
    code, text = finecops("merge", str(folder))
    assert (code, "targets.jsonl: 30 rows (0 failed)" in text) == (0, True)
    assert (folder / "targets.jsonl").read_bytes() == (tmp_path / "whole" / "targets.jsonl").read_bytes()
    assert finecops("merge", str(tmp_path / "whole"))[0] == 1
