"""MM-GDINO from OpenMMLab's own configurations and checkpoints, through mmdet (optional extra).

The text is cleaned as on the transformers way. Without focus mmdet takes the maximum over all tokens
(`tokens_positive=-1`), with focus the mean over the target's (paper, IV-A, Fig. 3).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import numpy as np
import torch

from finecops.boxes import clip_xyxy
from finecops.config.find import resolve
from finecops.config.schema import SpecialistConfig
from finecops.errors import ConfigError, ModelError, TextLengthError, first_line
from finecops.models.grounding_dino import clean_text, span_columns
from finecops.models.protocols import Query, QueryGroup
from finecops.replies.answer import Answer

_KEPT_META = (
    "img_id",
    "ori_shape",
    "img_shape",
    "scale_factor",
    "text",
    "custom_entities",
    "tokens_positive",
)
_NO_WEIGHTS = ("position_ids", "relative_position_index")
"""Buffers that follow from the shape; versions differ in whether they keep them."""


class MmdetSpecialist:
    """A specialist; see `finecops.models.protocols.Specialist`."""

    def __init__(self, config: SpecialistConfig, device: str = "cpu") -> None:
        try:
            from mmdet.registry import MODELS, TRANSFORMS
            from mmdet.utils import register_all_modules
            from mmengine.dataset import Compose
        except ImportError as error:
            raise ModelError(
                f"{config.name} needs mmdet: pip install 'finecops[mmdet]' (scripts/mmdet_environment.sh): "
                f"{first_line(error)}"
            ) from error
        self.config, self.device = config, torch.device(device)
        register_all_modules(init_default_scope=True)
        _mend_decoder_positions()
        settings = _read_config(config)
        backbone = settings.model.backbone
        # All weights come from the checkpoint: nothing is fetched for the backbone first.
        backbone.init_cfg = None
        try:
            self.model: Any = MODELS.build(settings.model)
        except (OSError, ValueError, KeyError) as error:
            raise ModelError(f"{config.name}: cannot build the model: {first_line(error)}") from error
        _fit_to_transformers(self.model.language_model)
        _load_weights(self.model, config)
        self.model.to(self.device).eval()
        self.prepare = Compose([TRANSFORMS.build(step) for step in _array_pipeline(settings)])

    def detect(self, groups: Sequence[QueryGroup]) -> list[list[Answer]]:
        """Detect every query of every group: samples of one text together, as a batch of a referring dataset may hold
        them, others apart. mmdet repeats the texts' masks head by head where its attention wants them sample by
        sample, so different texts in a batch change each other's scores."""
        asked = [(np.asarray(group.image.pixels)[:, :, ::-1], query) for group in groups for query in group.queries]
        alike: dict[tuple[str, object], list[int]] = defaultdict(list)
        for place, (_, query) in enumerate(asked):
            alike[query.text, query.span].append(place)
        found: dict[int, Answer] = {}
        for places in alike.values():
            for start in range(0, len(places), self.config.batch_size):
                some = places[start : start + self.config.batch_size]
                found |= zip(some, self._detect([asked[i] for i in some]), strict=True)
        results = iter(found[i] for i in range(len(asked)))
        return [[next(results) for _ in group.queries] for group in groups]

    @torch.inference_mode()
    def _detect(self, asked: Sequence[tuple[np.ndarray, Query]]) -> list[Answer]:
        texts = [self._text(query) for _, query in asked]
        prepared = [
            self.prepare({"img": bgr, "img_id": i, "text": text, "custom_entities": False, "tokens_positive": places})
            for i, ((bgr, _), (text, places, _)) in enumerate(zip(asked, texts, strict=True))
        ]
        batch = {key: [item[key] for item in prepared] for key in ("inputs", "data_samples")}
        results = self.model.test_step(batch)
        return [
            self._best(result.pred_instances, (bgr.shape[1], bgr.shape[0]), note)
            for result, (bgr, _), (_, _, note) in zip(results, asked, texts, strict=True)
        ]

    def _text(self, query: Query) -> tuple[str, Any, str | None]:
        """The cleaned text, what mmdet takes as `tokens_positive`, and a note on a fallback."""
        text, moved = clean_text(query.text)
        encoded = self.model.language_model.tokenizer(text, return_offsets_mapping=True)
        offsets = np.array(encoded["offset_mapping"])
        if len(offsets) > self.config.max_tokens:
            raise TextLengthError(
                f"the text has {len(offsets)} tokens; {self.config.name} takes {self.config.max_tokens}"
            )
        if query.span is None:
            return text, -1, None
        span = (query.span[0] - moved, query.span[1] - moved)
        if not span_columns(offsets, span):
            return text, -1, "no token lies in the target's span: scored without focus"
        return text, [[list(span)]], None

    def _best(self, found: Any, image_wh: tuple[int, int], note: str | None) -> Answer:
        scores = found.scores.double().cpu().numpy()
        order = np.argsort(-scores, kind="stable")[: self.config.max_boxes]
        return Answer.of_arrays(clip_xyxy(found.bboxes.double().cpu().numpy()[order], image_wh), scores[order], note)


