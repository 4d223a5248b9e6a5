"""The loss of an MM Grounding DINO whose texts ground each of their phrases, and what it is computed from.

The loss of transformers gives the proposal heads no gradient, and takes the wrong phrase for all but the first image of
a batch. The loss here replaces it: each box has a map over the text's tokens, and the proposals and every decoder layer
are supervised.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from scipy.optimize import linear_sum_assignment
from torch.nn import functional as F
from torchvision.ops import generalized_box_iou
from transformers import GroundingDinoProcessor, MMGroundingDinoForObjectDetection
from transformers.image_transforms import center_to_corners_format

from finecops.construction.graph import SceneGraph

Span = tuple[int, int]
_CLASS_WEIGHT, _L1_WEIGHT, _GIOU_WEIGHT = 2, 5, 2
"""Weights of the loss and of the matching's costs, those of Grounding DINO."""
_ALPHA, _GAMMA = 0.25, 2.0
"""Parameters of the focal loss (RetinaNet's)."""


@dataclass(frozen=True)
class GroundedText:
    """A text and, for each phrase in it that is supervised, its character span and the objects it fits."""

    text: str
    phrases: tuple[tuple[Span, frozenset[str]], ...]


@dataclass(frozen=True)
class Target:
    """The truth of one image: `boxes [n, 4]` as cxcywh in 0 to 1; `tokens [n, length]`, 1 where a token names it."""

    boxes: torch.Tensor
    tokens: torch.Tensor


def collate(
    processor: GroundingDinoProcessor, scenes: list[SceneGraph], images: list[Image.Image], texts: list[GroundedText]
) -> tuple[dict[str, torch.Tensor], list[Target]]:
    """Model inputs and targets of a batch; which tokens name a box comes from the tokenizer's offsets."""
    encoded = processor.tokenizer(
        [t.text for t in texts], padding=True, return_offsets_mapping=True, return_tensors="pt"
    )
    offsets = encoded.pop("offset_mapping")
    targets = [_target(scene, text, spans) for scene, text, spans in zip(scenes, texts, offsets, strict=True)]
    pixels = processor.image_processor(images=images, return_tensors="pt")
    return {**encoded, **pixels}, targets


def _target(scene: SceneGraph, text: GroundedText, token_spans: torch.Tensor) -> Target:
    """The truth of one image; `token_spans [length, 2]` are half-open character spans, empty for special tokens."""
    rows: dict[str, torch.Tensor] = {}
    starts, ends = token_spans.unbind(-1)
    for (begin, end), objects in text.phrases:
        mask = ((starts < end) & (ends > begin) & (ends > starts)).float()
        for object_id in objects:
            # Two phrases may fit one object: it is one box, with the tokens of both.
            rows[object_id] = torch.maximum(rows.get(object_id, torch.zeros_like(mask)), mask)
    boxes = []
    for object_id in rows:
        x, y, w, h = scene.objects[object_id].xywh
        boxes.append([(x + w / 2) / scene.width, (y + h / 2) / scene.height, w / scene.width, h / scene.height])
    # The shapes hold also where no object fits: [0, length] and [0, 4].
    tokens = torch.stack(list(rows.values())) if rows else torch.zeros(0, token_spans.shape[0])
    return Target(torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4), tokens)


def predictions(
    model: MMGroundingDinoForObjectDetection, inputs: dict[str, torch.Tensor]
) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """`(logits [b, q, length], boxes [b, q, 4])` of the proposals and of every decoder layer; boxes are cxcywh, 0 to 1.

    The library's own forward pass returns the last layer alone.
    """
    base = model.model(**inputs)
    length = inputs["input_ids"].shape[1]
    mask = inputs["attention_mask"].bool()
    # The encoder scores every cell; the decoder starts from the best of them, and so are the proposals chosen here.
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
        # Each layer corrects the boxes of the layer before it, in logits.
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
    """Focal loss over tokens, L1 and generalised IoU, summed over the proposals and all layers.

    Queries are matched to boxes by the Hungarian method with the same costs.

    Args:
        stages: what `predictions` returns.
        targets: the truth of each image.
        token_mask: `[b, length]`, true where a token is no padding.
    """
    count = max(1, sum(len(t.boxes) for t in targets))
    sums = {"classes": torch.zeros(()), "l1": torch.zeros(()), "giou": torch.zeros(())}
    for logits, boxes in stages:
        mask = token_mask.unsqueeze(1).expand_as(logits)
        # The library marks padding with -inf, which would make the loss nan even where it is masked afterwards.
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
        sums["classes"] = sums["classes"] + _CLASS_WEIGHT * (_focal(logits, wanted) * mask).sum() / count
        if matched_boxes:
            found, truth = torch.cat(matched_boxes), torch.cat(true_boxes)
            sums["l1"] = sums["l1"] + _L1_WEIGHT * F.l1_loss(found, truth, reduction="sum") / count
            overlap = generalized_box_iou(center_to_corners_format(found), center_to_corners_format(truth)).diag()
            sums["giou"] = sums["giou"] + _GIOU_WEIGHT * (1 - overlap).sum() / count
    return sums


def _focal(logits: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """Focal loss (Lin et al., 2017, eq. 5) of each token and query."""
    p = logits.sigmoid()
    p_true = p * wanted + (1 - p) * (1 - wanted)
    weight = _ALPHA * wanted + (1 - _ALPHA) * (1 - wanted)
    return weight * (1 - p_true) ** _GAMMA * F.binary_cross_entropy_with_logits(logits, wanted, reduction="none")


def _match(logits: torch.Tensor, boxes: torch.Tensor, target: Target) -> tuple[np.ndarray, np.ndarray]:
    """Indices of the queries that are matched to boxes, and of these boxes (Hungarian method on one image)."""
    p = logits.sigmoid()
    # The cost of a token is how much its focal loss would change if the query were matched to the box.
    positive = _ALPHA * (1 - p) ** _GAMMA * -(p + 1e-8).log()
    negative = (1 - _ALPHA) * p**_GAMMA * -(1 - p + 1e-8).log()
    # The mean over a box's tokens, so that long phrases do not cost more than short ones.
    shares = target.tokens / target.tokens.sum(-1, keepdim=True)
    cost = _CLASS_WEIGHT * (positive - negative) @ shares.T + _L1_WEIGHT * torch.cdist(boxes, target.boxes, p=1)
    overlap = generalized_box_iou(center_to_corners_format(boxes), center_to_corners_format(target.boxes))
    cost = cost - _GIOU_WEIGHT * overlap
    queries, truths = linear_sum_assignment(cost.numpy())
    return queries, truths
