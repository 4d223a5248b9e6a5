"""Every option of every command that makes stages changes what is run, or is refused: none is ignored in silence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from finecops.cli.app import app
from finecops.config.dataset_schema import DatasetConfig
from finecops.datasets import image_place
from finecops.datasets.dataset import Dataset, load_dataset_split
from finecops.errors import RunError, UsageError
from finecops.evaluation import advice
from finecops.runs.engines import ENGINES, cores
from finecops.runs.engines.local import run_local
from finecops.runs.run import RunOptions
from finecops.runs.specification import StageSpec
from finecops.strategies import running
from finecops.strategies.options import Options
from tests.conftest import built_command

PROJECT = Path(__file__).resolve().parents[2]
STAGE_COMMANDS = [
    ("sfa", "run"),
    ("sfa", "infer"),
    ("sfa", "route"),
    ("sfa", "extract"),
    ("sfa", "routers"),
    ("crs", "run"),
    ("crs", "candidates"),
    ("crs", "select"),
    ("crs", "tune-data"),
    ("infer", "specialist"),
    ("infer", "mllm"),
    ("", "advise"),
]
# Another value than the default, by the parameter's name; and what must be given besides for it to have a use.
OTHER: dict[str, str | bool] = {
    "dataset": "{copy}",
    "split": "val",
    "annotations": str(PROJECT / "data/finecops-mini/val_expression_all_coco_format.json"),
    "images": str(PROJECT / "data/finecops-mini/images"),
    "boxes": "xywh",
    "run": "another",
    "limit": "7",
    "preset": "paper",
    "extractor": "openai-extractor",
    "router": "mm-gdino-t",
    "specialist": "mm-gdino-t",
    "mllm": "qwen2-vl-2b",
    "base_url": "http://localhost:9/v1",
    "api_model": "another",
    "servers": "http://localhost:9/v1,http://localhost:8/v1",
    "serve": "vllm",
    "adapter": "checkpoints/mini-qwen2vl-crs",
    "visual_tokens": "16",
    "fast": "router",
    "slow": "crs",
    "candidates": "specialist",
    "confidence": "product",
    "topk": "3",
    "order": "shuffle",
    "orders": "2",
    "show": "marks",
    "score_threshold": "0.4",
    "router_nms_iou": "0.5",
    "candidate_nms_iou": "0.5",
    "zero_is": "1",
    "doubtful": "mllm",
    "device": "cuda:7",
    "threads": "1",
    "batch_size": "3",
    "engine": "another",
    "workers": "3",
    "gpus_per_worker": "0.5",
    "address": "auto",
    "shard": "1/2",
    "max_failed": "0.5",
}
_SERVER = ["--mllm", "qwen2-vl-7b-server"]
BESIDES: dict[tuple[str, str], list[str]] = {
    ("crs", "extractor"): ["--focus"],
    ("infer", "extractor"): ["--focus"],
    ("crs", "article"): ["--focus"],
    ("infer", "article"): ["--focus"],
    ("sfa", "candidates"): ["--slow", "crs"],
    ("sfa", "topk"): ["--slow", "crs"],
    ("sfa", "none"): ["--slow", "crs"],
    ("sfa", "adapter"): ["--slow", "crs"],
    ("sfa", "base_url"): _SERVER,
    ("sfa", "api_model"): _SERVER,
    ("crs", "base_url"): _SERVER,
    ("crs", "api_model"): _SERVER,
    ("infer", "base_url"): _SERVER,
    ("infer", "api_model"): _SERVER,
    **{(group, "servers"): _SERVER for group in ("sfa", "crs", "infer", "")},
    **{
        (group, name): ["--engine", "ray"]
        for group in ("sfa", "crs", "infer", "")
        for name in ("workers", "gpus_per_worker", "address")
    },
    ("", "base_url"): _SERVER,
    ("", "api_model"): _SERVER,
}
# Of the questions that are drawn from candidates: seen in `tests/tuning`, since no stage has them.
OF_TUNE_DATA = {
    "out", "positives", "negatives", "topk", "fewest", "none", "style", "warm_up", "trainer", "against", "seed", "mllm",
    "visual_tokens"
}  # fmt: skip


@dataclass
class Seen:
    """What a command would have run."""

    opened: list[Any] = field(default_factory=list)
    done: list[Any] = field(default_factory=list)
    threads: list[int | None] = field(default_factory=list)


_read: dict[str, Dataset] = {}


def read_once(config: DatasetConfig, split: str | None, annotations: Sequence[Path], images: Path | None) -> Dataset:
    """A split of a dataset, which no test here changes: hundreds of commands open it."""
    key = f"{config.model_dump_json()} {split} {annotations} {images}"
    if key not in _read:
        _read[key] = load_dataset_split(config, split, annotations, images)
    return _read[key]


class StandIn:
    """A run folder that notes which stages it is asked to make, and makes none."""

    options = RunOptions()

    def __init__(self, seen: Seen, folder: Path, dataset: Dataset) -> None:
        self.seen, self.folder, self.dataset = seen, folder, dataset
        self.samples = dataset.samples

    def plan(self, specs: Sequence[StageSpec[Any]]) -> None:
        pass

    def has_work(self, spec: StageSpec[Any]) -> bool:
        return False

    def do(self, spec: StageSpec[Any]) -> Mapping[str, Any]:
        self.seen.done.append(spec.key)
        return {}

    def rows(self, spec: StageSpec[Any]) -> Mapping[str, Any]:
        return {}

    def file(self, stage: str) -> Path:
        return self.folder / stage


def command_of(group: str, name: str) -> Any:
    commands: Any = built_command(app)
    return (commands.commands[group] if group else commands).commands[name]


def parameters() -> Iterator[tuple[str, str, Any]]:
    for group, name in STAGE_COMMANDS:
        for parameter in command_of(group, name).params:
            # `sfa extract FILE` is another mode: tests/cli/test_extract.py. What is printed of stages changes none.
            if parameter.name not in ("help", "file", "as_", "as_json", "as_csv", "routers", "answers", "paper"):
                yield group, name, parameter


def flags(parameter: Any, copy: Path) -> list[str]:
    """The parameter with another value than its default."""
    assert parameter.name is not None
    if getattr(parameter, "is_flag", False):
        return [parameter.secondary_opts[0] if parameter.default else parameter.opts[0]]
    return [parameter.opts[0], str(OTHER[parameter.name]).format(copy=copy)]


@pytest.fixture
def copy_of_dataset(tmp_path: Path) -> Path:
    path = tmp_path / "copy.yaml"
    text = (PROJECT / "configs/datasets/finecops-mini.yaml").read_text()
    path.write_text(text.replace("name: finecops-mini", "name: copy"))
    return path


def run(monkeypatch: pytest.MonkeyPatch, group: str, name: str, *arguments: str) -> tuple[int, Seen]:
    seen = Seen()

    def open_run(folder: Path, dataset: Dataset, limit: int, options: RunOptions) -> Any:
        seen.opened.append((folder, dataset.config.name, dataset.split, dataset.files, dataset.place, limit, options))
        return StandIn(seen, folder, dataset)

    monkeypatch.setattr(running, "open_run", open_run)
    monkeypatch.setattr(cores, "use_threads", seen.threads.append)
    monkeypatch.setitem(ENGINES, "another", run_local)
    monkeypatch.setattr(running, "preflight", lambda run, specs: None)
    monkeypatch.setattr(running, "load_dataset_split", read_once)
    # Nothing was made that advice could be given on.
    monkeypatch.setattr(advice, "advise", _no_advice)
    # The next command shall not find the images of this one.
    monkeypatch.setattr(image_place, "remember_place", lambda dataset, place: None)
    fixed = ["--out", "out.jsonl", "--split", "test"] if name == "tune-data" and "--split" not in arguments else []
    fixed += ["--out", "out.jsonl"] if name == "tune-data" and not fixed else []
    fixed += ["mini-gdino"] if name == "routers" else []
    result = CliRunner().invoke(app, [*filter(None, [group]), name, *fixed, *arguments])
    return (2 if isinstance(result.exception, UsageError) else result.exit_code), seen


def _no_advice(*arguments: object) -> None:
    raise RunError("no run")


@pytest.mark.parametrize(
    ("group", "name", "parameter"), [pytest.param(g, n, p, id=f"{g}-{n}-{p.name}") for g, n, p in parameters()]
)
def test_an_option_changes_what_is_run(
    monkeypatch: pytest.MonkeyPatch, copy_of_dataset: Path, group: str, name: str, parameter: Any
) -> None:
    if name == "tune-data" and parameter.name in OF_TUNE_DATA:
        pytest.skip("an option of the questions, not of a stage")
    besides = BESIDES.get((group, str(parameter.name)), [])
    usual = run(monkeypatch, group, name, *besides)[1]
    assert usual.done, "the command runs nothing"
    code, changed = run(monkeypatch, group, name, *besides, *flags(parameter, copy_of_dataset))
    assert changed != usual
    assert changed.opened or code == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("sfa", "run", "--topk", "3"), "go with --slow crs"),
        (("sfa", "run", "--slow", "crs", "--confidence", "product"), "--confidence"),
        (("sfa", "run", "--fast", "router", "--specialist", "mm-gdino-t"), "--specialist"),
        (("infer", "mllm", "--extractor", "rules"), "--extractor"),
        (("crs", "select", "--order", "random"), "unknown order 'random'"),
        (
            ("sfa", "run", "--workers", "2"),
            "--workers goes with --engine processes or ray; --engine local does not use it",
        ),
        (("infer", "mllm", "--gpus-per-worker", "1"), "--gpus-per-worker goes with --engine processes or ray"),
        (("sfa", "route", "--engine", "processes", "--address", "auto"), "--address goes with --engine ray"),
        (("crs", "run", "--engine", "processes", "--device", "cuda:1"), "gives each worker its own: --device cuda"),
        (("sfa", "run", "--engine", "ray", "--device", "cpu", "--gpus-per-worker", "1"), "no use with --device cpu"),
        (("sfa", "run", "--shard", "0/4"), "--shard 0/4: parts are counted from 1 to 4"),
        (("infer", "mllm", "--confidence", "high"), "unknown confidence 'high'"),
        (("infer", "mllm", "--base-url", "http://h/v1"), "mini-qwen2vl is not one of them"),
        (("sfa", "run", "--preset", "paper", "--api-model", "m"), "not one of them: --mllm qwen2-vl-7b-server"),
        (("infer", "mllm", "--serve", "vllm", "--base-url", "http://h/v1"), "both say where the MLLM is"),
        (("infer", "mllm", *_SERVER, "--servers", "http://h/v1,http://h/v1"), "with commas between them, each once"),
        (("infer", "mllm", *_SERVER, "--servers", "http://h/v1,h"), "--servers: is not the URL of a server"),
        (("infer", "mllm", "--servers", "http://a/v1,http://b/v1"), "mini-qwen2vl is not one of them"),
        (("infer", "mllm", "--serve", "vlm"), "--serve: unknown program 'vlm'"),
        (("infer", "mllm", "--serve", "vllm", "--api-model", "m"), "--mllm NAME@CHECKPOINT"),
        (("infer", "mllm", "--serve", "vllm --port 80"), "--port: finecops sets it itself, leave it out"),
        (("infer", "mllm", "--serve", "vllm --trust_remote"), "finecops' own --trust-remote-code"),
        (("infer", "mllm", "--serve", "vllm", "--mllm", "kosmos-2"), "kosmos-2 takes no messages"),
        (("crs", "run", "--serve", "vllm", "--engine", "processes"), "--serve goes with --engine local"),
        (("sfa", "run", "--serve", "vllm", "--slow", "router"), "unknown slow pathway"),
        (("infer", "mllm", *_SERVER, "--base-url", "host:8000"), "--base-url: is not the URL of a server"),
        (("infer", "mllm", *_SERVER, "--base-url", "http://me:sesame@host"), "the key belongs in the variable"),
        (("infer", "mllm", *_SERVER, "--api-model", "a\nb"), "--api-model: holds a character that cannot be printed"),
        (("sfa", "run", "--slow", "crs", "--base-url", "http://h/v1"), "mini-qwen2vl-crs is not one of them"),
    ],
)
def test_an_option_without_a_use_is_refused_and_leaves_nothing_behind(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    result = CliRunner().invoke(app, [*arguments, "--run", str(tmp_path / "run")])
    assert isinstance(result.exception, UsageError)
    assert message in str(result.exception)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(("group", "name"), STAGE_COMMANDS)
def test_defaults_on_the_command_line_are_those_of_the_options(group: str, name: str) -> None:
    usual = Options()
    for parameter in command_of(group, name).params:
        # CRS and the baselines are not focused unless asked; tuning data comes from the training split; advice from few
        # samples.
        others = ("focus", "annotations", "split", *(["limit"] if name == "advise" else []))
        if parameter.name in Options.model_fields and parameter.name not in others:
            assert parameter.default == getattr(usual, parameter.name), parameter.name


def test_the_two_nms_options_say_whose_they_are() -> None:
    for group, name in STAGE_COMMANDS:
        for parameter in command_of(group, name).params:
            if "--nms-iou" in parameter.opts:
                owner = "Candidates" if group == "crs" else "Router"
                assert str(parameter.help).startswith(owner)
