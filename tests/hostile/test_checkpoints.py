"""Checkpoints that hold code, pickles or endless templates: nothing runs, nothing hangs, and each is one error."""

from __future__ import annotations

import io
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from finecops.bench.model_check import check_model
from finecops.config.find import load_mllm, load_model, load_specialist
from finecops.config.schema import ExtractorConfig
from finecops.errors import FinecopsError, ModelError, panics_as_errors
from finecops.models import adapters, chat_template
from finecops.models.backends import load_extractor_model, load_mllm_model, load_specialist_model
from finecops.models.chat_template import check_template, rendered
from finecops.models.checkpoint_folder import check_adapter, check_checkpoint
from finecops.models.checkpoint_limits import MODEL, image_fault, number_fault, tokenizer_fault
from finecops.models.loading import Checkpoint, load_processor
from finecops.runs.specification import ImageGroup
from tests.cli.invoke import run
from tests.conftest import make_sample
from tests.hostile.checkpoint_folders import Gadget, code_folders, copied, edit, evil_code, load_each, pickled

LOADS = """
import json, sys
from tests.hostile.checkpoint_folders import load_each

for found in load_each(json.loads(sys.argv[1])):
    print(json.dumps(found))
"""


def sparse(cases: list[Any], step: int) -> list[Any]:
    """All cases; only each `step`-th is part of the default tests, which take seconds."""
    return [case if i % step == 0 else pytest.param(*case, marks=pytest.mark.hostile) for i, case in enumerate(cases)]


def load_all(cases: list[tuple[str, Path]]) -> list[tuple[str, str, str]]:
    """Load each folder, in a process of its own that finds `y` on its standard input."""
    done = subprocess.run(
        [sys.executable, "-c", LOADS, json.dumps([(kind, str(folder)) for kind, folder in cases])],
        input="y\n" * 1000,
        capture_output=True,
        text=True,
        timeout=200,
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    # A question of transformers stands on the same line as the next answer.
    return [tuple(json.loads(line[line.index('["') :])) for line in done.stdout.splitlines() if '["' in line]


@pytest.mark.parametrize(
    "kinds",
    [
        pytest.param(("unknown",), id="of an unknown kind"),
        pytest.param(("unknown", "known"), id="of any kind, in a process of its own", marks=pytest.mark.hostile),
    ],
)
def test_no_code_of_a_checkpoint_runs_whatever_stands_on_standard_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kinds: tuple[str, ...]
) -> None:
    marker = tmp_path / "ran"
    backends = {"mini-gdino": ("grounding-dino", "category-detector"), "mini-qwen2vl": ("mllm", "text")}
    cases = [
        (backend, folder)
        for name, of_name in backends.items()
        for folder in code_folders(name, tmp_path, marker, kinds)
        if "known" in kinds or ("video" not in folder.name and "preprocessor" not in folder.name)
        for backend in of_name
    ]
    changes: list[dict[str, Any]] = [
        {"auto_mapping": {"base_model_class": "Model", "parent_library": "evil"}},
        {"megatron_config": {"a": 1}, "megatron_core": "evil"},
        {"auto_map": {"AutoModel": "evil.Model"}},
    ]
    for change in changes:
        folder = copied("mini-qwen2vl-crs", tmp_path / f"adapter-{next(iter(change))}")
        (folder / "evil.py").write_text(evil_code(marker))
        edit(folder / "adapter_config.json", **change)
        cases.append(("adapter", folder))
    if "known" in kinds:
        found = load_all(cases)
    else:
        # Here, the libraries are imported already.
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
        monkeypatch.setattr(sys, "stdin", io.StringIO("y\n" * 1000))
        found = list(load_each((kind, str(folder)) for kind, folder in cases))
    assert len(found) == len(cases)
    assert not marker.exists()
    unknown = [text for _, folder, text in found if "config.json-unknown" in folder]
    assert len(unknown) == 4
    assert "loaded" not in unknown


