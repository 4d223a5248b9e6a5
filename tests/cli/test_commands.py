"""The command line as a user meets it: tables, JSON, exit codes, one red line per error."""

from __future__ import annotations

import csv
import json
import logging
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import pytest
import typer

from finecops.cli import app as program
from tests.cli.invoke import run

PROJECT = Path(__file__).resolve().parents[2]


@pytest.mark.usefixtures("counting")
def test_sfa_run_prints_the_table_and_eval_the_same_numbers(tmp_path: Path) -> None:
    folder = str(tmp_path / "run")
    code, output = run("sfa", "run", "--limit", "30", "--both", "--run", folder)
    assert code == 0
    for word in (
        "Precision@1",
        "Recall@1 on negative expressions",
        "negative images",
        "AUROC",
        "Outcomes",
        "samples/s",
    ):
        assert word in output
    for method in ("Specialist mini-gdino + focus", "MLLM mini-qwen2vl + focus", "SFA + focus"):
        assert method in output
    code, text = run("eval", folder, "--metrics", "p1,r1,auroc", "--json")
    assert code == 0
    document = json.loads(text)
    assert set(document["outcomes"]) == {"specialist", "mllm", "sfa"}
    places = ("level", "router_level", "tuple_type")
    overall = [
        r for r in document["rows"] if r["metric"] == "precision@1" and all(r[place] is None for place in places)
    ]
    assert [row["method"] for row in overall] == ["specialist", "mllm", "sfa"]
    for row in overall:
        assert f"{row['value']:.2f}" in output
    code, text = run("eval", folder, "--metrics", "p1,r1,auroc", "--csv")
    lines = list(csv.DictReader(text.splitlines()))
    assert [float(line["value"]) for line in lines] == [row["value"] for row in document["rows"]]
    code, text = run("eval", folder, "--metrics", "p1,auroc", "--intervals", "--cluster", "image", "--json")
    rows = [row for row in json.loads(text)["rows"] if row["method"] == "sfa"]
    assert all(row["ci_low"] <= row["value"] <= row["ci_high"] for row in rows if row["metric"] == "precision@1")
    code, text = run("eval", folder, "--compare", "--json")
    assert {(row["method"], row["level"]) for row in json.loads(text)} >= {
        ("SFA − specialist", None),
        ("SFA − mllm", 3),
    }
    code, text = run("compare", folder)
    # In 80 columns all of a row stands in one line.
    assert text.count("SFA − specialist, all") == 1
    code, text = run("eval", folder, "--route-sweep", "--json")
    assert all(cost > 0 for cost in json.loads(text)[folder]["gflops_per_sample"].values())
    code, text = run("eval", folder, "--route-sweep")
    assert "oracle (on positives)" in text
    assert "MLLM alone" in text
    code, again = run("sfa", "run", "--limit", "30", "--both", "--run", folder)
    assert code == 0
    assert again.split("Time")[0].split("Precision")[1] == output.split("Time")[0].split("Precision")[1]


def test_stages_alone(tmp_path: Path) -> None:
    folder = str(tmp_path / "run")
    code, output = run("sfa", "extract", "-n", "8", "--run", folder)
    assert code == 0
    assert "found 8 (100.0%)" in output
    code, output = run("sfa", "route", "-n", "8", "--run", folder)
    assert code == 0
    assert "level" in output
    code, output = run("infer", "specialist", "-n", "8", "--run", str(tmp_path / "plain"))
    assert code == 0
    assert output.strip().endswith("specialist.jsonl")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("sfa", "run", "--dataset", "nonsense"), 1, "unknown dataset 'nonsense'; there are: cops-ref, finecops-mini"),
        (("sfa", "run", "--dataset", "finecops-ref"), 1, "figshare"),
        (("sfa", "run", "--specialist", "nonsense"), 1, "unknown specialist 'nonsense'"),
        (("sfa", "run", "--specialist", "mini-qwen2vl"), 1, "is a model of kind mllm; a specialist is needed"),
        (("sfa", "run", "--preset", "nonsense"), 1, "unknown preset"),
        (("sfa", "run", "--split", "nonsense"), 1, "has no split 'nonsense'"),
        (("sfa", "run", "--confidence", "luck"), 2, "unknown confidence 'luck'"),
        (("sfa", "run", "--device", "cuda:99", "-n", "4", "--run", "DIR/d"), 1, "device 'cuda:99' cannot be used"),
        (("sfa", "run", "--fast", "router", "--both"), 2, "does not go with --both"),
        (("sfa", "run", "--limit", "-1"), 2, "Invalid value"),
        (("sfa", "jump"), 2, "No such command"),
        (("sfa", "run", "--annotations", "nothing.json"), 1, "no such file: nothing.json"),
        (("sfa", "run", "--annotations", "data"), 1, "data is a folder: --annotations takes the annotation file in it"),
        (("data", "build", "gqa", "--scene-graphs", "x.json", "--images", ".", "--out", "DIR/o"), 1, "sceneGraphs.zip"),
    ],
)
def test_errors_say_what_is_wrong(tmp_path: Path, arguments: tuple[str, ...], code: int, message: str) -> None:
    found, output = run(*(a.replace("DIR", str(tmp_path)) for a in arguments))
    assert found == code
    assert message in output


