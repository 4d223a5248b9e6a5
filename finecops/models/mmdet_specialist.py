"""MM-GDINO from OpenMMLab's own configurations and checkpoints, through mmdet (optional extra).

The text is cleaned as in the transformers backend (`finecops.models.grounding_dino`). Without focus, mmdet takes the
maximum over all tokens (`tokens_positive=-1`); with focus, the mean over the target's (paper, IV-A, Fig. 3).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import numpy as np
import torch

from finecops.config.find import resolve
from finecops.config.schema import SpecialistConfig
from finecops.errors import ConfigError, ModelError, first_line
from finecops.install import install_line
from finecops.models.grounding_dino import UNFOCUSED, clean_text, fitted_text, joined_notes, span_columns
from finecops.models.numbers import best_answer
from finecops.models.protocols import Query, QueryGroup
from finecops.replies.answer import Answer

# What `PackDetInputs` must keep for the model: sizes to scale boxes back, and what is asked.
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
"""Buffers that are computed from the model's shape. Only some versions store them in a checkpoint."""


class MmdetSpecialist:
    """A specialist; see `finecops.models.protocols.Specialist`.

    Raises:
        ModelError: mmdet is not installed, or the model cannot be built or loaded.
        ConfigError: there is no configuration `mmdet_config`.
    """

    def __init__(self, config: SpecialistConfig, device: str = "cpu") -> None:
        try:
            from mmdet.registry import MODELS, TRANSFORMS
            from mmdet.utils import register_all_modules
            from mmengine.dataset import Compose
        except ImportError as error:
            raise ModelError(
                f"{config.name} needs mmdet: {install_line('mmdet')} (scripts/mmdet_environment.sh): "
                f"{first_line(error)}"
            ) from error
        self.config, self.device = config, torch.device(device)
        register_all_modules(init_default_scope=True)
        _fix_decoder_positions()
        settings = _read_config(config)
        backbone = settings.model.backbone
        # Without this, mmdet downloads ImageNet weights for the backbone, which the checkpoint then replaces.
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
        """Detect every query of every group. Only queries with the same text and focus share a batch.

        mmdet repeats the text masks head by head, and its attention expects them sample by sample. Different texts in a
        batch would therefore change each other's scores.
        """
        # mmdet takes images as BGR; [:, :, ::-1] reverses the channels.
        asked = [(np.asarray(group.image.pixels)[:, :, ::-1], query) for group in groups for query in group.queries]
        same_text: dict[tuple[str, object], list[int]] = defaultdict(list)
        for index, (_, query) in enumerate(asked):
            same_text[query.text, query.span].append(index)
        found: dict[int, Answer] = {}
        for indices in same_text.values():
            for start in range(0, len(indices), self.config.batch_size):
                batch = indices[start : start + self.config.batch_size]
                found |= zip(batch, self._detect([asked[i] for i in batch]), strict=True)
        results = iter(found[i] for i in range(len(asked)))
        return [[next(results) for _ in group.queries] for group in groups]

    @torch.inference_mode()
    def _detect(self, asked: Sequence[tuple[np.ndarray, Query]]) -> list[Answer]:
        texts = [self._text(query) for _, query in asked]
        prepared = [
            self.prepare({"img": bgr, "img_id": i, "text": text, "custom_entities": False, "tokens_positive": tokens})
            for i, ((bgr, _), (text, tokens, _)) in enumerate(zip(asked, texts, strict=True))
        ]
        batch = {key: [item[key] for item in prepared] for key in ("inputs", "data_samples")}
        results = self.model.test_step(batch)
        return [
            self._best(result.pred_instances, (bgr.shape[1], bgr.shape[0]), note)
            for result, (bgr, _), (_, _, note) in zip(results, asked, texts, strict=True)
        ]

    def _text(self, query: Query) -> tuple[str, Any, str | None]:
        """The cleaned text, mmdet's `tokens_positive`, and a note if the focus could not be used."""
        text, removed = clean_text(query.text)
        tokenizer = self.model.language_model.tokenizer
        text, cut = fitted_text(tokenizer, text, self.config)
        offsets = np.array(tokenizer(text, return_offsets_mapping=True)["offset_mapping"])
        if query.span is None:
            return text, -1, cut
        span = (query.span[0] - removed, query.span[1] - removed)
        if not span_columns(offsets, span):
            return text, -1, joined_notes(cut, UNFOCUSED)
        # mmdet: one list of spans per phrase; there is one phrase with one span.
        return text, [[list(span)]], cut

    def _best(self, found: Any, image_wh: tuple[int, int], note: str | None) -> Answer:
        scores = found.scores.double().cpu().numpy()
        return best_answer(found.bboxes.double().cpu().numpy(), scores, image_wh, self.config.max_boxes, note)


