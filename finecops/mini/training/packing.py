"""Several questions about one image in one sequence: token ids, positions, and what is to be predicted where.

The image's tokens are most of a sequence. With eight questions behind one image they are computed once, not eight
times. A sequence is the prefix (the image), then question after question. Each question sees the prefix and itself, and
its positions start again behind the prefix, so the logits are those of separate sequences (`packed_attention`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Any, Final, Literal

import torch
from transformers import PreTrainedTokenizerFast

from finecops.mini.training.questions import Question, box_text
from finecops.mini.training.vision import COORDINATES
from finecops.replies.choices import LETTERS

TokenKind = Literal["word", "letter", "step", "format"]
"""Of an answer's token: a word, an option's letter, a coordinate, or punctuation and markers around coordinates."""
_TargetKind = TokenKind | Literal["look", "option"]


_GROUPS: Final = 4


@dataclass(frozen=True)
class QuestionGroup:
    """Questions of about the same length, whose attention is computed together.

    Attributes:
        tokens: `[q, longest]`: flat indices of each question's tokens; shorter ones repeat their last token.
        images: `[q]`: the row of each question.
    """

    tokens: torch.Tensor
    images: torch.Tensor


@dataclass(frozen=True)
class PackedQuestions:
    """A batch of `n` images with `q` questions in all; `length` is that of the longest sequence.

    A flat index counts the tokens of all padded sequences, row after row: `row * length + column`. The fields `…_at`
    are the flat indices of the tokens *before* each token of an answer, where the model predicts it.
    """

    input_ids: torch.Tensor
    """`[n, length]`, padded on the right."""

    position_ids: torch.Tensor
    """Multimodal rotary positions `[3, n, length]`: time, row, column."""

    groups: tuple[QuestionGroup, ...]
    """All questions, the shortest first."""

    result_rows: torch.Tensor
    """`[n * length]`: where the result of each token is among the results, the prefixes' first, then those of the
    groups."""

    prefix_length: int
    word_at: torch.Tensor
    word_ids: torch.Tensor
    letter_at: torch.Tensor
    letter_ids: torch.Tensor
    format_at: torch.Tensor
    format_ids: torch.Tensor
    step_at: torch.Tensor

    steps: torch.Tensor
    """Coordinates in hundredths, not rounded to a token."""

    look_at: torch.Tensor
    """Those of coordinates and letters behind which is an object."""

    looks: torch.Tensor
    """`[len(look_at), 4]`: its box, x1, y1, x2, y2 in hundredths."""

    option_at: torch.Tensor
    """Those of letters."""

    option_tokens: torch.Tensor
    """`[len(option_at), longest]`: flat indices of their questions' tokens; shorter ones repeat their last token."""

    options: torch.Tensor
    """`[len(option_at)]`: the column of the right option's end in `option_tokens`."""


@dataclass
class _Targets:
    """Tokens of one kind that are to be predicted: the position before each, and its value."""

    positions: list[tuple[int, int]] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)

    def flat(self, length: int) -> torch.Tensor:
        return torch.tensor([row * length + column for row, column in self.positions], dtype=torch.long)

    def ids(self) -> torch.Tensor:
        return torch.tensor(self.values, dtype=torch.long)

    def numbers(self) -> torch.Tensor:
        return torch.tensor(self.values, dtype=torch.float32)