def test_the_program_prints_one_line_and_no_traceback() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from finecops.cli.app import main; main()", "sfa", "run", "--dataset", "nonsense"],
        capture_output=True,
        text=True,
        cwd=PROJECT,
        check=False,
    )
    assert done.returncode == 1
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith("unknown dataset 'nonsense'; there are: ")
    assert {"finecops-mini", "finecops-ref", "refcoco"} <= set(line.partition("there are: ")[2].split(", "))


def test_ctrl_c_ends_with_a_line_and_its_own_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stopped() -> None:
        raise KeyboardInterrupt

    toy = typer.Typer()
    toy.command()(stopped)
    monkeypatch.setattr(program, "app", lambda: toy([]))
    monkeypatch.setattr(program, "_only", lambda first: nullcontext())
    with pytest.raises(SystemExit) as end:
        program.main()
    assert end.value.code == 130
    assert capsys.readouterr().err == f"{program.STOPPED}\n"


def test_help_does_not_import_the_heavy_libraries() -> None:
    heavy = "{'torch', 'transformers', 'numpy', 'scipy'}"
    code = f"import sys; import finecops.cli.app; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=PROJECT, check=True)
    assert done.stdout.strip() == "[]"


def test_every_dataset_has_a_line_of_a_terminal_that_says_whether_it_is_here() -> None:
    lines = run("data", "list")[1].splitlines()
    found = {line.split()[0]: line for line in lines}
    assert {"finecops-mini", "finecops-ref", "refcoco", "ref-adv", "ref-reasoning", "cops-ref"} <= found.keys()
    assert " here: test, val, test_long, test_short" in found["finecops-mini"]
    assert [line for line in lines if len(line) > 80] == []
    # Whatever is not here on this machine has its source in the line.
    assert all("not here: " in line and len(line.split("not here: ")[1]) > 10 for line in lines if "not here" in line)


def test_the_splits_of_a_dataset_are_wrapped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from finecops.datasets import places

    splits = ("test", "val", "test_long", "test_short", "train", "train_plain")
    monkeypatch.setattr(places, "splits_here", lambda config: splits if config.name == "finecops-mini" else ())
    text = run("data", "list")[1]
    assert [line for line in text.splitlines() if len(line) > 80] == []
    first, second = text[text.index("finecops-mini") :].splitlines()[:2]
    assert first == f"finecops-mini  here: {', '.join(splits)}"
    assert second == " " * 15 + "(data/finecops-mini)"


def test_data_check_on_the_committed_benchmark() -> None:
    code, output = run("data", "check", "--split", "val")
    assert code == 0
    assert "0 problems" in output


def bench_models(*arguments: str) -> dict[str, list[list[str]]]:
    """The table's numbers by what was timed."""
    code, text = run("bench", "models", "--repeats", "1", "--device", "cpu", *arguments)
    assert code == 0, text
    found: dict[str, list[list[str]]] = {}
    ways = ("one at a time", "batches of 16", "finecops")
    for line in text.splitlines():
        # Bars of progress have other columns.
        for what, way, numbers in (
            (line.partition(way)[0].strip(), way, line.partition(way)[2].split()) for way in ways
        ):
            if len(numbers) == 10:
                found.setdefault(what, []).append([way, *numbers])
    return found


def check_bench(found: dict[str, list[list[str]]]) -> None:
    for rows in found.values():
        assert [row[0] for row in rows] == ["one at a time", "batches of 16", "finecops"]
        assert [row[-1] for row in rows] == ["100.0"] * 3
        # Against itself, in seconds and in those of the processor.
        assert (rows[0][2], rows[0][5], rows[1][3], rows[1][6]) == ("1.00",) * 4
        # What is shared costs no operations; of 24 samples padding may cost a little more than sorted ones.
        assert float(rows[2][-3]) <= 1.02 * float(rows[1][-3])


