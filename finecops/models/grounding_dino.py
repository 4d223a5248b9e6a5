"""Grounding DINO, MM Grounding DINO and LLMDet through transformers.

Scores come from the raw token logits, not from the phrases that the processor returns. Without focus, the score of a
box is the maximum of the sigmoid over all tokens. With focus, it is the mean over the target's tokens (paper, IV-A,
Fig. 3). mmdet does the same without and with `tokens_positive`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from PIL import Image

from finecops.boxes import cxcywh_to_xyxy
from finecops.config.schema import SpecialistConfig
from finecops.errors import ModelError, TextLengthError
from finecops.image_memory import LastCall
from finecops.images import Picture
from finecops.models.loading import Checkpoint, load_detector, load_model_type, load_processor
from finecops.models.memory import Halving
from finecops.models.numbers import best_answer
from finecops.models.protocols import Query, QueryGroup
from finecops.models.shared_backbone import Maps, SharedBackbone, buckets
from finecops.records import Span
from finecops.replies.answer import Answer

_KINDS = ("grounding-dino", "mm-grounding-dino")
"""Values of `model_type` that this backend takes; LLMDet is of the second."""
UNFOCUSED = "no token lies in the target's span: scored without focus"
"""The note of an answer whose focus could not be used."""
# The characters at which the model splits its text into blocks.
_DELIMITERS = re.compile(r"[.?]")


def clean_text(text: str) -> tuple[str, int]:
    """The text in the form that the model needs, and how many leading characters were removed.

    The model splits its text at "." and "?" into blocks that do not attend to each other, and needs a period at the
    end. So inner delimiters become blanks, and one period is added. A blank is as long as a delimiter: spans stay
    valid, except for the removed leading characters.

    >>> clean_text("A cup. On the left?")
    ('A cup  On the left .', 0)
    """
    stripped = text.strip()
    return _DELIMITERS.sub(" ", stripped).rstrip() + " .", len(text) - len(text.lstrip())


def fitted_text(tokenizer: Any, text: str, config: SpecialistConfig) -> tuple[str, str | None]:
    """A cleaned text that the model takes, and a note if it was cut to that.

    Raises:
        TextLengthError: it is too long, and the configuration does not say to cut it.
    """
    offsets = tokenizer(text, return_offsets_mapping=True)["offset_mapping"]
    if len(offsets) <= config.max_tokens:
        return text, None
    if config.long_text == "error":
        raise TextLengthError(f"the text has {len(offsets)} tokens; {config.name} takes {config.max_tokens}")
    # Room for the period, which the model needs, and for the token that ends a text.
    end = offsets[config.max_tokens - 3][1]
    return f"{text[:end]} .", f"the text was cut from {len(offsets)} to {config.max_tokens} tokens"


def span_columns(offsets: np.ndarray, span: Span) -> list[int]:
    """Indices of the tokens that overlap a character span; `offsets [length, 2]` are the tokens' own spans."""
    start, end = span
    # b > a excludes special tokens and padding, whose offsets are (0, 0).
    return [i for i, (a, b) in enumerate(offsets.tolist()) if b > a and a < end and b > start]


def joined_notes(*notes: str | None) -> str | None:
    """Several notes as one."""
    return "; ".join(note for note in notes if note) or None


def token_scores(probabilities: np.ndarray, offsets: np.ndarray, focus: Span | None) -> tuple[np.ndarray, str | None]:
    """The score of each box, and a note if the focus could not be used.

    Args:
        probabilities: `[boxes, length]`, the sigmoid of each token's logit, without padding.
        offsets: `[length, 2]`, the character span of each token.
        focus: the target's character span; None: no focus.
    """
    if focus is None:
        return probabilities.max(axis=1), None
    columns = span_columns(offsets, focus)
    if not columns:
        return probabilities.max(axis=1), UNFOCUSED
    return probabilities[:, columns].mean(axis=1), None


class DetectorText(NamedTuple):
    """What the model reads for a query."""

    fitted: str
    focus: Span | None
    """The target's character span in it."""
    note: str | None
    """What was done to it, if the user shall know."""


