"""Every option of the commands that make no stages changes what is done or printed, or is refused.

`test_every_option.py` does the same for the commands that make stages.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image

from finecops.batch_files.exporting import Exported
from finecops.batch_files.importing import ImportedBatch, ImportedStage
from finecops.batch_files.outputs import OutputFiles
from finecops.batch_files.request_files import WrittenFile

# `preview` and `building` hold `build` by name: imported while it is replaced, they would keep the replacement.
from finecops.bench import building as _building  # noqa: F401
from finecops.bench.browser import ReportTimes
from finecops.bench.models import ModelTimings
from finecops.bench.report import WrittenReport
from finecops.bench.rounds import VariantTiming
from finecops.bench.synthetic import Counts, write_files
from finecops.cli.app import app
from finecops.config.find import load_dataset
from finecops.construction.bias.adversarial import AdversarialRefinement, BalancedType
from finecops.construction.bias.audit import Audit
from finecops.construction.bias.blind import BlindScore
from finecops.construction.bias.box_sources import BoxSource
from finecops.construction.bias.choosing import BlindSettings
from finecops.construction.bias.pairs import READINGS
from finecops.construction.bias.refine_blind import BlindRefinement, RefinedType, Reread
from finecops.construction.chain import preview as _preview  # noqa: F401
from finecops.construction.chain.build import Built
from finecops.construction.chain.folder import BuildFolder
from finecops.construction.conversion import Converted
from finecops.construction.review.applying import Applied
from finecops.construction.review.page import Written as WrittenPage
from finecops.construction.review.planting import PlantedFault, PlantKey, write_key
from finecops.datasets.check import CheckReport
from finecops.datasets.dataset import load_dataset_split
from finecops.datasets.problems import Problem
from finecops.evaluation.shown import Shown
from finecops.evaluation.sources import Source
from finecops.exchange.exporting.fiftyone import WrittenFiftyOne
from finecops.exchange.exporting.lmms_eval import WrittenTasks
from finecops.exchange.exporting.vlmevalkit import WrittenTables
from finecops.exchange.importing.formats import ImportedRun
from finecops.report.page.build import Written
from finecops.strategies import running
from finecops.tuning.data import TuneData
from tests.builders_runs import make_run
from tests.cli.invoke import run
from tests.cli.test_every_option import Seen, StandIn
from tests.conftest import built_command
from tests.construction.review.builders import vote, write_votes

PROJECT = Path(__file__).resolve().parents[2]
Call = tuple[str, str]


@dataclass(frozen=True)
class Case:
    """A command in one of its modes.

    Attributes:
        words: the command.
        given: the arguments that it is called with; `{name}` stands for a file of the test.
        patched: functions by path, each with what it returns; `...`: the function itself is called.
        skip: parameters that belong to another case.
    """

    words: tuple[str, ...]
    given: tuple[str, ...] = ()
    patched: Mapping[str, Any] = field(default_factory=dict)
    skip: tuple[str, ...] = ()


class Lint:
    """A lint report without a fault."""

    def lines(self) -> list[str]:
        return []

    def raise_if_bad(self) -> None:
        pass


TEXTS = (
    *("--annotations", "{annotations}", "--predictions", "{texts}"),
    *("--format", "refexp-text", "--box-format", "norm1000_list"),
)
TIMINGS = tuple(
    VariantTiming(
        "work", variant, 1, 1.0, cpu_seconds=1.0, model_share=1.0, gflops=1.0, limit_share=1.0, same_answers=1.0
    )
    for variant in ("one at a time", "batches of 16", "finecops")
)
IMPORTED = ImportedRun(Path("r"), ("toy", "test"), 1, {"a": {"box": 1}}, ())
SHOWN = Shown(Source(Path("run"), [], ()), methods=(), cases=(), matched=0, asked=0, images=None)
# What other modes of `data review` have, and the words that are modes themselves.
OF_THE_PAGE = ("only", "level", "limit", "plant", "seed", "votes", "disagreements", "apply")
APPLIED = Applied(Converted(Path("x.json"), 9), Path("x.yaml"), Path("x.jsonl"), Path("x.json"))
PROBLEMS = [Problem(Path("a.json"), str(i), "wrong") for i in range(3)]
CASES = {
    "eval": Case(("eval",), ("{a}",), {"finecops.evaluation.runs.evaluate_runs": ...}),
    "eval of a file": Case(("eval",), TEXTS, {"finecops.evaluation.files.score_file": ...}),
    "score": Case(("score",), TEXTS, {"finecops.evaluation.files.score_file": ...}),
    "compare": Case(("compare",), ("{a}",), {"finecops.evaluation.comparison.compare": ...}),
    "show": Case(
        ("show",),
        ("{a}", "--out", "{out}"),
        {"finecops.evaluation.shown.choose_cases": SHOWN, "finecops.cli.show.draw_all": None},
    ),
    "report": Case(
        ("report",),
        ("{a}",),
        {
            "finecops.report.page.build.write_report": Written(Path("report.html"), size=9, shown=1, samples=2),
            "webbrowser.open": True,
        },
    ),
    "sweep": Case(("sweep",), ("{a}",), {"finecops.evaluation.sweep.sweep_run": ...}),
    "gains": Case(
        ("gains",),
        ("{a}",),
        {
            "finecops.construction.targets.target_facts": {},
            "finecops.evaluation.gains.clusters_of": ...,
            "finecops.report.charts.files.save_panels": None,
        },
    ),
    "figures": Case(
        ("figures",), ("{a}",), {"finecops.report.charts.making.make_figures": [Path("figures/precision-level.png")]}
    ),
    "crs tables": Case(("crs", "tables"), ("{a}",), {"finecops.evaluation.crs_tables.crs_rows": ...}),
    "data list": Case(("data", "list")),
    "data check": Case(
        ("data", "check"), (), {"finecops.datasets.check.check_split": CheckReport({"samples": 9}, PROBLEMS)}
    ),
    "data convert": Case(
        ("data", "convert"),
        ("finecops-mini", "--out", "{out}", "--split", "val"),
        {"finecops.construction.conversion.convert": Converted(Path("x.json"), 9, missing=["a", "b", "c"])},
    ),
    "data build mini": Case(
        ("data", "build", "mini"), ("--out", "{out}"), {"finecops.mini.world.benchmark.build_mini": {}}
    ),
    "data build gqa": Case(
        ("data", "build", "gqa"),
        ("--scene-graphs", "g.json", "--images", "i", "--out", "{out}"),
        {
            "finecops.construction.chain.build.build": Built(BuildFolder(Path("nowhere"), "test")),
            "finecops.construction.chain.preview.preview": [],
        },
    ),
    "data review": Case(
        ("data", "review"),
        ("finecops-mini", "--split", "val", "--out", "{out}.html"),
        {
            "finecops.datasets.dataset.load_dataset_split": ...,
            "finecops.construction.review.page.write_page": WrittenPage(Path("r.html"), "p", 9, 9, 9, {}),
            "finecops.construction.review.planting.write_key": None,
        },
    ),
    "data review --votes": Case(
        ("data", "review"),
        ("finecops-mini", "{votes}", "--votes", "--split", "val"),
        {"finecops.construction.review.summary.summarise": ...},
        skip=("name", "split", *OF_THE_PAGE, "images", "out", "rater", "link", "rule", "unreviewed"),
    ),
    "data review --disagreements": Case(
        ("data", "review"),
        ("finecops-mini", "{votes}", "--votes", "--disagreements", "--split", "val", "--out", "{out}.html"),
        {"finecops.construction.review.page.write_page": WrittenPage(Path("r.html"), "p", 9, 9, 9, {})},
        skip=("name", "split", *OF_THE_PAGE, "images", "as_", "as_json", "as_csv", "key", "rule", "unreviewed"),
    ),
    "data review --apply": Case(
        ("data", "review"),
        ("finecops-mini", "{votes}", "--apply", "--unreviewed", "keep", "--split", "val", "--out", "{out}"),
        {"finecops.construction.review.applying.write_reviewed": APPLIED},
        skip=("name", "split", *OF_THE_PAGE, "images", "rater", "link", "as_", "as_json", "as_csv", "key"),
    ),
    "data stats": Case(("data", "stats"), ("finecops-mini:val",)),
    "data overlap": Case(
        ("data", "overlap"), ("finecops-mini:val", "{annotations}"), {"finecops.datasets.overlap.overlap_of": ...}
    ),
    "data bias": Case(
        ("data", "bias"),
        ("finecops-mini:val",),
        {
            "finecops.construction.bias.audit.audit_dataset": Audit("toy:val", []),
            "finecops.construction.bias.box_sources.find_boxes": BoxSource("nowhere", {}),
            "finecops.construction.bias.image_embeddings.ImageEmbedder": None,
            "finecops.models.backends.use_torch": "cpu",
        },
        # Of the other modes.
        skip=("refine", "out", "target", "reading", "method", "strict", "held_out", "scorer", "seed"),
    ),
    "data bias of texts": Case(
        ("data", "bias"),
        ("--pairs", "{pairs}"),
        {"finecops.construction.bias.audit.audit_pairs": Audit("toy", [])},
        skip=("refine",),
    ),
    "data bias, blind": Case(
        ("data", "bias"),
        ("--pairs", "{pairs}", "--refine", "blind"),
        {
            "finecops.construction.bias.refine_blind.refine_blind": BlindRefinement(
                [0],
                [RefinedType("toy", 2, 1, dict.fromkeys(READINGS, Reread(*[BlindScore(1, 1)] * 4)), None, None)],
                BlindSettings(),
            )
        },
        skip=("refine",),
    ),
    "data bias, adversarial": Case(
        ("data", "bias"),
        ("--pairs", "{pairs}", "--refine", "adversarial"),
        {
            "finecops.construction.bias.adversarial.refine_adversarial": AdversarialRefinement(
                [0], [BalancedType("toy", 2, 1, [], *[BlindScore(1, 1)] * 2)], 0
            ),
            "finecops.construction.bias.named_scorers.load_scorers": [],
        },
        skip=("refine",),
    ),
    "models list": Case(("models", "list")),
    "models check": Case(
        ("models", "check"),
        ("mini-gdino", "--out", "{picture}"),
        {
            "finecops.bench.model_check.check_model": (0.0, []),
            "finecops.bench.model_check.draw_checked": Image.new("RGB", (1, 1)),
            "finecops.models.backends.check_model_config": None,
        },
    ),
    "models new": Case(
        ("models", "new"),
        ("mine", "--like", "qwen2-vl-7b-server", "--out", "{new}.yaml"),
        {"finecops.config.new_model.new_model_text": "name: mine"},
    ),
    "export coco": Case(
        ("export", "coco"), ("{a}", "--out", "{out}"), {"finecops.exchange.exporting.coco.export_coco": ...}
    ),
    "export fiftyone": Case(
        ("export", "fiftyone"),
        ("{a}", "--out", "{out}"),
        {
            "finecops.runs.folder.images_of_run": SimpleNamespace(path_of=Path),
            "finecops.exchange.exporting.fiftyone.export_fiftyone": WrittenFiftyOne(1, 1, {}),
        },
    ),
    "export lmms-eval": Case(
        ("export", "lmms-eval"),
        ("finecops-mini", "--out", "{out}", "--boxes", "pixels", "--split", "val", "--licence", "mit"),
        {
            "finecops.datasets.dataset.load_dataset_split": None,
            "finecops.exchange.exporting.lmms_eval.export_lmms_eval": WrittenTasks({"t": 1}, Path("t")),
        },
    ),
    "export vlmevalkit": Case(
        ("export", "vlmevalkit"),
        ("finecops-mini", "--out", "{out}", "--split", "val"),
        {
            "finecops.datasets.dataset.load_dataset_split": None,
            "finecops.exchange.exporting.vlmevalkit.export_vlmevalkit": WrittenTables({"t": 1}),
        },
    ),
    **{
        f"import {name}": Case(
            ("import", name), ("a.jsonl", *given), {"finecops.exchange.importing.formats.import_files": IMPORTED}
        )
        for name, given in {
            "ref-adv": (),
            "forum": (),
            "lmms-eval": ("--box-format", "glm_box"),
            "vlmevalkit": ("--box-format", "glm_box"),
        }.items()
    },
    "export openai-batch": Case(
        ("export", "openai-batch"),
        ("--out", "{out}"),
        {"finecops.batch_files.exporting.export_batch": Exported(Path("r"), [WrittenFile("f")], 0, 0, {}, "m", "c")},
    ),
    "import openai-batch": Case(
        ("import", "openai-batch"),
        ("a.jsonl", "--export", "{out}"),
        {
            "finecops.batch_files.importing.import_batch": ImportedBatch(
                1, OutputFiles([], "m"), [ImportedStage(Path("r"), {"box": 1}, {})], "c", 0.05
            )
        },
    ),
    "bench eval": Case(("bench", "eval"), (), {"finecops.bench.evaluation.time_evaluation": []}),
    "bench build": Case(
        ("bench", "build"),
        (),
        {"finecops.bench.building.time_building": [], "finecops.bench.building.profile_paths": "a table"},
    ),
    "bench data": Case(("bench", "data"), (), {"finecops.bench.reading.time_reading": []}),
    "bench large": Case(("bench", "large"), ("--folder", "{out}"), {"finecops.bench.large.time_large": []}),
    "bench models": Case(("bench", "models"), (), {"finecops.bench.models.time_models": ModelTimings(1, 1, TIMINGS)}),
    "bench server": Case(("bench", "server"), (), {"finecops.bench.server.time_server": []}),
    "bench report": Case(
        ("bench", "report"),
        (),
        {
            "finecops.bench.browser.find_browser": Path("chromium"),
            "finecops.bench.report.time_writing": WrittenReport(
                Path("r.html"), 1, seconds=1, cpu_seconds=1, peak_mib=1, size=1
            ),
            "finecops.bench.report.time_looking": ReportTimes(1, 1.0, {}),
        },
    ),
    "doctor": Case(("doctor",)),
    "crs tune": Case(
        ("crs", "tune"),
        ("rows.jsonl", "--out", "{out}"),
        {
            "finecops.tuning.exports.read_tune_file": ([], {"image_root": "images"}),
            "finecops.tuning.train.tune": None,
        },
    ),
    "crs tune-data": Case(
        ("crs", "tune-data"),
        ("--out", "{out}", "--split", "test"),
        {
            "finecops.tuning.data.make_tune_data": TuneData(rows=(), unused={}, repeats=1),
            "finecops.tuning.exports.about_data": {},
            "finecops.tuning.exports.write_rows": Path("rows"),
            "finecops.tuning.exports.write_ms_swift": Path("rows"),
            "finecops.tuning.exports.write_llama_factory": Path("rows"),
            "finecops.tuning.lint.lint": Lint(),
        },
        # Options of the stage that makes candidates.
        skip=(
            *(
                "dataset",
                "split",
                "annotations",
                "images",
                "boxes",
                "run",
                "preset",
                "specialist",
                "device",
                "threads",
                "batch_size",
                "engine",
            ),
            *("engine", "workers", "gpus_per_worker", "address", "max_failed", "retry_failed", "keep_failed"),
            *("upstream", "watch"),
            *("trust_remote_code", "allow_pickle"),
        ),
    ),
}
# Another value than the default, by the parameter's name, or by case and name where it is not the same.
OTHER: dict[str | tuple[str, str], str] = {
    "runs": "{b}",
    "source": "{b}",
    ("show", "samples"): "p3",
    ("show", "kind"): "text",
    "right": "sfa",
    "level": "2",
    "type": "replace_object",
    "run": "{b}",
    "metrics": "p5",
    "tables": "8",
    "only": "precision-level",
    ("bench models", "only"): "router",
    ("figures", "as_"): "svg",
    "iou": "0.9",
    "cluster": "image",
    "compat": "both",
    "paper_row": "MM-GDINO-L",
    "val": "{b}",
    "as_": "markdown",
    "export_coco": "{new}",
    "annotations": "{val_annotations}",
    "predictions": "{detections}",
    "format": "mmdet-npy",
    "box_format": "pixel_list",
    "score": "other",
    "val_annotations": "{val_annotations}",
    "val_predictions": "{val_texts}",
    "figure": "{picture}",
    "dataset": "{dataset}",
    "split": "val",
    ("data convert", "split"): "test_long",
    ("data convert", "images"): "none",
    ("data convert", "name"): "{dataset}",
    "boxes": "xyxy",
    "show": "1",
    "out": "{new}",
    ("models check", "out"): "{new}.png",
    "seed": "3",
    "scene_graphs": "h.json",
    "images": "j",
    "name": "dev",
    ("models check", "name"): "mini-qwen2vl",
    "image": "data/finecops-mini/images/test_00001.png",
    "expression": "the red car",
    "base_url": "http://localhost:9/v1",
    "api_model": "another",
    "servers": "http://localhost:9/v1,http://localhost:8/v1",
    "serve": "vllm",
    "visual_tokens": "16",
    "like": "gpt-4v-som",
    "weights": "another",
    ("models new", "out"): "{new}-2.yaml",
    ("models new", "name"): "yours",
    ("export coco", "name"): "{b}",
    ("export fiftyone", "name"): "{b}",
    ("export lmms-eval", "name"): "{dataset}",
    ("export vlmevalkit", "name"): "{dataset}",
    ("export lmms-eval", "boxes"): "norm1",
    ("export lmms-eval", "split"): "train",
    ("export vlmevalkit", "split"): "train",
    "licence": "cc-by-4.0",
    "prompt": "Find {{expression}}.",
    "files": "b.jsonl",
    "label": "me",
    ("data check", "name"): "{dataset}",
    "positives": "1 2 3",
    ("crs tune-data", "positives"): "7",
    "reference": "{b}",
    ("report", "cluster"): "image",
    ("report", "images"): "{new}",
    "max_mb": "3",
    "negatives": "7",
    "per_image": "7",
    "expressions": "7",
    "flips": "7",
    ("data build gqa", "negatives"): "swap_object",
    "words": "w",
    "workers": "3",
    "bring": "link",
    "hub": "{new}",
    "scenes": "s.json",
    "keep_names": "dog",
    "drop_names": "cat",
    "min_side": "9",
    "min_share": "0.2",
    "sides": "0.5",
    "rewriter": "rules",
    "budget_tokens": "9",
    "budget_usd": "9",
    "words_by": "model",
    "editor": "sd15-inpainting",
    "edits": "9",
    ("data build gqa", "candidates"): "3",
    "scorers": "none",
    "synthetic_threshold": "0.5",
    "refine": "blind",
    "refine_scorers": "words",
    "votes": "v.jsonl",
    ("data build gqa", "key"): "k.json",
    ("data build gqa", "only"): "paths",
    "until": "paths",
    "again": "paths",
    "preview": "3",
    "limit": "7",
    ("data review", "name"): "{dataset}",
    ("data review", "split"): "test",
    ("data review", "only"): "flip",
    ("data review", "out"): "{new}.html",
    ("data review --disagreements", "out"): "{new}.html",
    **{(f"data review{mode}", "files"): "{more_votes}" for mode in ("", " --votes", " --disagreements", " --apply")},
    "rater": "ana",
    "plant": "2",
    "key": "{key}",
    "rule": "all",
    "unreviewed": "drop",
    "names": "finecops-mini:test",
    "a": "finecops-mini:test",
    "b": "finecops-mini:test",
    "coco_vg": "{map}",
    "distance": "7",
    "cache": "{new}",
    "kind": "mllm",
    "samples": "2",
    ("bench data", "samples"): "20",
    ("bench large", "samples"): "20",
    ("bench large", "rows"): "20",
    **{("bench server", name): "20" for name in ("requests", "answer_ms", "slow_percent", "slow_ms", "capacity")},
    ("bench server", "concurrency"): "20",
    ("bench build", "graphs"): "20",
    ("bench build", "scene_graphs"): "{map}",
    ("bench build", "workers"): "3",
    ("bench build", "until"): "paths",
    "device": "cuda:7",
    "threads": "1",
    "scale": "3",
    "scales": "3",
    "script": "{script}",
    "repeats": "2",
    "folder": "{new}",
    "preset": "paper",
    "specialist": "mm-gdino-t",
    "mllm": "qwen2-vl-2b",
    "data": "other.jsonl",
    "image_root": "elsewhere",
    "epochs": "2",
    "batch_size": "3",
    "per_device": "3",
    "learning_rate": "0.1",
    "rank": "3",
    "alpha": "3",
    "dropout": "0.3",
    "save_steps": "3",
    "topk": "3",
    "fewest": "2",
    "style": "baseline",
    "warm_up": "0.5",
    "trainer": "ms-swift",
    "against": "x.json",
    "pairs": "{other_pairs}",
    "candidates": "c.jsonl",
    "image_model": "a-vision-model",
    ("data bias, blind", "out"): "{new}.csv",
    ("data bias, adversarial", "out"): "{new}.csv",
    "target": "70",
    "method": "cells",
    "reading": "writing",
    "by": "crs",
    "images_as": "file",
    "max_requests": "3",
    "url": "/v4/chat/completions",
    "export": "{new}",
    "confidence": "product",
    "order": "shuffle",
    "orders": "2",
    ("export openai-batch", "show"): "marks",
    "candidate_nms_iou": "0.5",
    "extractor": "parser",
    "max_failed": "0.5",
    ("export openai-batch", "dataset"): "other",
    "scorer": "words",
}
# What must be given besides for an option to have a use.
BESIDES: dict[str | tuple[str, str], tuple[str, ...]] = {
    ("export openai-batch", "max_mb"): (),
    "cluster": ("--intervals",),
    ("data review", "seed"): ("--plant", "2"),
    ("compare", "cluster"): (),
    ("report", "cluster"): (),
    ("gains", "cluster"): (),
    "max_mb": ("--single",),
    ("eval", "val_annotations"): (),
    ("eval", "val_predictions"): (),
    "paper_row": ("--paper",),
    **dict.fromkeys(
        [("data build gqa", name) for name in ("base_url", "api_model", "budget_tokens", "budget_usd", "words_by")],
        ("--rewriter", "openai"),
    ),
    **dict.fromkeys(
        [("data build gqa", name) for name in ("edits", "candidates", "scorers", "synthetic_threshold")],
        ("--editor", "sd15-inpainting"),
    ),
    ("data build gqa", "refine_scorers"): ("--refine", "adversarial"),
    ("data build gqa", "device"): ("--editor", "sd15-inpainting"),
    ("data build gqa", "key"): ("--votes", "v.jsonl"),
    ("data bias", "device"): ("--image-model", "a-vision-model"),
    ("data bias", "allow_pickle"): ("--image-model", "a-vision-model"),
    ("data bias, adversarial", "device"): ("--scorer", "cola:weights"),
    ("data bias, adversarial", "allow_pickle"): ("--scorer", "cola:weights"),
    "image": ("--expression", "the ball"),
    "expression": ("--image", "data/finecops-mini/images/test_00002.png"),
    "val_annotations": ("--val-predictions", "{val_texts}"),
    "val_predictions": ("--val-annotations", "{val_annotations}"),
}


def parameters_of(case: Case) -> Iterator[Any]:
    command: Any = built_command(app)
    for word in case.words:
        command = command.commands[word]
    yield from (p for p in command.params if p.name != "help" and p.name not in case.skip)


def votes_and_key(folder: Path) -> dict[str, str]:
    """Votes of two raters who do not agree, of a third, and a key of their page."""
    dataset = load_dataset_split(load_dataset("finecops-mini"), "val")
    said = ((0, "keep", "ana"), (0, "drop", "ben"), (1, "keep", "ana"), (1, "unsure", "eva"))
    own = [vote(dataset, dataset.samples[row].id, verdict, rater) for row, verdict, rater in said]
    planted = (PlantedFault(sample_id="x", fault="wrong_box", of="1"),)
    write_key(folder / "key.json", PlantKey(page="p", dataset="finecops-mini", split="val", seed=0, planted=planted))
    return {
        "votes": str(write_votes(folder / "votes.jsonl", own[:3])),
        "more_votes": str(write_votes(folder / "more_votes.jsonl", own[3:])),
        "key": str(folder / "key.json"),
    }


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Runs and prediction files to work on."""
    folder = tmp_path_factory.mktemp("files")
    test, val = (write_files(folder / name, Counts(12, 12, 9), seed=i) for i, name in enumerate(("test", "val")))
    text = (PROJECT / "configs/datasets/finecops-mini.yaml").read_text()
    (folder / "copy.yaml").write_text(text.replace("name: finecops-mini", "name: copy"))
    (folder / "script.py").write_text("")
    for name in ("pairs", "other_pairs"):
        (folder / f"{name}.csv").write_text("positive,negative\na cat,a dog\n")
    (folder / "map.json").write_text('[{"image_id": 1, "coco_id": 2}]')
    return {
        **votes_and_key(folder),
        "a": str(make_run(folder / "a")),
        "b": str(make_run(folder / "b", scale=0.5)),
        "annotations": str(test.annotations),
        "texts": str(test.texts),
        "detections": str(test.detections),
        "val_annotations": str(val.annotations),
        "val_texts": str(val.texts),
        "dataset": str(folder / "copy.yaml"),
        "script": str(folder / "script.py"),
        **{name: str(folder / f"{name}.csv") for name in ("pairs", "other_pairs")},
        "map": str(folder / "map.json"),
    }


