"""What `finecops data build gqa` prints."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from tests.cli.invoke import run
from tests.construction.chain.toy import write_toy


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    graphs, photos = write_toy(tmp_path_factory.mktemp("toy"), 10)
    return ("data", "build", "gqa", "--scene-graphs", str(graphs), "--images", str(photos))


FEW = ("--positives", "4", "4", "2", "--expressions", "1", "--flips", "1", "--sides", "1", "--workers", "1")


def test_a_preview_prints_sentences_and_writes_nothing(given: tuple[str, ...], tmp_path: Path) -> None:
    code, shown = run(*given, "--out", str(tmp_path / "out"), "--preview", "7", "--sentences")
    assert code == 0
    lines = shown.splitlines()
    # A sentence begins at the margin, its negatives below it.
    sentences = [line for line in lines if not line.startswith(" ")]
    assert len(sentences) == 7
    assert {f"[level {n}" in shown for n in (1, 2, 3)} == {True}
    assert all(line[0].isupper() for line in sentences)
    assert any(line.startswith("    - ") for line in lines)
    assert "replace_object, level" in shown.replace("\n      ", " ")
    assert max(map(len, lines)) <= 80
    assert not (tmp_path / "out").exists()
    code, shown = run(*given, "--out", str(tmp_path / "out"), "--preview", "7", "--until", "paths")
    assert (code, shown) == (2, "--preview makes no stage: leave --only, --until and --again away")


def test_the_table_the_data_and_the_lines_that_come_next(given: tuple[str, ...], tmp_path: Path) -> None:
    out = tmp_path / "my cars"
    code, shown = run(*given, *FEW, "--out", str(out), "--licence", "mit")
    assert code == 0
    assert "Rows of each stage" in shown
    assert "Negatives made by type and level" in shown
    assert "nothing of this type to change" in shown
    *_, first, second = shown.splitlines()
    check = shlex.split(first.removeprefix("next: "))
    assert check[:3] == ["finecops", "data", "check"]
    assert run(*check[1:])[0] == 0
    assert shlex.split(second)[:4] == ["finecops", "sfa", "run", "--dataset"]
    code, shown = run(*given, *FEW, "--out", str(out), "--json", "--only", "chosen")
    data = json.loads(shown)
    assert list(data["stages"]) == "paths positives rewrites negatives edits scores chosen reviewed".split()
    assert data["stages"]["edits"]["columns"].keys() <= {"flip/1", "flip/2"}
    assert data["stages"]["negatives"]["inside"]["nothing of this type to change"] > 0


def test_too_many_failures_are_no_success(given: tuple[str, ...], tmp_path: Path) -> None:
    photos = Path(given[-1])
    few = tmp_path / "few"
    few.mkdir()
    for number in range(3):
        (few / f"photo{number}.jpg").write_bytes((photos / f"photo{number}.jpg").read_bytes())
    command = (*given[:-1], str(few), *FEW, "--out", str(tmp_path / "out"))
    code, shown = run(*command)
    assert code == 1
    assert "paths: 7 of 10 failed, more than --max-failed 0.05 allows: 7 × the image is missing" in shown
    # What is right is there, and the same command says the same again.
    assert (tmp_path / "out" / "test_expression_all.json").is_file()
    assert run(*command)[0] == 1
    assert run(*command, "--max-failed", "0.7")[0] == 0


@pytest.mark.slow
def test_a_folder_for_the_hub_is_written_and_written_again(given: tuple[str, ...], tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    hub = tmp_path / "hub"
    command = (*given, *FEW, "--out", str(tmp_path / "out"), "--hub", str(hub))
    code, shown = run(*command)
    assert (code, shown) == (2, "--hub needs --licence NAME (cc-by-4.0, …) for the card")
    for _ in range(2):
        code, shown = run(*command, "--licence", "mit")
        assert code == 0, shown
        assert f"wrote 1 file and README.md to {hub}/" in shown
    code, shown = run("data", "check", str(hub))
    assert code == 0, shown
    (hub / "README.md").write_text("another dataset")
    code, shown = run(*command, "--licence", "mit", "--again", "export")
    assert (code, shown) == (1, f"{hub}/ has another dataset, which no build wrote; choose another --hub")


def test_tuple_types_are_chosen(given: tuple[str, ...], tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = (*given, *FEW, "--out", str(out))
    assert run(*command, "--types", "0_hop,1_hop")[0] == 0
    rows = json.loads((out / "test_expression_pos.json").read_text()).values()
    assert {row["tuple_type"] for row in rows} == {"0_hop", "1_hop"}
    # Other types are another benchmark.
    assert run(*command, "--types", "0_hop")[0] == 1
    code, shown = run(*command, "--types", "2_hops")
    assert code == 2
    assert "2_hop" in shown
