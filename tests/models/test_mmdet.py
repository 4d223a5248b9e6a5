"""The mmdet backend against the transformers backend, with the same small random weights.

Needs mmdet: `bash scripts/mmdet_environment.sh`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from transformers import BertModel, MMGroundingDinoForObjectDetection

from finecops.config.find import load_specialist
from finecops.config.schema import SpecialistConfig
from finecops.errors import ModelError
from finecops.images import Picture, read_image
from finecops.mini.training.specialist import mini_config, mini_processor
from finecops.models.backends import load_specialist_model
from finecops.models.grounding_dino import GroundingDino
from finecops.models.protocols import Query, QueryGroup
from tests.models.mmdet_weights import mmdet_config, mmdet_state

pytestmark = pytest.mark.mmdet
SENTENCE = "the small red car that is to the left of the tree"
QUERIES = (Query(SENTENCE), Query(SENTENCE, "the tree", (42, 50)), Query("A house. Is it blue?"), Query("tree"))


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> GroundingDino:
    """A small random model in the transformers backend. mmdet's text positions require a width of 256."""
    torch.manual_seed(0)
    config = mini_config()
    config.update({"d_model": 256, "encoder_ffn_dim": 256, "decoder_ffn_dim": 256})
    model = MMGroundingDinoForObjectDetection(config).eval()
    for heads in (model.bbox_embed, model.model.decoder.bbox_embed, [model.model.encoder_output_bbox_embed]):
        torch.manual_seed(1)
        for head in heads:
            torch.nn.init.normal_(head.layers[-1].weight, std=0.05)
    folder = tmp_path_factory.mktemp("ours")
    model.save_pretrained(folder)
    mini_processor().save_pretrained(folder)
    return GroundingDino(load_specialist(f"mini-gdino@{folder}"))


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory, ours: GroundingDino) -> SpecialistConfig:
    folder = tmp_path_factory.mktemp("mmdet")
    model, tokenizer = ours.model, ours.processor.tokenizer
    BertModel(model.config.text_config, add_pooling_layer=False).save_pretrained(folder / "bert")
    tokenizer.save_pretrained(folder / "bert")
    side = ours.processor.image_processor.size["shortest_edge"]
    (folder / "config.py").write_text(mmdet_config(model, folder / "bert", side))
    state = {key: value.contiguous().clone() for key, value in mmdet_state(model).items()}
    save_file(state, folder / "weights.safetensors")
    torch.save({"state_dict": state}, folder / "weights.pth")
    changes = {"weights": str(folder / "weights.safetensors"), "mmdet_config": str(folder / "config.py")}
    # Its configuration is a program of its own.
    permission = {"trust_remote_code": True}
    return load_specialist("mm-gdino-t-mmdet").model_copy(update=changes | permission | {"max_boxes": 16})


@pytest.fixture(scope="module")
def images(ours: GroundingDino) -> list[Picture]:
    # Already of the size that both models use: the two backends resize differently.
    side = ours.processor.image_processor.size["shortest_edge"]
    paths = sorted(Path("data/finecops-mini/images").glob("test_*.png"))[:3]
    return [Picture(read_image(path).resize((side, side))) for path in paths]


def test_both_backends_give_the_same_boxes_and_scores(
    checkpoint: SpecialistConfig, ours: GroundingDino, images: list[Picture]
) -> None:
    model = load_specialist_model(checkpoint, "cpu")
    groups = [QueryGroup(image, QUERIES) for image in images]
    for theirs, here in zip(model.detect(groups), ours.detect(groups), strict=True):
        for there, found in zip(theirs, here, strict=True):
            assert len(there.scores) == len(found.scores) == 16
            np.testing.assert_allclose(there.scores, found.scores, atol=1e-5)
            # Boxes with almost equal scores may be in another order.
            gap = np.abs(there.xyxy[:, None] - found.xyxy[None]).max(-1)
            assert gap.min(axis=1).max() < 0.05
            assert gap.min(axis=0).max() < 0.05
    plain, focused = model.detect(groups)[0][:2]
    assert not np.allclose(plain.scores, focused.scores)


def test_a_pickle_needs_permission_and_only_tensors_are_loaded(checkpoint: SpecialistConfig, tmp_path: Path) -> None:
    pickle = checkpoint.weights.replace(".safetensors", ".pth")
    config = checkpoint.model_copy(update={"weights": pickle})
    with pytest.raises(ModelError, match="--allow-pickle"):
        load_specialist_model(config, "cpu")
    load_specialist_model(config.model_copy(update={"allow_pickle": True}), "cpu")
    evil = tmp_path / "evil.pth"
    torch.save({"state_dict": {}, "more": Path("x")}, evil)
    with pytest.raises(ModelError, match="more than tensors"):
        load_specialist_model(config.model_copy(update={"allow_pickle": True, "weights": str(evil)}), "cpu")


def test_missing_and_unknown_weights_are_refused(checkpoint: SpecialistConfig, tmp_path: Path) -> None:
    path = tmp_path / "part.safetensors"
    save_file({"level_embed": torch.zeros(2, 256), "what": torch.zeros(1)}, path)
    with pytest.raises(ModelError, match=r"weights missing .*, 1 unknown \(what\)"):
        load_specialist_model(checkpoint.model_copy(update={"weights": str(path)}), "cpu")


def test_a_configuration_of_its_own_needs_permission(checkpoint: SpecialistConfig) -> None:
    with pytest.raises(ModelError, match=r"runs the code in .*: read it, then give --trust-remote-code"):
        load_specialist_model(checkpoint.model_copy(update={"trust_remote_code": False}), "cpu")
