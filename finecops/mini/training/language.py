"""Second stage of the mini MLLM's training: language on top of the eyes.

It learns to ground expressions in Qwen2-VL's prompt and box format, with and without the focus sentence, to
describe a region and to list what is there. It does not learn multiple choice, and it never sees an expression
without a target: both come with tuning.

Several questions to one image travel in one sequence: each sees the image and itself, not the others, and its
positions start again after the image. The logits are those of separate sequences.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional as F
from transformers import AttentionInterface, PreTrainedTokenizerFast, Qwen2VLForConditionalGeneration

from finecops.construction.description import Node, difficulty
from finecops.construction.graph import SceneGraph
from finecops.construction.paths import sample_unique_path
from finecops.construction.positives import Positive
from finecops.construction.templates import noun_phrase, render, sample_wording
from finecops.mini.training.loop import TRAIN_SEED_BASE, TrainPlan, own_share, train
from finecops.mini.training.qwen2vl import GRID, IMAGE_TOKENS, MERGE, fast_vision, patchify
from finecops.mini.training.tokenizer import DESCRIBE, LIST
from finecops.mini.training.vision import COORDINATES, soft_coordinates
from finecops.mini.world.catalogue import VOCABULARY
from finecops.mini.world.draw import draw_scene
from finecops.mini.world.scenes import sample_scene
from finecops.prompts import QWEN2VL_FOCUS, QWEN2VL_REC
from finecops.replies.choices import LETTERS

QUESTIONS = 8
_RELATIONS_FROM = 0.08
_TYPE_WEIGHTS = (20, 25, 15, 15, 25)
_EASY_REJECTED = 0.75


@dataclass(frozen=True)
class Question:
    """A prompt and its answer: text, or a box in steps of ten (0 to 100 per coordinate) for grounding."""

    prompt: str
    text: str = ""
    box: tuple[float, ...] | None = None


def box_text(steps: tuple[float, ...]) -> str:
    """A box in Qwen2-VL's format from coordinates in hundredths: `<|box_start|>(x1,y1),(x2,y2)<|box_end|>`."""
    x1, y1, x2, y2 = (max(0, min(100, round(v))) * 10 for v in steps)
    return f"<|box_start|>({x1},{y1}),({x2},{y2})<|box_end|>"


def sample_questions(rng: random.Random, scene: SceneGraph, progress: float) -> list[Question]:
    """Eight questions to a scene; relations come in once `progress` (0 to 1) has passed some hundredths."""
    questions = [_describe(rng, scene), _describe(rng, scene)]
    if rng.random() < 0.25:
        order = sorted(scene.objects.values(), key=lambda t: t.xywh[0] + t.xywh[2] / 2)
        listing = ", ".join(noun_phrase(Node(t.name, t.attributes[:1]), VOCABULARY) for t in order)
        questions.append(Question(LIST, text=listing))
    for _ in range(4 * QUESTIONS):
        question = _ground(rng, scene, relations=progress > _RELATIONS_FROM)
        if question is not None:
            questions.append(question)
        if len(questions) == QUESTIONS:
            return questions
    # A scene may have nothing that stands alone: every object has a twin.
    return questions + [_describe(rng, scene) for _ in range(QUESTIONS - len(questions))]


def scene_steps(scene: SceneGraph, xywh: tuple[float, ...]) -> tuple[float, ...]:
    """A box in pixels as corners in hundredths of the scene's sides."""
    x, y, w, h = xywh
    return (
        100 * x / scene.width,
        100 * y / scene.height,
        100 * (x + w) / scene.width,
        100 * (y + h) / scene.height,
    )


def _describe(rng: random.Random, scene: SceneGraph) -> Question:
    obj = rng.choice(list(scene.objects.values()))
    x, y, w, h = obj.xywh
    if rng.random() < 0.6:
        shift = [rng.uniform(-0.16, 0.16) for _ in range(4)]
        x, y, w, h = x + w * shift[0], y + h * shift[1], w * (1 + shift[2]), h * (1 + shift[3])
    words = noun_phrase(Node(obj.name, obj.attributes), VOCABULARY)
    return Question(DESCRIBE.format(box=box_text(scene_steps(scene, (x, y, w, h)))), text=words)