class Packer:
    """Packs questions with one tokenizer, about images of one budget of visual tokens.

    Args:
        tokenizer: the model's.
        tokens: visual tokens of each image, a square number.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerFast, tokens: int) -> None:
        self.tokenizer, self.tokens = tokenizer, tokens
        image = "<|image_pad|>" * tokens
        self.prefix = tokenizer.encode(f"<|im_start|>user\n<|vision_start|>{image}<|vision_end|>")
        self.turn = tokenizer.encode("<|im_end|>\n<|im_start|>assistant\n")
        self.end = tokenizer.encode("<|im_end|>")
        self.first_image = self.prefix.index(tokenizer.convert_tokens_to_ids("<|image_pad|>"))

    @cached_property
    def coordinate_ids(self) -> torch.Tensor:
        """Ids of the tokens "0", "10", … "1000"."""
        ids = [self.tokenizer.encode(str(10 * n)) for n in range(COORDINATES)]
        # The unpacking is a check: each must be one token.
        return torch.tensor([only for (only,) in ids])

    @cached_property
    def _coordinate_set(self) -> frozenset[int]:
        return frozenset(self.coordinate_ids.tolist())

    @cached_property
    def _letter_set(self) -> frozenset[int]:
        # A letter at the start of a text and one behind a blank are different tokens.
        return frozenset(self.tokenizer.encode(blank + letter)[0] for letter in LETTERS for blank in ("", " "))

    def prefix_positions(self) -> torch.Tensor:
        """Multimodal rotary positions of the prefix, `[3, length]`, as Qwen2-VL gives them."""
        side, first = round(self.tokens**0.5), self.first_image
        before = torch.arange(first).expand(3, -1)
        # Image tokens share one time; their row and column count from the position of the first of them.
        cell = torch.arange(self.tokens)
        inside = torch.stack([torch.zeros_like(cell), cell // side, cell % side]) + first
        # The text continues after the largest position of the image, which is its side and not its number of tokens.
        after = (torch.arange(len(self.prefix) - first - self.tokens) + first + side).expand(3, -1)
        return torch.cat([before, inside, after], dim=1)

    def pack(self, batch: Sequence[Sequence[Question]]) -> PackedQuestions:
        """Pack the questions of each image into one sequence."""
        encoded = self._encoded(batch)
        kinds: tuple[_TargetKind, ...] = ("word", "letter", "step", "format", "look", "option")
        targets = {kind: _Targets() for kind in kinds}
        rows: list[list[int]] = []
        bounds: list[list[int]] = []
        number = -1
        for row, questions in enumerate(batch):
            ids, starts = list(self.prefix), []
            for question in questions:
                prompt, answer, chosen = next(encoded)
                number += 1
                # The token before the answer predicts the answer's first token.
                last = len(ids) + len(prompt) - 1
                self._add_targets(targets, question, answer, row, last)
                if chosen is not None:
                    targets["option"].positions.append((row, last))
                    targets["option"].values.append((number, chosen))
                starts.append(len(ids))
                ids += prompt + answer
            rows.append(ids)
            bounds.append([*starts, len(ids)])
        return self._packed(rows, bounds, targets)

    def _encoded(self, batch: Sequence[Sequence[Question]]) -> Iterator[tuple[list[int], list[int], int | None]]:
        """Token ids of each question's prompt and answer, and the index of the last token of the right option.

        All texts in two calls, which is faster than one each.
        """
        questions = [question for row in batch for question in row]
        prompts = self.tokenizer([q.prompt for q in questions], return_offsets_mapping=True)
        answers = self.tokenizer([q.text if q.box is None else box_text(q.box) for q in questions])["input_ids"]
        encoded = zip(questions, prompts["input_ids"], prompts["offset_mapping"], answers, strict=True)
        for question, prompt, spans, answer in encoded:
            ends = [end for _, end in spans]
            # Spans are characters of the prompt; the turn's tokens that follow it shift nothing.
            chosen = None if question.chosen is None else ends.index(question.chosen)
            yield prompt + self.turn, answer + self.end, chosen

    def _add_targets(
        self, targets: dict[_TargetKind, _Targets], question: Question, answer: list[int], row: int, first: int
    ) -> None:
        """Note what each token of an answer is; `first` is the column of the token before it."""
        steps, seen = iter(question.box or ()), question.box or question.looks
        for column, token in enumerate(answer, start=first):
            kind = self._kind(question, token)
            targets[kind].positions.append((row, column))
            # The exact coordinate, not the token's: the loss is against a distribution around it.
            targets[kind].values.append(next(steps) if kind == "step" else token)
            if seen is not None and kind in ("step", "letter"):
                targets["look"].positions.append((row, column))
                targets["look"].values.append(seen)

    def _kind(self, question: Question, token: int) -> TokenKind:
        if question.box is not None:
            return "step" if token in self._coordinate_set else "format"
        return "letter" if token in self._letter_set else "word"

    def _packed(
        self, rows: list[list[int]], bounds: list[list[int]], targets: dict[_TargetKind, _Targets]
    ) -> PackedQuestions:
        n, length, prefix = len(rows), max(map(len, rows)), len(self.prefix)
        first = self.prefix_positions()
        ids = torch.full((n, length), self.tokenizer.pad_token_id)
        positions = torch.zeros(3, n, length, dtype=torch.long)
        positions[:, :, :prefix] = first.unsqueeze(1)
        # Padding keeps 0 and reads the result of some other token: nothing is predicted there.
        result_rows = torch.zeros(n, length, dtype=torch.long)
        result_rows[:, :prefix] = torch.arange(n * prefix).reshape(n, prefix)
        for row, tokens in enumerate(rows):
            ids[row, : len(tokens)] = torch.tensor(tokens)
        # Row, first column and number of tokens of each question.
        questions = [(row, start, end - start) for row, own in enumerate(bounds) for start, end in pairwise(own)]
        for row, start, count in questions:
            positions[:, row, start : start + count] = torch.arange(count) + int(first.max()) + 1
        groups, results = [], n * prefix
        by_length = sorted(questions, key=lambda question: question[2])
        size = -(-len(by_length) // _GROUPS)
        for some in (by_length[i : i + size] for i in range(0, len(by_length), size)):
            group = QuestionGroup(_flat_tokens(some, length), torch.tensor([row for row, _, _ in some]))
            for place, (row, start, count) in enumerate(some):
                # Results of a group follow those before it, as many rows for each question as for its longest.
                begin = results + place * group.tokens.shape[1]
                result_rows[row, start : start + count] = begin + torch.arange(count)
            results += group.tokens.numel()
            groups.append(group)
        chosen = targets["option"].values
        return PackedQuestions(
            input_ids=ids,
            position_ids=positions,
            groups=tuple(groups),
            result_rows=result_rows.flatten(),
            prefix_length=prefix,
            word_at=targets["word"].flat(length),
            word_ids=targets["word"].ids(),
            letter_at=targets["letter"].flat(length),
            letter_ids=targets["letter"].ids(),
            format_at=targets["format"].flat(length),
            format_ids=targets["format"].ids(),
            step_at=targets["step"].flat(length),
            steps=targets["step"].numbers(),
            look_at=targets["look"].flat(length),
            looks=targets["look"].numbers().reshape(-1, 4),
            option_at=targets["option"].flat(length),
            option_tokens=_flat_tokens([questions[number] for number, _ in chosen], length),
            options=torch.tensor([column for _, column in chosen], dtype=torch.long),
        )


def _flat_tokens(questions: Sequence[tuple[int, int, int]], length: int) -> torch.Tensor:
    """Flat indices of the tokens of questions, each given as its row, its first column and its number of tokens."""
    longest = max((count for _, _, count in questions), default=0)
    row, start, count = torch.tensor(questions, dtype=torch.long).reshape(-1, 3, 1).unbind(1)
    return row * length + start + torch.arange(longest).minimum(count - 1)
