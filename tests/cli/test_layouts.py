"""The commands on six rows of each published layout, with the mini models: `data check`, `sfa run`, `eval`."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.cli.invoke import run
from tests.datasets.builders_parquet import SCHEMAS, grefcoco, humanref, repository

ONE_TARGET = {"humanref": humanref, "grefcoco": grefcoco}


def dataset_of(layout: str, folder: Path) -> str:
    """A folder of parquet files; a YAML file for what is none."""
    if layout in SCHEMAS:
        return str(repository(folder / layout, layout))
    folder.joinpath("data").mkdir()
    settings = yaml.safe_load(Path(f"configs/datasets/{layout}.yaml").read_text())
    settings["root"] = str(ONE_TARGET[layout](folder / "data"))
    path = folder / f"{layout}.yaml"
    path.write_text(yaml.safe_dump(settings))
    return str(path)


@pytest.mark.parametrize("layout", [*SCHEMAS, *ONE_TARGET])
def test_the_commands_work_on_a_layout(layout: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FINECOPS_HOME", str(tmp_path / "home"))
    dataset, folder = dataset_of(layout, tmp_path), tmp_path / "run"
    # gRefCOCO's one file has all splits; the small one has testA.
    split = ["--split", "testA"] if layout == "grefcoco" else []
    code, output = run("data", "check", "--dataset", dataset, *split)
    skipped = layout in ONE_TARGET
    assert (code, ("1 problem\n" if skipped else "0 problems") in output) == (int(skipped), True), output
    code, output = run("sfa", "run", "--dataset", dataset, "--preset", "mini", "--run", str(folder), "--limit", "6")
    assert code == 0, output
    assert "Precision@1 on positives" in output
    code, output = run("eval", str(folder), "--full", "--metrics", "p1,r1,auroc,reject")
    assert code == 0, output
    absent = {"groundingme": "absent_hard", "humanref": "rejection", "grefcoco": "absent_easy"}.get(layout)
    assert (absent is not None) == ("on negative expressions" in output)
    if absent is not None:
        assert absent.replace("_", " ") in output
