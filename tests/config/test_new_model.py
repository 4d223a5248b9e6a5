"""`finecops models new`: a commented file that is valid as it is, and overwrites nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from finecops.config.find import load_mllm, load_model, names
from finecops.config.new_model import new_model_text
from finecops.config.schema import ExtractorConfig
from finecops.replies.prompting import prompt_text
from tests.cli.invoke import run

CLAIMS = {"licence", "score", "seen", "domain", "proved", "paper_row", "revision"}


# A model of each kind and backend.
_CONFIGS = map(load_model, names("models"))
ONE_OF_EACH = list({(config.kind, config.backend): config.name for config in _CONFIGS}.values())


@pytest.mark.parametrize("name", ONE_OF_EACH)
def test_any_model_can_be_the_start_of_a_new_one(name: str) -> None:
    like = load_model(name)
    text = new_model_text("new", like, {})
    raw = yaml.safe_load(text)
    again = type(like).model_validate(raw)
    assert again.name == "new"
    # What differs is what the known model's file claims, and prompts that are texts now.
    known = like.model_dump(exclude=CLAIMS | {"name", "prompt", "focus", "refusal"})
    assert again.model_dump(exclude=CLAIMS | {"name", "prompt", "focus", "refusal"}) == known
    assert not CLAIMS & set(raw)
    if like.kind == "mllm":
        assert prompt_text(again, "the cup", "the cup") == prompt_text(like, "the cup", "the cup")
    # Every default that is shown is valid, too.
    shown = "\n".join(line[1:] if line[:1] == "#" and line[1:2] not in ("", " ") else line for line in text.split("\n"))
    uncommented = yaml.safe_load(shown)
    assert type(like).model_validate(uncommented).model_dump(exclude=CLAIMS) == again.model_dump(exclude=CLAIMS)
    if not isinstance(like, ExtractorConfig):
        assert "#allow_pickle" not in text


def test_the_file_is_in_the_users_folder_and_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FINECOPS_HOME", str(tmp_path))
    given = ("models", "new", "mine", "--like", "qwen2-vl-7b-server")
    code, output = run(*given, "--weights", "me/new", "--base-url", "http://localhost:9/v1")
    path = tmp_path / "configs" / "models" / "mine.yaml"
    assert (code, output.splitlines()[0]) == (0, f"{path}: edit it, then try it:")
    assert output.splitlines()[1] == 'finecops models check mine --image photo.jpg --expression "the red car"'
    config = load_mllm("mine")
    assert (config.weights, config.base_url, config.paper_row) == ("me/new", "http://localhost:9/v1", None)
    before = path.read_text()
    assert run(*given)[1] == "there is a model 'mine' already; choose another name, or a file with --out"
    assert run(*given, "--out", str(path))[1] == f"{path} exists already; it is not overwritten"
    assert path.read_text() == before
    assert run(*given[:2], "other", *given[3:], "--out", str(tmp_path / "o.yaml"))[0] == 0
    assert load_mllm(str(tmp_path / "o.yaml")).name == "other"
    # The first lines say how the file is named where its name alone does not find it.
    assert "# finecops models check mine --image" in before
    assert f"# finecops models check {tmp_path}/o.yaml --image" in (tmp_path / "o.yaml").read_text()


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("a/b", "--like", "rules"), 1, "name: 'a/b' is no plain name"),
        (("mini-gdino", "--like", "mini-gdino"), 2, "there is a model 'mini-gdino' already"),
        (("x", "--like", "min-gdino"), 1, "unknown model 'min-gdino' (did you mean 'mini-gdino'"),
        (("x", "--like", "mini-gdino", "--base-url", "http://h/v1"), 2, "is for a model behind a server"),
        (("x", "--like", "qwen2-vl-7b-server", "--base-url", "h:8"), 1, "base_url: is not the URL of a server"),
        (("x", "--like", "mini-gdino", "--weights", "a\nb"), 1, "weights: holds a character that cannot be printed"),
        (("x", "--like", "rules", "--out", "x.json"), 2, "a model's file ends in .yaml"),
    ],
)
def test_what_makes_no_model_is_refused_and_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], code: int, said: str
) -> None:
    monkeypatch.setenv("FINECOPS_HOME", str(tmp_path))
    found, output = run("models", "new", *arguments)
    assert (found, said in output) == (code, True), output
    assert list(tmp_path.rglob("*.yaml")) == []
