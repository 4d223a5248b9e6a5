"""Tuning rows as batches of the model: texts and images as inputs, labels on the answer alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch.utils.data import Dataset

from finecops.errors import DataError, ModelError
from finecops.images import read_image
from finecops.models.transformers_mllm import chat_text
from finecops.tuning.data import TuneRow

_NO_LABEL = -100
"""Positions with this label have no loss (PyTorch's cross_entropy)."""


class TuneDataset(Dataset[TuneRow]):
    """Rows in memory; images are decoded when a batch is made."""

    def __init__(self, rows: Sequence[TuneRow]) -> None:
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> TuneRow:
        return self.rows[index]


class Collator:
    """Makes batches of rows.

    Args:
        processor: the model's processor; it pads on the left.
        root: the folder that the rows' images are below.
        end: the text that ends an answer.
    """

    def __init__(self, processor: Any, root: Path, end: str) -> None:
        self.processor, self.root, self.end = processor, root, end

    def __call__(self, rows: Sequence[TuneRow]) -> dict[str, torch.Tensor]:
        """The model's inputs, and `labels [n, length]` on the answer and the end of the turn.

        Raises:
            DataError: an image is missing or unreadable; it names the row.
            ModelError: the tokenizer joins an answer with the text before it.
        """
        texts = [chat_text(self.processor, row.prompt) + row.answer + self.end for row in rows]
        images = [self._image(row) for row in rows]
        inputs = self.processor(images=images, text=texts, padding=True, return_tensors="pt")
        ids = inputs["input_ids"]
        labels = torch.full_like(ids, _NO_LABEL)
        for i, row in enumerate(rows):
            answer = self.processor.tokenizer(row.answer + self.end, add_special_tokens=False)["input_ids"]
            # Padding is on the left, so every row ends with its answer. The check finds a tokenizer whose tokens reach
            # over the border: the labels would then be wrong without a word.
            if ids[i, -len(answer) :].tolist() != answer:
                raise ModelError(f"the tokenizer joins the answer {row.answer!r} with the text before it")
            labels[i, -len(answer) :] = ids[i, -len(answer) :]
        return dict(inputs) | {"labels": labels}

    def _image(self, row: TuneRow) -> Image.Image:
        try:
            return read_image(self.root / row.image)
        except DataError as error:
            raise DataError(f"row {row.id}: {error}") from error
