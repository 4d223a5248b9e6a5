"""Learned words of a prompt: one word that stands for several tokens of the tokenizer (PowerPaint's `P_obj`).

PowerPaint's own code wraps the tokenizer: `P_obj` becomes `P_obj_0 P_obj_1 … P_obj_9`, ten added tokens with learned
vectors (open-mmlab/PowerPaint, `powerpaint/utils/utils.py`). Without that, the tokenizer would cut `P_obj` into pieces
that mean nothing, and the pipeline would paint something all the same.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Set

from finecops.errors import ModelError


def expand_task_words(prompt: str, task_words: Mapping[str, int], added: Set[str]) -> str:
    """A prompt with each task word written as its tokens.

    Tokenizers that were saved by diffusers name the first token as the word itself (`P_obj`, `P_obj_1`, …). diffusers
    expands these alone, and the word stays.

    >>> expand_task_words("a red cup P_obj", {"P_obj": 3}, {"P_obj_0", "P_obj_1", "P_obj_2"})
    'a red cup P_obj_0 P_obj_1 P_obj_2'

    Args:
        prompt: the text.
        task_words: word → of how many tokens it consists.
        added: the tokens that were added to the tokenizer.

    Raises:
        ModelError: the tokenizer does not have them.
    """
    for word, count in task_words.items():
        numbered = [f"{word}_{i}" for i in range(count)]
        if {word, *numbered[1:]} <= added:
            continue
        if missing := [token for token in numbered if token not in added]:
            raise ModelError(
                f"the tokenizer lacks {len(missing)} of the {count} tokens of the task word {word} ({missing[0]}): the "
                "weights are not those of a model that was trained with it"
            )
        # A word that ends where it ends: P_obj is no part of P_object.
        prompt = re.sub(rf"(?<!\w){re.escape(word)}(?!\w)", " ".join(numbered), prompt)
    return prompt
