"""From options to a run folder and back: the one path from the command line to stages."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from finecops.config.schema import MllmConfig, SpecialistConfig
from finecops.datasets.dataset import Dataset, load_dataset_split
from finecops.datasets.parts import count_of_truth
from finecops.errors import FailuresError
from finecops.runs.engines.cores import use_threads
from finecops.runs.folder import OUTPUTS, open_run, run_folder
from finecops.runs.manifest import RUN_JSON
from finecops.runs.run import Run, RunOptions
from finecops.runs.shards import SHARDS, parse_shard
from finecops.runs.specification import StageSpec, Workers
from finecops.serving.run import servers_of_run
from finecops.strategies.parts import Parts
from finecops.strategies.preflight import preflight
from finecops.text import counted

log = logging.getLogger(__name__)

_OWN_FORMATS = frozenset({"coco", "csv", "jsonl"})
"""Formats of files of one's own."""


def open_for(
    parts: Parts,
    part: str | None = None,
    dataset: Dataset | None = None,
    folder: Path | None = None,
    named: Sequence[str] = (),
) -> Run:
    """The run folder that the options name, with its samples. To be called when all stages are specified: a wrong
    option leaves no folder behind.

    Args:
        parts: what the stages are made of.
        part: names a run that is not SFA's.
        dataset: `dataset_for`'s with some of its samples, for a run whose samples may become more (with `folder`).
        folder: instead of the one that the options name.
        named: more words of its name, where the user gave none.

    Raises:
        UsageError: an option was given that no stage uses.
        FinecopsError: the dataset is not here, or the folder holds a run on other data.
    """
    parts.refuse_unused()
    o, grows = parts.options, dataset is not None
    dataset = dataset or dataset_for(parts)
    folder = folder or folder_for(parts, dataset, part, named)
    shard = parse_shard(o.shard) if o.shard is not None else None
    options = RunOptions(
        engine=o.engine,
        workers=Workers(o.workers, o.gpus_per_worker, o.address),
        upstream=o.upstream,
        watch=o.watch,
        max_failed=o.max_failed,
        retry=o.retry,
        grows=grows,
        shard=shard,
    )
    # Of a program that calls this: the command line has done it before torch was there.
    if o.threads is not None:
        use_threads(o.threads)
    whole = folder
    folder = whole if shard is None else shard.folder(whole)
    if shard is None and (whole / SHARDS).is_dir() and not (whole / RUN_JSON).exists():
        log.warning("%s/ has parts of an array job, which `finecops merge %s` joins; this begins anew", whole, whole)
    run = open_run(folder, dataset, o.limit, options)
    files = ", ".join(path.name for path in dataset.files)
    log.info("run %s: %d samples of %s, %s (%s)", folder, len(run.samples), parts.dataset.name, dataset.split, files)
    if unknown := count_of_truth(run.samples, "unknown"):
        log.warning("%d samples have no known truth: they get answers and no score", unknown)
    return run


def folder_for(parts: Parts, dataset: Dataset, part: str | None = None, named: Sequence[str] = ()) -> Path:
    """The run folder that the options name; without `--run`, `named` are more words of its name."""
    run = parts.options.run
    return run_folder(run) if run else OUTPUTS / default_run_name(parts, dataset, part, named)


def dataset_for(parts: Parts) -> Dataset:
    """The split that the options name; what is wrong in its files is said.

    Raises:
        FinecopsError: it is not here, or too many entries of a file of one's own are left out.
    """
    o = parts.options
    dataset = load_dataset_split(parts.dataset, o.split, o.annotations, o.images)
    if dataset.problems:
        log.warning(
            "%s of %s left out; the first: %s (`finecops data check --dataset %s` lists them)",
            counted(len(dataset.problems), "entry", "entries"),
            parts.dataset.name,
            dataset.problems[0],
            " ".join([o.dataset, *_files_as_options(parts)]),
        )
        _refuse_too_few(dataset, o.max_failed)
    warn_of_domains(parts.models, parts.dataset.domain)
    corrected = [note for note in dataset.notes if note.fault]
    if corrected:
        log.warning("%d texts of %s were corrected; the first: %s", len(corrected), parts.dataset.name, corrected[0])
    for note in dataset.notes:
        if not note.fault:
            log.warning("note: %s", note)
    return dataset


