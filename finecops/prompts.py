"""Every prompt, with its source. `str.format` fills the placeholders.

`{expression}` is the expression as it stands in the dataset, with its capitals and its final stop. `{target}` is the
target with its article ("the white truck"), `{phrase}` without it.

A configuration names a prompt by the name of its constant. A prompt has the exact text
of its source, unless the line below it says otherwise.
"""

from __future__ import annotations

from typing import Final

QWEN2VL_REC: Final = "Output the bounding box of {expression} in the image."
"""Qwen2-VL's grounding prompt in the paper's published inference script (`SFA/inference_QwenVL.py`)."""

QWEN2VL_FOCUS: Final = " Please focus on {target}."
"""Appended for target focus (paper, IV-A, Fig. 4; wording of the same script)."""

FOCUS_PLEASE: Final = " please focus on the {phrase}."
"""The focus sentence as the paper prints it (IV-A, Fig. 4)."""

NO_FOCUS: Final = ""
"""For models whose prompt is a task and its input: another sentence would become part of the expression."""

INTERNVL_REC: Final = (
    "Please provide the bounding box coordinate of the region this sentence describes: <ref>{expression}</ref>"
)
"""InternVL's evaluation (`evaluate_grounding.py`)."""

COGVLM_REC: Final = "Where is {expression}? answer in [[x0,y0,x1,y1]] format."
"""The paper's script for CogVLM (`SFA/run_hf_model.py`). It removes commas from the expression."""

COGCOM_REC: Final = 'Find the region in image that "{expression}" describes.'
"""CogCoM's README."""

SHIKRA_REC: Final = "Where is {expression} <image>? answer in [x0,y0,x1,y1] format."
"""One of the templates in Shikra's `REC.json`. It is not published which one the paper used."""

FERRET_REC: Final = "What is the location of {expression} in the image?"
"""Ferret's evaluation (`model_refcoco`). It removes commas from the expression."""

GROUNDINGGPT_REC: Final = "Where is {expression}? Include the object positions in [x0, y0, x1, y1] format."
"""GroundingGPT has no template for REC; the questions in its demo end like this."""

LENNA_REC: Final = "Please detect the {expression} in this image."
"""Lenna's `chat.py`."""

QWEN25VL_REC: Final = "Locate {expression} in this image and output the bbox coordinates in JSON format."
"""What Qwen2.5-VL's authors say they send for RefCOCO (QwenLM/Qwen3-VL, issue 991)."""

QWEN3VL_REC: Final = (
    'Locate every object that matches the description "{expression}" in the image. '
    "Report bbox coordinates in JSON format."
)
"""What Qwen3-VL's authors say they send for RefCOCO (QwenLM/Qwen3-VL, issue 1721)."""

GLM_REC: Final = "Help me to locate {expression} in the image and give me its bounding boxes."
"""GLM-4.1V's README."""

FLORENCE_REC: Final = "<CAPTION_TO_PHRASE_GROUNDING>{expression}"
"""Florence-2's task token; the processor replaces it with a sentence."""

KOSMOS_REC: Final = "<grounding><phrase> {expression}</phrase>"
"""Kosmos-2's phrase grounding; the model continues the text with the object's box."""

PALIGEMMA_REC: Final = "detect {expression}"
"""PaliGemma's task prefix."""

REXOMNI_REC: Final = "Detect {expression}. Output the bounding box coordinates in [x0, y0, x1, y1] format."
"""Rex-Omni's detection prompt. Commas separate categories, so they are removed from the expression."""

MOLMO_POINT: Final = "Point to {expression}."
"""Molmo2 answers with a point, not a box. It is used for CRS, which needs letters only."""

CRS_QUESTION: Final = (
    "Given a referring expression, select the best-matching bounding box from the options below. "
    "Referring expression: {expression}\n{options}\n"
    "Answer with the option's letter from the given choices directly."
)
"""Multiple choice (paper, IV-B; wording of `CRS/region_selection_pos.py`)."""

CRS_NONE: Final = " If no suitable option exists, please select the option corresponding to 'None'."
"""Appended where "None" is an option (paper, IV-B; `CRS/region_selection_neg.py`)."""

CRS_MARK: Final = "mark {number}"
"""The text of an option whose box is a numbered mark on the image."""

