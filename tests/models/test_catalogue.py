"""The table of models, and `finecops doctor`."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from finecops.bench.doctor import examine
from finecops.bench.model_check import CheckedSample, formats_that_read
from finecops.cli.app import app
from finecops.config.find import load_mllm, load_preset, load_specialist, names
from finecops.errors import FailuresError, FinecopsError
from finecops.models.catalogue import fact_of, markdown_table, model_facts
from finecops.models.worker_process import PROGRAMS
from tests.conftest import make_prediction, make_sample


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == 0, result.output
    return result.output


def test_the_table_in_the_docs_is_what_the_command_prints() -> None:
    page = Path("docs/models.md").read_text()
    assert page.endswith(markdown_table()), "finecops models list --markdown; paste it into docs/models.md"
    assert run("models", "list", "--markdown") == markdown_table()


def test_every_model_of_the_papers_tables_has_a_row() -> None:
    tables = json.loads(resources.files("finecops.evaluation").joinpath("paper_tables.json").read_text())
    rows = {row for name in ("table3_precision_at_1_positive", "table9_routers") for row in tables[name]["rows"]}
    assert rows - {fact.paper_row for fact in model_facts()} == set()


def test_every_row_states_its_tests_and_its_licence() -> None:
    for fact in model_facts():
        assert fact.licence, fact.name
        assert fact.proved, fact.name


def test_the_routers_of_table_nine_are_configurations() -> None:
    for name in ("mm-gdino-l", "mdetr", "yolo-world", "proxydet", "ov-dino"):
        assert load_specialist(name).score
    assert load_preset("paper").router == "mm-gdino-l"


def test_list_shows_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COGVLM_PYTHON", raising=False)
    facts = {fact["name"]: fact for fact in json.loads(run("models", "list", "--json"))}
    assert set(facts) == set(names("models"))
    assert facts["mini-gdino"]["lacks"] is None
    assert facts["cogvlm"]["lacks"] == "COGVLM_PYTHON is not set"
    assert "does not exist" in facts["shikra-7b"]["lacks"]
    monkeypatch.setenv("COGVLM_PYTHON", "/usr/bin/python3")
    assert fact_of(load_mllm("cogvlm")).lacks is None
    assert "mllm" not in run("models", "list", "--kind", "extractor")


def test_every_linked_page_exists() -> None:
    page = Path("docs/models.md").read_text()
    for name in ("workers", "shikra", "ferret", "groundinggpt", "cogcom", "lenna", "uninext", "simvg", "ov-dino"):
        assert f"(models/{name}.md)" in page
        assert Path(f"docs/models/{name}.md").is_file()
    workers = Path("docs/models/workers.md").read_text()
    assert all(path.name in workers for path in PROGRAMS.glob("*.py") if path.stem != "loop")


@pytest.mark.parametrize("name", ["mini-gdino", "mini-qwen2vl", "rules"])
def test_check_shows_a_models_answers(tmp_path: Path, name: str) -> None:
    picture = tmp_path / "check.png"
    # An extractor finds phrases: there is nothing to draw.
    drawn = () if name == "rules" else ("--out", str(picture))
    output = run("models", "check", name, "--samples", "2", "--device", "cpu", *drawn)
    assert f"{name}: loaded in" in output
    assert "peak memory" in output
    assert ("target:" in output) == (name == "rules")
    assert picture.is_file() == (name != "rules")
    assert ("reply:" in output) == (name == "mini-qwen2vl")


def test_check_of_an_image_of_ones_own_needs_no_truth(tmp_path: Path) -> None:
    photo, picture = tmp_path / "photo.jpg", tmp_path / "check.png"
    image = Image.new("RGB", (64, 48), "grey")
    exif = image.getexif()
    exif[0x0112] = 6  # A quarter turn: a person sees it upright.
    image.save(photo, exif=exif)
    asked = ("--image", str(photo), "--expression", "the red car", "--expression", "the blue ball")
    output = run("models", "check", "mini-gdino", *asked, "--out", str(picture), "--device", "cpu")
    assert "1: the red car" in output
    assert "2: the blue ball" in output
    assert "IoU" not in output
    assert f"{picture}: the model's box in red" in output
    assert picture.is_file()
    assert "target: 'the red car'" in run("models", "check", "rules", "--expression", "the red car on the left")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("mini-gdino", "--image", "photo.jpg"), "--image FILE and --expression TEXT go together"),
        (("mini-gdino", "--expression", "x"), "--image FILE and --expression TEXT go together"),
        (("mini-gdino", "--image", "none.jpg", "--expression", "x"), "no such file: none.jpg"),
        (("mini-gdino", "--image", "p.jpg", "--expression", "x", "-n", "4"), "--dataset and --samples do not go with"),
        (("rules", "--image", "p.jpg", "--expression", "x"), "--image and --trust-remote-code have no use"),
        (("mini-gdino", "--base-url", "http://h/v1"), "mini-gdino is a specialist"),
        (("mini-qwen2vl", "--api-model", "m"), "are for models behind a server; mini-qwen2vl is not one of them"),
        (("qwen2-vl-7b-server", "--base-url", "http://127.0.0.1:9/v1"), "no server answers at http://127.0.0.1:9/v1"),
    ],
)
def test_check_says_what_it_cannot_do_before_a_model_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], said: str
) -> None:
    monkeypatch.setattr("finecops.bench.model_check.check_model", lambda *_: pytest.fail("a model was loaded"))
    result = CliRunner().invoke(app, ["models", "check", *arguments])
    assert isinstance(result.exception, FinecopsError)
    assert said in str(result.exception)


def test_formats_that_would_read_the_replies_are_named() -> None:
    def checked(reply: str | None, status: str = "unparsed") -> CheckedSample:
        row = make_prediction("a", status=status).model_copy(update={"reply": reply})
        return CheckedSample(make_sample("a"), row, None, 0.1)

    boxes = [checked("It is at (100,200),(500,600)."), checked("<|box_start|>(1,2),(3,4)<|box_end|>")]
    assert formats_that_read(boxes) == ["norm1000_paren"]
    assert formats_that_read([*boxes, checked("I see a cat.")]) == []
    # Nothing is said where one reply was read, or where there is none.
    assert formats_that_read([*boxes, checked("None.", "reject")]) == []
    assert formats_that_read([checked(None, "failed")]) == []


def test_doctor_lists_versions_and_remedies() -> None:
    findings = {finding.what: finding for finding in examine()}
    assert findings["torch"].good
    assert "cpu" in findings["devices"].state
    assert findings["extra mmdet"].state == "complete" or ".[mmdet]" in str(findings["extra mmdet"].fix)
    assert "data/finecops-mini" in findings["dataset finecops-mini"].state
    assert "torch" in run("doctor")


def test_doctor_reports_missing_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "finecops.bench.doctor._version", lambda name: None if name in ("tqdm", "matplotlib") else "1.0"
    )
    findings = {finding.what: finding for finding in examine()}
    assert not findings["tqdm"].good
    assert findings["tqdm"].fix == "pip install 'tqdm'"
    assert findings["extra tune"].state == "lacks matplotlib"
    assert findings["extra tune"].good  # a missing optional package is no fault
    assert CliRunner().invoke(app, ["doctor"]).exit_code == 1


def test_check_of_a_model_that_fails_is_no_success(tmp_path: Path) -> None:
    (tmp_path / "answers.jsonl").write_text('{"image_id": "1", "text": "none"}\n')
    result = CliRunner().invoke(app, ["models", "check", f"shikra-7b@{tmp_path / 'answers.jsonl'}", "--device", "cpu"])
    assert isinstance(result.exception, FailuresError)
    assert "4 of 4 samples failed" in str(result.exception)
