"""The mini MLLM's tokenizer and processor: byte-level BPE, Qwen2-VL's special tokens, coordinates as one token.

Any text can be encoded and decoded without loss. Each of the world's words and of the coordinates 0, 10, … 1000 is one
token, so a box has 11 tokens. The model's answers are in steps of ten.
"""

from __future__ import annotations

import itertools
from typing import Final

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast, Qwen2VLImageProcessor, Qwen2VLProcessor, Qwen2VLVideoProcessor

from finecops import prompts
from finecops.mini.training.qwen2vl import CELL, DEFAULT_BUDGET
from finecops.mini.training.words import world_words

SPECIAL_TOKENS: Final = (
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|object_ref_start|>",
    "<|object_ref_end|>",
    "<|box_start|>",
    "<|box_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|vision_pad|>",
    "<|image_pad|>",
    "<|video_pad|>",
)
DESCRIBE: Final = "Describe the region {box} of the image."
LIST: Final = "List the objects in the image."
EXISTS: Final = "Is this in the image: {expression}?"
COUNT: Final = "How many objects are called {name}?"
COLOR: Final = "Which color is {expression}?"
CHAT_TEMPLATE: Final = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{% if message['content'] is string %}{{ message['content'] }}{% else %}"
    "{% for part in message['content'] %}"
    "{% if part['type'] == 'image' or 'image' in part or 'image_url' in part %}"
    "<|vision_start|><|image_pad|><|vision_end|>"
    "{% elif 'text' in part %}{{ part['text'] }}{% endif %}{% endfor %}{% endif %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
"""The template of Qwen2-VL without the default system message and the numbers of pictures."""


def _corpus() -> list[str]:
    """Text in which every piece that shall be one token is frequent enough to become one."""
    words = [*world_words(), "user", "assistant", "system", "None", "none", "answer", "Answer"]
    # Of short expressions (`finecops.mini.world.short_style`).
    words += ["leftmost", "rightmost", "from", "at"]
    # At the start of a line, behind a blank, and with a capital: byte-level BPE has a token for each.
    lines = [f"{word} {word} {word.capitalize()} {word}" for word in words]
    numbers = [str(n) for n in range(0, 1001, 10)]
    # Numbers in the surroundings that they have in a box, so that brackets and commas stay tokens of their own.
    lines += [
        f"({a},{b}),({c},{a})" for a, b, c in zip(numbers, [*numbers[1:], "0"], [*numbers[2:], "0", "1"], strict=True)
    ]
    lines += [
        f"{letter}. ({n},{n}),({n},{n}) {letter}"
        for letter, n in zip("ABCDEFGHIJKLMNOPQRSTUVWXYZ", itertools.cycle(numbers))
    ]
    for template in (
        prompts.QWEN2VL_REC,
        prompts.QWEN2VL_FOCUS,
        prompts.CRS_QUESTION,
        prompts.CRS_NONE,
        DESCRIBE,
        LIST,
        EXISTS,
        COUNT,
        COLOR,
        'If no target object exists, please output "None". a car, a tree.\n',
    ):
        lines.append(template.format(expression="the car", target="car", options="A. None", box="", name="car"))
    # Merges need a frequency of two; four repeats give rare pieces a margin.
    return lines * 4


def mini_tokenizer() -> PreTrainedTokenizerFast:
    """Train the tokenizer; the same code gives the same tokenizer."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=4096,
        min_frequency=2,
        special_tokens=list(SPECIAL_TOKENS),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_corpus(), trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        additional_special_tokens=list(SPECIAL_TOKENS),
        # Generation continues at the right end of every row of a batch.
        padding_side="left",
        model_max_length=2048,
        clean_up_tokenization_spaces=False,
    )


def mini_processor() -> Qwen2VLProcessor:
    """Tokenizer, chat template, and an image processor that gives an image about `DEFAULT_BUDGET` tokens."""
    pixels = DEFAULT_BUDGET * CELL**2
    size = {"shortest_edge": pixels, "longest_edge": pixels}
    return Qwen2VLProcessor(
        image_processor=Qwen2VLImageProcessor(size=size),
        tokenizer=mini_tokenizer(),
        video_processor=Qwen2VLVideoProcessor(),
        chat_template=CHAT_TEMPLATE,
    )