def _mllm(folder: Path, **changes: Any) -> Any:
    return load_mllm_model(load_mllm(f"mini-qwen2vl@{folder}").model_copy(update=changes), "cpu")


def _adapted(folder: Path, **changes: Any) -> Any:
    return load_mllm_model(load_mllm("mini-qwen2vl").model_copy(update={"adapter": str(folder)} | changes), "cpu")


def test_pickled_weights_need_the_users_word_and_hold_tensors_only(tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    weights = load_file(copied("mini-qwen2vl", tmp_path / "good") / "model.safetensors")
    tensors = pickled(copied("mini-qwen2vl", tmp_path / "a"), "model.safetensors", "pytorch_model.bin", weights)
    gadget = pickled(copied("mini-qwen2vl", tmp_path / "b"), "model.safetensors", "pytorch_model.bin", Gadget(marker))
    for folder in (tensors, gadget):
        with pytest.raises(ModelError, match=r"pickled \(pytorch_model.bin\): --allow-pickle loads them, tensors only"):
            _mllm(folder)
    _mllm(tensors, allow_pickle=True)
    with pytest.raises(ModelError, match="cannot load"):
        _mllm(gadget, allow_pickle=True)
    assert not marker.exists()


def test_a_pickled_adapter_needs_the_users_word_and_holds_tensors_only(tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    names = ("adapter_model.safetensors", "adapter_model.bin")
    weights = load_file(copied("mini-qwen2vl-crs", tmp_path / "good") / names[0])
    tensors = pickled(copied("mini-qwen2vl-crs", tmp_path / "a"), *names, weights)
    gadget = pickled(copied("mini-qwen2vl-crs", tmp_path / "b"), *names, Gadget(marker))
    for folder in (tensors, gadget):
        with pytest.raises(ModelError, match="--allow-pickle"):
            _adapted(folder)
    _adapted(tensors, allow_pickle=True)
    with pytest.raises(ModelError, match="does not fit"):
        _adapted(gadget, allow_pickle=True)
    assert not marker.exists()


def _index(folder: Path, **weight_map: str) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": weight_map}))


def _write(file: str, content: str) -> Any:
    return lambda folder: (folder / file).write_text(content)


def _remove(*files: str) -> Any:
    return lambda folder: [(folder / file).unlink() for file in files]


PREPEND = {"type": "Prepend", "prepend": "x" * 10**7}
DOUBLED = {
    "type": "Sequence",
    "normalizers": [{"type": "Replace", "pattern": {"String": "a"}, "content": "aa"}] * 50,
}
MANY = {"type": "Sequence", "decoders": [{"type": "Strip", "content": "x", "start": 0, "stop": 0}] * 20_000}
BROKEN_FOLDERS = [
    (_remove("config.json"), "has no config.json"),
    (_remove("model.safetensors"), r"has no weights \(model.safetensors\)"),
    (lambda f: _index(f, a="m-1.safetensors", b="m-2.safetensors"), "incomplete: 2 of 2 files of weights are missing"),
    (lambda f: _index(f, a="../../x.safetensors"), "which is no .safetensors file of that folder"),
    (lambda f: _index(f, a="x.bin"), "which is no .safetensors file of that folder"),
    (lambda f: _index(f), "names no weights"),
    (lambda f: edit(f / "config.json", transformers_weights="x.bin"), "names other weights than safetensors"),
    (lambda f: edit(f / "config.json", _attn_implementation="a/kernel"), "names code on the Hub"),
    (lambda f: edit(f / "config.json", backbone="a/repo", backbone_config=None), "names a backbone on the Hub"),
    (
        lambda f: edit(f / "config.json", backbone="resnet50", use_pretrained_backbone=True),
        "names a backbone on the Hub",
    ),
    (
        lambda f: edit(f / "config.json", text_config={"num_hidden_layers": 10**9}),
        "num_hidden_layers is 1,000,000,000; at most 1,000",
    ),
    (lambda f: edit(f / "config.json", text_config={"hidden_size": 10**9}), "hidden_size is 1,000,000,000; at most"),
    (lambda f: edit(f / "config.json", text_config={"vocab_size": 10**12}), "vocab_size is 1,000,000,000,000; at most"),
    (lambda f: edit(f / "config.json", vision_config={"depths": [2, [2, 10**6]]}), "depths is 1,000,000; at most"),
    (lambda f: edit(f / "config.json", num_feature_levels=10**6), "num_feature_levels is 1,000,000; at most 1,000"),
    (lambda f: edit(f / "config.json", encoder_layers=5000), "encoder_layers is 5,000; at most 1,000 is read"),
    (lambda f: edit(f / "config.json", eos_token_id=[10**30]), "eos_token_id is"),
    (lambda f: edit(f / "generation_config.json", num_beams=10**9), r"generation_config.json: num_beams is"),
    (lambda f: edit(f / "tokenizer.json", normalizer=PREPEND), "tokenizer.json: prepend has 10,000,000 characters"),
    (lambda f: edit(f / "tokenizer.json", normalizer=DOUBLED), "rules make a text 1,125,899,906,842,624 times longer"),
    (lambda f: edit(f / "tokenizer.json", padding={"strategy": {"Fixed": 10**9}}), "Fixed is 1,000,000,000; at most"),
    (lambda f: edit(f / "tokenizer.json", decoder=MANY), "rules have more than 200,000 characters"),
    (lambda f: edit(f / "tokenizer.json", model={"vocab": {"x" * 10_001: 0}}), "a token has 10,001 characters"),
    (_write("adapter_config.json", "{}"), "holds a model and an adapter"),
    (_write("config.json", "["), "is not JSON"),
    (_write("config.json", "[]"), "is not a JSON object"),
    (_write("config.json", "[" * 100_000), "is not JSON"),
    (_write("config.json", "\x00"), "is not JSON"),
    (_write("chat_template.jinja", "x" * 1_000_001), "at most 1,000,000 are read"),
]


@pytest.mark.parametrize(("change", "message"), BROKEN_FOLDERS)
def test_a_broken_folder_is_one_error_before_anything_is_loaded(tmp_path: Path, change: Any, message: str) -> None:
    folder = copied("mini-qwen2vl", tmp_path / "m")
    change(folder)
    with pytest.raises(ModelError, match=message):
        check_checkpoint("m", folder, False)
    with pytest.raises(ModelError, match=message):
        _mllm(folder)


DAMAGED = [
    *(("config.json", text) for text in ("{}", '{"model_type": 7}', '{"model_type": "qwen2_vl", "text_config": [1]}')),
    ("config.json", '{"model_type": "qwen2_vl", "text_config": {"hidden_size": -1}}'),
    ("config.json", '{"model_type": "bert"}'),
    *(
        ("tokenizer.json", text)
        for text in ("{}", "[]", "", "{" * 5000, '{"version": "1.0", "model": {"type": "BPE"}}')
    ),
    *(("tokenizer_config.json", text) for text in ("[]", '{"tokenizer_class": 3}', "\x00")),
    *(("processor_config.json", text) for text in ("[]", '{"image_processor": 3}')),
    *(("generation_config.json", text) for text in ("[", "[]")),
    ("model.safetensors", ""),
    ("model.safetensors", "\x00" * 64),
    ("model.safetensors", "\x10\x00\x00\x00\x00\x00\x00\x00" + "{" * 16),
    ("adapter_config.json", "["),
]


@pytest.mark.parametrize(("file", "content"), sparse(DAMAGED, 6))
def test_a_damaged_file_is_one_error(tmp_path: Path, file: str, content: str) -> None:
    folder = copied("mini-qwen2vl", tmp_path / "m")
    (folder / file).write_text(content)
    with pytest.raises(FinecopsError) as caught:
        _mllm(folder)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"peft_type": "XLORA"}, "is of the kind 'XLORA'; LORA is needed"),
        ({"peft_type": None}, "LORA is needed"),
        ({"megatron_config": {"x": 1}}, "made for Megatron"),
        ({"megatron_core": "evil"}, "made for Megatron"),
        ({"r": 10**9}, "no rank from 1 to 8192"),
        ({"r": "x"}, "no rank from 1 to 8192"),
    ],
)
def test_an_adapter_of_another_kind_is_refused(tmp_path: Path, changes: Any, message: str) -> None:
    folder = copied("mini-qwen2vl-crs", tmp_path / "a")
    edit(folder / "adapter_config.json", **changes)
    with pytest.raises(ModelError, match=message):
        check_adapter("m", folder, False)


