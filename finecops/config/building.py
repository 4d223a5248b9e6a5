"""The settings of what makes and judges edited images (`finecops.construction`): files in `configs/editors/` and
`configs/scorers/`."""

from __future__ import annotations

import string
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from finecops.config.fields import Count, Line, Torch
from finecops.config.schema import Config

CallValue = bool | int | float | str
"""A value of a keyword of the pipeline's call."""
_GIVEN = frozenset(
    "prompt image mask_image height width generator num_images_per_prompt padding_mask_crop output_type return_dict "
    "latents prompt_embeds negative_prompt_embeds".split()
)
"""Keywords of the call that are finecops' own business."""


def _prompt(text: str) -> str:
    fields = [field for _, field, _, _ in string.Formatter().parse(text) if field is not None]
    if fields != ["text"]:
        raise ValueError("must hold {text} once, and no other field")
    return text


def _call(values: dict[str, CallValue]) -> dict[str, CallValue]:
    if wrong := sorted(_GIVEN & values.keys()):
        raise ValueError(f"{', '.join(wrong)}: finecops sets it itself")
    return values


class BuildingModel(Config):
    """What an editor and a scorer have in common."""

    weights: Line
    """A folder or a Hub id."""
    revision: Line | None = None
    """Revision on the Hub."""
    licence: str | None = None
    """Licence of the weights. None: not stated."""
    size: str | None = None
    """Parameters and memory, as their authors or others state them."""
    proved: str = "not run here"
    """How finecops' code for the model was tested, and with which weights."""
    dtype: Torch = "auto"
    """Number type of the weights, by its name in torch. `auto`: as in the checkpoint."""


def weights_advice(name: str) -> str:
    """What to do where the weights of an editor or a scorer are not here, and the Hub does not answer."""
    return f"Put the weights into a folder and name it ({name}@FOLDER), or name a mirror in HF_ENDPOINT"


class EditorConfig(BuildingModel):
    """An inpainting pipeline of diffusers.

    It sees a part of the image around the box, scaled to about `side` x `side` pixels, and repaints the mask in it.
    """

    pipeline: Line
    """The name of its class in diffusers: `Flux2KleinInpaintPipeline`, …"""
    prompt: Annotated[str, AfterValidator(_prompt), Field(max_length=1000)] = "{text}"
    """What the pipeline is asked for; {text} is the object ("a red cup")."""
    call: Annotated[dict[str, CallValue], AfterValidator(_call)] = Field(default_factory=dict)
    """More keywords of the pipeline's call: `num_inference_steps`, `guidance_scale`, `strength`, …"""
    task_words: dict[str, Annotated[int, Field(ge=1, le=100)]] = Field(default_factory=dict)
    """Learned words of the tokenizer → of how many tokens each consists (PowerPaint: `P_obj: 10`)."""
    side: Annotated[int, Field(ge=16, le=4096)] = 1024
    """The part of the image that the editor sees has about the area of a square of this side, in pixels."""
    multiple: Annotated[int, Field(ge=1, le=128)] = 16
    """Its sides are multiples of this."""
    context: Annotated[float, Field(ge=0, le=20)] | None = 1.0
    """How far it reaches beyond the box on each side, in longer sides of the box. None: the whole image."""
    hide: bool = False
    """The mask is filled with the mean colour around it before the editor sees it, so that nothing of the object stays.
    For pipelines that look at the whole image, the mask included."""
    offload: Literal["none", "model", "sequential"] = "none"
    """What stays in the GPU's memory: all; the part that works; hardly anything (slow)."""


class ScorerConfig(BuildingModel):
    """A model that judges images: what a filter compares (paper, III-B)."""

    kind: Literal["text", "features", "synthetic"]
    """`text`: similarity of images and texts (CLIP, SigLIP). `features`: similarity of two images (DINOv2).
    `synthetic`: the probability that an image is synthetic, of a classifier."""
    side: Annotated[int, Field(ge=14, le=2048)] | None = None
    """Images are scaled to squares of this side. None: the size that the checkpoint's own settings name. Nothing is
    cut off, whatever those say."""
    batch_size: Count = 16
    """Images per batch."""
    label: str | None = None
    """Of a classifier: the label that means "synthetic", as in its `config.json`. It may be None where there is one
    logit."""
    threshold: Annotated[float, Field(ge=0, le=1)] | None = None
    """Of a classifier: images with a higher probability are dropped. None: its authors name none, and an edited image
    is compared with the unedited one alone."""
    text_length: Count | None = None
    """Of a text model that was trained on texts padded to a fixed number of tokens (SigLIP: 64): this number."""
    lower_case: bool = False
    """Of a text model: it was trained on lower case."""