def _mend_decoder_positions() -> None:
    """onedl-mmdetection 3.4.6 to 3.5.1 encode a query's box four times the model's width wide, not twice, and every
    DINO-like decoder fails. OpenMMLab's own mmdet takes half the width per coordinate."""
    from mmdet.models.layers.transformer import dino_layers

    original = dino_layers.coordinate_to_encoding
    if getattr(original, "takes_width", False):
        return

    def encode(coordinates: Any, num_feats: int = 256) -> Any:
        return original(coordinates, num_feats=num_feats // 2)

    encode.takes_width = True  # type: ignore[attr-defined]
    dino_layers.coordinate_to_encoding = encode


def _fit_to_transformers(language_model: Any) -> None:
    """mmdet 3.5 calls transformers as it was before version 5: a method by its old name, a mask with three dimensions
    where four are taken now."""
    tokenizer, bert = language_model.tokenizer, language_model.language_backbone.body.model
    if not hasattr(tokenizer, "batch_encode_plus"):
        tokenizer.batch_encode_plus = tokenizer.__call__
    forward = bert.forward

    def with_four_dimensions(*args: Any, attention_mask: Any = None, **more: Any) -> Any:
        if attention_mask is not None and attention_mask.dim() == 3:
            attention_mask = attention_mask.unsqueeze(1)
        return forward(*args, attention_mask=attention_mask, **more)

    bert.forward = with_four_dimensions


def _read_config(config: SpecialistConfig) -> Any:
    import mmdet
    from mmengine.config import Config

    name = config.mmdet_config
    if name is None:
        raise ConfigError(f"{config.name}: the backend mmdet needs `mmdet_config`")
    own = Path(mmdet.__file__).parent / ".mim" / "configs" / f"{name.removesuffix('.py')}.py"
    path = resolve(name) if resolve(name).is_file() else own
    if not path.is_file():
        raise ConfigError(f"{config.name}: no mmdet configuration {name}")
    return Config.fromfile(path)


def _load_weights(model: Any, config: SpecialistConfig) -> None:
    """
    Raises:
        ModelError: there is no such file, it is a pickle and may not be loaded, or it misses keys.
    """
    path = resolve(config.weights)
    if not path.is_file():
        raise ModelError(f"{config.name}: no checkpoint {config.weights}: OpenMMLab's model zoo has it")
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file

        state: Any = load_file(path)
    elif config.allow_pickle:
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
        except UnpicklingError as error:
            raise ModelError(f"{config.name}: {config.weights} holds more than tensors and is refused") from error
    else:
        raise ModelError(
            f"{config.name}: {config.weights} is a pickle; --allow-pickle loads it, tensors only, or convert it to "
            "safetensors"
        )
    state = state.get("state_dict", state)
    try:
        loaded = model.load_state_dict(state, strict=False)
    except RuntimeError as error:
        shape = str(error).strip().splitlines()[1:2] or [first_line(error)]
        raise ModelError(
            f"{config.name}: {config.weights} does not fit {config.mmdet_config}: {shape[0].strip()}"
        ) from error
    missing, unexpected = ([key for key in keys if not key.endswith(_NO_WEIGHTS)] for keys in loaded)
    if missing or unexpected:
        raise ModelError(
            f"{config.name}: {config.weights} does not fit {config.mmdet_config}: {len(missing)} weights missing "
            f"({', '.join(missing[:3])}), {len(unexpected)} unknown ({', '.join(unexpected[:3])})"
        )


def _array_pipeline(settings: Any) -> list[dict[str, Any]]:
    """The configuration's test pipeline for decoded images: no file is read, no annotation loaded."""
    steps: list[dict[str, Any]] = []
    for step in settings.test_dataloader.dataset.pipeline:
        if step["type"] in ("LoadAnnotations",):
            continue
        if step["type"] == "LoadImageFromFile":
            steps.append({"type": "mmdet.LoadImageFromNDArray"})
        elif step["type"] == "PackDetInputs":
            steps.append({"type": "PackDetInputs", "meta_keys": _KEPT_META})
        else:
            steps.append(dict(step))
    return steps
