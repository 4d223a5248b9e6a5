"""Second stage of the mini MLLM's training: language, on top of the vision stage.

The model learns what `finecops.mini.training.questions` asks. It does not learn multiple choice, and it is never asked
for a box where no object fits: both come later. Coordinates are trained against soft distributions. Every step has
another budget of visual tokens; the first steps have one and the same, so that grounding starts early.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Final

import torch
from torch.nn import functional as F
from transformers import PreTrainedTokenizerFast, Qwen2VLForConditionalGeneration

from finecops.mini.training.expressions import SceneTexts
from finecops.mini.training.fast_vision import fast_vision
from finecops.mini.training.loop import TRAIN_SEED_BASE, ParameterGroup, TrainPlan, own_share, parameter_groups, train
from finecops.mini.training.packed_attention import QUESTION_ATTENTION, Pointing, packed_hidden
from finecops.mini.training.packing import PackedQuestions, Packer
from finecops.mini.training.questions import PLAIN_UNTIL, Question, sample_questions
from finecops.mini.training.qwen2vl import FIRST_BUDGET, budget_of, patchify
from finecops.mini.training.vision import COORDINATES, soft_coordinates
from finecops.mini.world.draw import draw_scene
from finecops.mini.world.scenes import sample_scene

_FIRST_SEED: Final = 3
_ADAMW_FROM: Final = 1000
"""The step from which on AdamW takes Muon's place in the language model: Muon learns what things look like faster, but
not which words belong to them (docs/mini_log.md)."""
_VISION_RATE: Final = 1 / 6
"""Learning rate of the vision tower, relative to the rest: it has learnt already and only adapts."""
_STEP_WEIGHTS = torch.tensor([2.0, 1.0, 0.5, 0.5])
"""Of x1, y1, x2, y2: the first is where the object has to be found, the last two follow from the first two."""
_WORD_WEIGHT, _FORMAT_WEIGHT, _POINTING_WEIGHT = 0.5, 0.1, 0.5
"""Weights of the loss. Markers and brackets are the same in every answer, so they need hardly any."""


def language_loss(
    model: Qwen2VLForConditionalGeneration,
    packed: PackedQuestions,
    hidden: torch.Tensor,
    coordinate_ids: torch.Tensor,
) -> dict[str, torch.Tensor]:
    """Coordinates against a soft distribution over their 101 tokens; words, letters and format by cross-entropy.

    Args:
        model: the model whose head makes the logits.
        packed: the questions.
        hidden: last hidden states `[n * length, hidden]`.
        coordinate_ids: ids of the 101 coordinate tokens.
    """
    # The head runs only where something is predicted: most tokens are the image's and the prompts'.
    steps = model.lm_head(hidden[packed.step_at]).float().log_softmax(-1)[:, coordinate_ids]
    words = model.lm_head(hidden[packed.word_at]).float()
    form = model.lm_head(hidden[packed.format_at]).float()
    letters = model.lm_head(hidden[packed.letter_at]).float()
    losses = {
        "letters": F.cross_entropy(letters, packed.letter_ids),
        "steps": -(soft_coordinates(packed.steps) * steps).sum(-1).reshape(-1, 4).mul(_STEP_WEIGHTS).mean(),
        "words": _WORD_WEIGHT * F.cross_entropy(words, packed.word_ids),
        "format": _FORMAT_WEIGHT * F.cross_entropy(form, packed.format_ids),
    }
    # The mean over none is nan.
    found = {"letters": letters, "steps": steps, "words": words, "format": form}
    return {name: loss for name, loss in losses.items() if len(found[name])}


def start_language(
    model: Qwen2VLForConditionalGeneration, vision_state: Mapping[str, torch.Tensor], coordinate_ids: torch.Tensor
) -> None:
    """Take the weights of the vision stage, and give near coordinates similar embeddings.

    Args:
        model: the model to start; changed in place.
        vision_state: the state of a `VisionWithHeads`; its heads are left out.
        coordinate_ids: ids of the 101 coordinate tokens.
    """
    visual = {k.removeprefix("visual."): v for k, v in vision_state.items() if k.startswith("visual.")}
    model.model.visual.load_state_dict(visual)
    table = model.model.language_model.embed_tokens.weight
    # Fourier features of the coordinate, from half a wave over the image to 24: with random embeddings the model would
    # have to learn the order of 101 tokens from its errors.
    frequency = torch.logspace(math.log10(0.5), math.log10(24), table.shape[1] // 2)
    angle = 2 * math.pi * frequency * torch.arange(COORDINATES).unsqueeze(1) / (COORDINATES - 1)
    with torch.no_grad():
        # The factor brings them near the size of the other embeddings.
        table[coordinate_ids] = 0.06 * torch.cat([angle.sin(), angle.cos()], dim=1)


def train_language(
    model: Qwen2VLForConditionalGeneration, tokenizer: PreTrainedTokenizerFast, plan: TrainPlan, folder: Path
) -> None:
    """Train or resume the language stage."""
    train_questions(
        model, tokenizer, plan, folder, sample_questions, _FIRST_SEED, one_budget=PLAIN_UNTIL, adamw_from=_ADAMW_FROM
    )


def train_questions(
    model: Qwen2VLForConditionalGeneration,
    tokenizer: PreTrainedTokenizerFast,
    plan: TrainPlan,
    folder: Path,
    sample: Callable[[SceneTexts, float], list[Question]],
    first_seed: int,
    one_budget: float = 0.0,
    adamw_from: int = 0,
) -> None:
    """Train or resume on questions about scenes; the vision tower, if not frozen, learns at a sixth of the rate.

    Args:
        model: the model; changed in place.
        tokenizer: its tokenizer.
        plan: the schedule.
        folder: where the state and the log are kept.
        sample: draws the questions of a scene, given the progress of the training (0 to 1).
        first_seed: scenes begin at this many times `TRAIN_SEED_BASE`, so that no two stages share a scene.
        one_budget: share of the training in which every image has `FIRST_BUDGET` visual tokens.
        adamw_from: the step from which on the language model learns by AdamW alone, and not by Muon.
    """
    packer_of = cache(lambda tokens: Packer(tokenizer, tokens))
    model.model.language_model.set_attn_implementation(QUESTION_ATTENTION)

    def step_loss(step: int) -> dict[str, torch.Tensor]:
        first, progress = first_seed * TRAIN_SEED_BASE + step * plan.batch_size, step / plan.steps
        tokens = FIRST_BUDGET if progress < one_budget else budget_of(step)
        packer = packer_of(tokens)
        seeds = own_share(range(first, first + plan.batch_size))
        scenes = [sample_scene(random.Random(seed), str(seed)) for seed in seeds]
        # Minus the seed: the questions' draws must not repeat those of the scene itself.
        texts = [SceneTexts(scene, random.Random(-seed)) for seed, scene in zip(seeds, scenes, strict=True)]
        packed = packer.pack([sample(one, progress) for one in texts])
        pixels, grid = patchify([draw_scene(scene) for scene in scenes], tokens)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            pointing = Pointing(packed, packer.first_image, tokens)
            hidden = packed_hidden(model, packed, pixels, grid, pointing)
            losses = language_loss(model, packed, hidden, packer.coordinate_ids)
            return losses | {name: _POINTING_WEIGHT * loss for name, loss in pointing.losses.items()}

    language, visual = model.model.language_model, model.model.visual
    seen = parameter_groups(visual, rate=_VISION_RATE)
    words = [ParameterGroup([p for p in language.parameters() if p.requires_grad])]
    with fast_vision():
        train(model, parameter_groups(language) + seen, step_loss, plan, folder, later={adamw_from: words + seen})
