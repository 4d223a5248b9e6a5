"""The mini models' training: right inputs, right losses, and a kill that costs nothing."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
import torch
from transformers import Qwen2VLForConditionalGeneration

from finecops.mini.training import grounding_loss as gt
from finecops.mini.training.gdino import mini_model, mini_processor
from finecops.mini.training.loop import TRAIN_SEED_BASE, ParameterGroup, TrainPlan, learning_rate_factor, train
from finecops.mini.training.packed_attention import QUESTION_ATTENTION, packed_hidden
from finecops.mini.training.packing import Packer
from finecops.mini.training.questions import box_text, sample_questions
from finecops.mini.training.fast_vision import fast_vision, mini_config, patchify
from finecops.mini.training.tokenizer import SPECIAL_TOKENS
from finecops.mini.training.tokenizer import mini_processor as mllm_processor
from finecops.mini.world.benchmark import SPLIT_SEEDS
from finecops.mini.world.draw import draw_scene
from finecops.mini.world.scenes import sample_scene

SCENES = [sample_scene(random.Random(seed), str(seed)) for seed in range(4)]
IMAGES = [draw_scene(scene) for scene in SCENES]


@pytest.fixture(scope="module")
def small_mllm() -> Qwen2VLForConditionalGeneration:
    torch.manual_seed(0)
    tokenizer = mllm_processor().tokenizer
    config = mini_config(len(tokenizer), {t: tokenizer.convert_tokens_to_ids(t) for t in SPECIAL_TOKENS})
    return Qwen2VLForConditionalGeneration(config).eval()


def test_scenes_are_fair() -> None:
    for seed in range(200):
        scene = sample_scene(random.Random(seed), str(seed))
        boxes = [obj.xywh for obj in scene.objects.values()]
        assert len(boxes) >= 2
        for i, (x, y, w, h) in enumerate(boxes):
            assert min(x, y) >= 0
            assert max(x + w, y + h) <= scene.width
            for a, b, c, d in boxes[i + 1 :]:
                assert x >= a + c or a >= x + w or y >= b + d or b >= y + h
                gaps = [abs((x + w / 2) - (a + c / 2)), abs((y + h / 2) - (b + d / 2))]
                assert not any(20.5 < gap < 21.5 for gap in gaps), gaps  # nothing stands on the border


def test_training_never_sees_the_benchmarks_scenes() -> None:
    from finecops.mini.world.benchmark import SCENE_COUNTS

    assert max(start + SCENE_COUNTS[split] for split, start in SPLIT_SEEDS.items()) < TRAIN_SEED_BASE


def test_patches_are_the_processors() -> None:
    pixels, grid = patchify(IMAGES)
    reference = mllm_processor().image_processor(images=IMAGES, return_tensors="pt")
    assert torch.equal(grid, reference["image_grid_thw"])
    assert torch.allclose(pixels, reference["pixel_values"], atol=1e-5)


def test_every_coordinate_and_word_is_one_token() -> None:
    from finecops.mini.training.gdino import world_words

    tokenizer = mllm_processor().tokenizer
    for text in [*map(str, range(0, 1001, 10)), *(f" {word}" for word in world_words())]:
        assert len(tokenizer.encode(text)) == 1, text
    assert len(tokenizer.encode(box_text((1, 2, 30, 40)))) == 11
    odd = "Zebra 527 “née”\n<|box_start|>(3,4)"
    assert tokenizer.decode(tokenizer.encode(odd)) == odd


def test_packed_questions_have_the_logits_of_separate_ones(small_mllm: Qwen2VLForConditionalGeneration) -> None:
    processor = mllm_processor()
    packer = Packer(processor.tokenizer)
    batch = [sample_questions(random.Random(i), scene, 1.0) for i, scene in enumerate(SCENES[:2])]
    packed = packer.pack(batch)
    language = small_mllm.model.language_model
    with torch.no_grad(), fast_vision():
        language.set_attn_implementation(QUESTION_ATTENTION)
        hidden = packed_hidden(small_mllm, packed, *patchify(IMAGES[:2]))
        language.set_attn_implementation("sdpa")
    together = small_mllm.lm_head(hidden).reshape(2, -1, small_mllm.config.text_config.vocab_size)
    for row, questions in enumerate(batch):
        start = len(packer.prefix)
        for question in questions:
            answer = question.text if question.box is None else box_text(question.box)
            message = {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": question.prompt}]}
            text = processor.apply_chat_template([message], add_generation_prompt=True) + answer
            inputs = processor(images=[IMAGES[row]], text=[text], return_tensors="pt")
            small_mllm.model.rope_deltas = None
            with torch.no_grad():
                alone = small_mllm(**inputs).logits[0, len(packer.prefix) :]
            found = together[row, start : start + len(alone)]
            assert torch.allclose(found, alone, atol=2e-5)
            start += len(alone) + 1  # the end of the turn
    assert len(packed.steps) == 4 * sum(q.box is not None for row in batch for q in row)


def test_grounding_loss_trains_the_proposals_and_every_head() -> None:
    torch.manual_seed(0)
    model, processor = mini_model(), mini_processor()
    texts = [gt.sample_text(random.Random(i), scene) for i, scene in enumerate(SCENES)]
    inputs, targets = gt.collate(processor, SCENES, IMAGES, texts)
    losses = gt.grounding_loss(gt.predictions(model, inputs), targets, inputs["attention_mask"].bool())
    torch.stack(list(losses.values())).sum().backward()
    without = [n for n, p in model.named_parameters() if p.grad is None or not p.grad.isfinite().all()]
    assert all("swin.layernorm" in name for name in without), without
    for name in ("encoder_output_bbox_embed", "enc_output", "bbox_embed.0", "bbox_embed.2"):
        gradients = [p.grad for n, p in model.named_parameters() if name in n and p.grad is not None]
        assert any(g.abs().sum() > 0 for g in gradients), name


def test_every_image_of_a_batch_is_trained_towards_its_own_phrases() -> None:
    """The library's loss takes another phrase for later images of a batch."""
    processor = mini_processor()
    texts = [gt.GroundedText("car . tree .", (((6, 10), frozenset({"0"})),)) for _ in SCENES]
    _, targets = gt.collate(processor, SCENES, IMAGES, texts)
    tree = processor.tokenizer.tokenize("car . tree .").index("tree") + 1
    for scene, target in zip(SCENES, targets, strict=True):
        assert target.tokens.nonzero().tolist() == [[0, tree]]
        x, y, w, h = scene.objects["0"].xywh
        assert target.boxes[0].tolist() == pytest.approx(
            [(x + w / 2) / 140, (y + h / 2) / 140, w / 140, h / 140], abs=1e-6
        )