ENDLESS_PATTERN = "((([a-z.0-9_]+)+)+)+!"


@pytest.mark.parametrize(
    "changes",
    [
        {"target_modules": ENDLESS_PATTERN},
        *(
            pytest.param(change, marks=pytest.mark.hostile)
            for change in (
                {"exclude_modules": ENDLESS_PATTERN},
                {"modules_to_save": [ENDLESS_PATTERN]},
                {"rank_pattern": {ENDLESS_PATTERN: 1}},
                {"target_modules": ["q_proj"], "layers_to_transform": [0], "layers_pattern": [ENDLESS_PATTERN]},
            )
        ),
    ],
)
def test_a_pattern_of_an_adapter_that_runs_for_ever_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: Any
) -> None:
    folder = copied("mini-qwen2vl-crs", tmp_path / "a")
    edit(folder / "adapter_config.json", **changes)
    monkeypatch.setattr(adapters, "_SECONDS", 1.0)
    start = time.monotonic()
    with pytest.raises(ModelError, match=r"adapter_config.json: its patterns .* take more than 1 s to match"):
        _adapted(folder)
    assert time.monotonic() - start < 20


SIZES: list[Any] = [
    (
        "mini-gdino",
        {"size": {"shortest_edge": 20_000, "longest_edge": 20_000}},
        "edge is 20,000; at most 4,096 is read",
    ),
    (
        "mini-gdino",
        {"size": {"shortest_edge": 20_000, "longest_edge": 20_000}, "merge_size": 2},
        "at most 4,096 is read",
    ),
    ("mini-gdino", {"size": {"height": 100_000, "width": 9}}, "height is 100,000; at most 4,096 is read"),
    ("mini-gdino", {"pad_size": {"height": 800, "width": 10**6}}, "width is 1,000,000; at most 4,096"),
    ("mini-qwen2vl", {"size": {"shortest_edge": 10**10, "longest_edge": 10**11}}, "edge is 10.*; at most"),
    ("mini-qwen2vl", {"min_pixels": 10**10, "max_pixels": 10**11}, "edge is 10.*; at most"),
    ("mini-qwen2vl", {"temporal_patch_size": 10**6}, "temporal_patch_size is 1,000,000; at most 128 is read"),
    ("mini-qwen2vl", {"patch_size": 0}, "patch_size is 0; at least 1 is needed"),
    ("mini-qwen2vl", {"merge_size": 0}, "merge_size is 0; at least 1 is needed"),
]


