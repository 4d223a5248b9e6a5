"""`finecops eval`, `score`, `compare` and `sweep` on run folders and files that were written by hand."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from finecops.bench.synthetic import Counts, write_files
from finecops.exchange.formats import FORMATS, PredictionFormat
from finecops.metrics.answers import AnswersBuilder
from finecops.metrics.dictionary import METRICS
from finecops.metrics.metric import Metric
from finecops.metrics.values import MetricValue, Subset
from finecops.report.writers import WRITERS
from tests.builders_runs import change_entry, make_run, stage_entry
from tests.cli.invoke import run
from tests.conftest import make_prediction


@contextmanager
def entered(dictionary: dict[str, Any], name: str, entry: Any) -> Iterator[None]:
    """An entry of a dictionary for a while."""
    dictionary[name] = entry
    try:
        yield
    finally:
        del dictionary[name]


@pytest.fixture
def folder(tmp_path: Path) -> str:
    return str(make_run(tmp_path / "run"))


def synthetic(tmp_path: Path, verb: str = "score") -> tuple[str, ...]:
    """The command that scores a file of detections, without its format."""
    files = write_files(tmp_path / "files", Counts(40, 40, 30))
    return (verb, "--annotations", str(files.annotations), "--predictions", str(files.detections))


def detections(tmp_path: Path, verb: str = "score") -> tuple[str, ...]:
    return (*synthetic(tmp_path, verb), "--format", "mmdet-npy")


# --- the same numbers in every output


def test_a_run_by_table_json_and_csv(folder: str) -> None:
    code, text = run("eval", folder, "--metrics", "p1,r1,auroc,reject")
    assert code == 0
    for word in ("Precision@1 on positives", "Recall@1 on negative expressions", "AUROC", "Outcomes", "SFA's 20"):
        assert word in text
    code, printed = run("eval", folder, "--metrics", "p1,r1,auroc,reject", "--json")
    document = json.loads(printed)
    assert document["version"] == 1
    assert set(document) == {"version", "rows", "outcomes", "absent", "runs"}
    assert set(document["outcomes"]) == {"specialist", "mllm", "sfa"}
    first = ["run", "method", "metric", "kind", "type", "level", "router_level", "tuple_type", "value", "n"]
    for row in document["rows"]:
        assert list(row)[:10] == first
        assert f"{row['value']:.2f}" in text, row
    code, lines = run("eval", folder, "--metrics", "p1,r1,auroc,reject", "--csv")
    table = list(csv.DictReader(lines.splitlines()))
    assert list(table[0])[:10] == first
    assert [float(line["value"]) for line in table] == [row["value"] for row in document["rows"]]
    assert run("eval", folder, "--metrics", "p1,r1,auroc,reject", "--as", "json")[1] == printed


@pytest.mark.parametrize("verb", ["eval", "score"])
def test_a_file_by_table_json_and_csv(verb: str, tmp_path: Path) -> None:
    file = (*detections(tmp_path, verb), "--metrics", "p1,r1,auroc,reject,aurc")
    code, table = run(*file, "--full")
    assert code == 0
    code, text = run(*file, "--json")
    document = json.loads(text)
    assert document["outcomes"]["box"] == 110
    assert document["outcomes"]["positive"]["box"] == 40
    code, lines = run(*file, "--csv")
    assert [float(line["value"]) for line in csv.DictReader(lines.splitlines())] == [
        row["value"] for row in document["rows"]
    ]
    for row in document["rows"]:
        assert f"{row['value']:.2f}" in table, row


@pytest.mark.parametrize(
    ("output", "pattern"),
    [
        ("text", r"  SFA +100\.00 +100\.00"),
        ("markdown", r"\| SFA \| 100\.00 \| 100\.00"),
        ("latex", r"SFA & 100\.00 & 100\.00"),
        ("csv", r",sfa,precision@1,"),
        ("json", r'"method": "sfa"'),
    ],
)
def test_every_output_has_the_numbers(output: str, pattern: str, tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run")
    (folder / "sfa.jsonl").write_bytes((folder / "mllm.jsonl").read_bytes())
    change_entry(folder, "sfa", checksums=None)
    code, text = run("eval", str(folder), "--as", output, "--metrics", "p1")
    assert code == 0
    assert re.search(pattern, text)
    for verb in ("compare", "sweep"):
        code, text = run(verb, str(folder), "--as", output)
        assert code == 0
        assert "specialist" in text or output == "csv"


def test_unknown_truth_is_said(tmp_path: Path) -> None:
    code, text = run("eval", str(make_run(tmp_path / "run", unknown=3)))
    assert code == 0
    assert "3 samples of unknown truth: answers and no score" in text


def test_a_file_without_most_of_the_samples_is_asked_about(tmp_path: Path) -> None:
    lines = [f"a.png,car {i},1 2 30 40,100,100" for i in range(4)]
    (tmp_path / "own.csv").write_text("\n".join(["image,expression,box,width,height", *lines]) + "\n")
    (tmp_path / "answers.jsonl").write_text(make_prediction("1").model_dump_json() + "\n")
    files = ("--annotations", str(tmp_path / "own.csv"), "--predictions", str(tmp_path / "answers.jsonl"))
    code, text = run("score", *files, "--boxes", "xyxy", "--format", "finecops")
    assert code == 0
    assert "3 of 4 samples have no prediction and count as wrong. Is this the file of a run with --limit?" in text


# --- compare and sweep


def test_compare_honours_iou_and_outputs(folder: str) -> None:
    document = json.loads(run("compare", folder, "--json")[1])
    assert (document["version"], document["iou"]) == (1, 0.5)
    assert {row["method"] for row in document["rows"]} == {"SFA − specialist", "SFA − mllm"}
    assert json.loads(run("eval", folder, "--compare", "--json")[1]) == document["rows"]
    lines = csv.DictReader(run("compare", folder, "--csv")[1].splitlines())
    assert [line["p_value"] for line in lines] == [str(row["p_value"]) for row in document["rows"]]
    # No box overlaps by 0.999 unless it is the truth: all of the toy run's right boxes are.
    assert json.loads(run("eval", folder, "--compare", "--iou", "0.9", "--as", "json")[1]) == document["rows"]
    assert "(IoU > 0.9)" in run("compare", folder, "--iou", "0.9")[1]
    assert "(IoU > 0.9)" in run("eval", folder, "--compare", "--iou", "0.9")[1]


def test_compare_of_two_runs_names_them(tmp_path: Path) -> None:
    a, b = (str(make_run(tmp_path / name)) for name in "ab")
    code, text = run("compare", a, b, "--cluster", "image")
    assert code == 0
    assert f"first is {a}, second is {b}" in text


def test_compare_of_two_methods_has_every_table(folder: str) -> None:
    code, text = run("compare", f"{folder}:specialist", f"{folder}:mllm", f"{folder}:sfa")
    assert code == 0
    for line in (
        f"Precision@1 on positives, %: each minus {folder}:specialist, which is first",
        f"{folder}:sfa against {folder}:specialist",
        "compared: 40 samples of the same id and content",
        "Who is right (a positive with its box)",
        "Where they differ: 4 strata with fewer than 20 samples were not looked at.",
    ):
        assert line in text
    document = json.loads(run("compare", f"{folder}:specialist", f"{folder}:mllm", "--json")[1])
    assert (document["version"], document["rows"][0]["difference"]) == (1, 40.0)
    assert document["pairs"][0]["cells"][0]["second_only"]["count"] == 8
    lines = list(csv.DictReader(run("compare", f"{folder}:specialist", f"{folder}:mllm", "--csv")[1].splitlines()))
    assert {line["of"] for line in lines} == {"measure", "cell"}


@pytest.mark.parametrize("command", [("sweep",), ("eval", "--route-sweep")])
def test_sweep_by_both_names(command: tuple[str, ...], folder: str) -> None:
    code, text = run(*command, folder)
    assert code == 0
    assert "oracle (on positives)" in text
    assert "MLLM alone" in text
    document = json.loads(run(*command, folder, "--json")[1])
    assert len(document[folder]["rules"]) == 396
    assert set(document[folder]["rules"][0]["rule"]) == {"score_threshold", "nms_iou", "zero_is", "min_confidence"}


@pytest.mark.parametrize(("name", "starts"), [("a.png", b"\x89PNG"), ("b.pdf", b"%PDF")])
def test_a_sweep_is_drawn(name: str, starts: bytes, folder: str, tmp_path: Path) -> None:
    path = tmp_path / "new" / name
    code, _ = run("sweep", folder, "--figure", str(path))
    assert code == 0
    assert path.read_bytes().startswith(starts)
    code, text = run("sweep", folder, "--figure", str(tmp_path / "a.gif"))
    assert code == 2
    assert ".png, .pdf" in text


# --- the paper, its scripts, a second split


def test_both_arithmetics_side_by_side(tmp_path: Path) -> None:
    file = detections(tmp_path)
    code, text = run(*file, "--compat", "both")
    assert code == 0
    assert "(IoU > 0.5)" in text
    assert "(IoU >= 0.5)" in text
    assert "arithmetic of the paper's scripts" in text
    code, text = run(*file, "--compat", "reference", "--json")
    assert {row["arithmetic"] for row in json.loads(text)["rows"]} == {"reference"}


def test_a_file_is_calibrated_on_another_split(tmp_path: Path) -> None:
    file = (*detections(tmp_path), "--metrics", "auroc,ece")
    val = write_files(tmp_path / "val", Counts(60, 60, 50), seed=1)
    code, text = run(*file, "--val-annotations", str(val.annotations), "--val-predictions", str(val.detections))
    assert code == 0
    for word in ("calibrated", "recall95", "balanced", "negatives rejected"):
        assert word in text


def test_the_paper_beside_a_file(tmp_path: Path) -> None:
    file = (*detections(tmp_path), "--paper", "--paper-row")
    code, text = run(*file, "MM-GDINO-L")
    assert code == 0
    assert "68.32" in text
    code, text = run(*file, "MM-GDINO-XXL")
    assert code == 2
    assert "MM-GDINO-L" in text


def test_the_paper_beside_a_run_of_its_models(tmp_path: Path) -> None:
    qwen = {"paper_row": "Qwen2-VL-7B", "focus": True}
    folder = make_run(
        tmp_path / "run",
        dataset="finecops-ref",
        specialist=stage_entry("answers", "specialist", paper_row="MM-GDINO-L"),
        mllm=stage_entry("answers", "mllm", **qwen),
        sfa=stage_entry("answers", "sfa", **qwen),
    )
    code, text = run("eval", str(folder), "--paper", "--json")
    assert code == 0
    found = {
        (row["method"], row["level"], row["router_level"]): (row["value"], row["table"])
        for row in json.loads(text)["rows"]
        if row.get("source") == "paper" and row["metric"] == "precision@1"
    }
    assert found["specialist", None, None] == (68.32, "VI")
    assert found["specialist", 1, None] == (85.13, "III")
    assert found["mllm", None, None] == (75.03, "VII")
    assert found["sfa", None, 2] == (66.91, "VI")
    code, text = run("eval", str(make_run(tmp_path / "toy")), "--paper")
    assert "The paper has no figures" in text


def test_coco_results_are_written(folder: str, tmp_path: Path) -> None:
    code, _ = run(*detections(tmp_path), "--export-coco", str(tmp_path / "out"))
    assert code == 0
    assert len(json.loads((tmp_path / "out" / "detections.json").read_text())) == 1100
    code, _ = run("eval", folder, "--export-coco", str(tmp_path / "runs"))
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == [
        "run-mllm.json",
        "run-sfa.json",
        "run-specialist.json",
    ]


# --- an entry in a dictionary is enough


def test_a_toy_metric_is_one_function_and_one_entry(folder: str) -> None:
    def share_of_answers(scene: Any) -> list[MetricValue]:
        answered = scene.data.outcome == 0
        values = [MetricValue(metric="toy", value=12.34, n=int(answered.sum()))]
        return [*values, MetricValue(metric="toy", value=56.78, n=1, **dict(Subset(level=1)))]

    with entered(METRICS, "toy", Metric("how toyish", share_of_answers)):
        code, text = run("eval", folder, "--metrics", "p1,toy")
        assert code == 0
        assert "Single values" in text
        assert "how toyish" in text
        assert "12.34" in text
        rows = json.loads(run("eval", folder, "--metrics", "toy", "--json")[1])["rows"]
        assert {(row["metric"], row["value"]) for row in rows} == {("toy", 12.34), ("toy", 56.78)}
    assert "unknown metric toy" in run("eval", folder, "--metrics", "toy")[1]


def test_a_toy_writer_is_one_function_and_one_entry(folder: str) -> None:
    with entered(WRITERS, "toy", lambda document: f"{len(document.tables)} tables, {len(document.rows)} rows"):
        code, text = run("eval", folder, "--as", "toy")
    assert code == 0
    assert re.fullmatch(r"\d+ tables, \d+ rows\n", text)


def test_a_toy_format_is_one_function_and_one_entry(tmp_path: Path) -> None:
    def read(path: Path, how: Any, samples: Any) -> Any:
        builder = AnswersBuilder(str(path))
        for line in path.read_text().splitlines():
            id_, *box = line.split()
            builder.add(id_, "box", np.array([box], dtype=float), [0.5], None, "toy")
        return builder.build()

    file = list(synthetic(tmp_path))
    annotations = json.loads(Path(file[2]).read_text())["annotations"]
    rows = [(a["image_id"], *a["bbox"]) for a in annotations if "negative_type" not in a]
    (tmp_path / "toy.txt").write_text("".join(f"{i} {x} {y} {x + w} {y + h}\n" for i, x, y, w, h in rows))
    file[4] = str(tmp_path / "toy.txt")
    with entered(FORMATS, "toy", PredictionFormat(read)):
        code, text = run(*file, "--format", "toy", "--metrics", "p1", "--json")
        assert code == 0
        assert {row["value"] for row in json.JSONDecoder().raw_decode(text)[0]["rows"]} == {100.0}
        code, text = run(*file, "--format", "toy", "--box-format", "norm1000_list")
        assert code == 2
        assert "--box-format does not go with --format toy" in text


# --- what does not belong is refused


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("RUN", "--compare", "--paper"), "--paper does not go with --compare; it goes with runs"),
        (("RUN", "--compare", "--full"), "--full does not go with --compare"),
        (("RUN", "--compare", "--metrics", "p1"), "--metrics does not go with --compare"),
        (("RUN", "--compare", "--intervals"), "--intervals does not go with --compare"),
        (("RUN", "--compare", "--export-coco", "x"), "--export-coco does not go with --compare"),
        (("RUN", "--compare", "--compat", "both"), "--compat does not go with --compare"),
        (("RUN", "--compare", "--route-sweep"), "--compare does not go with --route-sweep"),
        (("RUN", "--route-sweep", "--iou", "0.7"), "--iou does not go with --route-sweep"),
        (("RUN", "--route-sweep", "--cluster", "image"), "--cluster does not go with --route-sweep"),
        (("RUN", "--format", "refexp-text", "--box-format", "nonsense"), "--format does not go with runs"),
        (("RUN", "--box-format", "norm1000_list"), "--box-format does not go with runs; it goes with --annotations"),
        (("RUN", "--score", "x"), "--score does not go with runs"),
        (("RUN", "--ignore-unknown"), "--ignore-unknown does not go with runs"),
        (("RUN", "--val-annotations", "x"), "--val-annotations does not go with runs"),
        (("RUN", "--val-predictions", "x"), "--val-predictions does not go with runs"),
        (("RUN", "--paper-row", "Qwen2-VL-7B"), "--paper-row goes with --paper"),
        (("RUN", "--cluster", "image"), "--cluster goes with --intervals"),
        (("RUN", "--json", "--csv"), "--json and --csv both say how to print"),
        (("RUN", "--json", "--as", "text"), "--json and --as both say how to print"),
        (("RUN", "--full", "--csv"), "--full does not go with --csv"),
        (("RUN", "--compat", "reference", "--iou", "0.7"), "--iou does not go with --compat reference"),
        (("RUN", "--compat", "reference", "--intervals"), "--intervals does not go with --compat reference"),
        (("RUN", "--compat", "reference", "--val", "RUN"), "--val does not go with --compat reference"),
        (("RUN", "--val", "RUN"), "is the evaluated run itself"),
        (("RUN", "--compat", "reference", "--paper"), "--paper does not go with --compat reference"),
    ],
)
def test_eval_refuses_what_it_would_ignore(arguments: tuple[str, ...], message: str, folder: str) -> None:
    code, text = run("eval", *(a.replace("RUN", folder) for a in arguments))
    assert message in text
    assert code == 2


@pytest.mark.parametrize("verb", ["eval", "score"])
@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--format", "mmdet-npy", "--box-format", "norm1000_list"), "it goes with refexp-text"),
        (("--format", "mmdet-npy", "--score", "x"), "it goes with refexp-text or crs-letters"),
        (("--format", "crs-letters", "--box-format", "x"), "--box-format does not go with --format crs-letters"),
        (("--format", "mmdet-npy", "--paper-row", "Qwen2-VL-7B"), "--paper-row goes with --paper"),
        (("--format", "mmdet-npy", "--cluster", "image"), "--cluster goes with --intervals"),
        (("--format", "mmdet-npy", "--compat", "reference", "--ignore-unknown"), "--ignore-unknown does not go with"),
        (("--format", "mmdet-npy", "--csv", "--as", "csv"), "both say how to print"),
    ],
)
def test_a_file_refuses_what_it_would_ignore(verb: str, more: tuple[str, ...], message: str, tmp_path: Path) -> None:
    code, text = run(*synthetic(tmp_path, verb), *more)
    assert message in text
    assert code == 2


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("some-run",), "RUN does not go with --annotations and --predictions; it goes with runs"),
        (("--val", "some-run"), "--val does not go with --annotations and --predictions"),
        (("--compare",), "--compare does not go with --annotations"),
        (("--route-sweep",), "--route-sweep does not go with --annotations"),
    ],
)
def test_a_file_goes_with_no_run(more: tuple[str, ...], message: str, tmp_path: Path) -> None:
    code, text = run(*detections(tmp_path, "eval"), *more)
    assert message in text
    assert code == 2


@pytest.mark.parametrize(
    ("verb", "more"), [("compare", "--metrics"), ("compare", "--intervals"), ("sweep", "--iou"), ("score", "--val")]
)
def test_a_verb_has_its_own_options_alone(verb: str, more: str) -> None:
    code, text = run(verb, "x", more)
    assert code == 2
    assert "No such option" in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("eval", "--metrics", "p1,magic"), "unknown metric magic; there are: p1, p5"),
        (("eval", "RUN", "--metrics", ","), "unknown metric (none)"),
        (("eval", "a/b", "--cluster", "luck"), "unknown cluster 'luck'; there are: positive, image"),
        (("compare", "a/b", "--cluster", "luck"), "unknown cluster 'luck'; there are: positive, image"),
        (("eval", "RUN", "--compat", "paper"), "unknown arithmetic 'paper'; there are: none, reference, both"),
        (("eval", "RUN", "--as", "word"), "unknown output 'word'; there are: text, markdown, latex, csv, json"),
        (("sweep", "RUN", "--as", "word"), "unknown output 'word'"),
        (("compare", "RUN:sfx"), "has no method 'sfx' (did you mean 'sfa'?); there are: specialist, mllm, sfa"),
        (("compare", "RUN", "RUN:sfa"), "so it must be one method; there are: RUN:specialist, RUN:mllm, RUN:sfa"),
        (("compare", "RUN", "--format", "finecops"), "--format goes with a prediction file"),
        (("eval", "--annotations", "x.json"), "--annotations and --predictions go together"),
    ],
)
def test_a_mistyped_choice_is_wrong_usage(arguments: tuple[str, ...], message: str, folder: str) -> None:
    code, text = run(*(a.replace("RUN", folder) for a in arguments))
    assert message.replace("RUN", folder) in text
    assert code == 2


def test_a_folder_without_a_run_is_an_error() -> None:
    code, text = run("eval", "no/such/run")
    assert code == 1
    assert "is no run" in text


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ((), "needs --format; there are: mmdet-npy"),
        (("--format", "xml"), "there are: mmdet-npy"),
        (("--format", "mmdet-npy", "--metrics", "p0"), "unknown metric p0"),
        (("--format", "mmdet-npy", "--compat", "paper"), "unknown arithmetic"),
        (("--format", "mmdet-npy", "--val-annotations", "x.json"), "--val-annotations and --val-predictions go"),
        (("--format", "refexp-text", "--box-format", "nonsense"), "unknown box format 'nonsense'; there are: "),
        (("--format", "refexp-text"), "needs --box-format; there are: "),
    ],
)
def test_a_file_with_wrong_options(more: tuple[str, ...], message: str, tmp_path: Path) -> None:
    code, text = run(*synthetic(tmp_path, "eval"), *more)
    assert message in text
    assert code == 2


def test_a_name_from_the_data_cannot_drive_the_terminal(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run")
    change_entry(folder, "sfa", label="SFA \x1b[31mred\x07\u202e")
    code, text = run("eval", str(folder))
    assert code == 0
    assert "SFA \ufffd[31mred" in text
    assert not {"\x1b", "\x07", "\u202e"} & set(text)
