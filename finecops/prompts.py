"""Every prompt, with the place it comes from. Placeholders are filled with `str.format`."""

from __future__ import annotations

from typing import Final

QWEN2VL_REC: Final = "Output the bounding box of {expression} in the image."
"""Qwen2-VL's grounding prompt in the paper's published inference script (`SFA/inference_QwenVL.py`)."""

QWEN2VL_FOCUS: Final = " Please focus on {target}."
"""Appended to it for the focus strategy (paper, IV-A, Fig. 4, in the wording of the same script)."""

CRS_QUESTION: Final = (
    "Given a referring expression, select the best-matching bounding box from the options below. "
    "Referring expression: {expression}\n{options}\n"
    "Answer with the option's letter from the given choices directly."
)
"""Multiple choice (paper, IV-B; wording of `CRS/region_selection_pos.py`)."""

CRS_NONE: Final = " If no suitable option exists, please select the option corresponding to 'None'."
"""Appended where "None" is an option (paper, IV-B; `CRS/region_selection_neg.py`)."""

CRS_MARK: Final = "mark {number}"
"""How an option names a mark that is drawn on the image."""

CRS_LIST_AGAIN: Final = "Which options are there?\n{options}"
CRS_WHICH_BOX: Final = (
    "Given a referring expression, select the best-matching bounding box from the options below. "
    "Referring expression: {expression}\n{options}\nAnswer with the bounding box."
)
"""Two exercises in reading options, for warming up a model that has never seen a question with any."""

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
    ("this tree can be found on the left side of the white building.", "this tree"),
)
"""Question and in-context examples of target extraction (paper, IV-A; `SFA/target_extraction.py`)."""
