"""MLLMs in this process: every model that `AutoModelForImageTextToText` of transformers loads."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from transformers import AutoModelForImageTextToText

from finecops.config.schema import MllmConfig
from finecops.errors import ModelError
from finecops.models.adapters import load_adapter
from finecops.models.chat_template import rendered
from finecops.models.image_bounds import bound_images
from finecops.models.image_prefix import ImagePrefixes
from finecops.models.loading import Checkpoint, load_complete, load_processor, mllm_options
from finecops.models.memory import Halving
from finecops.models.numbers import NOT_FINITE, scored_letters
from finecops.models.patch_products import multiply_patches
from finecops.models.protocols import QueryGroup, QuestionGroup
from finecops.models.shared_processing import SharedProcessing
from finecops.models.written_tokens import WrittenTokens
from finecops.replies.answer import Reply
from finecops.replies.letters import LetterScores, letter_token_ids
from finecops.replies.prompting import prompt_text


def chat_text(processor: Any, prompt: str, config: MllmConfig | None = None) -> str:
    """A user message with an image and a prompt, in the model's chat template, up to the start of the answer.

    `config` gives the system message and the arguments of the template, if there are any.
    """
    messages = [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": prompt}]}]
    if config is not None and config.system is not None:
        messages.insert(0, {"role": "system", "content": [{"type": "text", "text": config.system}]})
    options = config.chat_options if config is not None else {}
    return rendered(processor, messages, **options)


def load_mllm_weights(config: MllmConfig, checkpoint: Checkpoint) -> Any:
    """The library's model, with the adapter of the configuration merged into it.

    Raises:
        ModelError: they cannot be loaded.
    """
    model = load_complete(AutoModelForImageTextToText, checkpoint, **mllm_options(config))
    return model if config.adapter is None else load_adapter(model, config)


_CONTEXT_CHARS = 40
"""So much of a prompt's end decides with which token an answer begins."""


class ImagePrompt(NamedTuple):
    """A prompt about an image."""

    image: int
    """The image's number in the batch. Prompts with the same number are about the same image."""
    pixels: Image.Image
    """RGB."""
    prompt: str