CRS_LIST_AGAIN: Final = "Which options are there?\n{options}"
CRS_WHICH_BOX: Final = (
    "Given a referring expression, select the best-matching bounding box from the options below. "
    "Referring expression: {expression}\n{options}\nAnswer with the bounding box."
)
"""Two exercises for a model that has never seen a question with options; they come first in training."""

NONE_BASELINE: Final = ' If no target object exists, please output "None".'
"""Appended to the grounding prompt in the paper's baseline for rejection (IV-B, Table VIII)."""

EXTRACTION_SYSTEM: Final = "You are a helpful assistant."
EXTRACTION_INSTRUCTION: Final = "Which object does given expressions refer to? Answer in dict format"
EXTRACTION_EXAMPLES: Final[tuple[tuple[str, str], ...]] = (
    ("next to the red, brick building and before the little tree resides the white truck.", "the white truck"),
    (
        "to the left of the young, happy, and smiling boy stands the young girl who, in turn, is positioned "
        "to the left of the white dishwasher.",
        "the young girl",
    ),
    ("this tree can be found on the left side of the white building.", "this tree."),
)
"""Question and in-context examples of target extraction (paper, IV-A; `SFA/target_extraction.py`)."""

REWRITE_SYSTEM: Final = (
    "You reword expressions that each describe one object of an image. Say exactly the same in natural American "
    "English, in the style that is asked for. The object described (`target`) stays the same. Keep every object, every "
    "attribute and every relation, and what belongs to what. Leave nothing out and add nothing: no other object, "
    "color, size, number, posture or place, and no negation. Use the words of the expression, synonyms of its objects, "
    'and small words such as articles, prepositions, "that is", "located". It may describe something strange: keep '
    "that. Answer with a JSON object that has the same keys and the new expressions as values, and with nothing else."
)
REWRITE_EXAMPLES: Final[tuple[tuple[dict[str, str], str], ...]] = (
    (
        {"expression": "the red cup on the table next to a plate", "target": "red cup", "style": "a sentence"},
        "The red cup is on the table that is next to a plate.",
    ),
    (
        {"expression": "there is a man who is to the left of a car", "target": "man", "style": "a short phrase"},
        "man left of a car",
    ),
    (
        {"expression": "the sofa that is behind the dog", "target": "sofa", "style": "starts with the place"},
        "Behind the dog is the couch.",
    ),
)
REWRITE_STYLES: Final = (
    "a short phrase",
    "a phrase with a clause",
    "a sentence",
    "starts with the place",
    'starts with "there is"',
)
"""Rewriting by a language model (paper, III-A). The paper's prompt is in an appendix that is not published; this one
names what `finecops.construction.rewriting.checker` looks for. A style is drawn for each expression, so that greedy
decoding gives varied sentences."""

WORDS_SYSTEM: Final = (
    "Each item is an expression that describes one object of an image, a word of it, and what kind of word that is. "
    "Propose eight others to put in its place, so that the expression stays good English and describes something that "
    "is not in the image but could well be in such a picture. A small change is best: the same kind of word, in the "
    "same number, likely beside the other words. No synonym, no more general and no more special word, nothing that "
    "might also be said of the same thing, and none of the words under `present`. The best one first. Answer with a "
    "JSON object that has the same keys and lists of words as values, and with nothing else."
)
WORDS_EXAMPLES: Final[tuple[tuple[dict[str, str | list[str]], list[str]], ...]] = (
    (
        {"expression": "the dog on the brown sofa", "word": "dog", "kind": "object", "present": ["man", "lamp"]},
        ["cat", "pillow", "blanket", "teddy bear", "child", "bag", "jacket", "newspaper"],
    ),
    (
        {"expression": "the dog on the brown sofa", "word": "brown", "kind": "color", "present": []},
        ["red", "white", "blue", "black", "green", "gray", "yellow", "pink"],
    ),
    (
        {"expression": "the man holding a racket", "word": "holding", "kind": "relation", "present": []},
        ["throwing", "looking at", "next to", "swinging", "reaching for", "behind", "carrying", "under"],
    ),
)
"""Replacement words for negative expressions (paper, III-B: "the most appropriate negative word", which makes the
expression false "while only slightly deviating"). The paper's prompt is not published."""
