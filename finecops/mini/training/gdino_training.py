"""Training of the mini specialist on detection and phrase grounding, as the real one is; not on relations.

The loss that comes with transformers gives the proposal heads no gradient and takes the wrong phrase for later
images of a batch, so the one here stands in its place: a positive map per box over the text's tokens, the
proposals and every decoder layer supervised.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from scipy.optimize import linear_sum_assignment
from torch.nn import functional as F
from torchvision.ops import generalized_box_iou
from transformers import GroundingDinoProcessor, MMGroundingDinoForObjectDetection
from transformers.image_transforms import center_to_corners_format

from finecops.construction.description import Node, node_fits
from finecops.construction.graph import SceneGraph
from finecops.construction.paths import sample_unique_path
from finecops.construction.templates import noun_phrase, render, sample_wording
from finecops.mini.training.loop import TRAIN_SEED_BASE, TrainPlan, own_share, train
from finecops.mini.world.catalogue import COLOURS, SIZES, VOCABULARY
from finecops.mini.world.draw import draw_scene
from finecops.mini.world.scenes import sample_scene

Span = tuple[int, int]


@dataclass(frozen=True)
class GroundedText:
    """A text and, for each phrase in it that is supervised, its character span and the objects it fits."""

    text: str
    phrases: tuple[tuple[Span, frozenset[str]], ...]


def sample_text(rng: random.Random, scene: SceneGraph) -> GroundedText:
    """A detection prompt, a phrase alone, or a sentence whose noun phrases are grounded one by one.

    A noun phrase is grounded to every object that its own words fit. What the sentence says of their relations
    plays no part: resolving it is the MLLM's work. Of most sentences only the subject is annotated, as in
    referring data, so that a sentence as a whole is about its subject.
    """
    draw = rng.random()
    if draw < 0.15:
        return _detection_prompt(rng, scene)
    if draw < 0.35:
        node = _some_node(rng, scene)
        phrase = noun_phrase(node, VOCABULARY)
        return GroundedText(f"{phrase} .", (((0, len(phrase)), _fitting(scene, node)),))
    found = sample_unique_path(rng, scene, VOCABULARY)
    if found is None:
        return _detection_prompt(rng, scene)
    description, _ = found
    expression = render(scene, description, sample_wording(rng, description), VOCABULARY)
    grounded = [(span, _fitting(scene, node)) for span, node in zip(expression.spans, description.nodes, strict=True)]
    return GroundedText(f"{expression.text} .", tuple(grounded[:1] if draw < 0.75 else grounded))


def _detection_prompt(rng: random.Random, scene: SceneGraph) -> GroundedText:
    names = rng.sample(VOCABULARY.categories, rng.randint(1, 6))
    text, phrases = "", []
    for name in names:
        phrases.append(((len(text), len(text) + len(name)), _fitting(scene, Node(name))))
        text += f"{name} . "
    return GroundedText(text.strip(), tuple(phrases))


def _some_node(rng: random.Random, scene: SceneGraph) -> Node:
    obj = rng.choice(list(scene.objects.values()))
    colour, size = obj.attributes[:2]
    name = obj.name
    if rng.random() < 0.3:
        name = rng.choice(VOCABULARY.categories)
    if rng.random() < 0.3:
        colour = rng.choice(list(COLOURS))
    if rng.random() < 0.3:
        size = rng.choice(list(SIZES))
    pattern = ["striped"] if rng.random() < 0.15 else []
    attributes = [a for a, share in ((size, 0.35), (colour, 0.6)) if rng.random() < share]
    return Node(name, (*attributes, *pattern))


def _fitting(scene: SceneGraph, node: Node) -> frozenset[str]:
    return frozenset(t.id for t in scene.objects.values() if node_fits(t, node, VOCABULARY))


@dataclass(frozen=True)
class Target:
    """What one image of a batch is trained towards: `boxes [n, 4]` cxcywh in 0 to 1, `tokens [n, length]` 0 or 1."""

    boxes: torch.Tensor
    tokens: torch.Tensor


def collate(
    processor: GroundingDinoProcessor, scenes: list[SceneGraph], images: list[Image.Image], texts: list[GroundedText]
) -> tuple[dict[str, torch.Tensor], list[Target]]:
    """Model inputs and targets of a batch; the positive map comes from the tokenizer's offsets."""
    encoded = processor.tokenizer(
        [t.text for t in texts], padding=True, return_offsets_mapping=True, return_tensors="pt"
    )
    offsets = encoded.pop("offset_mapping")
    targets = []
    for scene, text, places in zip(scenes, texts, offsets, strict=True):
        rows: dict[str, torch.Tensor] = {}
        starts, ends = places.unbind(-1)
        for (begin, end), objects in text.phrases:
            mask = ((starts < end) & (ends > begin) & (ends > starts)).float()
            for object_id in objects:
                rows[object_id] = torch.maximum(rows.get(object_id, torch.zeros_like(mask)), mask)
        boxes = []
        for object_id in rows:
            x, y, w, h = scene.objects[object_id].xywh
            boxes.append([(x + w / 2) / scene.width, (y + h / 2) / scene.height, w / scene.width, h / scene.height])
        tokens = torch.stack(list(rows.values())) if rows else torch.zeros(0, places.shape[0])
        targets.append(Target(torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4), tokens))
    pixels = processor.image_processor(images=images, return_tensors="pt")
    return {**encoded, **pixels}, targets


