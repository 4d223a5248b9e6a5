"""An opened run: it makes stages, and notes in `run.json` how (`finecops.runs.manifest`).

A stage's fingerprint covers its settings, its share and the checksums of the files it reads. If they are not the ones
its file was begun with, the run refuses to go on and names the first setting that differs.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from finecops.datasets.dataset import Dataset
from finecops.datasets.parts import chosen_by_id, ids_of
from finecops.errors import RunError, UsageError
from finecops.names import unknown_name
from finecops.records import Route, Sample, StageRow
from finecops.runs.batches import Batch, Batches, ids_in, make_batches, share_of
from finecops.runs.beside import AllBeside, with_beside
from finecops.runs.checksums import checksums_of, sha256_of
from finecops.runs.engines import ENGINES
from finecops.runs.entries import entry_of, measured
from finecops.runs.failures import MAX_FAILED, Retry, refuse_too_many, to_ask_again
from finecops.runs.job import StageJob
from finecops.runs.jsonl import RowsLater, read_table
from finecops.runs.kept import batches_left
from finecops.runs.manifest import StageEntry, read_manifest, write_manifest
from finecops.runs.pace import place_of, remember_pace
from finecops.runs.repairs import begun_repair, changed_since
from finecops.runs.runner import StageReport, run_stage
from finecops.runs.shards import Shard, batches_for, needs, own_ids
from finecops.runs.specification import Row, StageSpec, Work, Workers, fingerprint
from finecops.runs.together import jobs_beside
from finecops.runs.watch import Watch
from finecops.text import counted

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RunOptions:
    """How stages are run; none of it changes an answer.

    Attributes:
        engine: where batches are worked through (`finecops.runs.engines`).
        workers: of an engine that has several.
        upstream: make the stages before a stage if they are not done; else refuse and name the command.
        watch: stop where a model's first answers show that something is wrong.
        max_failed: a stage with a larger share of failed rows stops the run.
        retry: which failed rows are asked again.
        shard: which part of the samples is done; None: all.
        grows: the run's samples may be more than those it was begun with.
        given: answers were made elsewhere: nothing is timed, and many failures in a row stop nothing.
    """

    engine: str = "local"
    workers: Workers = field(default_factory=Workers)
    upstream: bool = True
    watch: bool = True
    max_failed: float = MAX_FAILED
    retry: Retry = "changed"
    grows: bool = False
    shard: Shard | None = None
    given: bool = False


@dataclass(frozen=True)
class Run:
    """An opened run folder."""

    folder: Path
    dataset: Dataset
    samples: Sequence[Sample]
    options: RunOptions = field(default_factory=RunOptions)
    _done: dict[str, tuple[object, ...]] = field(default_factory=dict, repr=False, compare=False)
    _plan: list[StageSpec[Any]] = field(default_factory=list, repr=False, compare=False)
    _needs: dict[str, frozenset[str]] = field(default_factory=dict, repr=False, compare=False)
    _made_beside: dict[str, AllBeside] = field(default_factory=dict, repr=False, compare=False)
    _cut: dict[tuple[int, int | None], Batches] = field(default_factory=dict, repr=False, compare=False)

    def file(self, stage: str) -> Path:
        """The file of a stage."""
        return self.folder / f"{stage}.jsonl"

    def plan(self, specs: Sequence[StageSpec[Any]]) -> None:
        """Say which stages will be made: progress tells when the last of them ends."""
        if self.options.shard is not None:
            self._needs.update(needs(specs, own_ids(self.samples, self.options.shard), self._all_batches))
        everything = [spec for last in specs for spec in last.walk()] if self.options.upstream else specs
        self._plan[:] = [spec for spec in {spec.name: spec for spec in everything}.values() if self.has_work(spec)]
        if len(self._plan) > 1:
            log.info("stages: %s", ", ".join(spec.name for spec in self._plan))

    def do(self, spec: StageSpec[Row]) -> Mapping[str, Row]:
        """Make a stage's file or what is missing of it, after what it reads; its rows by sample id, read when needed.

        Rows that failed are asked again, and what was made from them is made again too.

        Raises:
            UsageError: the engine is unknown.
            RunError: it was begun with other settings, or an input is missing and may not be made.
            FailuresError: too many samples failed; the rows are kept.
        """
        if self._done.get(spec.name) != spec.key:
            for before in spec.inputs:
                self._need(before)
            self._make(spec)
            self._done[spec.name] = spec.key
        return RowsLater(partial(self.rows, spec))

    def rows(self, spec: StageSpec[Row]) -> Mapping[str, Row]:
        """The rows of a finished stage by sample id."""
        return read_table(self.file(spec.name), spec.row_type)

    def left(self, spec: StageSpec[Any]) -> Sequence[Batch]:
        """The batches that `do` would work through now, once what the stage reads is made; it raises as `do`."""
        for before in spec.inputs:
            self._need(before)
        now, _, again = self._state(spec)
        return batches_left(self._job(spec, now, again))

    def has_work(self, spec: StageSpec[Any]) -> bool:
        """Whether a stage has something to do, as far as can be said without reading its rows."""
        entry = self._entry(spec.name)
        return entry is None or entry.state != "done" or bool(entry.failed) or not self.file(spec.name).exists()

    def _need(self, spec: StageSpec[Any]) -> None:
        if not self.file(spec.name).exists():
            if not self.options.upstream:
                raise RunError(f"{self.file(spec.name)} is not there; `{spec.command}` makes it")
            if spec.name not in (planned.name for planned in self._plan):
                log.info("%s is needed first", spec.name)
        if self.options.upstream:
            self.do(spec)
            return
        entry = self._entry(spec.name)
        if entry is not None and entry.state == "done" and entry.sha256 not in (None, sha256_of(self.file(spec.name))):
            raise RunError(f"{self.file(spec.name)} was changed since it was finished; `{spec.command}` makes it again")
        needed = self._needs.get(spec.name, frozenset()) if spec.share.router_level is None else frozenset()
        if not needed <= self.rows(spec).keys():
            raise RunError(f"{self.file(spec.name)} lacks rows at the ends of this part: leave out --no-upstream")

    def _make(self, spec: StageSpec[Row]) -> None:
        if self.options.engine not in ENGINES:
            raise UsageError(unknown_name("engine", self.options.engine, ENGINES))
        now, entry, again = self._state(spec)
        if entry is None:
            self._note(spec.name, entry_of(spec, now))
        elif spec.remake and again:
            self.file(spec.name).unlink(missing_ok=True)
            self.file(spec.name).with_suffix(".jsonl.partial").unlink(missing_ok=True)
            self._note(spec.name, entry_of(spec, now).model_copy(update={"repairs": entry.repairs}))
        # A stage that costs next to nothing needs no workers.
        engine = "local" if spec.remake else self.options.engine
        report = run_stage(self._job(spec, now, again), ENGINES[engine])
        self._made_beside.update(report.beside)
        report = with_beside(report, self._made_beside.pop(spec.name, None))
        self._note_done(spec, now, report)
        refuse_too_many(spec.name, report.failed, report.rows, report.reasons, self.options.max_failed)

    def _state(self, spec: StageSpec[Any]) -> tuple[Mapping[str, JsonValue], StageEntry | None, frozenset[str]]:
        """What changes a stage's rows, its entry if it was begun, and the samples whose inputs have changed since."""
        now = spec.described({before.name: self._sha256(before.name) for before in spec.inputs})
        # If the user deleted its files, it is made again, with the settings of today.
        entry = self._entry(spec.name) if self._begun(spec.name) else None
        return now, entry, self._changed_inputs(spec, entry, now) if entry is not None else frozenset()

    def _job(self, spec: StageSpec[Row], now: Mapping[str, JsonValue], again: frozenset[str]) -> StageJob[Row]:
        samples, batches = self._share(spec), self._batches(spec)
        if spec.share.router_level is not None:
            batches = share_of(batches, frozenset(ids_of(samples)))
        watched = spec.watched if self.options.watch else None
        entry = self._entry(spec.name)
        later = [one for one in self._plan if self._done.get(one.name) != one.key]
        # Workers make one stage, and a shard's stages have shares of their own.
        alone = self.options.engine != "local" or self.options.shard is not None
        beside = () if alone else jobs_beside(self, spec, later, now)
        files = {before.name: self.file(before.name).absolute() for before in spec.inputs}
        return StageJob(
            work=Work(spec, files, self.options.workers, tuple(job.work for job in beside)),
            path=self.file(spec.name),
            order=ids_of(samples),
            batches=batches,
            checksums=entry.checksums if entry is not None and entry.state == "done" else None,
            again=again,
            # A stage without a model has nobody to ask: it fails where its inputs failed. What failed beside another
            # stage was asked just now.
            ask_again=partial(self._to_ask_again, () if spec.remake or spec.name in self._made_beside else samples),
            begin=partial(self._note_begun, spec, now),
            # The rows of a watched stage are predictions; a type variable cannot say so.
            watch=Watch(watched.model, watched.box_format, samples) if watched is not None else None,  # type: ignore[arg-type]
            beside=beside,
            given=self.options.given,
            **place_of(spec, self._plan, self._most_samples),
        )

    def _most_samples(self, spec: StageSpec[Any]) -> int:
        """How many samples a stage is for; all, as long as their share is not known."""
        routed = [before for before in spec.inputs if before.role == "routes"]
        known = spec.share.router_level is None or all(self.file(before.name).exists() for before in routed)
        return len(self._share(spec)) if known else len(self.samples)

    def _to_ask_again(self, samples: Sequence[Sample], rows: Mapping[str, StageRow]) -> set[str]:
        again = to_ask_again(rows, samples, self.dataset.image_path, self.options.retry)
        if again:
            log.info("asking %d failed samples again (--keep-failed leaves them)", len(again))
        return again

    def _share(self, spec: StageSpec[Any]) -> Sequence[Sample]:
        """The samples a stage is for."""
        samples = self.samples
        if self.options.shard is not None:
            samples = chosen_by_id(samples, set(ids_in(self._batches(spec))).__contains__)
        if spec.share.router_level is None:
            return samples
        (routes,) = (before for before in spec.inputs if before.role == "routes")
        rows: Mapping[str, Route] = read_table(self.file(routes.name), Route)
        return chosen_by_id(samples, lambda id_: rows[id_].level == spec.share.router_level)

    def _batches(self, spec: StageSpec[Any]) -> Sequence[Batch]:
        """The batches of a stage, router levels left out of account."""
        batches = self._all_batches(spec)
        if self.options.shard is None:
            return batches
        if spec.name not in self._needs:
            self._needs.update(needs([spec], own_ids(self.samples, self.options.shard), self._all_batches))
        wanted = self._needs[spec.name]
        if self.file(spec.name).exists():
            # A command that needed more made it: that stays.
            with suppress(RunError):
                wanted |= self.rows(spec).keys()
        return batches_for(spec, batches, wanted)

    def _all_batches(self, spec: StageSpec[Any]) -> Batches:
        size = spec.resources.batch_size, spec.resources.images
        if size not in self._cut:
            self._cut[size] = make_batches(self.samples, self.dataset.image_path, *size)
        return self._cut[size]

    def _changed_inputs(self, spec: StageSpec[Any], entry: StageEntry, now: Mapping[str, JsonValue]) -> frozenset[str]:
        """The ids of samples whose rows of an input were made again since this stage was made.

        Raises:
            RunError: it is not that alone that differs.
        """
        changed = changed_since(entry, now, spec.remake, self._entry)
        if isinstance(changed, str):
            raise RunError(
                f"{self.file(spec.name)} was made with other settings: {changed}. Choose another --run, or delete "
                f"the stage's files in {self.folder}/ to make them again"
            )
        return frozenset(ids_of(self.samples)) if changed is None else changed

    def _note_begun(self, spec: StageSpec[Any], now: Mapping[str, JsonValue], dropped: Sequence[str] | None) -> None:
        """Rows that are there are about to be made again."""
        entry, begun = self._entry(spec.name), entry_of(spec, now)
        if entry is not None:
            begun = begun.model_copy(update={"repair": begun_repair(entry, dropped), "repairs": entry.repairs})
        self._note(spec.name, begun)

    def _note_done(self, spec: StageSpec[Any], now: Mapping[str, JsonValue], report: StageReport) -> None:
        entry = self._entry(spec.name)
        if entry is not None and entry.state == "done" and not report.made_now:
            if entry.fingerprint == fingerprint(now):
                return
            # Its rows stand as they are: only what they were made from has another checksum.
            self._note(spec.name, entry.model_copy(update={"inputs": now["inputs"], "fingerprint": fingerprint(now)}))
            return
        checksums = checksums_of(self.file(spec.name), report.rows)
        repairs = entry.repairs if entry is not None else ()
        if entry is not None and entry.repair is not None and entry.repair.before_sha256 != checksums.sha256:
            repairs = (*repairs, entry.repair.model_copy(update={"after_sha256": checksums.sha256}))
        done = {"state": "done", "checksums": checksums, "repairs": repairs, "repair": None}
        self._note(spec.name, entry_of(spec, now).model_copy(update=done | measured(report)))
        if report.made_now:
            remember_pace(spec, report.made_now, report.seconds)
            log.info("%s: %s (%d failed), %s", spec.name, counted(report.rows, "row"), report.failed, report.pace)
            for note, count in report.notes.items():
                log.info("%s: %d rows: %s", spec.name, count, note)

    def _begun(self, stage: str) -> bool:
        return any(self.file(stage).with_suffix(end).exists() for end in (".jsonl", ".jsonl.partial"))

    def _entry(self, stage: str) -> StageEntry | None:
        return read_manifest(self.folder).stages.get(stage)

    def _sha256(self, stage: str) -> str:
        """Of a finished stage's file."""
        entry = self._entry(stage)
        known = entry.sha256 if entry is not None and entry.state == "done" and stage in self._done else None
        return known or sha256_of(self.file(stage))

    def _note(self, stage: str, entry: StageEntry) -> None:
        write_manifest(self.folder, read_manifest(self.folder).with_stage(stage, entry))