def patch(monkeypatch: pytest.MonkeyPatch, path: str, returned: Any, calls: list[Call]) -> None:
    """Note the calls of a function, which does its work or returns what a test says."""
    module, name = path.rsplit(".", 1)
    there: Callable[..., Any] = getattr(importlib.import_module(module), name)

    def noted(*arguments: Any, **named: Any) -> Any:
        calls.append((name, repr((arguments, named))))
        return there(*arguments, **named) if returned is ... else returned

    monkeypatch.setattr(f"{module}.{name}", noted)


def changed_arguments(given: Sequence[str], parameter: Any, value: str) -> list[str]:
    """The arguments with another value of one parameter."""
    if parameter.param_type_name == "argument":
        # Lists take one more; a single one stands first in the case.
        return [*given, value] if parameter.nargs == -1 else [value, *given[1:]]
    if parameter.is_flag:
        return [*given, parameter.secondary_opts[0] if parameter.default else parameter.opts[0]]
    flag, found = parameter.opts[0], list(given)
    if flag in found:
        found[found.index(flag) + 1] = value
        return found
    return [*found, flag, *value.split(" ")]


def result(
    monkeypatch: pytest.MonkeyPatch, case: Case, arguments: Sequence[str], names: Mapping[str, str]
) -> tuple[int, str, list[Call]]:
    """Exit code, output, and the calls that were made."""
    calls: list[Call] = []
    with monkeypatch.context() as context:
        for path, returned in case.patched.items():
            patch(context, path, returned, calls)
        patch(context, "finecops.runs.engines.cores.use_threads", None, calls)
        context.setattr(running, "preflight", lambda run, specs: None)
        context.setattr(running, "open_run", lambda folder, data, limit, options: StandIn(Seen(), folder, data))
        code, output = run(*case.words, *(argument.format(**names) for argument in arguments))
    return code, output, calls


