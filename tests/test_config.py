"""Configurations: names, paths, and error messages."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from finecops import install
from finecops.config import find, fingerprint
from finecops.config.companion import companion
from finecops.config.find import (
    load_dataset,
    load_extractor,
    load_mllm,
    load_model,
    load_preset,
    load_specialist,
    names,
    resolve,
    resolve_weights,
)
from finecops.config.fingerprint import weights_fingerprint
from finecops.datasets.places import find_place
from finecops.errors import ConfigError, DataError
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


@pytest.mark.parametrize(
    ("name", "folder", "weights"),
    [
        ("qwen2-vl-7b", "Qwen2-VL-7B-Instruct", "checkpoints/Qwen2-VL-7B-Instruct"),
        ("qwen2-vl-7b", "Qwen2-VL-2B-Instruct", "Qwen/Qwen2-VL-7B-Instruct"),
        # The model's name at a server.
        ("qwen2-vl-7b-server", "Qwen2-VL-7B-Instruct", "Qwen/Qwen2-VL-7B-Instruct"),
    ],
)
def test_weights_in_checkpoints_are_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, folder: str, weights: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "checkpoints" / folder).mkdir(parents=True)
    assert load_mllm(name).weights == "Qwen/Qwen2-VL-7B-Instruct", "a folder without a model"
    (tmp_path / "checkpoints" / folder / "config.json").write_text("{}")
    assert load_mllm(name).weights == weights


def test_files_of_a_configuration_are_looked_up_here_then_at_home_then_in_the_companion(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = [tmp_path / name for name in ("here", "home", "companion")]
    for place in places:
        place.mkdir()
    monkeypatch.chdir(places[0])
    monkeypatch.setenv("FINECOPS_HOME", str(places[1]))
    monkeypatch.setattr(find, "is_checkout", lambda: False)
    monkeypatch.setattr(find, "companion", lambda: places[2])
    wanted = Path("data/some-set")
    assert resolve(wanted) == wanted
    for place in reversed(places):
        (place / wanted).mkdir(parents=True)
        assert resolve(wanted).absolute() == place / wanted
    # What lies beside an installed package is not of finecops: the wheel has its own configurations.
    assert find._folders("models")[-1] == find.PACKAGE / "configs" / "models"


@pytest.mark.parametrize(
    ("clone", "advice"), [(True, "git checkout -- checkpoints"), (False, "the wheel of finecops-mini has them")]
)
def test_missing_small_models_say_how_they_come_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clone: bool, advice: str
) -> None:
    mini = load_dataset("finecops-mini")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(install, "_PROJECT", tmp_path)
    monkeypatch.setattr(find, "PROJECT", tmp_path)
    monkeypatch.setattr(find, "companion", lambda: None)
    (tmp_path / (".git" if clone else "other")).mkdir()
    with pytest.raises(ConfigError, match=f"no model in checkpoints/mini-gdino/: .*{advice}"):
        resolve_weights("checkpoints/mini-gdino")
    with pytest.raises(DataError, match=f"none of .* in data/finecops-mini/: .*{advice}"):
        find_place(mini, "test")
    with pytest.raises(ConfigError, match=r"no model in checkpoints/other/: put its files there"):
        resolve_weights("checkpoints/other")


def test_the_companion_is_found_where_it_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "finecops_mini").mkdir()
    (tmp_path / "finecops_mini" / "__init__.py").write_text("raise SystemExit('nothing in it is run')")
    monkeypatch.syspath_prepend(str(tmp_path))
    companion.cache_clear()
    try:
        assert companion() == tmp_path / "finecops_mini"
    finally:
        companion.cache_clear()


def test_an_extractor_takes_another_model() -> None:
    assert load_extractor("llm-extractor@checkpoints/mine").model == "checkpoints/mine"
    assert load_extractor("llm-extractor").model != "checkpoints/mine"


MODEL = "name: m\nkind: mllm\nbackend: openai\nweights: w\nlicence: MIT\nscore: s\nprompt: P\nfocus: F\nbox_format: b\n"
LAUGHS = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{b}: &{b} [{','.join(f'*{a}' for _ in range(10))}]\n" for a, b in zip("abcdefgh", "bcdefghi")
)
BROKEN = [
    # (the file, what the message says)
    (LAUGHS, "more than 100,000 values"),
    ("a: &a [*a]", "more than 100,000 values"),
    ("a: &a\n  b: *a", "more than 100,000 values"),
    ("[" * 20_000, "nested too deep"),
    ("{a: " * 20_000, "nested too deep"),
    ("a: " + "1" * 5_000, "is not YAML"),
    ("a: 2020-99-99", "is not YAML"),
    ("? [a]\n: b", "is not YAML"),
    ("a: !!python/object/apply:os.system [id]", "is not YAML: line 1"),
    ("a: \x00", "is not YAML"),
    ("\ud800", "is not YAML"),
    ("", "is not a mapping"),
    ("1: a", "a setting's name is not text"),
    ("null: a", "a setting's name is not text"),
    ("x" * 1_000_001, "more than 1,000,000 bytes"),
    ("kind: [mllm]", r"kind: \"\['mllm'\]\" is not one of"),
    ("kind: {a: b}", "is not one of"),
    (MODEL + "timeout_seconds: .inf", "timeout_seconds: "),
    (MODEL + "timeout_seconds: .nan", "timeout_seconds: "),
    (MODEL + "timeout_seconds: -1", "timeout_seconds: "),
    (MODEL + "batch_size: 99999999999999999999", "batch_size: "),
    (MODEL + "batch_size: many", "batch_size: "),
    (MODEL + "batch_size: true", "batch_size: Input should be a valid integer"),
    (MODEL + "batch_size: '8'", "batch_size: Input should be a valid integer"),
    (MODEL + "batch_size: 8.0", "batch_size: Input should be a valid integer"),
    (MODEL + "timeout_seconds: true", "timeout_seconds: Input should be a valid number"),
    (MODEL + "timeout_seconds: '5'", "timeout_seconds: Input should be a valid number"),
    (MODEL + "remote_code: 0", "remote_code: Input should be a valid boolean"),
    (MODEL + "allow_pickle: 'yes'", "allow_pickle: Input should be a valid boolean"),
    (MODEL + "adapter: !!binary YWJj", "adapter: Input should be a valid string"),
    (MODEL + "min_pixels: 10000000000", "min_pixels: Input should be less than or equal to 4000000"),
    (MODEL + "chat_options: [a]", "chat_options: "),
    (MODEL + "seen: 7", "seen: "),
    (MODEL + "adapter: {a: b}", "adapter: "),
    (MODEL + 'adapter: "a\\0b"', "adapter: .*cannot be printed"),
    (MODEL + 'adapter: "a\\e[2Jb"', "adapter: .*cannot be printed"),
    (MODEL + "attention: some-one/kernels", "attention: "),
    (MODEL + "dtype: ../x", "dtype: "),
    (MODEL + "api_key_env: PATH;ls", "api_key_env: "),
    (MODEL + "base_url: http://user:sesame-open@host/v1", "base_url: .*the key belongs in the variable"),
    (MODEL + "base_url: http://host/v1?api_key=sesame-open", "base_url: .*the key belongs in the variable"),
    (MODEL + "base_url: file:///etc/passwd", "base_url: .*is not the URL of a server"),
    (MODEL + "base_url: http://[::1/v1", "base_url: "),
    (MODEL + "base_url: http://host:99999/v1", "base_url: "),
    (MODEL.replace("prompt: P", "prompt: __builtins__"), "prompt: "),
    *(
        (MODEL.replace("name: m", f"name: {name}"), "name: .* is no plain name")
        for name in (
            "x/../../evil",
            "/etc/x",
            "..",
            ".hidden",
            "-rf",
            "a b",
            "'a\\b'",
            "'x\\y'",
            "a" * 101,
            "'con:'",
            "é",
        )
    ),
]


@pytest.mark.parametrize(("content", "message"), BROKEN)
def test_a_broken_or_hostile_file_is_one_error(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "model.yaml"
    path.write_bytes(content.encode("utf-8", "surrogatepass"))
    with pytest.raises(ConfigError, match=message) as caught:
        load_model(str(path))
    assert "sesame" not in str(caught.value)
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize(
    "line", ["score_threshold: '1'", "score_threshold: true", "nms_iou: true", "zero_is: true", "zero_is: 1.0"]
)
def test_a_number_of_a_preset_is_a_number(tmp_path: Path, line: str) -> None:
    path = tmp_path / "preset.yaml"
    roles = "extractor: rules\nrouter: a\nspecialist: a\nmllm: b\n"
    path.write_text(f"name: p\n{roles}score_threshold: 1\nzero_is: 1\n")
    assert load_preset(str(path)).score_threshold == 1.0
    path.write_text(f"name: p\n{roles}{line}\n")
    with pytest.raises(ConfigError, match=f"preset.yaml: {line.split(':')[0]}: "):
        load_preset(str(path))


def test_a_misspelt_name_gets_a_suggestion() -> None:
    nearest = "'mini-qwen2vl', 'mini-qwen2vl-crs' or 'mini-qwen2vl-crs-none'"
    said = rf"^unknown model 'mini-qwen2v' \(did you mean {nearest}\?\); `finecops models list` lists all \d+$"
    with pytest.raises(ConfigError, match=said):
        load_model("mini-qwen2v")


@pytest.mark.parametrize(
    ("load", "name", "said"),
    [
        (
            load_extractor,
            "parsr",
            r"^unknown extractor 'parsr' \(did you mean 'parser'\?\); there are: combined, ",
        ),
        (load_specialist, "GDINO", r"did you mean 'mini-gdino', 'mm-gdino-l' or 'mm-gdino-t'\?"),
        (load_mllm, "qwen", r"^unknown mllm 'qwen' \(did you mean 'qwen2-vl-2b', 'qwen2-vl-7b' or 'qwen3-vl-8b'\?"),
        (load_mllm, "Qwen/Qwen3-VL-8B", r"\(weights stand behind the name of a model: NAME@Qwen/Qwen3-VL-8B; "),
        (load_mllm, "mine/model.yaml", "^no such file: 'mine/model.yaml'$"),
        (load_dataset, "./none", r"^unknown dataset './none' \(there is no such folder\)"),
        (load_dataset, "lmms-lab/RefCOCO", r"did you mean hf:lmms-lab/RefCOCO\?"),
        (load_dataset, "mine/mine.csv", "a file is given with --annotations"),
        (load_dataset, "finecops-mini:val", "the split is given with --split val"),
    ],
)
def test_a_name_that_is_not_known_says_what_was_meant(load: Callable[[str], Any], name: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        load(name)


@pytest.mark.parametrize("name", ["x" * 300, "a\0b", "\ud800", "m@" + "y" * 5000, "x" * 300 + ".yaml", "a\0.yaml"])
def test_a_strange_name_on_the_command_line_is_one_error(name: str) -> None:
    with pytest.raises(ConfigError, match=r"unknown model|no such file"):
        load_model(name)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("image_folders: [../..]", "leads out of the dataset's folder"),
        ("image_folders: [/etc]", "leads out of the dataset's folder"),
        ("splits: {test: [../x.json]}", "leads out of the dataset's folder"),
        ("splits: {../test: [x.json]}", "splits: '../test' is no plain name"),
        ("preset: ../../evil", "preset: '../../evil' is no plain name"),
        ("hub_files: [../x.zip]", "leads out of the dataset's folder"),
        ("hub: [one]", "hub.0: String should match pattern"),
        ("fetch: true", "`fetch` needs `hub`"),
        ("layout: ../x", "layout: String should match pattern"),
    ],
)
def test_a_dataset_stays_in_its_folder(tmp_path: Path, content: str, message: str) -> None:
    fields = {"name": "d", "root": "/data", "image_folders": "[images]", "splits": "{test: [a.json]}", "preset": "mini"}
    field, _, value = content.partition(": ")
    lines = [f"{key}: {given}" for key, given in (fields | {"get": "x", field: value}).items()]
    (tmp_path / "d.yaml").write_text("\n".join(lines))
    with pytest.raises(ConfigError, match=message):
        load_dataset(str(tmp_path / "d.yaml"))


def test_a_preset_names_no_path(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text("name: p\nextractor: rules\nrouter: r@some/weights\nspecialist: s\nmllm: ../m")
    with pytest.raises(ConfigError, match=r"mllm: '\.\./m' is no plain name"):
        load_preset(str(tmp_path / "p.yaml"))


def test_an_unreadable_file_is_one_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "m.yaml"
    path.write_text(MODEL)

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(ConfigError, match=r"m\.yaml cannot be read: Permission denied"):
        load_model(str(path))


def test_a_users_home_is_found_where_weights_are_named_and_fingerprinted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fingerprint said "hub" of such weights: a run went on after others were put there."""
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "model.safetensors").write_bytes(b"1")
    before = weights_fingerprint("~/model")
    (tmp_path / "model" / "model.safetensors").write_bytes(b"2")
    assert resolve_weights("~/model") == str(tmp_path / "model")
    assert len({before, weights_fingerprint("~/model"), "hub"}) == 3


