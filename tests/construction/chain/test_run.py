"""The loop that makes stages: the same bytes after a kill anywhere, and nothing made twice or with other settings."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from finecops.construction.chain.folder import BuildFolder
from finecops.construction.chain.run import forget, run_stage
from finecops.construction.chain.stage import OneByOne, Stage, Whole
from finecops.construction.samples import ChosenRow
from finecops.errors import FailuresError, RunError
from finecops.records import Record


class Killed(BaseException):
    """As if the process had been killed."""


class Numbered(Record):
    """A row of the tests."""

    id: int
    status: str = "kept"
    reason: str | None = None


def row_of(number: int) -> Numbered:
    """Every third number fails."""
    if number % 3 == 0:
        return Numbered(id=number, status="failed", reason=f"number {number} is no good")
    return Numbered(id=number)


def stage(
    numbers: range = range(1, 20),
    do: Callable[[int], Numbered] = row_of,
    quotas: dict[str, int] | None = None,
    most_in_a_row: int = 0,
    **about: Any,
) -> Stage[Numbered]:
    make = OneByOne(
        things=lambda: numbers,
        key=str,
        key_of_row=lambda row: str(row.id),
        results=partial(map, do),
        column=lambda number: "even" if number % 2 == 0 else "odd",
        quotas=quotas or {},
        most_in_a_row=most_in_a_row,
    )
    return Stage(name="numbers", row_type=Numbered, settings={"seed": 0}, make=make, **about)


def text(folder: BuildFolder, name: str = "numbers") -> str:
    return folder.file(name).read_text()


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[BuildFolder]:
    found = BuildFolder(tmp_path, "test")
    with found.locked():
        yield found


def test_rows_in_order_with_their_counts(folder: BuildFolder) -> None:
    assert run_stage(folder, stage())
    assert [row["id"] for row in map(eval_row, text(folder).splitlines())] == list(range(1, 20))
    record = folder.stages["numbers"]
    assert record.counts == {"kept": 13, "failed": 6}
    assert record.reasons == {"number N is no good": 6}
    assert record.columns == {"odd": 7, "even": 6}
    # As it is read again by another process.
    assert BuildFolder(folder.out, "test").stages == folder.stages


def eval_row(line: str) -> dict[str, Any]:
    return Numbered.model_validate_json(line).model_dump()


def test_a_full_column_gets_no_more_rows(folder: BuildFolder) -> None:
    run_stage(folder, stage(quotas={"even": 2, "odd": 3}))
    rows = [eval_row(line) for line in text(folder).splitlines()]
    # 1 and 5 and 7 of the odd ones; 3 failed and does not count; 2 and 4 of the even ones.
    assert [row["id"] for row in rows] == [1, 2, 3, 4, 5, 7]


@pytest.mark.parametrize("quotas", [None, {"even": 3, "odd": 4}])
@pytest.mark.parametrize("torn", [b"", b'{"id":9', b'{"id":9,"status":"kept","reason":null}'])
def test_a_kill_after_any_row_ends_in_the_same_bytes(
    tmp_path: Path, quotas: dict[str, int] | None, torn: bytes
) -> None:
    whole = BuildFolder(tmp_path / "whole", "test")
    whole.path.mkdir(parents=True)
    run_stage(whole, stage(quotas=quotas))
    made = len(text(whole).splitlines())
    for after in range(made):
        folder = BuildFolder(tmp_path / str(after), "test")
        folder.path.mkdir(parents=True)
        calls: list[int] = []

        def killed(number: int, calls: list[int] = calls, after: int = after) -> Numbered:
            if len(calls) == after:
                raise Killed
            calls.append(number)
            return row_of(number)

        with pytest.raises(Killed):
            run_stage(folder, stage(do=killed, quotas=quotas))
        with folder.unfinished("numbers").open("ab") as file:
            file.write(torn)
        again: list[int] = []

        def noted(number: int, again: list[int] = again) -> Numbered:
            again.append(number)
            return row_of(number)

        run_stage(BuildFolder(folder.out, "test"), stage(do=noted, quotas=quotas))
        assert folder.file("numbers").read_bytes() == whole.file("numbers").read_bytes()
        assert not folder.unfinished("numbers").exists()
        # Nothing that had a row was made a second time.
        assert not set(calls) & set(again)


def test_a_kill_between_the_last_row_and_the_note(folder: BuildFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    replace = os.replace

    def killed(source: Any, target: Any) -> None:
        replace(source, target)
        if Path(target).name == "numbers.jsonl":
            raise Killed

    monkeypatch.setattr("finecops.construction.chain.run.os.replace", killed)
    with pytest.raises(Killed):
        run_stage(folder, stage())
    monkeypatch.undo()
    run_stage(folder, stage(do=lambda number: pytest.fail("made twice")))
    assert folder.stages["numbers"].counts == {"kept": 13, "failed": 6}


def test_a_finished_stage_is_not_made_again(folder: BuildFolder) -> None:
    run_stage(folder, stage())
    assert not run_stage(folder, stage(do=lambda number: pytest.fail("made twice")))


def test_other_settings_are_refused_and_named(folder: BuildFolder) -> None:
    run_stage(folder, stage())
    other = Stage("numbers", Numbered, {"seed": 1, "limit": 3}, stage().make)
    with pytest.raises(RunError, match=r"limit none → 3; seed 0 → 1\. --again numbers makes it"):
        run_stage(folder, other)
    forget(folder, other)
    assert run_stage(folder, other)


def test_another_input_file_is_refused(folder: BuildFolder, tmp_path: Path) -> None:
    given = tmp_path / "graphs.json"
    given.write_text("a")
    run_stage(folder, stage(files={"scene graphs": given}))
    given.write_text("b")
    with pytest.raises(RunError, match="scene graphs has another content"):
        run_stage(folder, stage(files={"scene graphs": given}))


def chosen(ids: range, **about: Any) -> Stage[ChosenRow]:
    return Stage("chosen", ChosenRow, {}, Whole(lambda: [ChosenRow(id=i, kept=True) for i in ids]), **about)


def test_what_was_made_from_it_is_made_again_too(folder: BuildFolder) -> None:
    with pytest.raises(RunError, match="not finished: --until chosen"):
        run_stage(folder, chosen(range(3), reads=("numbers",)))
    run_stage(folder, stage())
    run_stage(folder, chosen(range(3), reads=("numbers",)))
    forget(folder, stage())
    run_stage(folder, stage())
    # The same rows again: what follows stays.
    assert not run_stage(folder, chosen(range(3), reads=("numbers",)))
    forget(folder, stage())
    run_stage(folder, stage(range(1, 5)))
    assert run_stage(folder, chosen(range(2), reads=("numbers",)))
    assert len(text(folder, "chosen").splitlines()) == 2


def test_rows_that_depend_on_each_other_are_made_from_the_start(folder: BuildFolder) -> None:
    def killed() -> Iterator[ChosenRow]:
        yield ChosenRow(id=1, kept=False, reason="score 0.3")
        raise Killed

    with pytest.raises(Killed):
        run_stage(folder, Stage("chosen", ChosenRow, {}, Whole(killed)))
    run_stage(folder, chosen(range(3)))
    assert [ChosenRow.model_validate_json(line).id for line in text(folder, "chosen").splitlines()] == [0, 1, 2]


def test_a_changed_file_and_a_missing_one_are_noticed(folder: BuildFolder) -> None:
    (folder.path / "more.json").touch()
    run_stage(folder, stage(beside=("more.json",)))
    (folder.path / "more.json").unlink()
    with pytest.raises(RunError, match=r"more\.json is missing: --again numbers"):
        run_stage(folder, stage(beside=("more.json",)))
    with folder.file("numbers").open("a") as file:
        file.write("{}\n")
    with pytest.raises(RunError, match="was changed since it was finished"):
        run_stage(folder, stage())


def test_many_failures_in_a_row_stop_the_stage_and_are_asked_again(folder: BuildFolder) -> None:
    def down(number: int) -> Numbered:
        return row_of(number) if number < 6 else Numbered(id=number, status="failed", reason=f"port {number} is closed")

    with pytest.raises(FailuresError, match="numbers: 4 in a row failed: port 9 is closed"):
        run_stage(folder, stage(do=down, most_in_a_row=4))
    assert len(folder.unfinished("numbers").read_text().splitlines()) == 5
    run_stage(folder, stage(most_in_a_row=4))
    assert folder.stages["numbers"].counts == {"kept": 13, "failed": 6}


def test_rows_of_other_things_are_refused(folder: BuildFolder) -> None:
    with pytest.raises(Killed):
        run_stage(folder, stage(do=partial(_kill_at, 5)))
    with pytest.raises(RunError, match="not the row that belongs here"):
        run_stage(folder, stage(range(2, 9)))


def _kill_at(last: int, number: int) -> Numbered:
    if number == last:
        raise Killed
    return row_of(number)


def test_two_processes_cannot_write_one_build(tmp_path: Path) -> None:
    folder = BuildFolder(tmp_path, "test")
    folder.path.mkdir(parents=True)
    with (
        FileLock(folder.path / "build.lock"),
        pytest.raises(RunError, match="another process builds in"),
        folder.locked(),
    ):
        pass


def test_a_broken_note_and_another_split(tmp_path: Path) -> None:
    path = tmp_path / "build" / "test" / "build.json"
    path.parent.mkdir(parents=True)
    path.write_text("{")
    with pytest.raises(RunError, match="is broken"):
        BuildFolder(tmp_path, "test")
    path.write_text('{"split": "val"}')
    with pytest.raises(RunError, match="is of the split 'val'"):
        BuildFolder(tmp_path, "test")
