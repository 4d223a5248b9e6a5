"""The chain: the stages of a split one after the other, then its files."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from filelock import FileLock
from pydantic import JsonValue

from finecops.construction.chain import card
from finecops.construction.chain.comparing import compare
from finecops.construction.chain.context import Context
from finecops.construction.chain.dataset_yaml import DatasetFile, write_dataset_yaml
from finecops.construction.chain.desk import clear_desk
from finecops.construction.chain.export import ExportSettings, annotation_names, export
from finecops.construction.chain.finished import Finished, finished
from finecops.construction.chain.folder import BuildFolder, StageRecord
from finecops.construction.chain.readiness import check_ready
from finecops.construction.chain.run import forget, run_stage
from finecops.construction.chain.settings import EXPORT, BuildSettings, check_steps
from finecops.construction.chain.stage import ORDER, Stage
from finecops.construction.chain.steps import STEPS
from finecops.construction.chain.steps.positives import LEFT_OUT
from finecops.construction.chain.steps.reviewed import keep_unreviewed
from finecops.construction.rewriting.asker import Asker
from finecops.errors import DataError, RunError, UsageError
from finecops.names import unknown_name
from finecops.runs.failures import most_frequent
from finecops.runs.jsonl import open_new

log = logging.getLogger(__name__)

Step = Callable[[Context], Stage[Any]]
STEP_NAMES = (*ORDER, EXPORT)


@dataclass(frozen=True)
class Plan:
    """Which stages are made.

    Attributes:
        only: this one alone; those before it must be there.
        until: the last one.
        again: these are made anew, with all that was made from them.
        given: names of the settings that the user gave.
    """

    only: str | None = None
    until: str | None = None
    again: tuple[str, ...] = ()
    given: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for option, names in (("--only", [self.only]), ("--until", [self.until]), ("--again", self.again)):
            for name in names:
                if name is not None and name not in STEP_NAMES:
                    raise UsageError(f"{option}: {unknown_name('stage', name, STEP_NAMES)}")
        if self.only and self.until:
            raise UsageError("--only and --until both say which stages are made; give one of them")

    @property
    def made(self) -> tuple[str, ...]:
        """The stages that are made, in their order."""
        return (self.only,) if self.only else STEP_NAMES[: STEP_NAMES.index(self.until or EXPORT) + 1]


@dataclass(frozen=True)
class Built:
    """What a build did."""

    folder: BuildFolder
    samples: dict[str, int] = field(default_factory=dict)
    """Kind → how many were exported; empty where nothing was."""
    file: DatasetFile | None = None
    """The YAML file, where the split was exported."""


def build(settings: BuildSettings, plan: Plan, steps: Mapping[str, Step] = STEPS) -> Built:
    """Make the stages of a split that are not there, and its files.

    Raises:
        UsageError: an option would be ignored.
        RunError: another process builds here, or something was made with other settings.
        DataError: a file is missing or broken, or belongs to another benchmark.
    """
    folder = BuildFolder(settings.out, settings.name)
    _check_out(folder)
    context = Context(settings, folder)
    # Of another build in this process, which may have been of the same folder.
    clear_desk()
    stages = {name: steps[name](context) for name in ORDER}
    _check(context, stages, plan)
    with folder.locked():
        # What another process did while this one looked.
        folder.read()
        _forget_again(folder, stages, plan)
        for name, stage in stages.items():
            if name in plan.made:
                if run_stage(folder, stage):
                    clear_desk()
                _need_positives(folder, name)
            elif _is_there(folder, name) and not stage.remake:
                # Not made now, but what the user says must be true of it.
                compare(stage, folder.stages[name])
        # Not in a file: a build that was resumed asked less than one that was not.
        if isinstance(asker := context.made("asker"), Asker):
            log.info("%s", asker.summary())
        return _export(context, plan) if EXPORT in plan.made else Built(folder)


def _check(context: Context, stages: Mapping[str, Stage[Any]], plan: Plan) -> None:
    """Whatever can be refused is refused before a folder is made."""
    folder = context.folder
    # What is made again with other settings is compared with nothing: an option for it would be ignored.
    there = [name for name in ORDER if _is_there(folder, name) and not stages[name].remake]
    check_steps(plan.given, plan.only, plan.until, there)
    _check_read(folder, stages, plan)
    check_ready(context, [name for name in plan.made if name in plan.again or not _is_there(folder, name)])


def _check_read(folder: BuildFolder, stages: Mapping[str, Stage[Any]], plan: Plan) -> None:
    """
    Raises:
        RunError: a stage that is to be made alone reads one that is not there.
    """
    reads = ORDER if plan.only == EXPORT else stages[plan.only].reads if plan.only is not None else ()
    for name in reads:
        if not _is_there(folder, name):
            raise RunError(f"{plan.only} reads {folder.file(name)}, which is not finished: leave --only away")


def _need_positives(folder: BuildFolder, name: str) -> None:
    """
    Raises:
        DataError: nothing can come of the graphs; it says why.
    """
    if name == "positives" and not sum(folder.stages[name].counts.values()):
        paths, notes = folder.stages["paths"], folder.stages[name].notes
        # Images in a zip file that are none of these graphs' are seen only now.
        late = "; ".join(note for note in notes if LEFT_OUT in note)
        why = late or most_frequent({**paths.inner, **paths.reasons}) or "the file has no scene graph"
        raise DataError(f"no positive could be made: {why}")


def _is_there(folder: BuildFolder, name: str) -> bool:
    record = folder.stages.get(name)
    return record is not None and record.state == "done"


def _forget_again(folder: BuildFolder, stages: Mapping[str, Stage[Any]], plan: Plan) -> None:
    gone = set(plan.again)
    for name in ORDER:
        # Also what was made from it: its settings may be others than those that are asked for now.
        if name in gone or gone.intersection(stages[name].reads):
            gone.add(name)
            forget(folder, stages[name])
    # Its files stay until they are written anew; the record says that they are not what the rows say.
    if gone and EXPORT in folder.stages:
        folder.note(EXPORT, folder.stages[EXPORT].model_copy(update={"state": "begun"}))


def _check_out(folder: BuildFolder) -> None:
    """Refuse a folder whose files are of another benchmark: nothing is overwritten that this build did not write."""
    if EXPORT in folder.stages:
        return
    there = [name for name in annotation_names(folder.split).values() if (folder.out / name).exists()]
    if there:
        raise DataError(
            f"{folder.out / there[0]} is there already, and no build of this folder wrote it; choose another --out "
            "or --name"
        )


def _export(context: Context, plan: Plan) -> Built:
    settings, folder = context.settings, context.folder
    # What decides the files beside the rows. Where the photographs are does not.
    said: dict[str, JsonValue] = {"sentences": settings.sentences, "bring": settings.bring, "licence": settings.licence}
    inputs = {name: folder.stages[name].sha256 or "" for name in ORDER}
    if EXPORT not in plan.again and _is_exported(folder, said, inputs):
        return Built(folder, dict(folder.stages[EXPORT].counts), _dataset_file(settings))
    found = finished(folder)
    # Another split may be written into the same YAML file and card at the same time.
    with FileLock(folder.out / "build" / "export.lock"):
        return _write(context, found, said, inputs)


def _write(context: Context, found: Finished, said: dict[str, JsonValue], inputs: dict[str, str]) -> Built:
    settings, folder = context.settings, context.folder
    parts = card.parts_of(folder.out / card.FILE)
    if parts is None:
        raise DataError(
            f"{folder.out / card.FILE} is there and is no card of `finecops data build`; choose another --out"
        )
    if not found.positives:
        raise DataError("people dropped every positive: nothing is left to write")
    # Known as ours before it is written: an export that was interrupted is written again.
    folder.note(EXPORT, StageRecord(state="begun", settings=said, inputs=inputs))
    export(found, folder.out, ExportSettings(settings.name, context.photos, settings.bring, settings.sentences))
    if not settings.votes:
        # What people will see: their votes name its checksum.
        keep_unreviewed(folder)
    file = _dataset_file(settings)
    counts = _counts(found)
    folder.note(EXPORT, StageRecord(state="done", settings=said, inputs=inputs, counts=counts))
    _write_card(folder, found, parts, settings.licence)
    return Built(folder, counts, file)


def _is_exported(folder: BuildFolder, said: Mapping[str, JsonValue], inputs: Mapping[str, str]) -> bool:
    record = folder.stages.get(EXPORT)
    if record is None or record.state != "done" or record.settings != said or record.inputs != inputs:
        return False
    return all((folder.out / name).is_file() for name in (*annotation_names(folder.split).values(), card.FILE))


def _dataset_file(settings: BuildSettings) -> DatasetFile:
    return write_dataset_yaml(settings.out, settings.name, settings.images, settings.bring, settings.licence)


def _counts(found: Finished) -> dict[str, int]:
    return {
        "positives": len(found.positives),
        "negative expressions": len(found.texts),
        "negative images": len(found.images),
    }


def _write_card(folder: BuildFolder, found: Finished, parts: dict[str, str], licence: str | None) -> None:
    parts[folder.split] = card.split_part(folder, found)
    name = folder.out.resolve().name
    samples = found.rows + _samples_elsewhere(folder)
    text = card.card_text(name, parts, samples, licence)
    part = folder.out / f".{card.FILE}.part"
    with open_new(part) as file:
        file.write(text)
    os.replace(part, folder.out / card.FILE)


def _samples_elsewhere(folder: BuildFolder) -> int:
    """Samples of the other splits that were built into the folder."""
    others: Sequence[Path] = [path.parent for path in (folder.out / "build").glob("*/build.json")]
    records = [BuildFolder(folder.out, path.name).stages.get(EXPORT) for path in others if path.name != folder.split]
    return sum(sum(record.counts.values()) for record in records if record is not None)