def test_perfect_predictions_cost_less_than_wrong_phrases() -> None:
    target = gt.Target(torch.tensor([[0.5, 0.5, 0.2, 0.2]]), torch.tensor([[0.0, 1.0, 0.0]]))
    mask = torch.ones(1, 3, dtype=torch.bool)
    boxes = torch.tensor([[[0.5, 0.5, 0.2, 0.2], [0.1, 0.1, 0.1, 0.1]]])
    right = torch.tensor([[[-9.0, 9.0, -9.0], [-9.0, -9.0, -9.0]]])
    wrong = torch.tensor([[[9.0, -9.0, -9.0], [-9.0, -9.0, -9.0]]])
    costs = [float(sum(gt.grounding_loss([(c, boxes)], [target], mask).values())) for c in (right, wrong)]
    assert costs[0] < 1e-3 < 1 < costs[1]


def test_a_killed_training_ends_where_an_unbroken_one_does(tmp_path: Path) -> None:
    plan = TrainPlan(steps=6, batch_size=1, learning_rate=1e-2, warmup_steps=2, log_every=2, save_every=2)

    def run(folder: Path, stop_at: int | None = None) -> torch.Tensor:
        torch.manual_seed(0)
        model = torch.nn.Linear(3, 1)

        def step_loss(step: int) -> dict[str, torch.Tensor]:
            if step == stop_at:
                raise KeyboardInterrupt
            data = torch.randn(4, 3, generator=torch.Generator().manual_seed(step))
            return {"loss": (model(data) + torch.rand(1)).square().mean()}

        train(model, [ParameterGroup(list(model.parameters()))], step_loss, plan, folder)
        return model.weight.detach().clone()

    unbroken = run(tmp_path / "unbroken")
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "killed", stop_at=5)
    assert torch.equal(run(tmp_path / "killed"), unbroken)
    steps = [json.loads(line)["step"] for line in (tmp_path / "unbroken" / "log.jsonl").read_text().splitlines()]
    assert steps == [2, 4, 6]


@pytest.mark.parametrize(("step", "factor"), [(0, 0.1), (9, 1.0), (30, 1.0), (70, 0.51), (100, 0.02)])
def test_learning_rate(step: int, factor: float) -> None:
    plan = TrainPlan(steps=100, batch_size=1, learning_rate=1.0, warmup_steps=10, decay_share=0.6)
    assert learning_rate_factor(step, plan) == pytest.approx(factor)


@pytest.mark.parametrize("name", ["mini-gdino", "mini-qwen2vl"])
def test_the_committed_models_are_safetensors_with_a_card(name: str) -> None:
    folder = Path("checkpoints") / name
    assert (folder / "model.safetensors").is_file()
    assert (folder / "README.md").is_file()
    assert not list(folder.glob("*.bin"))


def test_the_committed_models_are_small() -> None:
    sizes = [p.stat().st_size for p in Path("checkpoints").rglob("*") if p.is_file()]
    assert sum(sizes) < 30_000_000