class GroundingDino:
    """A specialist; see `finecops.models.protocols.Specialist`.

    Raises:
        ModelError: the weights cannot be loaded.
    """

    def __init__(self, config: SpecialistConfig, device: str = "cpu") -> None:
        self.config, self.device = config, torch.device(device)
        checkpoint = Checkpoint.of(config)
        kind = load_model_type(checkpoint)
        if kind not in _KINDS:
            raise ModelError(
                f"{config.name}: {config.weights} is a {kind} model; this backend takes {' and '.join(_KINDS)}"
            )
        self.processor = load_processor(checkpoint)
        self.model = load_untied(checkpoint, config, kind)
        if config.device_map is None:
            self.model.to(self.device)
        else:
            self.device = self.model.device
        self.model.eval()
        self.backbone = SharedBackbone(self.model)
        self._halving = Halving(config.name, self.backbone.images.forget)
        self._last: LastCall[list[list[Answer]]] = LastCall()

    def detect(self, groups: Sequence[QueryGroup]) -> list[list[Answer]]:
        """Detect every query of every group. A batch that is asked again, by another stage, is not computed again.

        Images of different sizes are padded in one batch (`finecops.models.shared_backbone`) as long as padding costs
        little.

        Raises:
            ModelError: a text is longer than the model takes.
        """
        asked = [(id(group.image.pixels), [(query.text, query.span) for query in group.queries]) for group in groups]
        found = self._last.of(asked, list(groups), lambda: self._answers(groups))
        return [list(answers) for answers in found]

    @torch.inference_mode()
    def _answers(self, groups: Sequence[QueryGroup]) -> list[list[Answer]]:
        pairs = [(group.image, query) for group in groups for query in group.queries]
        texts = self.texts([query for _, query in pairs])
        maps = self.backbone.maps_of([image.pixels for image, _ in pairs], self._preprocessed)
        found: dict[int, Answer] = {}
        for rows in buckets([(one[0].shape[1], one[0].shape[2]) for one in maps]):
            batch = [(pairs[i][0], texts[i], maps[i]) for i in rows]
            found |= zip(rows, self._halving(self._detect, batch), strict=True)
        answers = iter(found[i] for i in range(len(pairs)))
        return [[next(answers) for _ in group.queries] for group in groups]

    def _preprocessed(self, image: Image.Image) -> tuple[torch.Tensor, torch.Tensor]:
        """Pixels `[1, 3, height, width]` and mask of an image, as the backbone takes them."""
        prepared = self.processor.image_processor(images=[image], return_tensors="pt").to(self.device)
        pixels = prepared["pixel_values"].to(self.model.dtype)
        return pixels, prepared.get("pixel_mask", torch.ones_like(pixels[:, 0], dtype=torch.long))

    def texts(self, queries: Sequence[Query]) -> list[DetectorText]:
        """What the model reads for each query."""
        texts = []
        for query in queries:
            cleaned, removed = clean_text(query.text)
            fitted, note = fitted_text(self.processor.tokenizer, cleaned, self.config)
            # The cleaned text begins `removed` characters later, so the span does too.
            focus = None if query.span is None else (query.span[0] - removed, query.span[1] - removed)
            texts.append(DetectorText(fitted, focus, note))
        return texts

    def _detect(self, batch: Sequence[tuple[Picture, DetectorText, Maps]]) -> list[Answer]:
        """Answers to one batch: each a text about an image, which has these maps."""
        images, texts, maps = zip(*batch, strict=True)
        encoded = self.processor.tokenizer(
            [text.fitted for text in texts], padding=True, return_offsets_mapping=True, return_tensors="pt"
        )
        offsets = encoded.pop("offset_mapping").numpy()
        lengths = encoded["attention_mask"].sum(1)
        with self.backbone.sharing(maps) as pixels:
            outputs = self.model(**encoded.to(self.device), **pixels)
        return self.answers_of(outputs, images, texts, (offsets, lengths))

    def answers_of(
        self,
        outputs: Any,
        images: Sequence[Picture],
        texts: Sequence[DetectorText],
        tokens: tuple[np.ndarray, torch.Tensor],
    ) -> list[Answer]:
        """An answer per row of what the model gave; `tokens` are the character spans of each text's tokens, `[rows,
        length, 2]`, and how many tokens it has."""
        offsets, lengths = tokens
        probabilities = outputs.logits.float().sigmoid().cpu().numpy()
        boxes = outputs.pred_boxes.double().cpu().numpy()
        results = []
        for row, (image, text) in enumerate(zip(images, texts, strict=True)):
            # Shorter texts are padded on the right; columns of padding must not enter a maximum.
            unpadded = probabilities[row][:, : int(lengths[row])]
            scores, note = token_scores(unpadded, offsets[row], text.focus)
            note = joined_notes(text.note, note)
            results.append(self._best(boxes[row], scores.astype(np.float64), image_wh=image.size, note=note))
        return results

    def _best(self, cxcywh: np.ndarray, scores: np.ndarray, image_wh: tuple[int, int], note: str | None) -> Answer:
        scale = np.array([*image_wh, *image_wh], dtype=np.float64)
        return best_answer(cxcywh_to_xyxy(cxcywh) * scale, scores, image_wh, self.config.max_boxes, note)


def load_untied(checkpoint: Checkpoint, config: SpecialistConfig, kind: str) -> Any:
    """Load the model; for MM Grounding DINO, with separate box and class heads for every decoder layer.

    In transformers, MM Grounding DINO shares one head between the layers unless the checkpoint's configuration says
    otherwise. Some configurations omit this; their boxes would be refined with the first layer's head. The original
    Grounding DINO does share its heads.

    Raises:
        ModelError: the checkpoint cannot be loaded, or a box head has other weights than the checkpoint.
    """
    untied: dict[str, bool] = {}
    if kind == "mm-grounding-dino":
        untied = {"decoder_bbox_embed_share": False, "decoder_cls_embed_share": False}
    model = load_detector(config, checkpoint, **untied)
    if untied:
        # transformers keeps the box heads twice, in the model and in its decoder. Both must have the layer's weights.
        for layer, (outer, inner) in enumerate(zip(model.bbox_embed, model.model.decoder.bbox_embed, strict=True)):
            same = all(torch.equal(a, b) for a, b in zip(outer.parameters(), inner.parameters(), strict=True))
            if not same:
                raise ModelError(f"{config.name}: box head of decoder layer {layer} was not loaded as it was trained")
    return model
