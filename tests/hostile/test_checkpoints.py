"""Checkpoints that hold code, pickles or endless templates: nothing runs, nothing hangs, and each is one error."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from finecops.config.find import load_mllm, load_specialist
from finecops.config.schema import ExtractorConfig
from finecops.errors import FinecopsError, ModelError
from finecops.models import chat_template
from finecops.models.backends import load_extractor_model, load_mllm_model, load_specialist_model
from finecops.models.chat_template import check_template, rendered
from finecops.models.checkpoint_folder import check_adapter, check_checkpoint
from tests.hostile.checkpoint_folders import Gadget, code_folders, copied, edit, evil_code, pickled

LOADS = """
import json, sys
from finecops.config.find import load_mllm, load_specialist
from finecops.config.schema import ExtractorConfig
from finecops.errors import FinecopsError
from finecops.models.backends import load_extractor_model, load_mllm_model, load_specialist_model

def text_model(folder):
    return ExtractorConfig(name="t", kind="extractor", backend="llm", model=folder)

OF = {
    "grounding-dino": lambda f: load_specialist_model(load_specialist("mini-gdino@" + f), "cpu"),
    "category-detector": lambda f: load_specialist_model(load_specialist("owlv2@" + f), "cpu"),
    "mllm": lambda f: load_mllm_model(load_mllm("mini-qwen2vl@" + f), "cpu"),
    "text": lambda f: load_extractor_model(text_model(f), "cpu"),
    "adapter": lambda f: load_mllm_model(load_mllm("mini-qwen2vl").model_copy(update={"adapter": f}), "cpu"),
}
for kind, folder in json.loads(sys.argv[1]):
    try:
        OF[kind](folder)
        print(json.dumps([kind, folder, "loaded"]))
    except FinecopsError as error:
        print(json.dumps([kind, folder, str(error)]))
"""


def sparse(cases: list[Any], step: int) -> list[Any]:
    """All cases; only each `step`-th is part of the default tests, which take seconds."""
    return [case if i % step == 0 else pytest.param(*case, marks=pytest.mark.hostile) for i, case in enumerate(cases)]


def load_all(cases: list[tuple[str, Path]]) -> list[tuple[str, str, str]]:
    """Load each folder, in one process that finds `y` on its standard input."""
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
        pytest.param(("unknown", "known"), id="of any kind", marks=pytest.mark.hostile),
    ],
)
def test_no_code_of_a_checkpoint_runs_whatever_stands_on_standard_input(tmp_path: Path, kinds: tuple[str, ...]) -> None:
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
    found = load_all(cases)
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


BROKEN_FOLDERS = [
    (_remove("config.json"), "has no config.json"),
    (_remove("model.safetensors"), r"has no weights \(model.safetensors\)"),
    (lambda f: _index(f, a="m-1.safetensors", b="m-2.safetensors"), "incomplete: 2 of 2 files of weights are missing"),
    (lambda f: _index(f, a="../../x.safetensors"), "which is no .safetensors file of that folder"),
    (lambda f: _index(f, a="x.bin"), "which is no .safetensors file of that folder"),
    (lambda f: _index(f), "names no weights"),
    (lambda f: edit(f / "config.json", transformers_weights="x.bin"), "names other weights than safetensors"),
    (lambda f: edit(f / "config.json", _attn_implementation="a/kernel"), "names code on the Hub"),
    (lambda f: edit(f / "config.json", text_config={"num_hidden_layers": 10**9}), "asks for 1,000,000,000 layers"),
    (lambda f: edit(f / "config.json", text_config={"hidden_size": 10**9}), "asks for a width of 1,000,000,000"),
    (lambda f: edit(f / "config.json", text_config={"vocab_size": 10**12}), "asks for a width of"),
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
    from PIL import Image

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

    def apply_chat_template(self, messages: Any, **options: Any) -> str:
        from jinja2.sandbox import ImmutableSandboxedEnvironment

        text: str = ImmutableSandboxedEnvironment().from_string(self.chat_template).render(messages=messages)
        return text


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
    chat_template._fault.cache_clear()
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


def test_a_template_that_loops_for_one_prompt_only_ends_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chat_template, "_SECONDS", 0.3)
    with pytest.raises(ModelError, match=r"took more than 0\.3 s"):
        rendered(_Processor(LOOP), [])
    with pytest.raises(ModelError, match="wrote more than"):
        rendered(_Processor("{{ 'a' * 1000001 }}"), [])
    assert rendered(_Processor("fine"), []) == "fine"
