"""Multimodal language models through transformers: Qwen2-VL and what else `AutoModelForImageTextToText` loads."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from safetensors import SafetensorError
from transformers import AutoModelForImageTextToText, AutoProcessor

from finecops.config import MllmConfig, resolve_weights, weights_fingerprint
from finecops.errors import ModelError
from finecops.models.letters import LetterScores, letter_probabilities, letter_token_ids
from finecops.models.prompting import prompt_text
from finecops.models.protocols import QueryGroup, QuestionGroup, Reply

ADAPTER_CARD = "finecops.json"
"""Beside an adapter's weights: what it was tuned on and for which base model."""


def chat_text(processor: Any, prompt: str) -> str:
    """A user's turn with an image and a prompt, up to where the model's answer begins."""
    turn = {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": prompt}]}
    text: str = processor.apply_chat_template([turn], add_generation_prompt=True)
    return text


def load_adapter(model: Any, config: MllmConfig) -> Any:
    """The model with a LoRA adapter merged into it.

    Raises:
        ModelError: peft is missing, the adapter cannot be read, or it was made for another base model.
    """
    assert config.adapter is not None
    try:
        from peft import PeftModel
    except ImportError as error:
        raise ModelError(f"{config.name} has an adapter and needs peft: pip install 'finecops[tune]'") from error
    adapter = resolve_weights(config.adapter)
    card = Path(adapter) / ADAPTER_CARD
    if card.is_file():
        made_for = json.loads(card.read_text(encoding="utf-8")).get("base_fingerprint")
        if made_for not in (None, weights_fingerprint(config.weights)):
            raise ModelError(
                f"{config.name}: the adapter {config.adapter} was tuned on other weights than {config.weights}"
            )
    try:
        return PeftModel.from_pretrained(model, adapter).merge_and_unload()
    except (OSError, ValueError, RuntimeError, KeyError, SafetensorError) as error:
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ModelError(
            f"{config.name}: the adapter {config.adapter} does not fit {config.weights}: {first}"
        ) from error


class SharedVision:
    """Runs the vision tower once per image instead of once per question on it.

    The processor repeats an image for every question; while sharing, the model is given the features of the first
    one for all. Only for models whose features come image by image with their grids (the Qwen-VL family).
    """

    def __init__(self, model: Any) -> None:
        self.core: Any = getattr(model, "model", None)
        self.calls = 0
        self._first: list[int] | None = None
        self.possible = hasattr(self.core, "get_image_features") and hasattr(self.core, "visual")
        if self.possible:
            core: Any = self.core
            self._original = core.get_image_features
            core.get_image_features = self._features

    @contextmanager
    def sharing(self, asked: Sequence[tuple[Image.Image, str]]) -> Iterator[None]:
        """While active, questions on one image object share its features."""
        seen: dict[int, int] = {}
        first = [seen.setdefault(id(image), i) for i, (image, _) in enumerate(asked)]
        self._first = first if len(seen) < len(first) else None
        try:
            yield
        finally:
            self._first = None

    def _features(self, pixel_values: torch.Tensor, image_grid_thw: torch.Tensor, **kwargs: Any) -> Any:
        first = self._first
        if first is None or len(first) != len(image_grid_thw):
            self.calls += len(image_grid_thw)
            return self._original(pixel_values, image_grid_thw, **kwargs)
        parts = torch.split(pixel_values, image_grid_thw.prod(-1).tolist())
        unique = sorted(set(first))
        self.calls += len(unique)
        output = self._original(torch.cat([parts[i] for i in unique]), image_grid_thw[unique], **kwargs)
        place = {i: k for k, i in enumerate(unique)}
        output.pooler_output = [output.pooler_output[place[i]] for i in first]
        return output


class TransformersMllm:
    """An MLLM in this process; see `finecops.models.protocols.Mllm`. Decoding is greedy."""

    def __init__(self, config: MllmConfig, device: str = "cpu") -> None:
        self.config, self.device = config, torch.device(device)
        weights = resolve_weights(config.weights)
        try:
            self.processor = AutoProcessor.from_pretrained(weights, revision=config.revision)
            dtype: Any = "auto" if config.dtype == "auto" else getattr(torch, config.dtype)
            self.model = AutoModelForImageTextToText.from_pretrained(
                weights, revision=config.revision, dtype=dtype, attn_implementation=config.attention
            )
        except (OSError, ValueError) as error:
            raise ModelError(f"{config.name}: cannot load {config.weights}: {error}") from error
        if config.adapter is not None:
            self.model = load_adapter(self.model, config)
        self.model.to(self.device).eval()
        self.processor.tokenizer.padding_side = "left"
        self._letter_ids: dict[tuple[str, ...], list[list[int]]] = {}
        self.vision = SharedVision(self.model)
        size = self.processor.image_processor.size
        bounds = {"shortest_edge": config.min_pixels, "longest_edge": config.max_pixels}
        if any(bounds.values()):
            self.processor.image_processor.size = dict(size) | {k: v for k, v in bounds.items() if v}

    def ground(self, groups: Sequence[QueryGroup]) -> list[list[Reply]]:
        """Ask every query of every group, all in one batch."""
        asked = [(group.image, prompt_text(self.config, query)) for group in groups for query in group.queries]
        replies = iter(self._generate(asked))
        return [[next(replies) for _ in group.queries] for group in groups]

    def choose(self, groups: Sequence[QuestionGroup]) -> list[list[LetterScores]]:
        """The letters' probabilities of every question, all in one forward pass: no token is generated.

        Raises:
            ModelError: a letter is not one token.
        """
        asked = [(group.image, question.prompt) for group in groups for question in group.questions]
        logits = self._next_logits(asked)
        scored = []
        for row, question in enumerate(question for group in groups for question in group.questions):
            ids = self._ids_of(question.letters)
            scored.append(LetterScores(question.prompt, *letter_probabilities(logits[row], ids)))
        results = iter(scored)
        return [[next(results) for _ in group.questions] for group in groups]

    def _ids_of(self, letters: tuple[str, ...]) -> list[list[int]]:
        if letters not in self._letter_ids:
            self._letter_ids[letters] = letter_token_ids(self.processor.tokenizer, letters)
        return self._letter_ids[letters]

    @torch.inference_mode()
    def _next_logits(self, asked: list[tuple[Image.Image, str]]) -> NDArray[np.float64]:
        """Logits of the token after each prompt, `[n, vocabulary]`."""
        with self.vision.sharing(asked):
            output = self.model(**self._inputs(asked), logits_to_keep=1)
        logits: NDArray[np.float64] = output.logits[:, -1].double().cpu().numpy()
        return logits

    def _inputs(self, asked: list[tuple[Image.Image, str]]) -> Any:
        texts = [chat_text(self.processor, prompt) for _, prompt in asked]
        inputs = self.processor(images=[image for image, _ in asked], text=texts, padding=True, return_tensors="pt")
        return inputs.to(self.device)

    @torch.inference_mode()
    def _generate(self, asked: list[tuple[Image.Image, str]]) -> list[Reply]:
        inputs = self._inputs(asked)
        with self.vision.sharing(asked):
            output = self.model.generate(
                **inputs,
                max_new_tokens=self.config.max_new_tokens,
                do_sample=False,
                output_logits=True,
                return_dict_in_generate=True,
            )
        new = output.sequences[:, inputs["input_ids"].shape[1] :]
        logits = torch.stack(output.logits, dim=1).float()
        chosen = logits.gather(2, new.unsqueeze(2)).squeeze(2)
        probabilities = (chosen - logits.logsumexp(-1)).exp()
        stops = self._stop_ids()
        replies = []
        for row, (_, prompt) in enumerate(asked):
            ids = new[row].tolist()
            length = next((i for i, token in enumerate(ids) if token in stops), len(ids))
            pieces = self._pieces(ids[:length])
            replies.append(
                Reply(
                    prompt,
                    "".join(pieces),
                    tuple(pieces),
                    tuple(probabilities[row, :length].tolist()),
                    tuple(chosen[row, :length].tolist()),
                )
            )
        return replies

    def _stop_ids(self) -> set[int]:
        stop = self.model.generation_config.eos_token_id
        pad = self.processor.tokenizer.pad_token_id
        return {*(stop if isinstance(stop, list) else [stop]), pad} - {None}

    def _pieces(self, ids: list[int]) -> list[str]:
        """Text of each token such that they join to the whole, also where a character is made of several tokens."""
        decode = self.processor.tokenizer.decode
        pieces, before = [], ""
        for end in range(1, len(ids) + 1):
            whole = decode(ids[:end], skip_special_tokens=False)
            stable = whole[:-1] if whole.endswith("\ufffd") and end < len(ids) else whole
            pieces.append(stable[len(before) :])
            before = stable if len(stable) > len(before) else before
        return pieces