@pytest.mark.parametrize(("name", "changes", "message"), sparse(SIZES, 4))
def test_an_image_processor_that_makes_images_too_large_is_refused(
    tmp_path: Path, name: str, changes: Any, message: str
) -> None:
    folder = copied(name, tmp_path / "m")
    path = folder / "processor_config.json"
    edit(path, image_processor=json.loads(path.read_text())["image_processor"] | changes)
    with pytest.raises(ModelError, match=message):
        load_processor(Checkpoint.of(load_model(f"{name}@{folder}")))


@pytest.mark.parametrize(
    ("settings", "by_area"),
    [
        ({"size": {"shortest_edge": 800, "longest_edge": 1333}, "pad_size": None}, False),
        ({"size": {"shortest_edge": 3136, "longest_edge": 12_845_056}, "patch_size": 14, "merge_size": 2}, True),
        ({"size": {"shortest_edge": 65_536, "longest_edge": 16_777_216}, "patch_size": 16}, True),
        ({"size": {"shortest_edge": 12_544, "longest_edge": 47_040_000}, "temporal_patch_size": 2}, True),
        ({"image_grid_pinpoints": [[384, 2304], [2304, 384]], "crop_size": 384}, False),
        ({"min_patches": 1, "max_patches": 12, "size": {"height": 448, "width": 448}}, False),
    ],
)
def test_the_sizes_of_published_models_are_within_the_limits(settings: Any, by_area: bool) -> None:
    assert image_fault(settings, by_area) is None


