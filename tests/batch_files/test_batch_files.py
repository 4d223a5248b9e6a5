"""Questions as files of requests: the rows are those of the same answers through a server, byte for byte."""

from __future__ import annotations

import base64
import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from finecops.bench.stand_in import MODEL
from tests.batch_files.server import Body, about, completion, output_lines, requests_of, serving, written
from tests.cli.invoke import run

SENTENCES = {
    "a.jpg": ["the red car", "the left dog", "the red car"],
    "b.png": ["the kite"],
    "turned.jpg": ["the sea", "the sky"],
    "broken.png": ["the moon"],
}
"""Two samples ask the same; an image is rotated by its EXIF tag; one cannot be read."""
SERVER = ("--mllm", "qwen2-vl-7b-server", "--api-model", MODEL, "--max-failed", "0.5")
MODES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "mllm": (("infer", "mllm"), ()),
    "mllm, focus": (("infer", "mllm"), ("--focus",)),
    "mllm, none": (("infer", "mllm"), ("--none",)),
    "mllm, budget": (("infer", "mllm"), ("--visual-tokens", "4")),
    "crs": (("crs", "select"), ("--topk", "3")),
    "crs, none": (("crs", "select"), ("--none", "--order", "shuffle")),
    "crs, orders": (("crs", "select"), ("--orders", "3", "--none", "--topk", "2")),
    "crs, marks": (("crs", "select"), ("--show", "both")),
    "crs, both": (("crs", "run"), ("--both",)),
}


