"""A model that is described in a file alone: prompts and box format as text, all faults of the file at once."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from finecops.config.box_pattern import BoxPattern
from finecops.config.find import load_dataset, load_mllm, load_model
from finecops.config.fingerprint import model_settings
from finecops.config.schema import MllmConfig
from finecops.config.templates import text_of
from finecops.datasets.dataset import load_dataset_split
from finecops.errors import ConfigError
from finecops.replies.answer import Reply
from finecops.replies.box_text import write_box
from finecops.replies.options import box_as_option
from finecops.replies.parse import parse_reply
from finecops.replies.prompting import prompt_text
from finecops.runs.specification import ImageGroup
from finecops.stages.mllm import MllmStage

PROJECT = Path(__file__).resolve().parents[2]

OWN: dict[str, Any] = {
    "name": "own",
    "kind": "mllm",
    "backend": "openai",
    "weights": "someone/new",
    "base_url": "http://localhost:1/v1",
    "prompt": 'Where is "{expression}"? Answer like {{"box": [x, y, w, h]}}.',
    "focus": " Look at {target}, the {phrase}.",
    "refusal": " Say {{}} if it is not there.",
    "box_format": {"text": '{{"box": [{x}, {y}, {w}, {h}]}}', "coordinates": "norm1000"},
}


def own(tmp_path: Path, **changes: Any) -> Path:
    """The file with some settings changed; `...` leaves one out."""
    path = tmp_path / "own.yaml"
    path.write_text(yaml.safe_dump({k: v for k, v in (OWN | changes).items() if v is not ...}))
    return path


def load(tmp_path: Path, **changes: Any) -> MllmConfig:
    return load_mllm(str(own(tmp_path, **changes)))


def test_a_model_is_described_without_an_edit_of_the_package(tmp_path: Path) -> None:
    config = load(tmp_path)
    assert prompt_text(config, "the red car", "the red car") == (
        'Where is "the red car"? Answer like {"box": [x, y, w, h]}. Look at the red car, the red car.'
        " Say {} if it is not there."
    )
    reply = 'Here: {"box": [100, 200, 300, 400]} and {"box": [0, 0, 10, 10]}'
    answer = parse_reply(config, Reply("", reply), (640, 480), "mean_prob")
    assert answer.boxes == ((64.0, 96.0, 256.0, 288.0), (0.0, 0.0, 6.4, 4.8))
    assert write_box(config, answer.boxes[0], (640, 480)) == '{"box": [100, 200, 300, 400]}'
    assert box_as_option(config, answer.boxes[0], (640, 480)) == '{"box": [100, 200, 300, 400]}'


def test_the_file_in_the_documents_is_valid(tmp_path: Path) -> None:
    page = (PROJECT / "docs" / "models.md").read_text()
    (block,) = re.findall(r"```yaml\n(name: mine\n.*?)```", page, re.DOTALL)
    (tmp_path / "mine.yaml").write_text(block)
    config = load_mllm(str(tmp_path / "mine.yaml"))
    answer = parse_reply(config, Reply("", "<box>250,250,500,500</box>"), (100, 80), "mean_prob")
    assert answer.boxes == ((25.0, 20.0, 50.0, 40.0),)


def test_a_real_models_answers_are_read_alike(tmp_path: Path, mini_mllm: Any) -> None:
    """The mini MLLM in a file that holds everything as text, against its own file with names."""
    named = load_mllm("mini-qwen2vl")
    texts = {"prompt": text_of(named.prompt), "focus": text_of(named.focus)}
    form = BoxPattern(text="({x1},{y1}),({x2},{y2})", coordinates="norm1000")
    own = named.model_copy(update={**texts, "box_format": form})
    data = load_dataset_split(load_dataset("finecops-mini"), "val")
    groups = [ImageGroup(data.image_path(sample), (sample,)) for sample in data.samples[:4]]
    answers = [MllmStage(mini_mllm, config, None, "mean_prob")(groups) for config in (named, own)]
    assert [row.boxes for row in answers[0]] == [row.boxes for row in answers[1]]
    assert all(row.boxes and row.scores for row in answers[1])
    assert [prompt_text(config, "the cup", "the cup") for config in (named, own)] == [
        "Output the bounding box of the cup in the image. Please focus on the cup."
    ] * 2


def test_texts_are_part_of_the_fingerprint(tmp_path: Path) -> None:
    usual = model_settings(load(tmp_path))
    for changes in (
        {"prompt": "Find {expression}"},
        {"focus": ""},
        {"refusal": ...},
        {"box_format": OWN["box_format"] | {"coordinates": "norm999"}},
        {"box_format": OWN["box_format"] | {"text": "[{x}, {y}, {w}, {h}]"}},
        {"box_format": "norm1000_list"},
        {"weights": "someone/newer"},
    ):
        assert model_settings(load(tmp_path, **changes)) != usual, changes
    # The same model behind another address gives the same answers.
    assert model_settings(load(tmp_path, base_url="http://elsewhere:8000/v1")) == usual


def test_an_empty_focus_adds_nothing_and_names_still_work(tmp_path: Path) -> None:
    config = load(tmp_path, prompt="QWEN2VL_REC", focus="", refusal=..., box_format="norm1000_paren")
    assert prompt_text(config, "it", "it") == "Output the bounding box of it in the image."


def test_licence_and_score_may_be_left_out(tmp_path: Path) -> None:
    config = load(tmp_path)
    assert (config.licence, config.score, config.score_meaning) == (None, None, "not stated")


FAULTS = [
    # (what is changed, what is said)
    ({"prompt": "Find it."}, "prompt: has no {expression}"),
    ({"prompt": "Find {expresion}."}, "prompt: {expresion} is no placeholder here; there is {expression}"),
    ({"prompt": "Find {expression.__class__}."}, "prompt: '{expression.__class__' begins no placeholder"),
    ({"prompt": "Find {expression!r:>9}."}, "prompt: '{expression' begins no placeholder; a brace"),
    ({"prompt": "Find {expression} as {"}, "prompt: a brace stands alone; a brace that is no placeholder's is doubled"),
    ({"prompt": 'Find {expression} as {"a": 1}'}, "prompt: '{\"a\"' begins no placeholder; a brace"),
    ({"prompt": "Find {expression}\x1b[2J"}, "prompt: holds a character that cannot be printed"),
    ({"prompt": "{0}"}, "prompt: '{0' begins no placeholder"),
    ({"prompt": ""}, "prompt: has no {expression}"),
    ({"prompt": "QWEN2VL_RECC"}, "prompt: no prompt 'QWEN2VL_RECC' in finecops/prompts.py (did you mean 'QWEN2VL_REC'"),
    ({"prompt": "CRS_QUESTION"}, "prompt: CRS_QUESTION: {options} is no placeholder here"),
    ({"focus": "Look!"}, "focus: has no {target} or {phrase}"),
    ({"focus": "Look at {expression}"}, "focus: {expression} is no placeholder here; there is {target} or {phrase}"),
    ({"refusal": "Or {expression}"}, "refusal: {expression} is no placeholder here; there is none"),
    ({"box_format": "norm1000_lst"}, "box_format: unknown box_format 'norm1000_lst' (did you mean 'norm1000_list'"),
    ({"box_format": "[{x1}, {y1}, {x2}, {y2}]"}, "box_format: a text of one's own stands under `text`"),
    ({"box_format": {"text": "[{x1},{y1},{x2},{y2}]"}}, "box_format.coordinates: Field required"),
    (
        {"box_format": {"text": "[{x1},{y1},{x2},{y2}]", "coordinates": "norm0"}},
        "box_format.coordinates: 'norm0' is none of pixels, resized_pixels, percent, norm1, norm1000, or normN",
    ),
    ({"box_format": {"text": "[{x1},{y1},{x2}]", "coordinates": "pixels"}}, "needs the four numbers of a box"),
    ({"box_format": {"text": "[{x1},{y1},{w},{h}]", "coordinates": "pixels"}}, "needs the four numbers of a box"),
    ({"box_format": {"text": "{x1}{y1} {x2} {y2}", "coordinates": "pixels"}}, "nothing stands before {y1}"),
    ({"box_format": {"text": "{x1}.{y1},{x2},{y2}", "coordinates": "pixels"}}, "cannot be separated from the number"),
    (
        {"box_format": {"text": "box1{x1},{y1},{x2},{y2}", "coordinates": "pixels"}},
        "cannot be separated from the number",
    ),
    ({"box_format": {"text": "{x1},{y1},{x2},{y2}0", "coordinates": "pixels"}}, "cannot be separated from the number"),
    ({"box_format": {"text": "{x1:d},{y1},{x2},{y2}", "coordinates": "pixels"}}, "begins no placeholder"),
    ({"box_format": {"text": "[{x1},{y1},{x2},{y2}]" + "!" * 200, "coordinates": "pixels"}}, "at most 200 characters"),
    ({"box_format": ["norm1000_list"]}, "box_format: Input should be a valid string"),
    (
        {"box_format": {"text": "[{x1},{y1},{x2},{y2}]", "coordinates": "resized_pixels"}},
        "settings: boxes in pixels of the resized image need `resize_factor`, `min_pixels` and `max_pixels`",
    ),
    ({"promt": "Find {expression}."}, "promt: there is no such setting; did you mean 'prompt'?"),
    ({"colour": "red"}, "colour: there is no such setting; `finecops models new` writes a file with all settings"),
    ({"backend": "openia"}, "backend: unknown mllm backend 'openia' (did you mean 'openai'?); there are: transformers"),
    ({"backend": "replay", "file_format": "cvs"}, "file_format: unknown file_format 'cvs'; there are: mmdet-npy"),
]


@pytest.mark.parametrize(("changes", "said"), FAULTS, ids=lambda value: None)
def test_a_fault_is_said_with_its_key_and_what_is_allowed(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    path = own(tmp_path, **changes)
    with pytest.raises(ConfigError) as caught:
        load_model(str(path))
    assert str(caught.value).startswith(f"{path}: ")
    assert said in str(caught.value)


def test_all_faults_are_said_at_once_before_anything_is_loaded(tmp_path: Path) -> None:
    path = own(
        tmp_path,
        name="a/b",
        weights=...,
        prompt="Find it.",
        focus="F",
        box_format="none",
        backend="worker",
        batch_size=0,
        colour="red",
    )
    with pytest.raises(ConfigError) as caught:
        load_mllm(str(path))
    first, *faults = str(caught.value).splitlines()
    assert first == f"{path} has 8 faults:"
    keys = {fault.split(":")[0] for fault in faults}
    wrong = ("name", "weights", "prompt", "focus", "box_format", "batch_size", "colour", "settings")
    assert keys == {f"  {key}" for key in wrong}