def test_the_numbers_of_published_models_are_within_the_limits() -> None:
    config = {"max_position_embeddings": 10_485_760, "rope_theta": 5_000_000, "vocab_size": 262_208, "depths": [2, 18]}
    assert number_fault(config | {"id2label": {"90": "x"}, "seed": 2**40, "mask": -1e9, "use": True}, MODEL) is None
    rules = {"type": "Sequence", "normalizers": [{"type": "Replace", "pattern": {"String": " "}, "content": "▁"}] * 9}
    charsmap = {"type": "Precompiled", "precompiled_charsmap": "A" * 400_000}
    assert tokenizer_fault({"normalizer": rules, "pre_tokenizer": charsmap, "model": {"vocab": [["a", 0.5]]}}) is None


def test_settings_of_a_model_far_larger_than_its_files_are_refused(tmp_path: Path) -> None:
    folder = copied("mini-qwen2vl", tmp_path / "m")
    path = folder / "config.json"
    text_config = json.loads(path.read_text())["text_config"]
    sizes = {name: tensor.numel() for name, tensor in load_file(folder / "model.safetensors").items()}
    layer = sum(size for name, size in sizes.items() if ".layers.0." in name)
    described = sum(sizes.values()) + (500 - text_config["num_hidden_layers"]) * layer
    larger = {"num_hidden_layers": 500, "layer_types": ["full_attention"] * 500}
    edit(path, text_config=text_config | larger)
    with pytest.raises(ModelError, match=rf"config.json describes a model of {described:,} numbers; its files hold"):
        _mllm(folder)


PANIC = {
    "type": "Split",
    "pattern": {"Regex": "(([a-z ]+)+)+$"},
    "behavior": "Isolated",
    "invert": False,
}


def test_a_panic_of_the_tokenizer_is_a_failed_row(tmp_path: Path) -> None:
    folder = copied("mini-qwen2vl", tmp_path / "m")
    edit(folder / "tokenizer.json", pre_tokenizer=PANIC)
    image = tmp_path / "a.png"
    Image.new("RGB", (64, 64)).save(image)
    sample = make_sample("a", width=64, height=64).model_copy(update={"expression": "the red car " * 20 + "!"})
    _, (checked,) = check_model(load_mllm(f"mini-qwen2vl@{folder}"), [ImageGroup(image, (sample,))], "cpu")
    assert checked.row.status == "failed"
    assert str(checked.row.reason).startswith("a library in Rust gave up: ")


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_what_ends_the_program_is_no_panic(error: type[BaseException]) -> None:
    with pytest.raises(error), panics_as_errors():
        raise error


def test_a_models_own_faults_are_failed_samples_of_the_check(tmp_path: Path) -> None:
    folder = copied("mini-qwen2vl", tmp_path / "m")
    (folder / "chat_template.jinja").write_text("hello")
    code, said = run("models", "check", f"mini-qwen2vl@{folder}", "-n", "2", "--out", str(tmp_path / "a.png"))
    assert code == 1
    assert said.startswith("mini-qwen2vl: 2 of 2 samples failed: the prompt has 0 times <|image_pad|>")
    assert "\n" not in said


