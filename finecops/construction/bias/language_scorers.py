"""Scorers of texts that are language models, through transformers: Vera, a CoLA classifier, any causal model.

SugarCrepe refined with the first two. Sources: `text_model_eval.py` of RAIVNLab/sugar-crepe, and the card of
liujch1998/vera. What a causal model gives is relative: a text's rank among the texts that were scored with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from transformers import (
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    AutoModelForTextEncoding,
)

from finecops.config.find import resolve_weights
from finecops.construction.bias.scorers import TextScorer, by_rank
from finecops.errors import ModelError
from finecops.metrics.answers import Floats
from finecops.models.checkpoint_folder import check_checkpoint
from finecops.models.loading import Checkpoint, load_complete, load_tokenizer
from finecops.progress import progress

MAX_TOKENS: Final = 128
"""Longer texts are cut, as Vera's authors do; earlier where a model has room for fewer."""
BATCH: Final = 32
VERA_WEIGHT, VERA_BIAS, VERA_TEMPERATURE = 32099, 32098, 32097
"""Rows of Vera's embedding table that hold its classifier: the weights, and a number each in their first element."""
ACCEPTABLE: Final = ("acceptable", "LABEL_1")
"""Names of the class "acceptable" in CoLA classifiers."""


class _Loaded:
    """A model with its tokenizer, and texts in batches."""

    kind = ""

    def __init__(self, auto_class: Any, weights: str, device: str, allow_pickle: bool) -> None:
        where = resolve_weights(weights)
        self.name = f"{self.kind}:{weights}"
        if Path(where).is_dir():
            check_checkpoint(self.name, Path(where), allow_pickle)
        checkpoint = Checkpoint(self.name, weights, where, revision=None, code=False, pickle=allow_pickle)
        self.tokenizer = load_tokenizer(checkpoint)
        self.model = load_complete(auto_class, checkpoint, dtype="auto").to(device).eval()
        # One place is left for the token of a text's start. T5 has no such limit.
        places = getattr(self.model.config, "max_position_embeddings", None)
        self._most = MAX_TOKENS if places is None else min(MAX_TOKENS, places - 1)
        # Batches are padded at their ends, which every score here counts on.
        self.tokenizer.padding_side = "right"
        if self.tokenizer.pad_token is None:
            self.tokenizer.pad_token = self.tokenizer.eos_token or self.tokenizer.unk_token
        if self.tokenizer.pad_token is None:
            raise ModelError(f"{self.name}: its tokenizer has no token for padding")

    def batches(self, texts: Sequence[str]) -> Iterator[Any]:
        """The texts as token ids and masks, on the model's device, in order."""
        with progress(what=self.kind, unit="text", total=len(texts), leave=False) as bar:
            for start in range(0, len(texts), BATCH):
                some = list(texts[start : start + BATCH])
                yield self.tokenizer(
                    some, return_tensors="pt", padding=True, truncation=True, max_length=self._most
                ).to(self.model.device)
                bar.update(len(some))


class VeraScorer(_Loaded):
    """Plausibility by Vera (Liu et al., EMNLP 2023), calibrated. It was made for statements of common sense."""

    kind = "vera"

    def __init__(self, weights: str, device: str = "cpu", allow_pickle: bool = False) -> None:
        super().__init__(AutoModelForTextEncoding, weights, device, allow_pickle)
        table = self.model.get_input_embeddings().weight
        if len(table) <= VERA_WEIGHT:
            raise ModelError(f"{self.name}: {len(table)} embeddings; Vera's classifier is in row {VERA_WEIGHT}")
        self._weight = table[VERA_WEIGHT].float()
        self._bias, self._temperature = (table[row, 0].float() for row in (VERA_BIAS, VERA_TEMPERATURE))

    @torch.no_grad()
    def __call__(self, texts: Sequence[str]) -> Floats:
        """See `TextScorer`."""
        found: list[float] = []
        for batch in self.batches(texts):
            hidden = self.model(**_without_types(batch)).last_hidden_state.float()
            # The state of the last token that is not padding.
            last = batch["attention_mask"].sum(dim=1) - 1
            logit = hidden[torch.arange(len(last)), last] @ self._weight + self._bias
            found += torch.sigmoid(logit / self._temperature).tolist()
        return _rounded(found)


