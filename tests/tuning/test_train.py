"""Tuning on the mini model: some steps, a break in the middle, and what an adapter is good for."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from finecops.config.budget import with_visual_tokens
from finecops.config.find import load_mllm
from finecops.errors import ConfigError, DataError, ModelError, RunError
from finecops.images import Picture
from finecops.models.protocols import Question, QuestionGroup
from finecops.models.transformers_mllm import TransformersMllm
from finecops.tuning.collate import Collator
from finecops.tuning.data import TuneRow
from finecops.tuning.train import Tuning, _with_adapter, tune

BASE = load_mllm("mini-qwen2vl")
SMALL = Tuning(
    epochs=1, batch_size=4, per_device=4, learning_rate=5e-3, rank=4, gradient_checkpointing=False, save_steps=2
)


def rows(n: int = 16) -> list[TuneRow]:
    """Questions whose answer is always B."""
    return [
        TuneRow(
            id=str(i),
            sample_id=str(i),
            image="a.png",
            width=140,
            height=140,
            prompt="Which?\nA. 1\nB. 2",
            answer="B",
            letters=("A", "B"),
        )
        for i in range(n)
    ]


@pytest.fixture(scope="module")
def adapter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tune")
    Image.new("RGB", (140, 140), "white").save(folder / "a.png")
    return tune(BASE, rows(48), folder, folder / "adapter", SMALL, "cpu", {"what": "a test"})


def b_share(config: Any) -> float:
    question = Question("Which?\nA. 1\nB. 2", ("A", "B"))
    group = QuestionGroup(Picture(Image.new("RGB", (140, 140), "white")), (question,))
    ((scores,),) = TransformersMllm(config).choose([group])
    assert scores.probabilities is not None
    return scores.probabilities[1]


def test_an_adapter_changes_what_it_was_tuned_for_and_says_what_it_is(adapter: Path) -> None:
    share = b_share(BASE.model_copy(update={"adapter": str(adapter)}))
    assert share > 0.9
    assert share > b_share(BASE)
    card = json.loads((adapter / "finecops.json").read_text())
    assert card["data"] == {"what": "a test"}
    assert "rank 4" in (adapter / "README.md").read_text()
    assert (adapter / "adapter_model.safetensors").stat().st_size < 5e6
    assert not (adapter / "checkpoints").exists()


def test_an_adapter_of_another_base_or_a_broken_one_is_refused(adapter: Path, tmp_path: Path) -> None:
    other = shutil.copytree(adapter, tmp_path / "other")
    card = json.loads((other / "finecops.json").read_text())
    (other / "finecops.json").write_text(json.dumps(card | {"base_fingerprint": "of something else"}))
    with pytest.raises(ModelError, match="tuned on other weights"):
        TransformersMllm(BASE.model_copy(update={"adapter": str(other)}))
    (other / "finecops.json").unlink()
    path = other / "adapter_model.safetensors"
    save_file({k: v for k, v in load_file(path).items() if "layers.2." not in k}, path)
    with pytest.raises(ModelError, match="some of its weights are missing"):
        TransformersMllm(BASE.model_copy(update={"adapter": str(other)}))
    path.write_bytes(b"broken")
    with pytest.raises(ModelError, match="does not fit"):
        TransformersMllm(BASE.model_copy(update={"adapter": str(other)}))


def test_an_adapter_says_when_images_are_seen_at_another_budget(
    adapter: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert json.loads((adapter / "finecops.json").read_text())["visual_tokens"] is None
    TransformersMllm(BASE.model_copy(update={"adapter": str(adapter)}))
    assert "visual tokens" not in caplog.text
    TransformersMllm(with_visual_tokens(BASE, 16).model_copy(update={"adapter": str(adapter)}))
    assert "was tuned at the model's own number of visual tokens, and images are seen at 16 visual" in caplog.text
    at_16 = shutil.copytree(adapter, tmp_path / "at_16")
    card = json.loads((at_16 / "finecops.json").read_text()) | {"visual_tokens": 16}
    caplog.clear()
    (at_16 / "finecops.json").write_text(json.dumps(card))
    TransformersMllm(with_visual_tokens(BASE, 16).model_copy(update={"adapter": str(at_16)}))
    assert "visual tokens" not in caplog.text


@pytest.mark.parametrize("checkpointing", [False, True])
def test_the_vision_tower_is_computed_forward_alone(tmp_path: Path, checkpointing: bool) -> None:
    Image.new("RGB", (140, 140), "white").save(tmp_path / "a.png")
    base = TransformersMllm(BASE)
    model = _with_adapter(base, BASE.name, rows(1), SMALL).train()
    if checkpointing:
        model.gradient_checkpointing_enable({"use_reentrant": False})
    seen: list[bool] = []
    tower = base.model.model.visual
    tower.register_forward_hook(lambda _, __, output: seen.append(output.pooler_output.requires_grad))
    batch = Collator(base.processor, tmp_path, end=base.processor.tokenizer.eos_token)(rows(1))
    model(**batch).loss.backward()
    assert seen == [False]
    learnt = [parameter for parameter in model.parameters() if parameter.requires_grad]
    assert learnt
    assert all(parameter.grad is not None for parameter in learnt)


def test_a_finished_adapter_is_not_overwritten(adapter: Path) -> None:
    with pytest.raises(RunError, match="finished adapter"):
        tune(BASE, rows(), adapter.parent, adapter, SMALL, "cpu")


def test_a_broken_tuning_goes_on_from_its_last_checkpoint_and_ends_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from transformers import Trainer

    Image.new("RGB", (140, 140), "white").save(tmp_path / "a.png")
    whole = tune(BASE, rows(), tmp_path, tmp_path / "whole", SMALL, "cpu")
    step = Trainer.training_step
    done = []

    def count(self: Any, *args: Any, **kwargs: Any) -> Any:
        done.append(1)
        return step(self, *args, **kwargs)

    def stop_at_three(self: Any, *args: Any, **kwargs: Any) -> Any:
        if len(done) == 3:
            raise KeyboardInterrupt
        return count(self, *args, **kwargs)

    monkeypatch.setattr(Trainer, "training_step", stop_at_three)
    with pytest.raises(KeyboardInterrupt):
        tune(BASE, rows(), tmp_path, tmp_path / "broken", SMALL, "cpu")
    monkeypatch.setattr(Trainer, "training_step", count)
    with pytest.raises(RunError, match=r"other settings: tuning\.rank"):
        tune(BASE, rows(), tmp_path, tmp_path / "broken", Tuning(**(vars(SMALL) | {"rank": 8})), "cpu")
    broken = tune(BASE, rows(), tmp_path, tmp_path / "broken", SMALL, "cpu")
    # Of four steps, three were made and two kept.
    assert len(done) == 3 + 2
    a, b = (load_file(folder / "adapter_model.safetensors") for folder in (whole, broken))
    assert a.keys() == b.keys()
    for name, value in a.items():
        assert torch.allclose(value, b[name], atol=1e-6), name


def test_a_missing_image_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"row 0: .*a\.png is missing"):
        tune(BASE, rows(1), tmp_path, tmp_path / "out", SMALL, "cpu")


def test_the_same_seed_gives_the_same_adapter_and_another_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The random start, which training would only blur; that training ends the same is what a broken one shows."""
    from transformers import Trainer

    monkeypatch.setattr(Trainer, "train", lambda *_, **__: None)
    Image.new("RGB", (140, 140), "white").save(tmp_path / "a.png")
    name = "base_model.model.model.language_model.layers.0.self_attn.q_proj.lora_A.weight"
    starts = []
    for i, seed in enumerate((0, 0, 1)):
        tuning = Tuning(**(vars(SMALL) | {"seed": seed}))
        folder = tune(BASE, rows(4), tmp_path, tmp_path / str(i), tuning, "cpu")
        starts.append(load_file(folder / "adapter_model.safetensors")[name])
    assert torch.equal(starts[0], starts[1])
    assert not torch.allclose(starts[0], starts[2], atol=0.01)


def test_a_batch_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--per-device"):
        tune(BASE, rows(), tmp_path, tmp_path / "out", Tuning(**(vars(SMALL) | {"per_device": 3})), "cpu")


def test_no_rows_no_tuning(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nothing to tune on"):
        tune(BASE, [], tmp_path, tmp_path / "out", SMALL, "cpu")