@pytest.mark.parametrize("content", ["[", "[]", '{"base_fingerprint": [1]}', "\x00"])
def test_a_damaged_card_of_an_adapter_is_one_error(tmp_path: Path, content: str) -> None:
    folder = copied("mini-qwen2vl-crs", tmp_path / "a")
    (folder / "finecops.json").write_text(content)
    with pytest.raises(ModelError):
        _adapted(folder)


def test_another_kind_of_model_is_one_error(tmp_path: Path) -> None:
    folder = copied("mini-qwen2vl", tmp_path / "m")
    for name in ("mini-gdino", "owlv2"):
        with pytest.raises(ModelError, match="is a qwen2_vl model; this backend takes"):
            load_specialist_model(load_specialist(f"{name}@{folder}"), "cpu")
    with pytest.raises(ModelError, match="cannot load"):
        _mllm(copied("mini-gdino", tmp_path / "d"))
    text = ExtractorConfig(name="t", kind="extractor", backend="llm", model=str(tmp_path / "d"))
    with pytest.raises(ModelError, match="cannot load"):
        load_extractor_model(text, "cpu")


@pytest.mark.parametrize("dtype", ["load", "nosuch", "int8", "bool"])
def test_a_number_type_that_is_none_is_one_error(dtype: str) -> None:
    with pytest.raises(FinecopsError, match="torch has no number type"):
        load_mllm_model(load_mllm("mini-qwen2vl").model_copy(update={"dtype": dtype}), "cpu")


def test_logits_that_are_no_numbers_fail_their_query(tmp_path: Path) -> None:
    folder = copied("mini-qwen2vl", tmp_path / "m")
    weights = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    spoiled = {k: torch.full_like(v, float("nan")) if k.endswith("norm.weight") else v for k, v in weights.items()}
    save_file(spoiled, folder / "model.safetensors", metadata={"format": "pt"})
    from finecops.images import Picture
    from finecops.models.protocols import Query, QueryGroup, Question, QuestionGroup

    model, picture = _mllm(folder), Picture(Image.new("RGB", (64, 64)))
    ((reply,),) = model.ground([QueryGroup(picture, (Query("a car"),))])
    assert reply.answer is not None
    assert reply.answer.reason == "the model's numbers are not finite"
    ((scores,),) = model.choose([QuestionGroup(picture, (Question("Which? A or B", ("A", "B")),))])
    assert (scores.probabilities, scores.error) == (None, "the model's numbers are not finite")


class _Processor:
    """A stand-in for a processor with a template."""

    def __init__(self, template: Any) -> None:
        self.chat_template = template


LOOP = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"
TEMPLATES = [
    (LOOP, "does not end within 5 s"),
    ({"default": "ok", "tools": LOOP}, "does not end within 5 s"),
    ("{{ 'a' * 1000000000 }}", "too much memory|more than 1,?000,?000 characters|does not end"),
    ("{{ 'a' * 100000000000 }}", "too much memory"),
    ("{{ '%9999999999d' % 1 }}", "too much memory|more than"),
    ("{{ 'a'.ljust(20000000) }}", "more than 1000000 characters"),
    ("{{ lipsum(n=100000) }}", "more than 1000000 characters|does not end"),
    ("x" * 1_000_001, "more than 1,000,000 characters"),
    ("{{ 9 ** (9 ** 9) }}", "does not end within 5 s|too much memory"),
]


@pytest.mark.parametrize(("template", "message"), sparse(TEMPLATES, 4))
def test_an_endless_template_is_refused_when_the_model_is_loaded(
    monkeypatch: pytest.MonkeyPatch, template: Any, message: str
) -> None:
    monkeypatch.setattr(chat_template, "_SECONDS", 1.0)
    start = time.monotonic()
    with pytest.raises(ModelError, match=message.replace("5 s", "1 s")):
        check_template(_Processor(template), "m")
    assert time.monotonic() - start < 15


