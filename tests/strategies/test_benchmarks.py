"""Every benchmark from its published files to its numbers: check, SFA, CRS, eval, with the small models."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from finecops.runs.folder import read_samples
from tests.cli.invoke import run
from tests.datasets.releases import RELEASES, SPLITS, yaml_of


@pytest.mark.parametrize("name", RELEASES)
def test_a_release_runs_from_files_to_numbers(tmp_path: Path, name: str) -> None:
    split = SPLITS.get(name, "test")
    config = RELEASES[name](tmp_path / "data")
    given = yaml_of(tmp_path / f"{config.name}.yaml", config.name, tmp_path / "data")
    data = ("--dataset", str(given), "--split", split)
    code, output = run("data", "check", *data)
    assert (code, "0 problems" in output) == (0, True), output
    # Cops-Ref has eight negatives for each of its five positives: some of them are enough.
    common = (*data, "--device", "cpu", "-n", "8", "--no-watch")
    sfa, crs = str(tmp_path / "sfa"), str(tmp_path / "crs")
    code, output = run("sfa", "run", *common, "--run", sfa)
    assert (code, "precision@1" in output.lower()) == (0, True), output
    code, output = run("crs", "run", *common, "--run", crs, "--topk", "3")
    assert (code, "precision@1" in output.lower()) == (0, True), output
    code, output = run("eval", sfa, "--json")
    assert code == 0, output
    answered = [
        row["n"] for row in json.loads(output)["rows"] if (row["method"], row["metric"]) == ("sfa", "precision@1")
    ]
    assert max(answered) == sum(sample.positive for sample in read_samples(Path(sfa)))
    code, output = run("eval", sfa)
    # No benchmark but FineCops-Ref has levels, and only Cops-Ref has negatives: no table has an empty column for them.
    assert (code, " L1" in output.replace("router L1", "")) == (0, False)
    assert ("negative images" in output) == (name == "cops-ref")


def test_a_csv_file_runs_without_a_dataset(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    RELEASES["ref-adv"](tmp_path)
    table = tmp_path / "mine.csv"
    name = "train2014/COCO_train2014_000000000001.jpg"
    rows = (f'{name},the red car,"[10, 12, 30, 40]"', f"{name},a dog,", "missing.png,a cat,")
    table.write_text("\n".join(("file_name,caption,bbox", *rows)))
    monkeypatch.chdir(tmp_path)
    command = ("sfa", "run", "--annotations", str(table), "--boxes", "xywh", "--no-watch")
    code, output = run(*command)
    assert (code, "That is 33.3%, more than --max-failed 0.05" in output) == (1, True)
    code, output = run(*command, "--max-failed", "0.5")
    assert code == 0, output
    assert "1 entry of mine left out; the first: " in caplog.text
    # The command that the message names lists them.
    check = re.search("`finecops (data check [^`]*)` lists them", caplog.text)
    assert check is not None
    code, output = run(*check[1].split())
    assert (code, "missing.png is missing" in output) == (1, True)
    assert (tmp_path / "outputs/mine-mini/sfa.jsonl").read_text().count("\n") == 2
