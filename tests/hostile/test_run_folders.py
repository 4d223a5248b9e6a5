"""Run folders that somebody changed, cut or filled with what is no file: one line that names the file and the row."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from finecops.config.find import load_dataset
from finecops.datasets.dataset import Dataset, load_dataset_split
from finecops.errors import FinecopsError
from finecops.evaluation.comparison import compare
from finecops.evaluation.files import PredictionFile, evaluate_file
from finecops.evaluation.runs import evaluate_run, evaluate_run_as_reference
from finecops.evaluation.settings import CompareSettings
from finecops.evaluation.sweep import sweep_run
from finecops.exchange.formats import FileFormat
from finecops.records import Prediction
from finecops.runs.folder import open_run
from finecops.runs.manifest import RUN_JSON, read_manifest, write_manifest
from finecops.runs.row_file import read_partial
from finecops.runs.run import RunOptions
from finecops.strategies.baselines import routes
from finecops.strategies.options import Options
from finecops.strategies.parts import Parts
from tests.builders_runs import make_run
from tests.conftest import make_prediction


@pytest.fixture(scope="module")
def mini_dataset() -> Dataset:
    return load_dataset_split(load_dataset("finecops-mini"))


READERS: dict[str, Callable[[Path], object]] = {
    "eval": evaluate_run,
    "eval --compat reference": evaluate_run_as_reference,
    "eval --val": lambda folder: evaluate_run(make_run(folder.parent / "good"), val=folder),
    "compare": lambda folder: compare(CompareSettings(runs=(str(folder),))),
    "compare two": lambda folder: compare(CompareSettings(runs=(str(make_run(folder.parent / "good")), str(folder)))),
    "sweep": sweep_run,
}
FILES = ("samples.jsonl", "routes.jsonl", "specialist.jsonl", "mllm.jsonl", "sfa.jsonl")
Edit = Callable[[Path], object]


def _bytes(change: Callable[[bytes], bytes]) -> Edit:
    return lambda path: path.write_bytes(change(path.read_bytes()))


def _first(content: bytes) -> bytes:
    return content.splitlines(keepends=True)[0]


def _instead(make: Callable[[Path], object]) -> Edit:
    def edit(path: Path) -> None:
        path.unlink()
        make(path)

    return edit


EDITS: dict[str, tuple[Edit, str]] = {
    "a byte that is no text": (_bytes(lambda c: c + b"\xff\n"), r":41: not a \w+ row: the line: Invalid JSON"),
    "another encoding": (_bytes(lambda c: c.decode().encode("utf-16")), ":1: "),
    "zeros": (_bytes(lambda c: b"\0" * 100), ":1: "),
    "lists 10^5 deep": (_bytes(lambda c: b"[" * 10**5), ":1: "),
    "emptied": (_bytes(lambda c: b""), ": changed (since|after row 0)"),
    "cut at a line": (_bytes(lambda c: b"".join(c.splitlines(True)[:20])), ": changed (since|after row 16)"),
    "cut in a line": (_bytes(lambda c: c[:-20]), ":40: "),
    "a row twice": (_bytes(lambda c: c + _first(c)), r"(:41: a second row for sample 'p0'|: changed since)"),
    "a row more": (_bytes(lambda c: c + _first(c).replace(b'"p0"', b'"zz"')), ": changed (since|after row 32)"),
    "another id": (_bytes(lambda c: c.replace(b'"p19"', b'"zz"')), ": changed (since|after row 16)"),
    "other numbers": (_bytes(lambda c: re.sub(rb"\[\d+\.\d", b"[3.0", c)), ": changed (since|after row 0)"),
    "a key twice": (_bytes(lambda c: c.replace(b'id":"p1",', b'id":"p1","reason":null,', 1)), ":2: |: changed"),
    "a folder": (_instead(Path.mkdir), ".* is no file, but a folder, a pipe or a device"),
    "a pipe": (_instead(os.mkfifo), " is no file"),
    "a link to a device": (_instead(lambda path: path.symlink_to("/dev/zero")), " is no file"),
}  # fmt: skip


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("what", EDITS)
def test_a_changed_file_is_named_with_its_row(tmp_path: Path, what: str, file: str) -> None:
    edit, message = EDITS[what]
    folder = make_run(tmp_path / "run")
    edit(folder / file)
    with pytest.raises(FinecopsError, match=re.escape(str(folder / file)) + message) as error:
        evaluate_run(folder)
    assert "again" in str(error.value) or "restores" in str(error.value) or "remove it" in str(error.value)
    assert not (folder / "metrics.json").exists()


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("what", ["a byte that is no text", "other numbers", "emptied", "a pipe"])
def test_every_reader_of_runs_refuses_it(tmp_path: Path, what: str, reader: str) -> None:
    for file in ("samples.jsonl", "mllm.jsonl"):
        folder = make_run(tmp_path / file / "run")
        EDITS[what][0](folder / file)
        with pytest.raises(FinecopsError, match=re.escape(str(folder / file))):
            READERS[reader](folder)


def test_without_checksums_ids_are_still_looked_at(tmp_path: Path) -> None:
    """What an older finecops wrote, or another program."""
    folder = make_run(tmp_path / "run")
    manifest = read_manifest(folder).model_copy(update={"samples_sha256": None})
    for name, entry in manifest.stages.items():
        manifest = manifest.with_stage(name, entry.model_copy(update={"checksums": None}))
    write_manifest(folder, manifest)
    evaluate_run(folder)
    kept = (folder / "mllm.jsonl").read_bytes()
    _bytes(lambda c: c + _first(c).replace(b'"p0"', b'"zz"'))(folder / "mllm.jsonl")
    with pytest.raises(FinecopsError, match=r"mllm\.jsonl:41: sample 'zz' is none of the run's"):
        evaluate_run(folder)
    (folder / "mllm.jsonl").write_bytes(kept)
    # Samples without a route: there is no ledger, and no traceback.
    _bytes(lambda c: b"".join(c.splitlines(True)[:10]))(folder / "routes.jsonl")
    assert evaluate_run(folder).ledger is None
    EDITS["emptied"][0](folder / "routes.jsonl")
    assert evaluate_run(folder).ledger is None
    assert evaluate_run_as_reference(folder).reference_sfa is None
    EDITS["cut at a line"][0](folder / "samples.jsonl")
    with pytest.raises(FinecopsError, match=r"samples\.jsonl: changed .*has 20 of 40 samples"):
        evaluate_run(folder)


MANIFESTS: dict[str, tuple[Edit, str]] = {
    "lists 10^5 deep": (_bytes(lambda c: b"[" * 10**5), "is not JSON: it is nested too deeply"),
    "objects 10^5 deep": (_bytes(lambda c: b'{"a":' * 10**5), "is not JSON: it is nested too deeply"),
    "a byte that is no text": (_bytes(lambda c: b"\xff"), "is not JSON"),
    "a key twice": (_bytes(lambda c: c.replace(b"{", b'{"version": 2,', 1)), "'version' stands twice"),
    "half a character in a label": (_bytes(lambda c: c.replace(b'"SFA"', b'"\\ud800"')), "Invalid JSON"),
    "a label of 10^6 characters": (_bytes(lambda c: c.replace(b'"SFA"', b'"%s"' % (b"x" * 10**6))), "at most 4096 characters"),
    "a version of 10^6 digits": (_bytes(lambda c: b'{"version": "' + b"9" * 10**6 + b'"}'), "^.{0,400}$"),
    "a stage elsewhere": (_bytes(lambda c: c.replace(b'"mllm": {', b'"../../x": {')), "the stage '../../x' has no plain name"),
    "a pipe": (_instead(os.mkfifo), "is no file"),
    "a device": (_instead(lambda path: path.symlink_to("/dev/zero")), "is no file"),
}  # fmt: skip


@pytest.mark.parametrize("what", MANIFESTS)
def test_a_hostile_manifest_is_one_line(tmp_path: Path, what: str) -> None:
    edit, message = MANIFESTS[what]
    folder = make_run(tmp_path / "run")
    edit(folder / RUN_JSON)
    for read in (evaluate_run, sweep_run):
        with pytest.raises(FinecopsError, match=message):
            read(folder)


def test_a_link_of_a_temporary_name_is_not_followed(tmp_path: Path) -> None:
    folder, other = make_run(tmp_path / "run"), tmp_path / "other"
    other.write_text("kept")
    (folder / "metrics.json.writing").symlink_to(other)
    evaluate_run(folder)
    assert other.read_text() == "kept"


@pytest.mark.parametrize(
    "change",
    [
        lambda c: re.sub(rb'"box":\[[^\]]*\]', b'"box":[0,0,3,3]', c),
        lambda c: b"",
        lambda c: c + b"\xff\n",
        lambda c: c[:-20],
    ],
)
def test_a_run_restores_its_samples(
    tmp_path: Path, mini_dataset: Dataset, caplog: pytest.LogCaptureFixture, change: Callable[[bytes], bytes]
) -> None:
    folder = tmp_path / "run"
    open_run(folder, mini_dataset, 6)
    samples = folder / "samples.jsonl"
    whole = samples.read_bytes()
    with caplog.at_level(logging.WARNING):
        open_run(folder, mini_dataset, 6)
        assert not caplog.text
        samples.write_bytes(change(whole))
        open_run(folder, mini_dataset, 6)
    assert "does not hold the run's samples any more: writing it again" in caplog.text
    assert samples.read_bytes() == whole
    # A run of an older finecops gets its checksum.
    write_manifest(folder, read_manifest(folder).model_copy(update={"samples_sha256": None}))
    open_run(folder, mini_dataset, 6)
    assert read_manifest(folder).samples_sha256 is not None


GOOD = [make_prediction(str(i), [(0.0, 0.0, 1.0, 1.0)]).model_dump_json().encode() + b"\n" for i in range(3)]


@pytest.mark.parametrize(
    "tail", [b"\xff\xfe\n", b"\xff\xfe", b"{}\n" + GOOD[2], b"\0\0\n", b"[" * 10**5 + b"\n", GOOD[0]]
)
def test_a_partial_file_is_cut_back_to_its_last_sound_row(tmp_path: Path, tail: bytes) -> None:
    path = tmp_path / "mllm.jsonl.partial"
    path.write_bytes(GOOD[0] + GOOD[1] + tail)
    assert list(read_partial(path, Prediction)) == ["0", "1"]
    assert path.read_bytes() == GOOD[0] + GOOD[1]


@pytest.mark.parametrize("edit", [_bytes(lambda c: b"{}\n" + c), EDITS["a pipe"][0], EDITS["a link to a device"][0]])
def test_a_partial_file_of_nothing_sound_is_left_alone(tmp_path: Path, edit: Edit) -> None:
    """Its rows may be those of another version, and worth more than this run."""
    path = tmp_path / "mllm.jsonl.partial"
    path.write_bytes(GOOD[0])
    edit(path)
    size = path.stat().st_size
    with pytest.raises(FinecopsError, match=r"Delete the file|remove it"):
        read_partial(path, Prediction)
    assert path.stat().st_size == size


def test_a_scored_file_that_its_run_did_not_write_is_said(tmp_path: Path, mini_dataset: Dataset) -> None:
    folder = make_run(tmp_path / "run")
    annotations = mini_dataset.files[0]
    id_ = mini_dataset.samples[0].id
    for stage, said in (("mllm", True), ("elsewhere", False)):
        path = folder / f"{stage}.jsonl"
        path.write_bytes(GOOD[0].replace(b'"0"', f'"{id_}"'.encode()))
        found = evaluate_file(PredictionFile((annotations,), path, FileFormat("finecops")))
        assert any("changed since the run finished it" in problem for problem in found.problems) == said


def test_a_changed_input_is_not_used_without_upstream(tmp_path: Path, mini_dataset: Dataset) -> None:
    run = open_run(tmp_path / "run", mini_dataset, 4)
    spec = routes(Parts(Options(device="cpu")))
    run.do(next(before for before in spec.walk() if before.name == "targets"))
    _bytes(lambda c: c.replace(b'"phrase":"', b'"phrase":"x', 1))(run.file("targets"))
    alone = open_run(tmp_path / "run", mini_dataset, 4, RunOptions(upstream=False))
    with pytest.raises(FinecopsError, match=r"targets\.jsonl was changed since it was finished; `finecops sfa"):
        alone.do(spec)
