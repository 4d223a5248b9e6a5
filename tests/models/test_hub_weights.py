"""`finecops models get`, through the real client library and a server on this machine; no test leaves it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from finecops.config.find import load_specialist
from finecops.models import hub_weights
from finecops.models.readiness import check_transformers
from tests.cli.invoke import run
from tests.datasets.fake_hub import COMMIT, FakeHub, serving

PROJECT = Path(__file__).resolve().parents[2]
EXTRA = {
    "README.md": "pictures: a.png",
    "a.png": "-",
    "pytorch_model.bin": "the same weights again",
    "pytorch_model.bin.index.json": "{}",
    "onnx/model.onnx": "-",
    "consolidated.safetensors": "the same weights again",
    "modeling_own.py": "print('not asked for')",
    "chat[1].jinja": "-",
}


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    """Models on the Hub, and the user's files that name them."""
    whole = tmp_path / "hub" / "gdino"
    shutil.copytree(PROJECT / "checkpoints" / "mini-gdino", whole)
    pickled, empty = tmp_path / "hub" / "pickled", tmp_path / "hub" / "empty"
    for folder in (pickled, empty):
        folder.mkdir()
        (folder / "config.json").write_text("{}")
    (pickled / "pytorch_model.bin").write_bytes(b"x")
    for name, content in EXTRA.items():
        (whole / name).parent.mkdir(exist_ok=True)
        (whole / name).write_text(content)
    repositories = {"me/gdino": whole, "me/pickled": pickled, "me/empty": empty, "me/terms": empty, "me/half": whole}
    monkeypatch.setenv("FINECOPS_HOME", str(tmp_path / "home"))
    (tmp_path / "home" / "configs" / "models").mkdir(parents=True)
    for name in ("gdino", "pickled", "empty", "nobody", "terms", "half"):
        raw = {"name": name, "kind": "specialist", "backend": "grounding-dino", "weights": f"me/{name}"}
        (tmp_path / "home" / "configs" / "models" / f"{name}.yaml").write_text(yaml.safe_dump(raw))
    fake = FakeHub(repositories, gated=("me/terms",), gated_files=("me/half",))
    with serving(fake, tmp_path / "cache", monkeypatch) as server:
        yield server


def test_sizes_are_shown_then_files_are_fetched_and_used(
    hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, output = run("models", "get", "gdino", "--yes")
    assert code == 0
    lines = output.splitlines()
    assert lines[0] == f"gdino: me/gdino, commit {COMMIT[:12]}"
    weights = (PROJECT / "checkpoints/mini-gdino/model.safetensors").stat().st_size
    assert lines[1].split() == ["model.safetensors", f"{weights / 10**6:.1f}", "MB"]
    assert lines[3].endswith(f"to download, to {tmp_path / 'cache'}/")
    assert lines[-1] == "Next: finecops models check gdino"
    folder = tmp_path / "cache" / "models--me--gdino" / "snapshots" / COMMIT
    fetched = {path.name for path in folder.iterdir()}
    assert {"config.json", "model.safetensors", "tokenizer.json", "chat[1].jinja"} <= fetched
    assert not {name for name in EXTRA if name != "chat[1].jinja"} & fetched
    # Without this note, transformers would ask for an adapter again and again where there is no network.
    assert (folder.parents[1] / ".no_exist" / COMMIT / "adapter_config.json").is_file()
    # A second time nothing is asked for but the list.
    hub.asked.clear()
    code, output = run("models", "get", "gdino")
    assert (code, len(hub.asked)) == (0, 1)
    assert "model.safetensors" in output
    assert output.count("here") >= 2
    # Without the network, it is found by the name of the main branch.
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    check_transformers(load_specialist("gdino"), "cpu")
    code, output = run("models", "get", "nobody")
    assert (code, output) == (1, "me/nobody: HF_HUB_OFFLINE is set, so nothing is downloaded")


def test_nothing_is_downloaded_without_a_yes(hub: FakeHub, tmp_path: Path) -> None:
    code, output = run("models", "get", "gdino")
    assert (code, "this is no terminal to ask in; --yes" in output) == (1, True)
    assert not (tmp_path / "cache").exists()


def test_files_that_came_whole_are_kept(hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import file_download

    # The library waits a second before each of its attempts.
    monkeypatch.setattr(file_download, "time", SimpleNamespace(sleep=lambda seconds: None))
    hub.cut = True
    code, output = run("models", "get", "gdino", "--yes")
    assert (code, "Whole files are kept, and the same command continues" in output) == (1, True), output
    hub.cut = False
    assert run("models", "get", "gdino", "--yes")[0] == 0
    folder = tmp_path / "cache" / "models--me--gdino" / "snapshots" / COMMIT
    (folder / "config.json").unlink()
    hub.asked.clear()
    code, output = run("models", "get", "gdino", "--yes")
    assert code == 0
    assert "of them here" in output
    assert not [path for path in hub.asked if path.endswith("model.safetensors") and "resolve" in path][1:]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nobody",), "me/nobody: the Hub has no such model, or it is private (`hf auth login`)"),
        (("terms",), "me/terms: the Hub gives it only to users who accepted its terms."),
        (("half", "--yes"), "me/half: the Hub gives it only to users who accepted its terms."),
        (("pickled", "--yes"), "me/pickled has its weights in pickle form alone; --allow-pickle"),
        (("empty",), "me/empty has no weights that transformers could load"),
        (("gdino@../x",), "gdino: ../x is a folder that is not there, and no id of the Hub"),
        (("gdino@a b",), "gdino: a b is a folder that is not there, and no id of the Hub"),
        (("shikra-7b",), "shikra-7b: it has no weights here: it replays a file of predictions"),
        (("qwen2-vl-7b-server",), "qwen2-vl-7b-server: its weights are where its server is"),
        (("rules", "parser"), "rules: it has no weights\nparser: its parser is a package: pip install"),
        (("gdin",), "unknown model 'gdin' (did you mean 'gdino'"),
    ],
)
def test_what_cannot_be_had_is_said(hub: FakeHub, arguments: tuple[str, ...], said: str) -> None:
    code, output = run("models", "get", *arguments)
    assert (code, said in output) == (1, True), output


def test_weights_in_pickle_form_with_permission_and_weights_that_are_here(hub: FakeHub) -> None:
    assert run("models", "get", "pickled", "--yes", "--allow-pickle")[0] == 0
    assert "there is nothing to download" in run("models", "get", "mini-gdino", "mini-qwen2vl-crs")[1]


def test_a_hub_that_is_not_there_and_a_disk_without_room(hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_weights, "_SPARE_BYTES", 10**18)
    code, output = run("models", "get", "gdino", "--yes")
    assert (code, "GB are needed. HF_HOME names another folder" in output) == (1, True)
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    code, output = run("models", "get", "gdino", "--yes")
    assert (code, "the Hub cannot be reached at http://127.0.0.1:9" in output) == (1, True), output
    assert "HF_ENDPOINT names a mirror" in output
