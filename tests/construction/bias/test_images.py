"""Features of images: what they show, and vectors of tiny vision models."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import CLIPModel, Dinov2Model

from finecops.construction.bias.blind import blind_score, numbers_model
from finecops.construction.bias.image_embeddings import ImageEmbedder
from finecops.construction.bias.image_features import image_features
from finecops.errors import DataError, ModelError
from tests.construction.bias.builders_models import tiny_clip, tiny_dinov2


def picture(seed: int, size: tuple[int, int] = (48, 40)) -> Image.Image:
    """A smooth picture with a camera's noise."""
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(0, 256, (3, 4, 3), dtype=np.uint8)).resize(size, Image.Resampling.BICUBIC)
    noisy = np.asarray(small, dtype=float) + rng.normal(0, 6, (size[1], size[0], 3))
    return Image.fromarray(noisy.clip(0, 255).astype(np.uint8))


def smoothed(image: Image.Image, path: Path) -> None:
    """An editor that repaints a third of the picture without noise."""
    box = (0, 0, image.width // 3, image.height)
    image.paste(image.crop(box).resize((4, 4)).resize((box[2], box[3]), Image.Resampling.BICUBIC), box)
    image.save(path.with_suffix(".png"))


def compressed(image: Image.Image, path: Path) -> None:
    image.save(path.with_suffix(".jpg"), quality=40)


def unchanged(image: Image.Image, path: Path) -> None:
    image.save(path.with_suffix(".png"))


@pytest.mark.parametrize(("edit", "told"), [(smoothed, True), (compressed, True), (unchanged, False)])
def test_what_an_editor_leaves_is_told(tmp_path: Path, edit: Callable[..., None], told: bool) -> None:
    features = []
    for i in range(24):
        # Other pictures for the negatives: nothing but the editor differs.
        picture(i).save(tmp_path / f"{i}.png")
        edit(picture(100 + i), tmp_path / f"e{i}")
        features += [image_features(path) for path in (tmp_path / f"{i}.png", next(tmp_path.glob(f"e{i}.*")))]
    positive, groups = np.tile([True, False], 24), np.repeat(np.arange(24), 2)
    score = blind_score(numbers_model, np.stack(features), positive, groups, replicates=10)
    assert score.auroc is not None
    assert score.auroc > 90 if told else score.auroc < 70


def test_features_of_a_picture(tmp_path: Path) -> None:
    picture(0).save(tmp_path / "a.jpg", quality=90)
    picture(0).save(tmp_path / "b.png")
    Image.new("RGB", (2, 1), "red").save(tmp_path / "c.png")
    jpeg, png, tiny = (image_features(tmp_path / name) for name in ("a.jpg", "b.png", "c.png"))
    assert jpeg.shape == png.shape == tiny.shape == (53,)
    assert np.isfinite([jpeg, png, tiny]).all()
    assert jpeg[:3].tolist() == [48, 40, 1.2]
    # Quantisation, then the format: JPEG, PNG, WebP.
    assert jpeg[4] > 1
    assert [jpeg[5:8].tolist(), png[4:8].tolist()] == [[1, 0, 0], [0, 0, 1, 0]]
    assert tiny[8:14].tolist() == [255, 0, 0, 0, 0, 0]
    (tmp_path / "d.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"d\.png"):
        image_features(tmp_path / "d.png")


def test_vectors_of_dinov2_and_clip(tmp_path: Path) -> None:
    picture(0).save(tmp_path / "a.png")
    dino = ImageEmbedder(tiny_dinov2(tmp_path / "dino"))
    vector = dino(tmp_path / "a.png")
    pixels = dino._processor(images=picture(0), return_tensors="pt")["pixel_values"]
    with torch.no_grad():
        model = Dinov2Model.from_pretrained(tmp_path / "dino").eval()
        np.testing.assert_allclose(vector, model(pixels).last_hidden_state[0, 0], atol=1e-5)
    clip = ImageEmbedder(tiny_clip(tmp_path / "clip"))
    vector = clip(tmp_path / "a.png")
    pixels = clip._processor(images=picture(0), return_tensors="pt")["pixel_values"]
    with torch.no_grad():
        projected = CLIPModel.from_pretrained(tmp_path / "clip").eval()
        expected = projected.visual_projection(projected.vision_model(pixels).pooler_output)[0]
    np.testing.assert_allclose(vector, expected, atol=1e-5)
    assert vector.shape == (6,)


def test_a_model_that_gives_no_vector_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    picture(0).save(tmp_path / "a.png")
    embedder = ImageEmbedder(tiny_dinov2(tmp_path / "dino"))
    monkeypatch.setattr(embedder, "_model", torch.nn.Identity())
    monkeypatch.setattr(torch.nn.Identity, "device", "cpu", raising=False)
    with pytest.raises(ModelError, match="no vector"):
        embedder(tmp_path / "a.png")
