"""Every word that expressions of the world are made of, for the tokenizers."""

from __future__ import annotations

import random
import re
from functools import cache
from typing import Final

from finecops.construction.english.templates import TEMPLATES
from finecops.mini.training.expressions import SceneTexts
from finecops.mini.world.lexicon import LEXICON
from finecops.mini.world.scenes import sample_scene

_SCENES: Final = 300
_EACH: Final = 6
_EXTRA: Final = (
    "a an the all and with that is are to this it of in on has have same left right side top bottom middle center "
    "upper lower corner between nearest far one two three second third it which whose not no yes how many what many "
    "animal color size thing things object objects"
).split()


@cache
def world_words() -> tuple[str, ...]:
    """All words of the lexicon and the templates, and of what the rules of rewriting make of them, sorted."""
    text = [re.sub(r"\{\w+\}", " ", template) for known in TEMPLATES.values() for _, template in known]
    text += [phrase for word in LEXICON.relations.values() for phrase in word.phrases]
    text += [*LEXICON.nouns, *LEXICON.attributes, *_EXTRA]
    for seed in range(_SCENES):
        texts = SceneTexts(sample_scene(random.Random(seed), str(seed)), random.Random(-seed))
        text += [said.expression.text for said in (texts.unique() for _ in range(_EACH)) if said is not None]
    return tuple(sorted({word for piece in text for word in re.findall(r"[a-z]+", piece.lower())}))
