"""The trainings of the drawn world's models: right inputs at every budget, right losses, slots of crowded cells."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch.nn import functional as F
from transformers import Qwen2VLForConditionalGeneration, Qwen2VLImageProcessor

from finecops.mini.training import grounding_loss as gt
from finecops.mini.training.expressions import SceneTexts
from finecops.mini.training.fast_vision import fast_vision
from finecops.mini.training.packed_attention import QUESTION_ATTENTION, Pointing, packed_hidden
from finecops.mini.training.packing import Packer
from finecops.mini.training.questions import Question, box_text, sample_questions
from finecops.mini.training.qwen2vl import BUDGETS, CELL, mini_config, patchify
from finecops.mini.training.specialist import mini_model, mini_processor
from finecops.mini.training.specialist_training import (
    DetectorWithHeads,
    load_specialist,
    naming_loss,
    sample_text,
)
from finecops.mini.training.tokenizer import SPECIAL_TOKENS
from finecops.mini.training.tokenizer import mini_processor as mllm_processor
from finecops.mini.training.vision import SLOTS, Truth, VisionWithHeads, slots_of, vision_accuracy, vision_loss
from finecops.mini.training.words import world_words
from finecops.mini.world.catalogue import ASPECTS, COLOURS
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


@pytest.mark.parametrize("tokens", list(BUDGETS))
def test_patches_are_about_the_processors(tokens: int) -> None:
    pixels, grid = patchify(IMAGES, tokens)
    area = tokens * CELL**2
    processor = Qwen2VLImageProcessor(size={"shortest_edge": area, "longest_edge": area})
    reference = processor(images=IMAGES, return_tensors="pt")
    assert torch.equal(grid, reference["image_grid_thw"])
    # The two libraries round the reduction differently: a step of 255 is 0.015 here.
    assert (pixels - reference["pixel_values"]).abs().max() < 0.05


def test_every_coordinate_and_word_is_one_token() -> None:
    tokenizer = mllm_processor().tokenizer
    for text in [*map(str, range(0, 1001, 10)), *(f" {word}" for word in world_words())]:
        assert len(tokenizer.encode(text)) == 1, text
    assert len(tokenizer.encode(box_text((1, 2, 30, 40)))) == 11
    odd = "Zebra 527 “née”\n<|box_start|>(3,4)"
    assert tokenizer.decode(tokenizer.encode(odd)) == odd


@pytest.mark.parametrize("tokens", [9, 25])
def test_packed_questions_have_the_logits_of_separate_ones(
    small_mllm: Qwen2VLForConditionalGeneration, tokens: int
) -> None:
    processor = mllm_processor()
    area = tokens * CELL**2
    processor.image_processor = Qwen2VLImageProcessor(size={"shortest_edge": area, "longest_edge": area})
    packer = Packer(processor.tokenizer, tokens)
    batch = [sample_questions(SceneTexts(scene, random.Random(i)), 1.0) for i, scene in enumerate(SCENES[:2])]
    packed = packer.pack(batch)
    language = small_mllm.model.language_model
    _, grid = patchify(IMAGES[:2], tokens)
    pixels = processor.image_processor(images=IMAGES[:2], return_tensors="pt")["pixel_values"]
    with torch.no_grad(), fast_vision():
        language.set_attn_implementation(QUESTION_ATTENTION)
        hidden = packed_hidden(small_mllm, packed, pixels, grid)
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
            assert torch.allclose(together[row, start : start + len(alone)], alone, atol=5e-5)
            start += len(alone) + 1  # the end of the turn
    assert len(packed.steps) == 4 * sum(q.box is not None for row in batch for q in row)


@pytest.mark.parametrize("tokens", [9, 36])
def test_every_object_has_a_slot_of_its_own(small_mllm: Qwen2VLForConditionalGeneration, tokens: int) -> None:
    side = round(tokens**0.5)
    truth = Truth.of(SCENES, side)
    cells = list(zip(truth.rows.tolist(), truth.cells.tolist(), strict=True))
    assert max(map(cells.count, cells)) <= SLOTS
    # With few tokens, cells are crowded: a few objects may have no slot.
    assert 0.9 * sum(len(scene.objects) for scene in SCENES) <= len(cells)
    torch.manual_seed(0)
    model = VisionWithHeads(small_mllm.config)
    with fast_vision():
        outputs = model(*patchify(IMAGES, tokens))
    slots = slots_of(outputs, truth).tolist()
    assert len({(*cell, slot) for cell, slot in zip(cells, slots, strict=True)}) == len(cells)
    losses = vision_loss(outputs, SCENES)
    torch.stack(list(losses.values())).sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())
    assert set(vision_accuracy(model, SCENES, tokens)) >= {"kind", "box", "box tiny"}


def test_the_specialists_loss_trains_every_head(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model, processor = DetectorWithHeads(mini_model()), mini_processor()
    texts = [sample_text(SceneTexts(scene, random.Random(i))) for i, scene in enumerate(SCENES)]
    inputs, targets = gt.collate(processor, SCENES, IMAGES, texts)
    truth = Truth.of(SCENES, 16)
    stages, names = model(inputs, truth)
    losses = gt.grounding_loss(stages, targets, inputs["attention_mask"].bool())
    torch.stack([*losses.values(), naming_loss(names, truth)]).sum().backward()
    without = [n for n, p in model.named_parameters() if p.grad is None or not p.grad.isfinite().all()]
    assert all("swin.layernorm" in name for name in without), without
    # What the checkpoint is made of: the detector alone.
    torch.save({"model": model.state_dict()}, tmp_path / "state.pt")
    detector = mini_model()
    load_specialist(detector, tmp_path / "state.pt")
    assert all(torch.equal(w, model.detector.state_dict()[name]) for name, w in detector.state_dict().items())


def test_an_object_is_named_from_the_features_at_its_centre() -> None:
    torch.manual_seed(0)
    model, processor = DetectorWithHeads(mini_model()).eval(), mini_processor()
    words = [gt.GroundedText("cup .", ())] * len(SCENES)
    truth = Truth.of(SCENES, 16)
    with torch.no_grad():
        _, all_names = model(gt.collate(processor, SCENES, IMAGES, words)[0], truth)
        _, last = model(gt.collate(processor, SCENES[-1:], IMAGES[-1:], words[-1:])[0], Truth.of(SCENES[-1:], 16))
    own = truth.rows == len(SCENES) - 1
    for together, alone in zip(all_names, last, strict=True):
        assert len(alone) == len(SCENES[-1].objects)
        assert torch.allclose(together[own], alone, atol=1e-4)
        # Two objects of an image differ.
        assert not torch.allclose(alone[0], alone[1], atol=1e-4)


def test_no_object_with_a_state_is_no_reason_for_nan() -> None:
    truth = Truth.of(SCENES, 16)
    outputs = tuple(torch.zeros(len(truth.rows), n) for n in (len(ASPECTS), len(COLOURS), 1, 1))
    stateless = replace(truth, states=torch.full_like(truth.states, -1.0))
    chance = math.log(len(ASPECTS)) + math.log(len(COLOURS)) + math.log(2)
    assert float(naming_loss(outputs, stateless)) == pytest.approx(chance)
    assert float(naming_loss(outputs, truth)) == pytest.approx(chance + math.log(2))


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
            [(x + w / 2) / 224, (y + h / 2) / 224, w / 224, h / 224], abs=1e-6
        )


def test_perfect_predictions_cost_less_than_wrong_phrases() -> None:
    target = gt.Target(torch.tensor([[0.5, 0.5, 0.2, 0.2]]), torch.tensor([[0.0, 1.0, 0.0]]))
    mask = torch.ones(1, 3, dtype=torch.bool)
    boxes = torch.tensor([[[0.5, 0.5, 0.2, 0.2], [0.1, 0.1, 0.1, 0.1]]])
    right = torch.tensor([[[-9.0, 9.0, -9.0], [-9.0, -9.0, -9.0]]])
    wrong = torch.tensor([[[9.0, -9.0, -9.0], [-9.0, -9.0, -9.0]]])
    costs = [float(sum(gt.grounding_loss([(c, boxes)], [target], mask).values())) for c in (right, wrong)]
    assert costs[0] < 1e-3 < 1 < costs[1]


@pytest.mark.parametrize("name", ["mini-gdino", "mini-qwen2vl"])
def test_the_committed_models_are_safetensors_with_a_card(name: str) -> None:
    folder = Path("checkpoints") / name
    assert (folder / "model.safetensors").is_file()
    assert (folder / "README.md").is_file()
    assert not list(folder.glob("*.bin"))


def test_the_committed_models_are_small() -> None:
    sizes = [p.stat().st_size for p in Path("checkpoints").rglob("*") if p.is_file()]
    assert sum(sizes) < 30_000_000


def test_pointing_wants_the_cell_of_the_boxs_centre() -> None:
    packer = Packer(mllm_processor().tokenizer, 25)
    boxes = [(0.0, 0.0, 10.0, 10.0), (50.0, 90.0, 70.0, 100.0), (90.0, 0.0, 100.0, 20.0)]
    packed = packer.pack(
        [
            [Question("Where?", box=boxes[0]), Question("Which?", text="red"), Question("Where?", box=boxes[1])],
            [
                Question("Where is it?", box=boxes[2]),
                Question("Which of these?", text="B", looks=boxes[1]),
                Question("Which of these?", text="C"),
            ],
        ]
    )
    pointing = Pointing(packed, packer.first_image, 25)
    # Four coordinates a box, and the letter behind which is an object.
    assert pointing.cells.tolist() == [*(cell for cell in (0, 23, 4) for _ in range(4)), 23]
    assert packed.look_at.tolist() == [*packed.step_at.tolist(), packed.letter_at[0].item()]
    n, length = packed.input_ids.shape
    # Each token asks for its own number among 25; keys that answer to the wanted cells cost nothing.
    query, key = torch.zeros(n, length, 4, 25), torch.zeros(n, length, 4, 25)
    key[:, packer.first_image : packer.first_image + 25] = torch.eye(25).unsqueeze(1)
    flat = query.flatten(0, 1)
    flat[packed.look_at] = 50 * F.one_hot(pointing.cells, 25).float().unsqueeze(1)
    pointing.look(3, flat.reshape(query.shape), key, 1.0)
    assert float(pointing.losses["pointing"]) == pytest.approx(0, abs=1e-6)
    pointing.look(3, -flat.reshape(query.shape), key, 1.0)
    assert float(pointing.losses["pointing"]) > 10
    assert set(pointing.losses) == {"pointing"}


def test_choosing_wants_the_end_of_the_right_option() -> None:
    packer = Packer(mllm_processor().tokenizer, 25)
    lines = [f"{letter}. {box_text((x, 10, x + 9, 30))}" for letter, x in zip("ABC", (10, 40, 70))]
    prompt = "Which of these?\n" + "\n".join(lines)
    where = {letter: prompt.index(line) + len(line) for letter, line in zip("ABC", lines)}
    asked = [Question(prompt, text=letter, chosen=where[letter]) for letter in "CAB"]
    packed = packer.pack([[Question("Where?", box=(0.0, 0.0, 10.0, 10.0)), asked[0]], asked[1:]])
    ids, length = packed.input_ids, packed.input_ids.shape[1]
    end = packer.tokenizer.convert_tokens_to_ids("<|box_end|>")
    rows = (packed.option_at // length).tolist()
    assert rows == [0, 1, 1]
    tokens = list(packed.option_tokens)
    ends = [own[option] for own, option in zip(tokens, packed.options, strict=True)]
    for own, last, place in zip(tokens, ends, (3, 1, 2), strict=True):
        assert ids.flatten()[last] == end
        assert (ids.flatten()[own[0] : last + 1] == end).sum() == place
        assert packer.tokenizer.decode(ids.flatten()[own[:2]]) == "Which of"
    assert torch.equal(packed.option_at, packed.letter_at)

    pointing = Pointing(packed, packer.first_image, 25)
    n = len(ids)
    query, key = torch.zeros(n, length, 4, 8), torch.zeros(n, length, 4, 8)
    query.flatten(0, 1)[packed.option_at, :, 0] = 50
    # A key outside the question is not looked at, however much it is wanted.
    key[:, :3, :, 0] = 9
    key.flatten(0, 1)[ends, :, 0] = 1
    pointing.look(4, query, key, 1.0)
    assert float(pointing.losses["choosing"]) < 1
    pointing.look(4, -query, key, 1.0)
    assert float(pointing.losses["choosing"]) > 10


def test_pointing_teaches_its_heads_alone(small_mllm: Qwen2VLForConditionalGeneration) -> None:
    packer = Packer(mllm_processor().tokenizer, 25)
    texts = [SceneTexts(scene, random.Random(i)) for i, scene in enumerate(SCENES[:2])]
    packed = packer.pack([sample_questions(one, 1.0) for one in texts])
    pointing = Pointing(packed, packer.first_image, 25)
    language = small_mllm.model.language_model
    language.set_attn_implementation(QUESTION_ATTENTION)
    with fast_vision():
        hidden = packed_hidden(small_mllm, packed, *patchify(IMAGES[:2], 25), pointing)
        assert torch.equal(hidden, packed_hidden(small_mllm, packed, *patchify(IMAGES[:2], 25)))
    language.set_attn_implementation("sdpa")
    small_mllm.zero_grad()
    pointing.losses["pointing"].backward()
    # Two heads of 32 of the fourth layer; the layers behind it have no part.
    gradient = language.layers[3].self_attn.q_proj.weight.grad
    assert gradient[:64].abs().sum() > 0
    assert gradient[64:].abs().sum() == 0
    assert language.layers[4].self_attn.q_proj.weight.grad is None