def test_bench_models_times_finecops_beside_two_baselines_that_answer_the_same() -> None:
    found = bench_models("-n", "4", "--only", "mllm,crs")
    assert list(found) == ["MLLM mini-qwen2vl", "crs run"]
    check_bench(found)


@pytest.mark.slow
def test_bench_models_times_all_stages_and_both_runs() -> None:
    found = bench_models("-n", "24")
    assert len(found) == 7
    assert "sfa run" in found
    check_bench(found)


def test_bench_models_refuses_what_it_cannot_time() -> None:
    code, text = run("bench", "models", "--only", "rooter")
    assert (code, "router" in text) == (2, True)
    code, text = run("bench", "models", "--only", "mllm", "-n", "1", "--mllm", "qwen2-vl-7b-server")
    assert (code, "bench server" in text) == (2, True)


def test_bench_server_times_both_who_ask(tmp_path: Path) -> None:
    code, text = run("bench", "server", "-n", "8", "--answer-ms", "1", "--slow-ms", "2", "--folder", str(tmp_path))
    assert code == 0
    lines = [line for line in text.splitlines() if "bare, 16" in line or "finecops, " in line]
    assert [line.split()[-1] for line in lines] == ["0"] * 6, text
    assert len((tmp_path / "mllm.jsonl").read_text().splitlines()) == 8


def test_bench_data_times_the_reading_of_files(tmp_path: Path) -> None:
    code, text = run("bench", "data", "-n", "10", "-n", "33", "--repeats", "1", "--folder", str(tmp_path))
    assert code == 0
    # Bars of progress begin with the same numbers.
    lines = [line.split() for line in text.splitlines() if "|" not in line and "samples:" not in line]
    rows = [row for row in lines if row[:1] in (["10"], ["33"])]
    assert [len(row) for row in rows] == [7, 7]
    # Of the columns, what the table takes does not depend on the machine; with few rows its types are small.
    assert all(0.05 < float(row[-1]) < 0.4 for row in rows)
    assert list(tmp_path.iterdir()) == []
    assert run("bench", "data", "-n", "9")[0] == 2


@pytest.mark.parametrize(
    ("size", "lines"), [(("-n", "0"), 1), pytest.param(("-n", "40"), 6, marks=pytest.mark.slow)], ids=["file", "run"]
)
def test_bench_large_times_each_command(tmp_path: Path, size: tuple[str, str], lines: int) -> None:
    folder = tmp_path / "new"
    code, text = run("bench", "large", *size, "--rows", "30", "--folder", str(folder))
    assert code == 0, text
    rows = [line.split() for line in text.splitlines() if line.startswith(("  to the", "  going", "  again", "  fine"))]
    assert [row[-5] for row in rows] == [size[1]] * (lines - 1) + ["30"]
    assert all(float(value) > 0 for row in rows for value in row[-4:])
    assert not folder.exists()
    code, text = run("bench", "large", "--folder", str(tmp_path))
    assert (code, "would be deleted" in text) == (2, True)
    assert run("bench", "large", "-n", "3")[0] == 2


@pytest.mark.parametrize(("until", "lines"), [("reading", 1), pytest.param("whole", 3, marks=pytest.mark.slow)])
def test_bench_build_times_its_measures(tmp_path: Path, until: str, lines: int) -> None:
    code, text = run("bench", "build", "-n", "60", "--until", until, "--workers", "1", "--folder", str(tmp_path))
    assert code == 0
    rows = [line for line in text.splitlines() if line.startswith(("  reading", "  the whole"))]
    assert len(rows) == lines
    # graphs, seconds, graphs/s, milliseconds, and three of memory; one process without workers.
    assert all(row.split()[-7] == "60" and row.split()[-2] == "0" for row in rows)
    assert list(tmp_path.iterdir()) == []
    code, text = run("bench", "build", "-n", "0")
    assert (code, "none is given" in text) == (2, True)
    code, text = run("bench", "build", "--until", "pths")
    assert (code, "paths" in text) == (2, True)