class ColaScorer(_Loaded):
    """Grammar: the probability of "acceptable" by a classifier trained on CoLA."""

    kind = "cola"

    def __init__(self, weights: str, device: str = "cpu", allow_pickle: bool = False) -> None:
        super().__init__(AutoModelForSequenceClassification, weights, device, allow_pickle)
        labels = {name: int(index) for index, name in self.model.config.id2label.items()}
        known = [labels[name] for name in ACCEPTABLE if name in labels]
        if not known or len(labels) != 2:
            raise ModelError(
                f"{self.name}: its classes are {', '.join(labels)}; a CoLA classifier has LABEL_0, LABEL_1"
            )
        self._class = known[0]

    @torch.no_grad()
    def __call__(self, texts: Sequence[str]) -> Floats:
        """See `TextScorer`."""
        found: list[float] = []
        for batch in self.batches(texts):
            found += self.model(**_without_types(batch)).logits.float().softmax(dim=1)[:, self._class].tolist()
        return _rounded(found)


class CausalScorer(_Loaded):
    """How likely a text is for a causal language model: its mean log-probability per token, by rank."""

    kind = "causal"

    def __init__(self, weights: str, device: str = "cpu", allow_pickle: bool = False) -> None:
        super().__init__(AutoModelForCausalLM, weights, device, allow_pickle)

    def __call__(self, texts: Sequence[str]) -> Floats:
        """See `TextScorer`."""
        return by_rank(self.mean_log_probabilities(texts))

    @torch.no_grad()
    def mean_log_probabilities(self, texts: Sequence[str]) -> Floats:
        """Of each text's tokens behind its first, `[n]`. A text of one token has no such mean: minus infinity."""
        found: list[float] = []
        for batch in self._started(texts):
            ids, mask = batch["input_ids"], batch["attention_mask"]
            logits = self.model(input_ids=ids, attention_mask=mask).logits.float()
            # Position i tells the token at i + 1.
            log_probs = logits[:, :-1].log_softmax(dim=-1).gather(2, ids[:, 1:, None])[:, :, 0]
            counted = mask[:, 1:].float()
            mean = (log_probs * counted).sum(dim=1) / counted.sum(dim=1)
            found += mean.nan_to_num(-float("inf")).tolist()
        return _rounded(found)

    def _started(self, texts: Sequence[str]) -> Iterator[Any]:
        """Batches in which the first word is scored too, where the tokenizer has a token for a text's start."""
        tokenizer = self.tokenizer
        start = tokenizer.eos_token_id if tokenizer.bos_token_id is None else tokenizer.bos_token_id
        for batch in self.batches(texts):
            ids, mask = batch["input_ids"], batch["attention_mask"]
            if start is not None and not bool((ids[:, 0] == start).all()):
                begin = torch.full_like(ids[:, :1], start)
                ids, mask = torch.cat([begin, ids], dim=1), torch.cat([torch.ones_like(begin), mask], dim=1)
            yield {"input_ids": ids, "attention_mask": mask}


def _rounded(scores: Sequence[float]) -> Floats:
    """Scores to six places: texts of the same tokens are ties, also where their batches were padded differently."""
    return np.asarray(np.round(scores, 6), dtype=np.float64)


def _without_types(batch: Any) -> Mapping[str, Any]:
    """Without the kinds of tokens, which some tokenizers give and some models do not take."""
    return {key: value for key, value in batch.items() if key != "token_type_ids"}


LANGUAGE_SCORERS: Final[Mapping[str, Callable[[str, str, bool], TextScorer]]] = {
    scorer.kind: scorer for scorer in (VeraScorer, ColaScorer, CausalScorer)
}
"""The word before the colon of `--scorer` → what loads it from weights, device and permission for pickles."""