@pytest.fixture
def pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with pictures, a table of sentences, and a file that a specialist replays."""
    monkeypatch.chdir(tmp_path)
    drawn = np.random.default_rng(0)
    for name in ("a.jpg", "b.png", "turned.jpg"):
        exif = Image.Exif()
        exif[0x0112] = 6 if name == "turned.jpg" else 1
        image = Image.fromarray(drawn.integers(0, 256, (40, 60, 3), dtype=np.uint8))
        image.save(tmp_path / name, exif=exif)
    (tmp_path / "broken.png").write_bytes((tmp_path / "b.png").read_bytes()[:60])
    rows, boxes = [], []
    for image, sentences in SENTENCES.items():
        width, height = (40, 60) if image == "turned.jpg" else (60, 40)
        for sentence in sentences:
            id_ = f"s{len(rows)}"
            rows.append({"id": id_, "image": image, "expression": sentence, "width": width, "height": height})
            found = [[n, n, n + 20, n + 20] for n in (0, 5, 10, 15)] if sentence != "the kite" else []
            status = "box" if found else "reject"
            one = {"sample_id": id_, "status": status, "boxes": found, "source": "x"}
            boxes.append(one | ({"scores": [0.9, 0.8, 0.7, 0.6]} if found else {}))
    written(tmp_path / "table.jsonl", rows)
    written(tmp_path / "boxes.jsonl", boxes)
    (tmp_path / "old.yaml").write_text(
        "name: old\nkind: specialist\nbackend: replay\nweights: boxes.jsonl\nfile_format: finecops\nscore: x\n"
    )
    return tmp_path


def options(mode: str, folder: str) -> list[str]:
    command, more = MODES[mode]
    data = ["--annotations", "table.jsonl", "--images", ".", "--run", str(Path(folder).absolute())]
    return [*data, *SERVER, *(["--specialist", "old.yaml"] if command[0] == "crs" else []), *more]


def live(mode: str, folder: str, url: str) -> tuple[int, str]:
    return run(*MODES[mode][0], *options(mode, folder), "--base-url", url, "--no-watch")


def exported(mode: str, folder: str, out: str, *more: str) -> tuple[int, str]:
    by = "mllm" if MODES[mode][0] == ("infer", "mllm") else "crs"
    return run("export", "openai-batch", "--by", by, "--out", out, *options(mode, folder), *more)


def stage_files(folder: str) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in Path(folder).glob("*.jsonl")}


@pytest.mark.parametrize("mode", MODES)
def test_rows_have_the_bytes_of_the_same_answers_through_a_server(pictures: Path, mode: str) -> None:
    with serving() as (url, seen):
        assert live(mode, "live", url)[0] == 0
    code, text = exported(mode, "batch", "out")
    assert code == 0
    assert "broken.png cannot be read" in text
    requests = requests_of(Path("out"))
    # Nothing else is sent, and what several samples ask stands there once.
    assert {json.dumps(one["body"]) for one in requests} == {json.dumps(body) for body in seen}
    assert len({one["custom_id"] for one in requests}) == len(requests) <= len(seen)
    assert {(one["method"], one["url"]) for one in requests} == {("POST", "/v1/chat/completions")}
    # In two files, as they come.
    lines = output_lines(requests)
    outputs = [str(written(Path(f"{i}.jsonl"), lines[i::2])) for i in range(2)]
    code, text = run("import", "openai-batch", *outputs, "--export", "out")
    assert (code, f"{len(requests)} requests: {len(requests)} with an answer" in text) == (0, True)
    there = stage_files("live")
    assert {name: there[name] for name in stage_files("batch")} == stage_files("batch")
    # The live command has nothing left to ask.
    with serving() as (url, seen):
        assert live(mode, "batch", url)[0] == 0
        assert seen == []
    assert stage_files("batch") == there


def test_the_live_command_asks_what_failed_and_ends_in_the_same_bytes(pictures: Path) -> None:
    with serving() as (url, _):
        assert live("mllm", "live", url)[0] == 0
    exported("mllm", "batch", "out")
    requests = [one for one in requests_of(Path("out")) if not about("dog")(one["body"])]
    kept = output_lines(requests, about("sky"))
    answers = [line for line in kept if line["response"]["status_code"] == 200]
    errors = [line for line in kept if line["response"]["status_code"] != 200]
    files = [str(written(Path("answers.jsonl"), answers)), str(written(Path("errors.jsonl"), errors))]
    code, text = run("import", "openai-batch", *files, "--export", "out")
    assert (code, "1 with an error, 1 without a line" in text) == (0, True)
    rows = {row["sample_id"]: row for row in map(json.loads, Path("batch/mllm.jsonl").read_text().splitlines())}
    assert rows["s5"]["reason"] == "batch: Error code: 404: image too large"
    assert "no line of the output files" in rows["s1"]["reason"]
    assert rows["s6"]["cause"] == "data"
    assert json.loads(Path("batch/run.json").read_text())["stages"]["mllm"]["timed_samples"] == 0
    # A second export asks what is left, with all questions about an image.
    assert exported("mllm", "batch", "again")[0] == 0
    left = [line.split("\t")[-1] for line in Path("again/requests.tsv").read_text().splitlines()[1:]]
    assert left == ["s0", "s1", "s2", "s4", "s5"]
    with serving() as (url, seen):
        assert live("mllm", "batch", url)[0] == 0
        assert len(seen) == len(left)
    assert Path("batch/mllm.jsonl").read_bytes() == Path("live/mllm.jsonl").read_bytes()


def test_files_of_a_batch_are_imported_one_after_the_other(pictures: Path) -> None:
    with serving() as (url, _):
        live("mllm", "live", url)
    exported("mllm", "batch", "out", "--max-requests", "2")
    names = sorted(path.name for path in Path("out").glob("requests-*.jsonl"))
    assert [len(Path("out", name).read_text().splitlines()) for name in names] == [2, 1, 2]
    for name in names:
        lines = output_lines([json.loads(line) for line in Path("out", name).read_text().splitlines()])
        code, _ = run("import", "openai-batch", str(written(Path("o.jsonl"), lines)), "--export", "out")
    assert code == 0
    assert Path("batch/mllm.jsonl").read_bytes() == Path("live/mllm.jsonl").read_bytes()


def test_sfa_goes_on_from_an_imported_batch(pictures: Path) -> None:
    models = ["--specialist", "old.yaml", "--router", "old.yaml"]
    with serving() as (url, _):
        command = ["sfa", "run", "--both", "--no-watch", "--base-url", url, *models]
        assert run(*command, *options("mllm", "live"))[0] == 0
    assert exported("mllm, focus", "batch", "out")[0] == 0
    path = written(Path("o.jsonl"), output_lines(requests_of(Path("out"))))
    assert run("import", "openai-batch", str(path), "--export", "out")[0] == 0
    with serving() as (url, seen):
        command = ["sfa", "run", "--both", "--no-watch", "--base-url", url, *models]
        assert run(*command, *options("mllm", "batch"))[0] == 0
        assert seen == []
    assert stage_files("batch") == stage_files("live")


def test_an_export_is_deterministic_and_its_files_stay_below_the_limits(pictures: Path) -> None:
    for out in ("one", "two"):
        assert exported("crs, orders", out + "-run", out, "--max-mb", "0.02")[0] == 0
    files = sorted(path.name for path in Path("one").glob("requests*"))
    assert len(files) > 3
    for name in files:
        assert Path("one", name).read_bytes() == Path("two", name).read_bytes()
        assert Path("one", name).stat().st_size <= 20_000 or name == "requests.tsv"


@pytest.mark.parametrize("how", ["file", "https://host/pictures/"])
def test_images_as_paths_and_urls(pictures: Path, how: str) -> None:
    shutil.copy("a.jpg", "an image.jpg")
    Path("table.jsonl").write_text(Path("table.jsonl").read_text().replace('"a.jpg"', '"an image.jpg"'))
    code, text = exported("mllm", "batch", "out", "--images-as", how)
    assert (code, "of another format): 1" in text) == (0, True)
    urls = [one["body"]["messages"][0]["content"][0]["image_url"]["url"] for one in requests_of(Path("out"))]
    before = Path.cwd().as_uri() + "/" if how == "file" else how
    assert urls[:3] == [f"{before}an%20image.jpg"] * 2 + [f"{before}b.png"]
    # The rotated one is sent as it is seen.
    content = base64.b64decode(urls[3].removeprefix("data:image/png;base64,"))
    assert Image.open(io.BytesIO(content)).size == (40, 60)
    # Its id is the same however the image is sent.
    exported("mllm", "other", "data")
    assert [one["custom_id"] for one in requests_of(Path("out"))] == [
        one["custom_id"] for one in requests_of(Path("data"))
    ]


@pytest.mark.parametrize(
    ("more", "there", "missing"),
    [
        (("--no-logprobs",), {"skip_special_tokens"}, {"logprobs"}),
        (("--no-special-tokens",), {"logprobs"}, {"skip_special_tokens"}),
    ],
)
def test_optional_parameters_are_left_out(
    pictures: Path, more: tuple[str, ...], there: set[str], missing: set[str]
) -> None:
    exported("mllm", "batch", "out", *more)
    requests = requests_of(Path("out"))
    for one in requests:
        assert there <= one["body"].keys()
        assert not missing & one["body"].keys()
    code, _ = run("import", "openai-batch", str(written(Path("o.jsonl"), output_lines(requests))), "--export", "out")
    rows = [json.loads(line) for line in Path("batch/mllm.jsonl").read_text().splitlines()]
    assert (code, {row["status"] for row in rows}) == (0, {"box", "failed"})


Change = Callable[[list[Body]], list[Body]]


def _with(line: Body, **fields: Any) -> Body:
    return {**line, **fields}


def _body(line: Body, **fields: Any) -> Body:
    return _with(line, response=_with(line["response"], body={**line["response"]["body"], **fields}))


BROKEN_LINES: dict[str, tuple[Callable[[Body], Body], str]] = {
    "expired": (
        lambda line: _with(line, response=None, error={"code": "batch_expired", "message": "too late"}),
        "too late",
    ),
    "vllm's error": (
        lambda line: _with(
            line, response={"status_code": 400, "request_id": "r"}, error={"message": "no such model", "code": 400}
        ),
        "Error code: 400: no such model",
    ),
    "an error within": (lambda line: _with(line, response=None, error=SAID_WITHIN), "image too large"),
    "nothing": (lambda line: _with(line, response=None), "neither an answer nor an error"),
    "no choices": (lambda line: _body(line, choices=[]), "no choices"),
    "another model": (lambda line: _body(line, model="other"), "answered as model 'other'"),
    "an infinite number": (
        lambda line: _body(line, choices=[{"message": {"content": "A"}, "logprobs": {"content": [NAN]}}]),
        "not a number",
    ),
    "no object": (lambda line: _with(line, response={"status_code": 200, "body": "A"}), "no chat completion"),
    "a strange status": (lambda line: _with(line, response={"status_code": {"a": 1}, "body": None}), "Error code"),
}
SAID_WITHIN = {"error": {"message": "image too large"}}
NAN = {"token": "A", "logprob": float("nan")}


@pytest.mark.parametrize("name", BROKEN_LINES)
def test_a_line_without_an_answer_is_a_failed_row_with_its_reason(pictures: Path, name: str) -> None:
    change, reason = BROKEN_LINES[name]
    exported("mllm", "batch", "out")
    lines = output_lines(requests_of(Path("out")))
    run("import", "openai-batch", str(written(Path("o.jsonl"), [change(lines[0]), *lines[1:]])), "--export", "out")
    rows = [json.loads(line) for line in Path("batch/mllm.jsonl").read_text().splitlines()]
    (failed,) = [row for row in rows if row["status"] == "failed" and row["cause"] is None]
    assert reason in failed["reason"]
    assert failed["reason"].startswith("batch: ")
    # The file with the answer mends it.
    code, _ = run("import", "openai-batch", str(written(Path("o.jsonl"), lines)), "--export", "out")
    rows = [json.loads(line) for line in Path("batch/mllm.jsonl").read_text().splitlines()]
    assert (code, [row["sample_id"] for row in rows if row["status"] == "failed"]) == (0, ["s6"])


def _twice(lines: list[Body]) -> list[Body]:
    return [*lines, *lines]


def _other_answer(lines: list[Body]) -> list[Body]:
    return [*lines, _body(lines[0], choices=[{"message": {"content": "(1,2),(3,4)"}}])]


def _error_too(lines: list[Body]) -> list[Body]:
    return [_with(lines[0], response=None, error="x"), *lines, _with(lines[0], response=None, error="x")]


def _others(lines: list[Body]) -> list[Body]:
    return [_with(lines[0], custom_id="request-1"), _with(lines[0], custom_id="ab" * 16), *lines]


FILES: dict[str, tuple[Change | bytes, int, str]] = {
    "every line twice": (_twice, 0, "5 lines about a request that another line is about too"),
    "two different answers": (_other_answer, 1, "answers the request"),
    "an error beside the answer": (_error_too, 0, "5 with an answer, 0 with an error"),
    "other requests": (_others, 0, "2 lines of other exports left out"),
    "none of ours": (lambda lines: [_with(lines[0], custom_id="x")], 1, "none of the 1 lines answers"),
    "empty": (b"", 1, "none of the 0 lines answers"),
    "no JSON": (b"<html>\n", 1, "o.jsonl:1: no JSON"),
    "no object": (b"[1]\n", 1, "no line of a batch's output"),
    "no id": (b'{"response": 1}\n', 1, "it has no custom_id"),
    "requests": (b'{"custom_id": "a", "method": "POST", "url": "u", "body": {}}\n', 1, "a request, not an answer"),
    "deep": (b'{"custom_id": "a", "x": ' + b"[" * 100_000 + b"\n", 1, "no JSON"),
}


@pytest.mark.parametrize("name", FILES)
def test_files_that_are_not_as_they_should_be(pictures: Path, name: str) -> None:
    made, expected, said = FILES[name]
    exported("mllm", "batch", "out")
    path = Path("o.jsonl")
    if isinstance(made, bytes):
        path.write_bytes(made)
    else:
        written(path, made(output_lines(requests_of(Path("out")))))
    code, text = run("import", "openai-batch", str(path), "--export", "out")
    assert (code, said in text) == (expected, True), text
    assert (Path("batch/mllm.jsonl").exists()) == (expected == 0)


def test_a_line_that_was_cut_off_is_missing(pictures: Path, caplog: pytest.LogCaptureFixture) -> None:
    exported("mllm", "batch", "out")
    path = written(Path("o.jsonl"), output_lines(requests_of(Path("out"))))
    path.write_bytes(path.read_bytes()[:-50])
    _, text = run("import", "openai-batch", str(path), "--export", "out")
    assert "4 with an answer, 0 with an error, 1 without a line" in text
    assert "is cut off" in caplog.text


def test_an_answer_is_not_taken_for_that_about_another_image(pictures: Path) -> None:
    exported("mllm", "batch", "out")
    path = str(written(Path("o.jsonl"), output_lines(requests_of(Path("out")))))
    Image.new("RGB", (60, 40), "red").save("b.png")
    run("import", "openai-batch", path, "--export", "out")
    rows = {row["sample_id"]: row for row in map(json.loads, Path("batch/mllm.jsonl").read_text().splitlines())}
    assert "image, prompt or model have changed since" in rows["s3"]["reason"]
    assert rows["s0"]["status"] == "box"


REFUSED: dict[str, tuple[tuple[str, ...], str]] = {
    "a model in this process": (("--mllm", "qwen2-vl-7b"), "a batch is for models behind servers"),
    "an option of the other strategy": (("--topk", "3"), "--topk"),
    "both without crs": (("--both",), "--both"),
    "another strategy": (("--by", "sfa"), "unknown strategy"),
    "a strange place": (("--images-as", "ftp://x"), "--images-as ftp://x"),
    "a small file": (("--max-mb", "0.001"), "a file may have 0.001"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_a_batch_is_refused(pictures: Path, name: str) -> None:
    more, said = REFUSED[name]
    given = options("mllm", "batch")
    if "--mllm" in more:
        given = [word for word in given if word not in SERVER[:4]]
    code, text = run("export", "openai-batch", "--out", "out", *given, *more)
    assert (code != 0, said in text) == (True, True), text
    assert not Path("out/requests-0001.jsonl").exists()


def test_an_export_is_not_overwritten_and_a_done_run_has_none(pictures: Path) -> None:
    exported("mllm", "batch", "out")
    code, text = exported("mllm", "batch", "out")
    assert (code, "requests may be under way" in text) == (1, True)
    path = written(Path("o.jsonl"), output_lines(requests_of(Path("out"))))
    assert run("import", "openai-batch", str(path), "--export", "out")[0] == 0
    code, text = exported("mllm", "batch", "other")
    assert (code, "nothing is left to ask" in text) == (1, True)
    (pictures / "mine").mkdir()
    (pictures / "mine" / "file").write_text("")
    code, text = exported("mllm", "batch", "mine")
    assert (code, "is not empty" in text) == (1, True)
    code, text = run("import", "openai-batch", str(path), "--export", "mine")
    assert (code, "is no export" in text) == (1, True)


def test_the_completion_of_the_tests_depends_on_the_body_alone() -> None:
    body: Body = {"logprobs": True, "x": 1}
    assert completion(body) == completion(dict(reversed(body.items())))
