"""The baselines of `finecops bench models`: the same weights, called as the library's documentation shows.

One call of the processor and one of the model for the samples of a batch, with padding; nothing is shared between
samples, and nothing that finecops changes in a model is in these.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from typing import Any

import torch

from finecops.models.grounding_dino import GroundingDino, load_untied
from finecops.models.image_bounds import bound_images
from finecops.models.loading import Checkpoint, load_model_type, load_processor
from finecops.models.protocols import QueryGroup, QuestionGroup
from finecops.models.transformers_mllm import ImagePrompt, TransformersMllm, load_mllm_weights
from finecops.replies.answer import Answer, Reply
from finecops.replies.letters import LetterScores
from finecops.replies.prompting import prompt_text


class LibraryDetector:
    """A Grounding DINO; see `finecops.models.protocols.Specialist`. Each call is one batch."""

    def __init__(self, ours: GroundingDino) -> None:
        self._ours, config = ours, ours.config
        checkpoint = Checkpoint.of(config)
        self.processor = load_processor(checkpoint)
        self.model = _sharing(load_untied(checkpoint, config, load_model_type(checkpoint)), ours)

    @torch.inference_mode()
    def detect(self, groups: Sequence[QueryGroup]) -> list[list[Answer]]:
        """Detect every query of every group."""
        images = [group.image for group in groups for _ in group.queries]
        texts = self._ours.texts([query for group in groups for query in group.queries])
        written = [text.fitted for text in texts]
        pictures = [image.pixels for image in images]
        inputs: Any = self.processor(images=pictures, text=written, padding=True, return_tensors="pt")
        inputs = inputs.to(self._ours.device)
        inputs["pixel_values"] = inputs["pixel_values"].to(self.model.dtype)
        tokens = self.processor.tokenizer(written, padding=True, return_offsets_mapping=True, return_tensors="pt")
        outputs = self.model(**inputs)
        lengths = tokens["attention_mask"].sum(1)
        answers = iter(self._ours.answers_of(outputs, images, texts, (tokens["offset_mapping"].numpy(), lengths)))
        return [[next(answers) for _ in group.queries] for group in groups]


class LibraryMllm:
    """An MLLM that writes its answers; see `finecops.models.protocols.Mllm`. Each call is one batch."""

    def __init__(self, ours: TransformersMllm) -> None:
        self._ours, self.config = ours, ours.config
        self._letter_tokens = self.config.max_new_tokens
        checkpoint = Checkpoint.of(self.config)
        self.processor = load_processor(checkpoint)
        bound_images(self.config, self.processor.image_processor)
        self.processor.tokenizer.padding_side = ours.processor.tokenizer.padding_side
        self.model = _sharing(load_mllm_weights(self.config, checkpoint), ours)

    def with_letters_of(self, tokens: int | None) -> LibraryMllm:
        """The same model, with so many tokens at most for an answer with a letter; None: as many as for a box."""
        found = copy(self)
        found._letter_tokens = tokens or self.config.max_new_tokens
        return found

    def ground(self, groups: Sequence[QueryGroup]) -> list[list[Reply]]:
        """Written answers, without probabilities."""
        asked = [
            ImagePrompt(number, group.image.pixels, prompt_text(self.config, query.text, query.target))
            for number, group in enumerate(groups)
            for query in group.queries
        ]
        texts = iter(self._written(asked, self.config.max_new_tokens))
        replies = iter(Reply(one.prompt, text) for one, text in zip(asked, texts, strict=True))
        return [[next(replies) for _ in group.queries] for group in groups]

    def choose(self, groups: Sequence[QuestionGroup]) -> list[list[LetterScores]]:
        """Letters that are written, as CRS is usually done."""
        asked = [
            ImagePrompt(number, group.image.pixels, question.prompt)
            for number, group in enumerate(groups)
            for question in group.questions
        ]
        texts = self._written(asked, self._letter_tokens)
        scores = iter(LetterScores(one.prompt, None, None, text) for one, text in zip(asked, texts, strict=True))
        return [[next(scores) for _ in group.questions] for group in groups]

    def _written(self, asked: Sequence[ImagePrompt], most: int) -> list[str]:
        # Some models have no mask for padding: a careful user asks them one by one.
        together = [asked] if self.config.padded_batches else [[one] for one in asked]
        return [text for batch in together for text in self._generated(batch, most)]

    @torch.inference_mode()
    def _generated(self, asked: Sequence[ImagePrompt], most: int) -> list[str]:
        inputs: Any = self.processor(
            images=[one.pixels for one in asked], text=self._ours.texts(asked), padding=True, return_tensors="pt"
        )
        # PaliGemma's processor also returns labels for training.
        inputs.pop("labels", None)
        inputs = inputs.to(self._ours.device, dtype=self.model.dtype)
        sequences = self.model.generate(**inputs, max_new_tokens=most, do_sample=False, num_beams=1)
        new = sequences[:, 1 if self._ours.encoder_decoder else inputs["input_ids"].shape[1] :]
        # Behind its end an answer is filled up to the longest of the batch.
        stops = self._ours.stop_ids()
        ended = [next((i for i, token in enumerate(row) if token in stops), len(row)) for row in new.tolist()]
        return [
            str(self.processor.tokenizer.decode(row[:end], skip_special_tokens=False))
            for row, end in zip(new, ended, strict=True)
        ]


def _sharing(model: Any, ours: GroundingDino | TransformersMllm) -> Any:
    """A model that computes with the weights of ours: they are in memory once."""
    for own, theirs in zip(model.parameters(), ours.model.parameters(), strict=True):
        own.data = theirs.data
    return (model if ours.config.device_map is not None else model.to(ours.device)).eval()