def test_bench_eval_times_both_formats(tmp_path: Path) -> None:
    code, text = run("bench", "eval", "--scale", "0.003", "--repeats", "1", "--folder", str(tmp_path))
    assert code == 0
    rows = [
        line.split()
        for line in text.splitlines()
        if line.startswith(("  finecops eval, texts", "  finecops eval, det"))
    ]
    # Rows, seconds, CPU seconds, both against the first scale, memory.
    assert [len(row) for row in rows] == [9, 9]
    assert all(row[-3:-1] == ["1.0", "1.0"] and float(row[-4]) > 0 for row in rows), text
    assert "CPU seconds" in text


def test_crs_run_prints_its_ceiling_and_its_ledger(tmp_path: Path) -> None:
    folder = str(tmp_path / "run")
    choose = ("--mllm", "mini-qwen2vl", "--run", folder, "-n", "24")
    code, text = run("crs", "candidates", "-n", "24", "--run", folder)
    assert code == 0
    assert "@5 " in text
    code, text = run("crs", "run", "--both", *choose)
    assert code == 0
    for word in (
        "CRS top-5 mini-qwen2vl",
        "Specialist mini-gdino",
        "Candidate recall",
        "wrong choice",
        "negatives rejected",
    ):
        assert word in text
    code, text = run("crs", "select", "--nms-iou", "0.5", *choose)
    assert code == 1
    assert "candidates.jsonl was made with other settings: nms_iou was 0.7, is 0.5" in text
    code, text = run("crs", "select", "--topk", "3", "--none", "--orders", "2", *choose)
    assert code == 0
    assert "at random" in text
    code, text = run("eval", folder, "--json")
    document = json.loads(text)
    assert {"crs-top5-mini-qwen2vl", "crs-top3-none-mini-qwen2vl"} <= set(document["outcomes"])
    ledger = document["runs"][folder]["ledgers"]["crs-top5-mini-qwen2vl"]
    # Every positive is counted once, whatever the reply.
    assert sum(ledger.values()) == sum(document["outcomes"]["mllm"]["positive"].values())
    code, text = run("eval", folder, "--compare", "--json")
    assert ("crs-top5-mini-qwen2vl − specialist", None) in {(row["method"], row["level"]) for row in json.loads(text)}


