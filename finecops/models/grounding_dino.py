"""Grounding DINO, MM Grounding DINO and LLMDet through transformers.

Scores come from the raw token logits, never from the phrases the processor returns: without focus a query's
score is the maximum over all tokens of the sigmoid, with focus the mean over the target's tokens (paper, IV-A,
Fig. 3; mmdet's behaviour without and with `tokens_positive`).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from transformers import AutoConfig, AutoProcessor

from finecops.boxes import clip_xyxy, cxcywh_to_xyxy
from finecops.config.find import resolve_weights
from finecops.config.schema import SpecialistConfig
from finecops.errors import ModelError, TextLengthError, first_line
from finecops.models.complete_weights import load_detector
from finecops.models.protocols import QueryGroup
from finecops.models.shared_vision import SharedBackbone
from finecops.records import Span
from finecops.replies.answer import Answer

_DELIMITERS = re.compile(r"[.?]")


def clean_text(text: str) -> tuple[str, int]:
    """A text as the model wants it, and by how many characters its content has moved to the left.

    The model cuts its input at "." and "?" into blocks that do not see each other, and a text without a period
    at its end has none: inner ones become blanks, one period closes it. Blanks keep every span where it was.

    >>> clean_text("A cup. On the left?")
    ('A cup  On the left .', 0)
    """
    stripped = text.strip()
    return _DELIMITERS.sub(" ", stripped).rstrip() + " .", len(text) - len(text.lstrip())


def span_columns(offsets: np.ndarray, span: Span) -> list[int]:
    """Columns of the tokens that overlap a character span; `offsets [length, 2]`, (0, 0) for special tokens."""
    start, end = span
    return [i for i, (a, b) in enumerate(offsets.tolist()) if b > a and a < end and b > start]


def token_scores(probabilities: np.ndarray, offsets: np.ndarray, focus: Span | None) -> tuple[np.ndarray, str | None]:
    """Scores of queries from `probabilities [queries, length]`, and a note if the focus could not be used."""
    if focus is None:
        return probabilities.max(axis=1), None
    columns = span_columns(offsets, focus)
    if not columns:
        return probabilities.max(axis=1), "no token lies in the target's span: scored without focus"
    return probabilities[:, columns].mean(axis=1), None


class GroundingDino:
    """A specialist; see `finecops.models.protocols.Specialist`."""

    def __init__(self, config: SpecialistConfig, device: str = "cpu") -> None:
        self.config, self.device = config, torch.device(device)
        weights = resolve_weights(config.weights)
        try:
            self.processor = AutoProcessor.from_pretrained(weights, revision=config.revision)
            self.model = _load_untied(weights, config)
        except (OSError, ValueError) as error:
            raise ModelError(f"{config.name}: cannot load {config.weights}: {first_line(error)}") from error
        if config.device_map is None:
            self.model.to(self.device)
        else:
            self.device = self.model.device
        self.model.eval()
        self.backbone = SharedBackbone(self.model)

    def detect(self, groups: Sequence[QueryGroup]) -> list[list[Answer]]:
        """Detect every query of every group; queries on images of one size run together."""
        by_size: dict[tuple[int, int], list[int]] = defaultdict(list)
        for number, group in enumerate(groups):
            if group.queries:
                by_size[group.image.size].append(number)
        results: list[list[Answer]] = [[] for _ in groups]
        for numbers in by_size.values():
            answers = iter(self._detect([groups[i] for i in numbers]))
            for number in numbers:
                results[number] = [next(answers) for _ in groups[number].queries]
        return results

    @torch.inference_mode()
    def _detect(self, groups: Sequence[QueryGroup]) -> list[Answer]:
        """Answers to all queries of groups whose images have one size, one after the other."""
        queries = [query for group in groups for query in group.queries]
        image_of = [number for number, group in enumerate(groups) for _ in group.queries]
        cleaned = [clean_text(query.text) for query in queries]
        encoded = self.processor.tokenizer(
            [text for text, _ in cleaned], padding=True, return_offsets_mapping=True, return_tensors="pt"
        )
        offsets = encoded.pop("offset_mapping").numpy()
        lengths = encoded["attention_mask"].sum(1)
        if int(lengths.max()) > self.config.max_tokens:
            raise TextLengthError(
                f"the text has {int(lengths.max())} tokens; {self.config.name} takes {self.config.max_tokens}"
            )
        # Images are prepared once; row i of the batch then gets the pixels of its image.
        rows = torch.tensor(image_of, device=self.device)
        distinct = [group.image.pixels for group in groups]
        prepared = self.processor.image_processor(images=distinct, return_tensors="pt").to(self.device)
        pixels = {"pixel_values": prepared["pixel_values"].to(self.model.dtype)[rows]}
        if "pixel_mask" in prepared:
            pixels["pixel_mask"] = prepared["pixel_mask"][rows]
        with self.backbone.sharing(rows):
            outputs = self.model(**encoded.to(self.device), **pixels)
        probabilities = outputs.logits.float().sigmoid().cpu().numpy()
        boxes = outputs.pred_boxes.double().cpu().numpy()
        results = []
        for row, (query, (_, moved)) in enumerate(zip(queries, cleaned, strict=True)):
            focus = None if query.span is None else (query.span[0] - moved, query.span[1] - moved)
            seen = probabilities[row][:, : int(lengths[row])]
            scores, note = token_scores(seen, offsets[row], focus)
            results.append(self._best(boxes[row], scores.astype(np.float64), groups[image_of[row]].image.size, note))
        return results

    def _best(self, cxcywh: np.ndarray, scores: np.ndarray, image_wh: tuple[int, int], note: str | None) -> Answer:
        order = np.argsort(-scores, kind="stable")[: self.config.max_boxes]
        scale = np.array([*image_wh, *image_wh], dtype=np.float64)
        return Answer.of_arrays(clip_xyxy(cxcywh_to_xyxy(cxcywh[order]) * scale, image_wh), scores[order], note)


def _load_untied(weights: str, config: SpecialistConfig) -> Any:
    """Load with a head of its own for every decoder layer, whatever the checkpoint's configuration forgot to say.

    MM Grounding DINO's configuration shares heads by default, and a checkpoint that does not say otherwise would
    refine its boxes with the first layer's head. The original Grounding DINO shares its heads and stays as it is.
    """
    untied: dict[str, Any] = {}
    model_type = AutoConfig.from_pretrained(weights, revision=config.revision).model_type
    if model_type == "mm-grounding-dino":
        untied = {"decoder_bbox_embed_share": False, "decoder_cls_embed_share": False}
    model = load_detector(config, weights, **untied)
    if untied:
        for layer, (outer, inner) in enumerate(zip(model.bbox_embed, model.model.decoder.bbox_embed, strict=True)):
            same = all(torch.equal(a, b) for a, b in zip(outer.parameters(), inner.parameters(), strict=True))
            if not same:
                raise ModelError(f"{config.name}: box head of decoder layer {layer} was not loaded as it was trained")
    return model