def unique_positive(rng: random.Random, scene: SceneGraph, relations: bool = True) -> Positive | None:
    """An expression that fits exactly one object, mostly a hard one; None if none was found."""
    # Where a category is alone its name is enough, and that is soon learnt: most questions shall need more.
    types = ("0_hop", "1_hop", "2_hop", "and", "same_attr") if relations else ("0_hop",)
    found = sample_unique_path(rng, scene, VOCABULARY, rng.choices(types, _TYPE_WEIGHTS[: len(types)]), tries=6)
    if found is None:
        return None
    description, target = found
    level = difficulty(scene, description, VOCABULARY)
    if level is None or (rng.random() < _EASY_REJECTED and level == 1):
        return None
    wording = sample_wording(rng, description)
    expression = render(scene, description, wording, VOCABULARY)
    return Positive(0, scene, description, wording, expression, (target.id,), level)


def _ground(rng: random.Random, scene: SceneGraph, relations: bool) -> Question | None:
    found = unique_positive(rng, scene, relations)
    if found is None:
        return None
    expression, target = found.expression, scene.objects[found.object_ids[0]]
    prompt = QWEN2VL_REC.format(expression=expression.text)
    if rng.random() < 0.5:
        start, end = expression.spans[0]
        prompt += QWEN2VL_FOCUS.format(target=expression.text[start:end])
    return Question(prompt, box=scene_steps(scene, target.xywh))


