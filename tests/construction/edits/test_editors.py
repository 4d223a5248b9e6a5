"""The files of editors, and editors without diffusers."""

from __future__ import annotations

import builtins
import json
from pathlib import Path
from typing import Any

import pytest

from finecops.config.find import load_editor, load_scorer, names
from finecops.construction.edits.editor import check_editor, open_editor
from finecops.construction.filters.scorers import check_scorer
from finecops.errors import ConfigError, ModelError


@pytest.mark.parametrize("name", names("editors"))
def test_every_file_says_where_it_is_from_and_how_it_was_tested(name: str) -> None:
    config = load_editor(name)
    assert config.name == name
    assert config.size
    assert config.proved != "not run here"
    assert "a red cup" in config.prompt.format(text="a red cup")
    # The one licence that nobody could read is stated as such.
    assert (config.licence is None) is (name == "powerpaint-v1")


def test_other_weights_behind_the_name() -> None:
    assert load_editor("sd15-inpainting@my/folder").weights == "my/folder"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"prompt": "a cup"}, "prompt: must hold {text} once"),
        ({"prompt": "{text} {old}"}, "prompt: must hold {text} once"),
        ({"prompt": "{text.__class__}"}, "prompt: must hold {text} once"),
        ({"call": {"generator": 3}}, "call: generator: finecops sets it itself"),
        ({"call": {"strength": [1]}}, "call.strength"),
        ({"side": 5}, "side: Input should be greater than or equal to 16"),
        ({"steps": 5}, "steps: Extra inputs"),
        ({"offload": "disk"}, "offload"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(json.dumps({"name": "mine", "pipeline": "X", "weights": "w"} | change))
    with pytest.raises(ConfigError, match=message.replace("{", r"\{")):
        load_editor(str(path))


def test_an_unknown_editor_is_answered_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="flux2-klein-4b"):
        load_editor("flux2-klein")


def test_what_would_stop_an_editor_is_known_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = load_editor(f"sd15-inpainting@{tmp_path}")
    with pytest.raises(ModelError, match=r"has no model_index.json: it is no pipeline|needs diffusers"):
        check_editor(config)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ModelError, match=r"is not downloaded yet, and HF_HUB_OFFLINE is set|needs diffusers"):
        check_editor(load_editor("flux2-klein-4b"))
    with pytest.raises(ModelError, match="clip-vit-b32: openai/clip-vit-base-patch32 is not downloaded yet"):
        check_scorer(load_scorer("clip-vit-b32"))
    with pytest.raises(ConfigError, match=r"no model in \./nothing/"):
        check_scorer(load_scorer("clip-vit-b32@./nothing"))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ModelError, match=r"needs diffusers: pip install .*\[edit\]"):
        check_editor(config)


def test_without_diffusers_the_message_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def none(name: str, *args: Any, **kwargs: Any) -> Any:
        if name == "diffusers":
            raise ImportError("no")
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", none)
    with pytest.raises(ModelError, match=r"editor flux2-klein-4b needs diffusers: pip install .*\[edit\]"):
        open_editor("flux2-klein-4b", "cpu")