@pytest.mark.parametrize(
    "template",
    ["{{ messages.__class__.__mro__ }}", "{% import 'os' as os %}", "{{ raise_exception('no') }}", "{{ 1 / 0 }}", "{{"],
)
def test_a_template_that_fails_is_one_error_for_its_prompt(template: str) -> None:
    check_template(_Processor(template), "m")
    if "mro" not in template:
        with pytest.raises(ModelError, match="chat template fails"):
            rendered(_Processor(template), [])


LATE = [
    # Each is seen with a long prompt alone, never when the model is loaded.
    ("{{ 'a' * (3 * 10**9) }}", "asks for too much memory"),
    ("{{ 'a'.ljust(10**10) }}", "asks for too much memory"),
    ("{% set n = namespace(x='a') %}{% for i in range(99) %}{% set n.x = n.x ~ n.x %}{% endfor %}", "too much memory"),
    ("{{ (messages|length + 8) ** (9 ** 9) }}", "does not end within"),
]


@pytest.mark.parametrize(("body", "message"), sparse(LATE, 4))
def test_a_template_that_asks_for_too_much_for_one_prompt_only(
    monkeypatch: pytest.MonkeyPatch, body: str, message: str
) -> None:
    # Only of one that never ends is the limit reached; to fill the memory may take a busy machine longer.
    monkeypatch.setattr(chat_template, "_SECONDS", 3.0 if message == "does not end within" else 60.0)
    processor = _Processor("{% if messages[0].content|length > 20 %}" + body + "{% endif %}x")
    check_template(processor, "m")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ModelError, match=message):
        rendered(processor, [{"role": "user", "content": "a" * 21}])
    # In kilobytes.
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000
    assert rendered(processor, [{"role": "user", "content": "a"}]) == "x"


SAME = [
    "{% for m in messages %}  {% if loop.first %}\n{% continue %}{% endif %}{{ m.role }}{% break %}{% endfor %}",
    "{{ messages | tojson }}{{ messages | tojson(indent=2) }}{{ '<é>' | tojson }}",
    "{% generation %}a{{ eos_token }}{% endgeneration %}{{ bos_token is defined }}",
    "{{ tools is none }}{{ documents is none }}{{ add_generation_prompt }}{{ enable_thinking }}",
    "{% set n = namespace(x=1) %}{% for m in messages %}{% set n.x = n.x + 1 %}{% endfor %}{{ n.x }}{{ dict(a=1).a }}",
    "{{ strftime_now('%Y') }}{{ messages[0].content[0].text[::-1] }}",
]


def test_a_text_is_that_of_transformers() -> None:
    processor = load_processor(Checkpoint.of(load_mllm("mini-qwen2vl")))
    messages = [
        {"role": "user", "content": [{"type": "text", "text": 'a <b> & "ü" 🚗'}]},
        {"role": "user", "content": [{"type": "image"}]},
    ]
    for template in [processor.chat_template, *SAME]:
        processor.chat_template = template
        expected = processor.apply_chat_template(
            messages, tokenize=False, add_generation_prompt=True, enable_thinking=False
        )
        assert rendered(processor, messages, enable_thinking=False) == expected


def test_a_namespace_holds_no_parts_of_python() -> None:
    with pytest.raises(ModelError, match="a namespace takes no '__class__'"):
        rendered(_Processor("{% set n = namespace(__class__=1) %}{{ n.__class__ }}"), [])


def test_a_template_that_loops_for_one_prompt_only_ends_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chat_template, "_SECONDS", 0.3)
    with pytest.raises(ModelError, match=r"does not end within 0\.3 s"):
        rendered(_Processor(LOOP), [])
    with pytest.raises(ModelError, match="writes more than"):
        rendered(_Processor("{{ 'a' * 1000001 }}"), [])
    assert rendered(_Processor("fine"), []) == "fine"