class Packer:
    """Turns questions into one sequence per image: ids, positions, mask and what is to be predicted where."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast) -> None:
        self.tokenizer = tokenizer
        image = "<|image_pad|>" * IMAGE_TOKENS
        self.prefix = tokenizer.encode(f"<|im_start|>user\n<|vision_start|>{image}<|vision_end|>")
        self.turn = tokenizer.encode("<|im_end|>\n<|im_start|>assistant\n")
        self.end = tokenizer.encode("<|im_end|>")
        self.first_image = self.prefix.index(tokenizer.convert_tokens_to_ids("<|image_pad|>"))

    @cached_property
    def coordinate_ids(self) -> torch.Tensor:
        """Ids of the tokens "0", "10", … "1000"."""
        ids = [self.tokenizer.encode(str(10 * n)) for n in range(COORDINATES)]
        return torch.tensor([only for (only,) in ids])

    def prefix_positions(self) -> torch.Tensor:
        """Multimodal rotary positions of the prefix, `[3, length]`."""
        side, first = GRID // MERGE, self.first_image
        before = torch.arange(first).expand(3, -1)
        cell = torch.arange(IMAGE_TOKENS)
        inside = torch.stack([torch.zeros_like(cell), cell // side, cell % side]) + first
        after = (torch.arange(len(self.prefix) - first - IMAGE_TOKENS) + first + side).expand(3, -1)
        return torch.cat([before, inside, after], dim=1)

    def pack(self, batch: list[list[Question]]) -> dict[str, torch.Tensor]:
        """Questions per image → padded tensors.

        `input_ids [n, length]` and `position_ids [3, n, length]`. `question_places [n * questions, longest]` are
        the flat places of each question's tokens, then repeats of its last; `back [n * length]` says for each
        place where its row lies behind the prefixes' rows and the questions' rows; `prefix` is the length of the
        prefix. `word_at` and `word_ids`, `step_at` and `steps`, `format_at` and `format_ids` are flat places and
        what comes next there: a word, a coordinate in hundredths, punctuation and markers; `letter_at` and `letter_ids`
        those where an option's letter comes next.
        """
        encoded = iter(self.tokenizer([q.prompt for row in batch for q in row])["input_ids"])
        answers = iter(
            self.tokenizer([q.text if q.box is None else box_text(q.box) for row in batch for q in row])["input_ids"]
        )
        rows: list[list[int]] = []
        starts: list[list[int]] = []
        kinds: dict[str, tuple[list[tuple[int, int]], list[float]]] = {
            k: ([], []) for k in ("word", "letter", "step", "format")
        }
        for row_index, questions in enumerate(batch):
            ids, start = list(self.prefix), []
            for question in questions:
                prompt, answer = next(encoded) + self.turn, next(answers) + self.end
                values = iter(question.box or ())
                for place, token in enumerate(answer, start=len(ids) + len(prompt) - 1):
                    is_step = question.box is not None and token in self._coordinate_set
                    kind = "step" if is_step else "word" if question.box is None else "format"
                    kind = "letter" if kind == "word" and token in self._letter_set else kind
                    kinds[kind][0].append((row_index, place))
                    kinds[kind][1].append(next(values) if is_step else token)
                start.append(len(ids))
                ids += prompt + answer
            rows.append(ids)
            starts.append([*start, len(ids)])
        return self._tensors(rows, starts) | self._places(kinds, max(map(len, rows)))

    @cached_property
    def _letter_set(self) -> frozenset[int]:
        return frozenset(self.tokenizer.encode(blank + letter)[0] for letter in LETTERS for blank in ("", " "))

    @cached_property
    def _coordinate_set(self) -> frozenset[int]:
        return frozenset(self.coordinate_ids.tolist())

    def _tensors(self, rows: list[list[int]], starts: list[list[int]]) -> dict[str, torch.Tensor]:
        length, prefix = max(map(len, rows)), len(self.prefix)
        longest = max(b - a for row in starts for a, b in pairwise(row))
        ids = torch.full((len(rows), length), self.tokenizer.pad_token_id)
        first = self.prefix_positions()
        positions = torch.zeros(3, len(rows), length, dtype=torch.long)
        positions[:, :, :prefix] = first.unsqueeze(1)
        back = torch.zeros(len(rows), length, dtype=torch.long)
        back[:, :prefix] = torch.arange(len(rows) * prefix).reshape(len(rows), prefix)
        places: list[torch.Tensor] = []
        for row, (tokens, start) in enumerate(zip(rows, starts, strict=True)):
            ids[row, : len(tokens)] = torch.tensor(tokens)
            for a, b in pairwise(start):
                positions[:, row, a:b] = torch.arange(b - a) + int(first.max()) + 1
                back[row, a:b] = len(rows) * prefix + len(places) * longest + torch.arange(b - a)
                places.append(row * length + torch.arange(longest).clamp(max=b - a - 1) + a)
        return {
            "input_ids": ids,
            "position_ids": positions,
            "question_places": torch.stack(places),
            "back": back.flatten(),
            "prefix": torch.tensor(prefix),
        }

    @staticmethod
    def _places(kinds: dict[str, tuple[list[tuple[int, int]], list[float]]], length: int) -> dict[str, torch.Tensor]:
        flat = {k: torch.tensor([r * length + p for r, p in places]) for k, (places, _) in kinds.items()}
        return {
            "word_at": flat["word"],
            "word_ids": torch.tensor(kinds["word"][1], dtype=torch.long),
            "letter_at": flat["letter"].long(),
            "letter_ids": torch.tensor(kinds["letter"][1], dtype=torch.long),
            "format_at": flat["format"],
            "format_ids": torch.tensor(kinds["format"][1], dtype=torch.long),
            "step_at": flat["step"],
            "steps": torch.tensor(kinds["step"][1], dtype=torch.float32),
        }


def question_attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    *,
    question_places: torch.Tensor,
    back: torch.Tensor,
    prefix: int,
    scaling: float,
    **kwargs: object,
) -> tuple[torch.Tensor, None]:
    """Attention over packed questions: the prefix to itself; each question to the prefix and to itself.

    `query`, `key` and `value` are `[n, heads, length, width]`; see `Packer.pack` for the index tensors.
    """
    n, heads, length, width = query.shape
    questions, longest = question_places.shape
    with torch.autocast("cpu", enabled=False):
        q, k, v = (t.float().transpose(1, 2) for t in (query, key, value))
        head = [t[:, :prefix].transpose(1, 2) for t in (q, k, v)]
        first = _attend(head[0], head[1], head[2], scaling)
        own = [
            t.reshape(n * length, heads * width)[question_places.flatten()].reshape(questions, longest, heads, width)
            for t in (q, k, v)
        ]
        keys, values = (
            torch.cat([t.repeat_interleave(questions // n, 0), o.transpose(1, 2)], dim=2)
            for t, o in zip(head[1:], own[1:], strict=True)
        )
        rest = _attend(own[0].transpose(1, 2), keys, values, scaling)
        parts = [t.transpose(1, 2).reshape(-1, heads * width) for t in (first, rest)]
        return torch.cat(parts)[back].reshape(n, length, heads, width), None


def _attend(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scaling: float) -> torch.Tensor:
    # Spelled out: the fused kernel's backward pass is several times as slow on short sequences on a CPU.
    rows, columns = query.shape[2], key.shape[2]
    hidden = torch.ones(rows, columns, dtype=torch.bool).triu(columns - rows + 1)
    scores = (query * scaling) @ key.transpose(2, 3)
    return scores.masked_fill(hidden, -torch.inf).softmax(-1) @ value


AttentionInterface.register("question_attention", question_attention)


def packed_hidden(
    model: Qwen2VLForConditionalGeneration, packed: dict[str, torch.Tensor], pixels: torch.Tensor, grid: torch.Tensor
) -> torch.Tensor:
    """Last hidden states `[n * length, hidden]` of packed questions.

    The language model's attention must be "question_attention" (`set_attn_implementation`).
    """
    core = model.model
    embeds = core.language_model.embed_tokens(packed["input_ids"])
    seen = core.visual(pixels, grid_thw=grid).pooler_output.to(embeds.dtype)
    image = (packed["input_ids"] == model.config.image_token_id).unsqueeze(-1).expand_as(embeds)
    embeds = embeds.masked_scatter(image, seen)
    states: torch.Tensor = core.language_model(
        inputs_embeds=embeds,
        position_ids=packed["position_ids"],
        attention_mask={"full_attention": None},
        use_cache=False,
        question_places=packed["question_places"],
        back=packed["back"],
        prefix=int(packed["prefix"]),
    ).last_hidden_state
    return states.flatten(0, 1)


def language_loss(
    model: Qwen2VLForConditionalGeneration, packed: dict[str, torch.Tensor], hidden: torch.Tensor, ids: torch.Tensor
) -> dict[str, torch.Tensor]:
    """Coordinates against a soft distribution over their 101 tokens, words, letters and format by cross-entropy."""
    steps = model.lm_head(hidden[packed["step_at"]]).float().log_softmax(-1)[:, ids]
    words = model.lm_head(hidden[packed["word_at"]]).float()
    form = model.lm_head(hidden[packed["format_at"]]).float()
    letters = model.lm_head(hidden[packed["letter_at"]]).float()
    asked = {"letters": F.cross_entropy(letters, packed["letter_ids"])} if len(letters) else {}
    return asked | {
        "steps": -(soft_coordinates(packed["steps"]) * steps).sum(-1).mean(),
        "words": 0.5 * F.cross_entropy(words, packed["word_ids"]),
        "format": 0.1 * F.cross_entropy(form, packed["format_ids"]),
    }


def start_language(model: Qwen2VLForConditionalGeneration, eyes: dict[str, torch.Tensor], ids: torch.Tensor) -> None:
    """Take the eyes' weights, and give near coordinates near embeddings (Fourier features of their value)."""
    visual = {k.removeprefix("visual."): v for k, v in eyes.items() if k.startswith("visual.")}
    model.model.visual.load_state_dict(visual)
    table = model.model.language_model.embed_tokens.weight
    frequency = torch.logspace(math.log10(0.5), math.log10(24), table.shape[1] // 2)
    angle = 2 * math.pi * frequency * torch.arange(COORDINATES).unsqueeze(1) / (COORDINATES - 1)
    with torch.no_grad():
        table[ids] = 0.06 * torch.cat([angle.sin(), angle.cos()], dim=1)


def train_language(
    model: Qwen2VLForConditionalGeneration, tokenizer: PreTrainedTokenizerFast, plan: TrainPlan, folder: Path
) -> None:
    """Train or resume language."""
    train_questions(model, tokenizer, plan, folder, sample_questions, first_seed=3)


def train_questions(
    model: Qwen2VLForConditionalGeneration,
    tokenizer: PreTrainedTokenizerFast,
    plan: TrainPlan,
    folder: Path,
    sample: Callable[[random.Random, SceneGraph, float], list[Question]],
    first_seed: int,
) -> None:
    """Train or resume on questions to scenes; the eyes, if not frozen, move along at a sixth of the learning rate.

    `sample` draws a scene's questions, given the progress (0 to 1); scenes begin at `first_seed` times the base.
    """
    packer = Packer(tokenizer)
    model.model.language_model.set_attn_implementation("question_attention")

    def step_loss(step: int) -> dict[str, torch.Tensor]:
        first = first_seed * TRAIN_SEED_BASE + step * plan.batch_size
        seeds = own_share(range(first, first + plan.batch_size))
        scenes = [sample_scene(random.Random(seed), str(seed)) for seed in seeds]
        progress = step / plan.steps
        questions = [sample(random.Random(-s), sc, progress) for s, sc in zip(seeds, scenes, strict=True)]
        packed = packer.pack(questions)
        pixels, grid = patchify([draw_scene(scene) for scene in scenes])
        with torch.autocast("cpu", dtype=torch.bfloat16):
            hidden = packed_hidden(model, packed, pixels, grid)
            return language_loss(model, packed, hidden, packer.coordinate_ids)

    eyes = {id(p) for p in model.model.visual.parameters()}
    groups: list[dict[str, Any]] = [{"params": [p for p in model.parameters() if id(p) not in eyes]}]
    moving = [p for p in model.model.visual.parameters() if p.requires_grad]
    if moving:
        groups.append({"params": moving, "lr": 1 / 6})
    with fast_vision():
        train(model, groups, step_loss, plan, folder)