class TransformersMllm:
    """An MLLM in this process; see `finecops.models.protocols.Mllm`. Decoding is greedy.

    Raises:
        ModelError: the weights or the adapter cannot be loaded, or code from the Hub is not allowed.
    """

    def __init__(self, config: MllmConfig, device: str = "cpu") -> None:
        self.config, self.device = config, torch.device(device)
        checkpoint = Checkpoint.of(config)
        self.processor = load_processor(checkpoint)
        self.model = load_mllm_weights(config, checkpoint)
        if config.device_map is None:
            self.model.to(self.device)
        else:
            self.device = self.model.device
        self.model.eval()
        self.encoder_decoder: bool = self.model.config.is_encoder_decoder
        # A decoder continues after the last token of a prompt, so padding must be on the left. An encoder counts
        # positions from its first token, so padding must be on the right.
        self.processor.tokenizer.padding_side = "right" if self.encoder_decoder else "left"
        # Questions of a run have few different sets of letters.
        self._letter_ids: dict[tuple[tuple[str, ...], str], list[list[int]]] = {}
        multiply_patches(self.model)
        bound_images(config, self.processor.image_processor)
        self.prefixes = ImagePrefixes(self.model, self.processor)
        self.processing = SharedProcessing(self.processor.image_processor)
        self._halving = Halving(config.name, self.prefixes.images.forget)

    def ground(self, groups: Sequence[QueryGroup]) -> list[list[Reply]]:
        """A reply per group and query. All prompts are one batch where the model allows it."""
        asked = [
            ImagePrompt(number, group.image.pixels, prompt_text(self.config, query.text, query.target))
            for number, group in enumerate(groups)
            for query in group.queries
        ]
        found: dict[int, Reply] = {}
        for indices in self._batches([one.prompt for one in asked]):
            found |= zip(indices, self._halving(self.generate, [asked[i] for i in indices]), strict=True)
        replies = iter(found[i] for i in range(len(asked)))
        return [[next(replies) for _ in group.queries] for group in groups]

    def _batches(self, texts: Sequence[str]) -> list[list[int]]:
        """Indices of the texts, one list per batch: all together, or those of equal length."""
        if self.config.padded_batches:
            return [list(range(len(texts)))]
        by_length: dict[int, list[int]] = defaultdict(list)
        for index, text in enumerate(texts):
            by_length[len(self.processor.tokenizer.tokenize(text))].append(index)
        return list(by_length.values())

    def choose(self, groups: Sequence[QuestionGroup]) -> list[list[LetterScores]]:
        """The probabilities of the letters of all questions, from one forward pass. No token is generated.

        Raises:
            ModelError: a letter is not one token, or the model is an encoder-decoder and takes no questions.
        """
        if self.encoder_decoder:
            raise ModelError(f"{self.config.name} does not answer questions with a letter: it cannot select")
        asked = [
            ImagePrompt(number, group.image.pixels, question.prompt)
            for number, group in enumerate(groups)
            for question in group.questions
        ]
        texts = self.texts(asked)
        logits = self._halving(self._next_logits, list(zip(asked, texts, strict=True)))
        scored = []
        for row, question in enumerate(question for group in groups for question in group.questions):
            ids = self._ids_of(question.letters, texts[row])
            scored.append(scored_letters(question.prompt, logits[row], ids))
        results = iter(scored)
        return [[next(results) for _ in group.questions] for group in groups]

    def _ids_of(self, letters: tuple[str, ...], prompt: str) -> list[list[int]]:
        key = (letters, prompt[-_CONTEXT_CHARS:])
        if key not in self._letter_ids:
            self._letter_ids[key] = letter_token_ids(self.processor.tokenizer, *key)
        return self._letter_ids[key]

    @torch.inference_mode()
    def _next_logits(self, pairs: Sequence[tuple[ImagePrompt, str]]) -> list[NDArray[np.float64]]:
        """Logits of the token after each prompt, of which this is the whole text, `[vocabulary]` each."""
        asked, texts = zip(*pairs, strict=True)
        continued = self.prefixes.continued([one.pixels for one in asked], texts)
        inputs = continued.rest() if continued is not None else self._inputs(asked, texts)
        # Only the last position's logits: with a vocabulary of 150,000, those of a whole prompt take gigabytes.
        output = self.model(**inputs, logits_to_keep=1)
        return list(output.logits[:, -1].double().cpu().numpy())

    def texts(self, asked: Sequence[ImagePrompt]) -> list[str]:
        """The whole text of each prompt."""
        return [chat_text(self.processor, q.prompt, self.config) if self.config.chat else q.prompt for q in asked]

    def _inputs(self, asked: Sequence[ImagePrompt], texts: Sequence[str]) -> Any:
        images = [one.pixels for one in asked]
        inputs = self.processor(images=images, text=list(texts), padding=True, return_tensors="pt")
        # PaliGemma's processor also returns labels for training.
        inputs.pop("labels", None)
        return inputs.to(self.device, dtype=self.model.dtype)

    @torch.inference_mode()
    def generate(self, asked: Sequence[ImagePrompt]) -> list[Reply]:
        """Replies to prompts, all in one batch, with the probability and the logit of each token."""
        texts = self.texts(asked)
        continued = self.prefixes.continued([one.pixels for one in asked], texts)
        inputs = continued.whole() if continued is not None else self._inputs(asked, texts)
        written = WrittenTokens()
        with written.watching(self.model):
            sequences = self.model.generate(
                **inputs,
                max_new_tokens=self.config.max_new_tokens,
                do_sample=False,
                num_beams=1,
                stopping_criteria=[written],
            )
        # `generate` returns prompt and answer. An encoder-decoder returns a start token and the answer.
        prompt: Any = inputs["input_ids"]
        new = sequences[:, 1 if self.encoder_decoder else prompt.shape[1] :]
        logits, probabilities = written.tables(new.shape[1])
        stops = self.stop_ids()
        replies = []
        for row, one in enumerate(asked):
            ids = new[row].tolist()
            # Shorter answers are padded to the longest of the batch; the stop token is not part of the answer either.
            length = next((i for i, token in enumerate(ids) if token in stops), len(ids))
            # Up to the stop token: NaN logits end an answer at once, which would look like an empty one.
            if not probabilities[row, : length + 1].isfinite().all():
                replies.append(Reply.failed(one.prompt, NOT_FINITE))
                continue
            pieces = self._pieces(ids[:length])
            replies.append(
                Reply(
                    prompt=one.prompt,
                    text="".join(pieces),
                    token_texts=tuple(pieces),
                    token_probs=tuple(probabilities[row, :length].tolist()),
                    token_logits=tuple(logits[row, :length].tolist()),
                )
            )
        return replies

    def stop_ids(self) -> set[int]:
        """Tokens that end an answer, or stand behind its end."""
        stop = self.model.generation_config.eos_token_id
        pad = self.processor.tokenizer.pad_token_id
        return {*(stop if isinstance(stop, list) else [stop]), pad} - {None}

    def _pieces(self, ids: list[int]) -> list[str]:
        """The text of each token; joined they give the whole text.

        A character may consist of several tokens (bytes). It then belongs to the last of them.
        """
        decode = self.processor.tokenizer.decode
        pieces, before = [], ""
        for end in range(1, len(ids) + 1):
            # Whole prefixes are decoded, since a tokenizer may join or drop blanks between tokens.
            whole = decode(ids[:end], skip_special_tokens=False)
            # U+FFFD at the end stands for a character whose last bytes are still to come.
            stable = whole[:-1] if whole.endswith("\ufffd") and end < len(ids) else whole
            pieces.append(stable[len(before) :])
            before = stable if len(stable) > len(before) else before
        return pieces