def _refuse_too_few(dataset: Dataset, max_failed: float) -> None:
    """
    Raises:
        FailuresError: too many entries of a file of one's own are left out. Benchmarks in other formats have many that
            finecops cannot use, which is said.
    """
    left_out = len(dataset.problems)
    share = left_out / (left_out + len(dataset.samples))
    if dataset.config.format in _OWN_FORMATS and share > max_failed:
        raise FailuresError(
            f"{left_out} of {left_out + len(dataset.samples)} entries are left out. That is {share:.1%}, more than "
            f"--max-failed {max_failed:g} allows"
        )


REAL_MODELS: Final = "--preset paper"
"""Options of every command that runs stages, which name models that know photographs."""


def warn_of_domains(
    models: Iterable[SpecialistConfig | MllmConfig], domain: str | None, instead: str = REAL_MODELS
) -> None:
    """Log `warnings_of_domains`."""
    for warning in warnings_of_domains(models, domain, instead):
        log.warning("%s", warning)


def warnings_of_domains(
    models: Iterable[SpecialistConfig | MllmConfig], domain: str | None, instead: str = REAL_MODELS
) -> list[str]:
    """Which of some models know other pictures than those that they will see, in a sentence per kind of picture.

    Args:
        models: their configurations.
        domain: of the pictures, as a dataset's configuration has it; None: photographs, or not known.
        instead: what names models for photographs, where the warning is read.
    """
    unfit: dict[str, list[str]] = {}
    for config in models:
        if config.domain not in (None, domain) and config.name not in unfit.setdefault(str(config.domain), []):
            unfit[str(config.domain)].append(config.name)
    return [
        f"{', '.join(names)} {'knows' if len(names) == 1 else 'know'} nothing but {known}: answers about other "
        f"pictures are worth nothing. For photographs: {instead}"
        for known, names in unfit.items()
    ]


def _files_as_options(parts: Parts) -> list[str]:
    """The split or the annotation files of the command line, as options."""
    o = parts.options
    given = [f"--annotations {path}" for path in o.annotations]
    given += [f"--split {o.split}"] if o.split and not o.annotations else []
    return [*given, f"--boxes {o.boxes}"] if o.boxes else given


def do_all(run: Run, specs: Sequence[StageSpec[Any]]) -> None:
    """Make all stages, each after what it reads.

    Raises:
        FinecopsError: something that they need is missing, or too many samples failed.
    """
    preflight(run, specs)
    run.plan(specs)
    with servers_of_run(run, specs):
        for spec in specs:
            run.do(spec)


def _short(given: str) -> str:
    """A model of the command line as a part of a run's name: a name, the stem of a file, the last part of weights.

    >>> _short("mine/qwen.yaml"), _short("qwen2-vl-7b@my-org/tuned"), _short("org/model")
    ('qwen', 'qwen2-vl-7b-tuned', 'model')
    """
    name, _, weights = given.partition("@")
    parts = [re.sub(r"\.ya?ml$", "", name.rstrip("/").rpartition("/")[2]), weights.rstrip("/").rpartition("/")[2]]
    return re.sub(r"[^A-Za-z0-9._+-]", "_", "-".join(part for part in parts if part))[:80]


def default_run_name(parts: Parts, dataset: Dataset, part: str | None, named: Sequence[str] = ()) -> str:
    """A name that says what differs from the usual run: split, focus, pathways, limit; `named` before the limit."""
    o = parts.options
    words = [parts.dataset.name, Path(o.preset or parts.dataset.preset).stem]
    if dataset.split != parts.dataset.default_split:
        words.append(dataset.split)
    if part is not None:
        words += [part, "focus"] if o.focus else [part]
    elif not o.focus:
        words.append("nofocus")
    if o.both and part is None:
        words.append("both")
    if o.fast != "specialist":
        words.append(f"fast{o.fast}")
    if o.slow != "mllm":
        words.append(f"slow{o.slow}" + (f"-{o.candidates}" if o.candidates != "router" else ""))
    # Another model is another run: without its name, the second one would be refused. Selections of CRS have the name
    # of their model, and share the candidates of one run.
    selects = part is not None and part.startswith("crs")
    named_models = [o.extractor, o.router, o.specialist]
    named_models += [o.mllm, o.api_model, (o.serve or "").partition(" ")[0]] if o.both or not selects else []
    named_models += [o.adapter] if not selects else []
    words += [_short(given) for given in named_models if given]
    # A selection has the budget in its own name.
    words += [f"{o.visual_tokens}tokens"] if o.visual_tokens and (o.both or not selects) else []
    words += named
    if o.limit:
        words.append(str(o.limit))
    return "-".join(words)
