"""Where a report may be written, and that it is there whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from finecops.errors import RunError
from finecops.report.page.folder import new_report_folder, size_of, write_report_file


def write(folder: Path, text: str = "page") -> None:
    with new_report_folder(folder) as new:
        (new / "report.html").write_text(text)
        (new / "report_data").mkdir()
        (new / "report_data/samples.js").write_text("data")


def test_a_report_takes_the_place_of_a_report(tmp_path: Path) -> None:
    folder = tmp_path / "report"
    write(folder)
    write(folder, "another")
    assert (folder / "report.html").read_text() == "another"
    assert [path.name for path in tmp_path.iterdir()] == ["report"]
    assert size_of(folder) == sum(f.stat().st_size for f in folder.rglob("*.*") if f.is_file())


def test_an_empty_folder_may_be_used(tmp_path: Path) -> None:
    (tmp_path / "report").mkdir()
    write(tmp_path / "report")
    assert (tmp_path / "report/report.html").exists()


@pytest.mark.parametrize("name", ["notes.txt", "report.html", "report_data/report.json", "inside/x"])
def test_what_is_no_report_stays(tmp_path: Path, name: str) -> None:
    file = tmp_path / "report" / name
    file.parent.mkdir(parents=True)
    file.write_text('{"files": ["notes.txt"]}')
    with pytest.raises(RunError, match="is no report"):
        write(tmp_path / "report")
    assert file.read_text() == '{"files": ["notes.txt"]}'


def test_a_file_that_somebody_put_into_a_report_stays(tmp_path: Path) -> None:
    write(tmp_path / "report")
    (tmp_path / "report/report_data/notes.jsonl").write_text("mine")
    with pytest.raises(RunError, match=r"not its own: report_data/notes\.jsonl"):
        write(tmp_path / "report")
    assert (tmp_path / "report/report_data/notes.jsonl").read_text() == "mine"


def test_a_link_or_a_file_is_no_place(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "file").write_text("")
    for name in ("link", "file"):
        with pytest.raises(RunError, match="is no folder"):
            write(tmp_path / name)


def test_the_old_report_stays_when_the_new_one_fails(tmp_path: Path) -> None:
    write(tmp_path / "report")
    with pytest.raises(RunError, match="has no answers"):
        _fail_halfway(tmp_path / "report")
    assert (tmp_path / "report/report.html").read_text() == "page"
    assert [path.name for path in tmp_path.iterdir()] == ["report"]


def test_one_file_takes_the_place_of_a_report_alone(tmp_path: Path) -> None:
    own = b'<!DOCTYPE html>\n<meta name="generator" content="finecops report">'
    write_report_file(tmp_path / "r.html", own)
    write_report_file(tmp_path / "r.html", own + b" again")
    assert (tmp_path / "r.html").read_bytes().endswith(b"again")
    (tmp_path / "other.html").write_text("<p>a page of mine")
    with pytest.raises(RunError, match="is no report"):
        write_report_file(tmp_path / "other.html", own)
    assert (tmp_path / "other.html").read_text() == "<p>a page of mine"


def _fail_halfway(folder: Path) -> None:
    with new_report_folder(folder) as new:
        (new / "report.html").write_text("half")
        raise RunError("the run has no answers")