@pytest.mark.parametrize("same_tick", [False, True])
def test_weights_written_anew_have_another_fingerprint_at_once(
    tmp_path: Path, same_tick: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A checksum is kept while a process lives, and never that of other bytes."""
    if same_tick:
        # A file system whose clock has stood still since a moment ago.
        now = time.time_ns()
        monkeypatch.setattr(fingerprint, "_state", lambda path: fingerprint._FileState(path, 1, 3, now, now))
    found, weights = [], tmp_path / "model.safetensors"
    for content in (b"one", b"two", b"one"):
        # In place, of the same size, and with a time that says that nothing was written.
        weights.write_bytes(content)
        os.utime(weights, ns=(10**18, 10**18))
        found.append(weights_fingerprint(str(tmp_path)))
        assert found[-1] == weights_fingerprint(str(weights))
    assert found == [found[0], found[1], found[0]]
    assert found[0] != found[1]


def test_the_checksum_of_untouched_weights_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"one")
    # In a hundred years.
    monkeypatch.setattr(time, "time_ns", lambda: 5 * 10**18)
    before = weights_fingerprint(str(tmp_path))
    monkeypatch.setattr(Path, "read_bytes", lambda _: pytest.fail("read again"))
    assert weights_fingerprint(str(tmp_path)) == before