@pytest.mark.parametrize(
    ("title", "parameter"),
    [pytest.param(title, p, id=f"{title}-{p.name}") for title, case in CASES.items() for p in parameters_of(case)],
)
def test_an_option_changes_what_is_done_or_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, files: dict[str, str], title: str, parameter: Any
) -> None:
    case, name = CASES[title], str(parameter.name)
    names = files | {key: str(tmp_path / key) for key in ("out", "new")} | {"picture": str(tmp_path / "p.png")}
    besides = BESIDES.get((title, name), BESIDES.get(name, ()))
    value = OTHER.get((title, name)) or OTHER.get(name, "")
    usual = result(monkeypatch, case, [*case.given, *besides], names)
    changed = result(monkeypatch, case, changed_arguments([*case.given, *besides], parameter, value), names)
    assert changed[1:] != usual[1:]
    if changed[0] != 2:
        # Something was done or printed with the other value: it was not an error on the way there.
        assert changed[2] or changed[0] == 0


@pytest.mark.parametrize("title", CASES)
def test_the_cases_themselves_do_something(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, files: dict[str, str], title: str
) -> None:
    names = files | {key: str(tmp_path / key) for key in ("out", "new")} | {"picture": str(tmp_path / "p.png")}
    code, output, calls = result(monkeypatch, CASES[title], CASES[title].given, names)
    assert calls or output
    assert code in (0, 1) if title in ("data check", "data convert", "doctor") else code == 0
