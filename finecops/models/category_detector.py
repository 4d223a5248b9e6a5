"""OWLv2 and OmDet-Turbo through transformers: detectors of categories, not of sentences.

A query with a target asks for the target alone. A score is the sigmoid of the category's logit. The NMS of the models'
post-processing is not applied: the router and CRS apply their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from scipy.special import expit

from finecops.boxes import cxcywh_to_xyxy
from finecops.config.schema import SpecialistConfig
from finecops.errors import ModelError, TextLengthError
from finecops.extraction.phrases import without_article
from finecops.models.loading import Checkpoint, load_detector, load_model_type, load_processor
from finecops.models.numbers import best_answer
from finecops.models.protocols import Query, QueryGroup
from finecops.replies.answer import Answer


def category_of(query: Query) -> str:
    """The category to detect: the target where there is one, else the text; without article and final period."""
    return without_article((query.target or query.text).strip().rstrip(".?").strip())


class CategoryDetector:
    """A specialist; see `finecops.models.protocols.Specialist`.

    Raises:
        ModelError: the weights cannot be loaded, or belong to another kind of model.
    """

    def __init__(self, config: SpecialistConfig, device: str = "cpu") -> None:
        self.config, self.device = config, torch.device(device)
        checkpoint = Checkpoint.of(config)
        kind = load_model_type(checkpoint)
        if kind not in ("owlv2", "omdet-turbo"):
            raise ModelError(
                f"{config.name}: {config.weights} is a {kind} model; this backend takes OWLv2 and OmDet-Turbo"
            )
        self.processor = load_processor(checkpoint)
        self.model = load_detector(config, checkpoint)
        if config.device_map is None:
            self.model.to(self.device)
        self.model.eval()
        self._boxes_and_logits = self._owlv2 if kind == "owlv2" else self._omdet

    def detect(self, groups: Sequence[QueryGroup]) -> list[list[Answer]]:
        """Detect every query of every group.

        Raises:
            ModelError: a text is too long and the configuration does not say to cut it.
        """
        # Texts are checked before any image is processed: a text that is too long is found at once.
        notes = [[self._note(query) for query in group.queries] for group in groups]
        return [
            [
                self._best(boxes, logits, image_wh=group.image.size, note=note)
                for (boxes, logits), note in zip(self._boxes_and_logits(group), group_notes, strict=True)
            ]
            for group, group_notes in zip(groups, notes, strict=True)
        ]

    def _note(self, query: Query) -> str | None:
        """A note if the text is cut at the model's limit."""
        length = len(self.processor.tokenizer(category_of(query))["input_ids"])
        limit = self.config.max_tokens
        if length <= limit:
            return None
        if self.config.long_text == "error":
            raise TextLengthError(f"the text has {length} tokens; {self.config.name} takes {limit}")
        return f"the text was cut from {length} to {limit} tokens"

    @torch.inference_mode()
    def _owlv2(self, group: QueryGroup) -> list[tuple[np.ndarray, np.ndarray]]:
        """Boxes `[patches, 4]` in pixels and logits `[patches]` of each query of an image, in one pass."""
        texts = [category_of(query) for query in group.queries]
        inputs = self._inputs(images=[group.image.pixels], text=[texts])
        output = self.model(**inputs)
        # OWLv2's processor pads the image to a square below and to the right; boxes are shares of that square.
        side = max(group.image.size)
        boxes = cxcywh_to_xyxy(output.pred_boxes[0].double().cpu().numpy()) * side
        # The boxes are the same for all texts; column j of the logits [patches, texts] belongs to text j.
        logits = output.logits[0].double().cpu().numpy()
        return [(boxes, logits[:, column]) for column in range(len(texts))]

    @torch.inference_mode()
    def _omdet(self, group: QueryGroup) -> list[tuple[np.ndarray, np.ndarray]]:
        """Boxes `[queries, 4]` in pixels and logits `[queries]` of each query of an image.

        One batch row per query: categories in one row would change each other's scores.
        """
        texts = [[category_of(query)] for query in group.queries]
        output = self.model(**self._inputs(images=[group.image.pixels] * len(texts), text=texts))
        scale = np.array([*group.image.size, *group.image.size], dtype=np.float64)
        boxes = cxcywh_to_xyxy(output.decoder_coord_logits.double().cpu().numpy()) * scale
        logits = output.decoder_class_logits.double().cpu().numpy()
        # Each row has one category, so its logits have one column.
        return [(boxes[row], logits[row, :, 0]) for row in range(len(texts))]

    def _inputs(self, **asked: Any) -> Any:
        # Padding to a fixed length gives a text the same scores alone and beside longer texts.
        inputs = self.processor(
            **asked, padding="max_length", truncation=True, max_length=self.config.max_tokens, return_tensors="pt"
        )
        return inputs.to(self.model.device, dtype=self.model.dtype)

    def _best(self, xyxy: np.ndarray, logits: np.ndarray, image_wh: tuple[int, int], note: str | None) -> Answer:
        scores: np.ndarray = expit(logits)
        # By the logits: the scores of very likely and very unlikely boxes are equal.
        order = np.argsort(-logits, kind="stable")
        return best_answer(xyxy[order], scores[order], image_wh, self.config.max_boxes, note)
