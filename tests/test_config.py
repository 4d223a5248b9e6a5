"""Configurations: names, paths, and error messages."""

from __future__ import annotations

from pathlib import Path

import pytest

from finecops.config.find import (
    load_dataset,
    load_extractor,
    load_mllm,
    load_preset,
    load_specialist,
    names,
    resolve_weights,
)
from finecops.errors import ConfigError
from finecops.models.grounding_dino import GroundingDino
from finecops.replies.formats import BOX_FORMATS
from finecops.replies.prompting import prompt_text

LOADERS = {"specialist": load_specialist, "mllm": load_mllm, "extractor": load_extractor}


@pytest.mark.parametrize("name", names("models"))
def test_every_model_configuration_is_valid(name: str) -> None:
    import yaml

    kind = yaml.safe_load((Path("configs/models") / f"{name}.yaml").read_text())["kind"]
    config = LOADERS[kind](name)  # type: ignore[operator]
    assert config.name == name
    if kind == "mllm":
        assert config.box_format in BOX_FORMATS
        assert "car" in prompt_text(config, "car", "car")


@pytest.mark.parametrize("name", names("presets"))
def test_every_preset_names_existing_models(name: str) -> None:
    preset = load_preset(name)
    load_extractor(preset.extractor)
    load_specialist(preset.router)
    load_specialist(preset.specialist)
    load_mllm(preset.mllm)


@pytest.mark.parametrize("name", names("datasets"))
def test_every_dataset_names_an_existing_preset(name: str) -> None:
    config = load_dataset(name)
    assert config.default_split in config.splits
    load_preset(config.preset)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("name: x\nkind: specialist\nbackend: grounding-dino\nlicence: MIT\nscore: s", "weights: Field required"),
        ("name: x\nkind: specialist\ncolour: red", "weights: Field required"),
        ("a: [", "is not YAML"),
        ("- a", "is not a mapping"),
        ("kind: mllm", "is a model of kind mllm; a specialist is needed here"),
    ],
)
def test_an_invalid_file_is_an_error_that_names_the_setting(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "model.yaml"
    path.write_text(content)
    with pytest.raises(ConfigError, match=message):
        load_specialist(str(path))


@pytest.mark.parametrize("weights", ["checkpoints/no-such-model", "./nothing", "/no/such/folder"])
def test_a_missing_folder_is_an_error(weights: str) -> None:
    with pytest.raises(ConfigError, match="no model in"):
        GroundingDino(load_specialist("mini-gdino").model_copy(update={"weights": weights}))


def test_weights_are_a_folder_or_a_hub_id() -> None:
    assert resolve_weights("Qwen/Qwen2-VL-7B-Instruct") == "Qwen/Qwen2-VL-7B-Instruct"
    assert Path(resolve_weights("checkpoints/mini-gdino")).is_dir()