def test_advise_without_a_true_box_is_refused_before_any_model_runs(tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_text("image,expression,width,height\na.png,the car,100,100\n")
    code, text = run("advise", "--annotations", str(tmp_path / "own.csv"), "--run", str(tmp_path / "run"))
    assert code == 1
    assert "no positive sample: without a true box" in text
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == ["run.json", "samples.jsonl"]


@pytest.mark.slow
def test_advise_runs_every_strategy_once_and_keeps_what_is_there(tmp_path: Path) -> None:
    folder = str(tmp_path / "run")
    code, text = run("sfa", "run", "--both", "--limit", "16", "--run", folder)
    assert code == 0
    before = json.loads((tmp_path / "run" / "run.json").read_text())["stages"]
    code, text = run("advise", "--limit", "16", "--run", folder)
    assert code == 0
    assert "SFA+CRS = targets + routes + " in text
    assert "Verdict: " in text
    after = json.loads((tmp_path / "run" / "run.json").read_text())["stages"]
    assert {name: after[name] for name in before} == before
    assert set(after) - set(before) == {"candidates", "crs-top5-mini-qwen2vl-crs", "sfa-crs"}
    # The output of the runner has what goes to stderr, too.
    text = run("advise", "--limit", "16", "--run", folder, "--json")[1]
    document = json.loads(text[text.index("{") :])
    assert (document["version"], len(document["strategies"]), len(document["pairs"])) == (1, 5, 10)
    # Every strategy is a method of the run: any two can be compared.
    assert run("compare", f"{folder}:sfa", f"{folder}:sfa-crs")[0] == 0


@pytest.mark.parametrize(
    ("more", "label"),
    [((), "CRS top-3 router"), (("--candidates", "specialist"), "CRS top-3 mini")],
)
def test_sfa_can_send_hard_samples_to_crs(tmp_path: Path, more: tuple[str, ...], label: str) -> None:
    folder = str(tmp_path / "run")
    code, text = run("sfa", "run", "--slow", "crs", *more, "--topk", "3", "-n", "16", "--run", folder)
    assert code == 0
    assert "SFA" in text
    assert label in text
    rows = [json.loads(line) for line in (tmp_path / "run" / "sfa.jsonl").read_text().splitlines()]
    routes = [json.loads(line) for line in (tmp_path / "run" / "routes.jsonl").read_text().splitlines()]
    assert {(r["level"], row["source"]) for r, row in zip(routes, rows, strict=True)} == {(1, "specialist"), (2, "crs")}


def test_tuning_data_is_written_linted_and_learnt_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    data = tmp_path / "tune.jsonl"
    few = ("--positives", "12", "--negatives", "3")
    code, text = run("crs", "tune-data", "--out", str(data), "--split", "val", *few)
    assert code == 0
    assert "15 rows" in text
    assert "no faults" in text
    # In a run that is named, candidates of all samples are detected: of those of six images.
    against = PROJECT / "data" / "finecops-mini" / "val_expression_all_coco_format.json"
    content = json.loads(against.read_text())
    # The edited images are of negatives alone.
    names = sorted({name for image in content["images"] if (name := image["file_name"]).startswith("val_")})[:6]
    content["images"] = [image for image in content["images"] if image["file_name"] in names]
    ids = {image["id"] for image in content["images"]}
    content["annotations"] = [entry for entry in content["annotations"] if entry["image_id"] in ids]
    (tmp_path / "some.json").write_text(json.dumps(content))
    named = ("--annotations", str(tmp_path / "some.json"), "--run", str(tmp_path / "run"))
    code, text = run(
        *("crs", "tune-data", "--out", str(tmp_path / "x"), "--trainer", "ms-swift"),
        *(*named, *few, "--against", str(against)),
    )
    detected = (tmp_path / "run" / "candidates.jsonl").read_text().count("\n")
    assert detected == len(content["annotations"])
    assert code == 1
    assert "a sample of val_expression_all" in text
    tuning = ("--epochs", "0.2", "-b", "4", "--per-device", "4", "--rank", "2", "--device", "cpu")
    code, text = run("crs", "tune", str(data), "--out", str(tmp_path / "adapter"), *tuning)
    assert code == 0
    code, text = run(
        "crs", "select", "-n", "8", "--none", "--adapter", str(tmp_path / "adapter"), "--run", str(tmp_path / "r")
    )
    assert code == 0
    assert "mini-qwen2vl+adapter" in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("crs", "select", "--order", "random"), "there are: rank, shuffle"),
        (("crs", "select", "--show", "pictures"), "there are: text, marks, both"),
        (("crs", "select", "--adapter", "checkpoints/nothing", "-n", "2"), "checkpoints/nothing"),
        (("crs", "tune-data", "--out", "x", "--trainer", "axolotl"), "there are: finecops"),
        (("crs", "tune-data", "--out", "x", "--style", "plain"), "there are: crs, baseline"),
        (("crs", "tune-data", "--out", "x", "--fewest", "6"), "--fewest 6 is not between 1 and --topk 5"),
        (("crs", "tune-data", "--out", "x", "--style", "baseline", "--fewest", "2"), "--fewest: of no use"),
        (("models", "list", "--kind", "detector"), "there are: specialist, mllm, extractor"),
        (("models", "list", "--markdown", "--json"), "it goes with no other option"),
        (("models", "check", "rules", "--out", "x.png"), "have no use"),
        (("data", "build", "mini", "--out", "x", "--split", "dev"), "there are: test, val, train"),
        (("data", "check", "--split", "val", "--annotations", "x.json"), "give one of them"),
        (("bench", "eval", "--scale", "0"), "--scale must be above 0"),
        (("bench", "eval", "--script", "nowhere.py"), "--script nowhere.py is not a file"),
        (("crs", "tune", "nothing.jsonl", "--out", "x"), "tune-data"),
        (("sfa", "run", "--slow", "both"), "there are: mllm, crs"),
        (("sfa", "run", "--none"), "go with --slow crs"),
        (("sfa", "run", "--candidates", "specialist"), "go with --slow crs"),
        (("sfa", "run", "--slow", "crs", "--candidates", "mllm"), "there are: router, specialist"),
    ],
)
def test_wrong_options_are_refused_at_once(arguments: tuple[str, ...], message: str, tmp_path: Path) -> None:
    named = ("--run", str(tmp_path / "run")) if arguments[1] in ("select", "run") else ()
    code, text = run(*arguments, *named)
    # A name that is looked up on this machine is no wrong usage.
    assert code == (1 if "nothing" in " ".join(arguments) else 2)
    assert message in text


def test_a_wrong_format_of_a_log_line_ends_no_command() -> None:
    from finecops.cli.app import _plain_record

    record = logging.LogRecord("x", logging.WARNING, "x", 1, "%d a", ("s",), None)
    assert _plain_record(record)
