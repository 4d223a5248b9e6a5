"""Tiny CLIP, DINOv2 and a classifier: the whole image counts, and a wrong file is said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from finecops.config.find import load_scorer, names
from finecops.construction.filters.scorers import Scorers, open_scorers
from finecops.errors import ConfigError, ModelError
from tests.construction.edits.test_mask import noise
from tests.construction.tiny_models import save_classifier, save_clip, save_dinov2, save_siglip, write_scorer

IMAGE = noise((100, 60))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights and files of three tiny scorers."""
    folder = tmp_path_factory.mktemp("scorers")
    write_scorer(folder / "clip.yaml", "text", save_clip(folder / "clip"))
    write_scorer(folder / "dino.yaml", "features", save_dinov2(folder / "dino"))
    write_scorer(
        folder / "fake.yaml", "synthetic", save_classifier(folder / "fake"), label="AI-generated", threshold=0.7
    )
    return folder


@pytest.fixture(scope="module")
def scorers(folder: Path) -> Scorers:
    """The three of them."""
    files = (str(folder / f"{name}.yaml") for name in ("clip", "dino", "fake"))
    return open_scorers(*files, device="cpu")


def edited(box: tuple[int, int, int, int]) -> Image.Image:
    """The image with another part in a box."""
    found = IMAGE.copy()
    found.paste(noise((box[2] - box[0], box[3] - box[1]), 5), box)
    return found


def test_clip_tells_texts_and_images_apart(scorers: Scorers) -> None:
    assert scorers.text is not None
    texts = ["the red cup", "the plate", "the red cup"]
    found = np.array(scorers.text.similarities([IMAGE, noise((40, 90), 3)], texts))
    assert found.shape == (2, 3)
    assert (np.abs(found) <= 1).all()
    assert (found[:, 0] == found[:, 2]).all()
    assert (found[:, 0] != found[:, 1]).all()
    # A long text is cut, not refused.
    assert len(scorers.text.similarities([IMAGE], ["cup " * 200])) == 1


def test_clip_agrees_with_transformers_own_arithmetic(scorers: Scorers, folder: Path) -> None:
    import torch
    from transformers import CLIPModel, CLIPProcessor

    model, processor = CLIPModel.from_pretrained(folder / "clip"), CLIPProcessor.from_pretrained(folder / "clip")
    square = noise((32, 32), 4)
    with torch.inference_mode():
        words = processor(text=["the red cup", "a plate"], images=square, padding=True, return_tensors="pt")
        logits = model(**words).logits_per_image / model.logit_scale.exp()
    assert scorers.text is not None
    assert scorers.text.similarities([square], ["the red cup", "a plate"])[0] == pytest.approx(
        logits[0].tolist(), abs=1e-5
    )


def test_siglip_gets_lower_case_texts_of_its_length(tmp_path: Path) -> None:
    file = write_scorer(
        tmp_path / "siglip.yaml", "text", save_siglip(tmp_path / "siglip"), text_length=64, lower_case=True
    )
    scorer = open_scorers(text=str(file), device="cpu").text
    assert scorer is not None
    ((first, other, capitals),) = scorer.similarities([IMAGE], ["the red cup", "the plate", "The RED cup"])
    assert first == capitals != other
    # The only text of a batch is padded like any other.
    assert scorer.similarities([IMAGE], ["the red cup"])[0][0] == pytest.approx(first, abs=1e-5)


def test_dinov2_sees_an_edit_at_the_border_and_inside_its_box(scorers: Scorers) -> None:
    """With the processor's own centre crop, the first 20 columns of this image would not exist."""
    assert scorers.features is not None
    box = (0, 0, 15, 60)
    ((whole, inside),) = scorers.features.similarities(IMAGE, [edited(box)], [box])
    ((same, _), (whole_again, elsewhere)) = scorers.features.similarities(
        IMAGE, [IMAGE, edited(box)], [(70, 0, 100, 60)]
    )
    assert same == pytest.approx(1, abs=1e-5)
    assert whole < 0.9999
    assert whole_again == pytest.approx(whole, abs=1e-5)
    assert inside < elsewhere


def test_the_classifiers_probability_is_that_of_its_label(scorers: Scorers, folder: Path, tmp_path: Path) -> None:
    assert scorers.synthetic is not None
    assert scorers.synthetic.threshold == 0.7
    file = write_scorer(tmp_path / "human.yaml", "synthetic", folder / "fake", label="human")
    other = open_scorers(synthetic=str(file), device="cpu").synthetic
    assert other is not None
    assert other.threshold is None
    images = [IMAGE, noise((40, 90), 3)]
    both = zip(scorers.synthetic.probabilities(images), other.probabilities(images), strict=True)
    assert [a + b for a, b in both] == pytest.approx([1, 1])


def test_one_logit_needs_no_label(tmp_path: Path) -> None:
    file = write_scorer(tmp_path / "one.yaml", "synthetic", save_classifier(tmp_path / "one", ["synthetic"]))
    scorer = open_scorers(synthetic=str(file), device="cpu").synthetic
    assert scorer is not None
    (chance,) = scorer.probabilities([IMAGE])
    assert 0 < chance < 1


def test_batches_change_nothing(scorers: Scorers, folder: Path, tmp_path: Path) -> None:
    settings = json.loads((folder / "dino.yaml").read_text())
    (tmp_path / "dino.yaml").write_text(json.dumps(settings | {"batch_size": 1}))
    single = open_scorers(features=str(tmp_path / "dino.yaml"), device="cpu").features
    images = [edited((0, 0, 20, 20)), edited((50, 20, 90, 60)), IMAGE]
    assert single is not None
    assert scorers.features is not None
    one, many = (scorer.similarities(IMAGE, images, []) for scorer in (single, scorers.features))
    assert np.allclose(one, many, atol=1e-5)


@pytest.mark.parametrize(
    ("weights", "kind", "settings", "error", "message"),
    [
        ("fake", "synthetic", {}, ConfigError, "give the `label` that means synthetic: one of human, AI-generated"),
        ("fake", "synthetic", {"label": "AI generated"}, ConfigError, "AI-generated"),
        ("dino", "features", {"side": 60}, ConfigError, "side: 60 is no multiple of 14"),
        ("dino", "text", {}, ModelError, "tokenizer|no model of images and texts"),
        ("none", "text", {}, ConfigError, "no model in .*none/"),
        ("fake", "synthetic", {"dtype": "int8"}, ConfigError, "torch has no number type 'int8'"),
    ],
)
def test_what_does_not_fit_is_said(
    folder: Path, tmp_path: Path, weights: str, kind: str, settings: Any, error: Any, message: str
) -> None:
    file = write_scorer(tmp_path / "it.yaml", kind, folder / weights, **settings)
    with pytest.raises(error, match=message):
        open_scorers(**{kind: str(file)}, device="cpu")  # type: ignore[arg-type]


def test_a_scorer_of_another_kind_is_refused_before_anything_is_loaded() -> None:
    with pytest.raises(ConfigError, match="dinov2-base is a scorer of the kind features; the kind text is needed"):
        open_scorers(text="dinov2-base", synthetic="ai-vs-human")


@pytest.mark.parametrize("name", names("scorers"))
def test_every_file_says_where_it_is_from(name: str) -> None:
    config = load_scorer(name)
    assert config.name == name
    assert config.licence
    assert config.size
    assert (config.kind == "synthetic") is (config.threshold is not None)
    assert (config.kind == "synthetic") is (config.label is not None)