def _fix_decoder_positions() -> None:
    """Repair the position encoding of decoder queries in onedl-mmdetection 3.4.6 to 3.5.1.

    These versions encode a box in four times the model's width instead of twice, and every decoder like DINO's fails.
    OpenMMLab's own mmdet uses half the width per coordinate.
    """
    from mmdet.models.layers.transformer import dino_layers

    original = dino_layers.coordinate_to_encoding
    # The function belongs to a module: without this mark, a second model would halve the width again.
    if getattr(original, "takes_width", False):
        return

    def encode(coordinates: Any, num_feats: int = 256) -> Any:
        return original(coordinates, num_feats=num_feats // 2)

    encode.takes_width = True  # type: ignore[attr-defined]
    dino_layers.coordinate_to_encoding = encode


def _fit_to_transformers(language_model: Any) -> None:
    """Let mmdet 3.5, which expects transformers before version 5, work with version 5.

    It calls a tokenizer method by its old name, and passes an attention mask `[batch, length, length]` where BERT now
    takes `[batch, 1, length, length]`.
    """
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
    # Installed packages of OpenMMLab contain their configurations in `.mim`.
    own = Path(mmdet.__file__).parent / ".mim" / "configs" / f"{name.removesuffix('.py')}.py"
    path = resolve(name) if resolve(name).is_file() else own
    if not path.is_file():
        raise ConfigError(f"{config.name}: no mmdet configuration {name}")
    # Such a file is a program, and names modules to import.
    if path != own and not config.trust_remote_code:
        raise ModelError(f"{config.name} runs the code in {name}: read it, then give --trust-remote-code")
    try:
        return Config.fromfile(path)
    except Exception as error:
        raise ModelError(f"{config.name}: {name} is no mmdet configuration: {first_line(error)}") from error


def _load_weights(model: Any, config: SpecialistConfig) -> None:
    """Load the checkpoint of `config` into the model.

    Raises:
        ModelError: there is no such file, it is a pickle and not allowed, or its weights are not the model's.
    """
    path = resolve(config.weights)
    if not path.is_file():
        raise ModelError(f"{config.name}: no checkpoint {config.weights}: OpenMMLab's model zoo has it")
    state = _read_weights(path, config)
    try:
        loaded = model.load_state_dict(state, strict=False)
    except RuntimeError as error:
        # torch's message lists one mismatch per line, after a title.
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


def _read_weights(path: Path, config: SpecialistConfig) -> dict[str, torch.Tensor]:
    """The tensors of a checkpoint: of safetensors or, where the user allows it, of a pickle.

    Raises:
        ModelError: it is broken, holds other things than tensors, or is a pickle and that is not allowed.
    """
    if path.suffix != ".safetensors" and not config.allow_pickle:
        raise ModelError(
            f"{config.name}: {config.weights} is a pickle; --allow-pickle loads it, tensors only, or convert it to "
            "safetensors"
        )
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            state: Any = load_file(path)
        else:
            state = torch.load(path, map_location="cpu", weights_only=True)
    except UnpicklingError as error:
        raise ModelError(f"{config.name}: {config.weights} holds more than tensors and is refused") from error
    # A cut or foreign file raises a dozen kinds of errors, in both libraries.
    except Exception as error:
        raise ModelError(f"{config.name}: cannot load {config.weights}: {first_line(error)}") from error
    # OpenMMLab's checkpoints hold the weights under "state_dict", beside data of the training.
    found = state.get("state_dict", state) if isinstance(state, dict) else None
    if not isinstance(found, dict) or not all(isinstance(value, torch.Tensor) for value in found.values()):
        raise ModelError(f"{config.name}: {config.weights} holds no weights of a model")
    return found


def _array_pipeline(settings: Any) -> list[dict[str, object]]:
    """The test pipeline of an mmdet configuration, for images in memory and without annotations."""
    steps: list[dict[str, object]] = []
    for step in settings.test_dataloader.dataset.pipeline:
        if step["type"] == "LoadAnnotations":
            continue
        if step["type"] == "LoadImageFromFile":
            steps.append({"type": "mmdet.LoadImageFromNDArray"})
        elif step["type"] == "PackDetInputs":
            steps.append({"type": "PackDetInputs", "meta_keys": _KEPT_META})
        else:
            steps.append(dict(step))
    return steps