def predictions(
    model: MMGroundingDinoForObjectDetection, inputs: dict[str, torch.Tensor]
) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """`(logits [b, q, length], boxes [b, q, 4])` of the proposals and of every decoder layer."""
    base = model.model(**inputs)
    length = inputs["input_ids"].shape[1]
    mask = inputs["attention_mask"].bool()
    best = base.enc_outputs_class.max(-1).values.topk(model.config.num_queries, dim=1).indices
    pick = best.unsqueeze(-1)
    stages = [
        (
            base.enc_outputs_class.gather(1, pick.expand(-1, -1, base.enc_outputs_class.shape[-1]))[..., :length],
            base.enc_outputs_coord_logits.gather(1, pick.expand(-1, -1, 4)).sigmoid(),
        )
    ]
    for layer in range(model.config.decoder_layers):
        hidden = base.intermediate_hidden_states[:, layer]
        before = base.init_reference_points if layer == 0 else base.intermediate_reference_points[:, layer - 1]
        logits = model.class_embed[layer](
            vision_hidden_state=hidden,
            text_hidden_state=base.encoder_last_hidden_state_text,
            text_token_mask=mask,
        )
        boxes = (model.bbox_embed[layer](hidden) + torch.special.logit(before, eps=1e-5)).sigmoid()
        stages.append((logits[..., :length], boxes))
    return stages


def grounding_loss(
    stages: list[tuple[torch.Tensor, torch.Tensor]], targets: list[Target], token_mask: torch.Tensor
) -> dict[str, torch.Tensor]:
    """Focal loss over tokens (weight 2), L1 (5) and generalised IoU (2), summed over proposals and layers.

    The weights are those of Grounding DINO; queries meet boxes by the Hungarian method with the same costs.
    """
    count = max(1, sum(len(t.boxes) for t in targets))
    sums = {"classes": torch.zeros(()), "l1": torch.zeros(()), "giou": torch.zeros(())}
    for logits, boxes in stages:
        mask = token_mask.unsqueeze(1).expand_as(logits)
        logits = torch.where(mask, logits, torch.zeros_like(logits))
        wanted = torch.zeros_like(logits)
        matched_boxes, true_boxes = [], []
        for row, target in enumerate(targets):
            if not len(target.boxes):
                continue
            queries, truths = _match(logits[row].detach(), boxes[row].detach(), target)
            wanted[row, queries] = target.tokens[truths]
            matched_boxes.append(boxes[row, queries])
            true_boxes.append(target.boxes[truths])
        sums["classes"] = sums["classes"] + 2 * (_focal(logits, wanted) * mask).sum() / count
        if matched_boxes:
            found, truth = torch.cat(matched_boxes), torch.cat(true_boxes)
            sums["l1"] = sums["l1"] + 5 * F.l1_loss(found, truth, reduction="sum") / count
            overlap = generalized_box_iou(center_to_corners_format(found), center_to_corners_format(truth)).diag()
            sums["giou"] = sums["giou"] + 2 * (1 - overlap).sum() / count
    return sums


def _focal(logits: torch.Tensor, wanted: torch.Tensor, alpha: float = 0.25, gamma: float = 2.0) -> torch.Tensor:
    p = logits.sigmoid()
    hit = p * wanted + (1 - p) * (1 - wanted)
    weight = alpha * wanted + (1 - alpha) * (1 - wanted)
    return weight * (1 - hit) ** gamma * F.binary_cross_entropy_with_logits(logits, wanted, reduction="none")


def _match(logits: torch.Tensor, boxes: torch.Tensor, target: Target) -> tuple[np.ndarray, np.ndarray]:
    p = logits.sigmoid()
    positive = 0.25 * (1 - p) ** 2 * -(p + 1e-8).log()
    negative = 0.75 * p**2 * -(1 - p + 1e-8).log()
    shares = target.tokens / target.tokens.sum(-1, keepdim=True)
    cost = 2 * (positive - negative) @ shares.T + 5 * torch.cdist(boxes, target.boxes, p=1)
    cost = cost - 2 * generalized_box_iou(center_to_corners_format(boxes), center_to_corners_format(target.boxes))
    queries, truths = linear_sum_assignment(cost.numpy())
    return queries, truths


def train_gdino(
    model: MMGroundingDinoForObjectDetection, processor: GroundingDinoProcessor, plan: TrainPlan, folder: Path
) -> None:
    """Train or resume the mini specialist on scenes drawn with training seeds."""

    def step_loss(step: int) -> dict[str, torch.Tensor]:
        first = 2 * TRAIN_SEED_BASE + step * plan.batch_size
        seeds = own_share(range(first, first + plan.batch_size))
        scenes = [sample_scene(random.Random(seed), str(seed)) for seed in seeds]
        texts = [sample_text(random.Random(-seed), scene) for seed, scene in zip(seeds, scenes, strict=True)]
        inputs, targets = collate(processor, scenes, [draw_scene(s) for s in scenes], texts)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            stages = predictions(model, inputs)
        stages = [(logits.float(), boxes.float()) for logits, boxes in stages]
        return grounding_loss(stages, targets, inputs["attention_mask"].bool())

    train(model, [{"params": list(model.parameters())}], step_loss, plan, folder)
