"""`finecops export` of runs and `finecops import`: what is typed, what is printed, and the way there and back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from tests.builders_runs import make_run
from tests.cli.invoke import run


@pytest.fixture
def toy_run(tmp_path: Path) -> str:
    return str(make_run(tmp_path / "toy", unknown=1))


def test_a_run_as_coco_files_with_the_figures_of_pycocotools(tmp_path: Path, toy_run: str) -> None:
    code, output = run("export", "coco", toy_run, "--out", str(tmp_path / "out"), "--check")
    assert code == 0
    assert "ground_truth.json: 20 positives, 20 negatives" in output
    assert "left out: 1 sample of unknown truth" in output
    (figures,) = [line.split() for line in output.splitlines() if line.startswith("specialist ")]
    # Twelve of twenty boxes are right, and after each of them comes a negative's box with the same score: the n-th
    # right box is number 2 n - 1. COCO takes the mean at 101 levels of recall.
    precision = [0.0 if n > 12 else n / (2 * n - 1) for n in (max(1, -(-level // 5)) for level in range(101))]
    assert [figures[0], figures[1], *figures[3:]] == ["specialist", "60.00", "60.00", "0"]
    assert float(figures[2]) == pytest.approx(100 * sum(precision) / 101, abs=0.02)
    assert json.loads((tmp_path / "out" / "export.json").read_text())["run"] == "toy"


def test_one_method_of_a_run(tmp_path: Path, toy_run: str) -> None:
    out = tmp_path / "out"
    assert run("export", "coco", f"{toy_run}:mllm", "--out", str(out))[0] == 0
    assert [path.name for path in (out / "results").iterdir()] == ["mllm.json"]
    code, output = run("export", "coco", f"{toy_run}:crs", "--out", str(out))
    assert (code, "there are: specialist, mllm, sfa" in output) == (2, True)
    code, output = run("export", "coco", f"{toy_run}/mllm.jsonl", "--out", str(out))
    assert (code, "`finecops import` makes runs of files" in output) == (2, True)


def test_fiftyone_needs_the_images(tmp_path: Path, toy_run: str) -> None:
    out = str(tmp_path / "out")
    code, output = run("export", "fiftyone", toy_run, "--out", out)
    assert (code, "--images FOLDER_OR_ZIP" in output) == (1, True)
    samples = [json.loads(line) for line in (Path(toy_run) / "samples.jsonl").read_text().splitlines()]
    for sample in samples:
        path = tmp_path / "images" / sample["image"]
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (sample["width"], sample["height"])).save(path)
    code, output = run("export", "fiftyone", toy_run, "--out", out, "--images", str(tmp_path / "images"))
    assert (code, "41 samples" in output, "sfa: fields sfa, sfa_outcome, sfa_iou" in output) == (0, True, True)


def test_an_imported_file_is_evaluated_and_leaves_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    row = {"row_idx": 0, "expression": "it", "gt_bbox_xyxy": [0, 0, 9, 9], "greedy_box": [0, 0, 9, 8]}
    folder = tmp_path / "refcocoplus_val"
    folder.mkdir()
    (folder / "gemma.jsonl").write_text(json.dumps(row) + "\n" + json.dumps(row | {"row_idx": 1, "greedy_box": None}))
    code, output = run("import", "forum", str(folder / "gemma.jsonl"), "--name", "mine")
    assert (code, "outputs/imported-mine-val/: mine val, 2 samples" in output) == (0, True)
    assert "gemma-greedy: 1 box, 1 unparsed" in output
    assert "gemma greedy  50.00" in run("eval", "imported-mine-val")[1]
    code, output = run("eval", "imported-mine-val", "--intervals", "--cluster", "image")
    assert (code, "names no images" in output) == (1, True)
    code, output = run("export", "coco", "imported-mine-val:gemma-greedy", "--out", "c", "--check")
    assert (code, "score is 1/rank" in output, "  50.00" in output) == (0, True, True)


def test_options_that_are_missing_or_do_not_go_together(tmp_path: Path) -> None:
    file = tmp_path / "a_b.tsv"
    file.write_text("index\n")
    code, output = run("import", "vlmevalkit", str(file))
    assert (code, "--box-format must say how the model writes boxes; there are: norm1000_paren" in output) == (2, True)
    code, output = run("import", "lmms-eval", str(file), "--box-format", "pixels")
    assert (code, "unknown --box-format 'pixels'" in output) == (2, True)
    code, output = run("import", "ref-adv", str(file), str(file), "--label", "x")
    assert (code, "--label names one model" in output) == (2, True)
    code, output = run("export", "lmms-eval", "finecops-mini", "--out", str(tmp_path / "o"), "--boxes", "xyxy")
    assert (code, "there are: pixels, norm1, norm1000" in output) == (2, True)
    assert run("import", "lmms", str(file))[0] == 2
