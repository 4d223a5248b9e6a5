"""The mmdet way against the transformers way, with the mini specialist's own weights under mmdet's names.

Needs mmdet: `bash scripts/mmdet_environment.sh`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from transformers import BertModel

from finecops.config import SpecialistConfig, load_specialist
from finecops.errors import ModelError
from finecops.models.images import read_image
from finecops.models.load import load_specialist_model
from finecops.models.protocols import Query, QueryGroup
from tests.models.mmdet_weights import mmdet_config, mmdet_state

pytestmark = pytest.mark.mmdet
SENTENCE = "the small red car that is to the left of the tree"
QUERIES = (Query(SENTENCE), Query(SENTENCE, "the tree", (42, 50)), Query("A house. Is it blue?"), Query("tree"))


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory, mini_specialist: Any) -> SpecialistConfig:
    folder = tmp_path_factory.mktemp("mmdet")
    model, tokenizer = mini_specialist.model, mini_specialist.processor.tokenizer
    BertModel(model.config.text_config, add_pooling_layer=False).save_pretrained(folder / "bert")
    tokenizer.save_pretrained(folder / "bert")
    side = mini_specialist.processor.image_processor.size["shortest_edge"]
    (folder / "config.py").write_text(mmdet_config(model, folder / "bert", side))
    state = {key: value.contiguous().clone() for key, value in mmdet_state(model).items()}
    save_file(state, folder / "weights.safetensors")
    torch.save({"state_dict": state}, folder / "weights.pth")
    changes = {"weights": str(folder / "weights.safetensors"), "mmdet_config": str(folder / "config.py")}
    return load_specialist("mm-gdino-t-mmdet").model_copy(update=changes | {"max_boxes": 16})


@pytest.fixture(scope="module")
def images(mini_specialist: Any) -> list[Image.Image]:
    # Of the size that both work at: the two ways do not resize alike.
    side = mini_specialist.processor.image_processor.size["shortest_edge"]
    paths = sorted(Path("data/finecops-mini/images").glob("test_*.png"))[:3]
    return [read_image(path).resize((side, side)) for path in paths]


def test_both_ways_give_the_same_boxes_and_scores(
    checkpoint: SpecialistConfig, mini_specialist: Any, images: list[Image.Image]
) -> None:
    model = load_specialist_model(checkpoint, "cpu")
    groups = [QueryGroup(image, QUERIES) for image in images]
    for theirs, ours in zip(model.detect(groups), mini_specialist.detect(groups), strict=True):
        for there, here in zip(theirs, ours, strict=True):
            np.testing.assert_allclose(there.scores, here.scores, atol=2e-4)
            sure = here.scores > 0.1
            np.testing.assert_allclose(there.xyxy[sure], here.xyxy[sure], atol=0.1)
    # Focus is not the same as none.
    plain, focused = model.detect(groups)[0][:2]
    assert not np.allclose(plain.scores, focused.scores)


def test_a_pickle_needs_leave_and_is_loaded_as_tensors(checkpoint: SpecialistConfig, tmp_path: Path) -> None:
    pickle = checkpoint.weights.replace(".safetensors", ".pth")
    config = checkpoint.model_copy(update={"weights": pickle})
    with pytest.raises(ModelError, match="--allow-pickle"):
        load_specialist_model(config, "cpu")
    load_specialist_model(config.model_copy(update={"allow_pickle": True}), "cpu")
    evil = tmp_path / "evil.pth"
    torch.save({"state_dict": {}, "more": Path("x")}, evil)
    with pytest.raises(ModelError, match="more than tensors"):
        load_specialist_model(config.model_copy(update={"allow_pickle": True, "weights": str(evil)}), "cpu")


def test_weights_that_miss_keys_are_refused(checkpoint: SpecialistConfig, tmp_path: Path) -> None:
    path = tmp_path / "part.safetensors"
    save_file({"level_embed": torch.zeros(2, 96), "what": torch.zeros(1)}, path)
    with pytest.raises(ModelError, match=r"weights missing .*, 1 unknown \(what\)"):
        load_specialist_model(checkpoint.model_copy(update={"weights": str(path)}), "cpu")
