"""Real pipelines of diffusers with tiny random weights: importing diffusers alone takes five seconds."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from finecops.config.find import load_editor, names
from finecops.construction.edits.candidates import CandidateOptions, make_candidates
from finecops.construction.edits.diffusers_editor import DiffusersEditor
from finecops.construction.edits.editor import open_editor
from finecops.construction.edits.mask import MaskOptions, grown_box
from finecops.construction.edits.pipeline_loading import check_call
from finecops.errors import ConfigError, ModelError
from tests.construction import tiny_models
from tests.construction.edits.test_candidates import pixels, row
from tests.construction.edits.test_mask import noise
from tests.construction.tiny_models import write_editor

pytest.importorskip("diffusers", reason="NOT TESTED: diffusers is not installed (the extra `edit`)")
pytestmark = pytest.mark.slow

IMAGE = noise((101, 75))
BOX = (20.0, 20.0, 50.0, 40.0)
PIPELINES: dict[str, tuple[Callable[[], Any], dict[str, Any]]] = {
    "StableDiffusionInpaintPipeline": (tiny_models.inpainting_pipeline, {}),
    "StableDiffusionXLInpaintPipeline": (tiny_models.xl_pipeline, {"strength": 0.99}),
    "Flux2KleinInpaintPipeline": (tiny_models.klein_pipeline, {"strength": 1.0, "guidance_scale": 1.0}),
    "ZImageInpaintPipeline": (tiny_models.z_image_pipeline, {"strength": 1.0, "guidance_scale": 0.0}),
}


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Stable Diffusion for inpainting."""
    folder = tmp_path_factory.mktemp("sd")
    tiny_models.inpainting_pipeline().save_pretrained(folder)
    return folder


def sd(path: Path, weights: Path, **settings: Any) -> Any:
    return open_editor(
        str(write_editor(path / "tiny.yaml", "StableDiffusionInpaintPipeline", weights, **settings)), "cpu"
    )


@pytest.mark.parametrize("name", names("editors"))
def test_every_keyword_of_a_file_is_one_of_the_pipelines_call(name: str) -> None:
    check_call(load_editor(name))


@pytest.mark.parametrize("name", PIPELINES)
def test_seed_and_prompt_decide_the_pixels(tmp_path: Path, name: str) -> None:
    make, call = PIPELINES[name]
    make().save_pretrained(tmp_path / "weights")
    file = write_editor(tmp_path / "tiny.yaml", name, tmp_path / "weights", call={"num_inference_steps": 2} | call)
    editor = open_editor(str(file), "cpu")

    def inside(prompt: str, seed: int) -> Any:
        found = editor(IMAGE, BOX, prompt, seed)
        assert found.size == IMAGE.size
        return np.asarray(found)[20:40, 20:50].astype(int)

    first = inside("a red cup", 3)
    assert (first == inside("a red cup", 3)).all()
    assert (first != np.asarray(IMAGE)[20:40, 20:50]).any()
    assert np.abs(first - inside("a red cup", 4)).mean() > 1
    assert (first != inside("a blue plate", 3)).any()


def test_qwen_image_edit_works_at_a_size_of_its_own(tmp_path: Path) -> None:
    tiny_models.qwen_edit_pipeline().save_pretrained(tmp_path / "weights")
    call = load_editor("qwen-image-edit").call | {"num_inference_steps": 1}
    file = write_editor(tmp_path / "tiny.yaml", "QwenImageEditInpaintPipeline", tmp_path / "weights", call=call)
    editor = open_editor(str(file), "cpu")
    one, other = (editor(IMAGE, BOX, "a red cup", seed) for seed in (0, 1))
    assert one.size == other.size == IMAGE.size
    assert (np.asarray(one)[20:40, 20:50] != np.asarray(other)[20:40, 20:50]).any()


def test_candidates_of_a_pipeline(tmp_path: Path, weights: Path) -> None:
    editor = sd(tmp_path, weights)
    planned = row(boxes=[BOX], prompts=["a red cup"])
    made = make_candidates(planned, IMAGE, editor, tmp_path, CandidateOptions(count=2))
    assert (made.status, made.reason, made.editor) == ("kept", None, "tiny")
    left, top, right, bottom = grown_box(BOX, IMAGE.size, MaskOptions())
    a, b = (pixels(tmp_path / file) for file in made.candidates)
    assert (a != b).any()
    a[top:bottom, left:right] = b[top:bottom, left:right] = 0
    expected = np.asarray(IMAGE).copy()
    expected[top:bottom, left:right] = 0
    assert (a == expected).all()
    assert (b == expected).all()


def test_the_state_has_the_weights(tmp_path: Path, weights: Path) -> None:
    state = sd(tmp_path, weights).state
    assert len(state["fingerprint"]["unet"]) == 64
    assert json.dumps(state)
    assert "licence" not in state


def test_a_pipeline_that_fails_is_a_reason(tmp_path: Path, weights: Path) -> None:
    editor = sd(tmp_path, weights, multiple=1, side=37)
    with pytest.raises(ModelError, match="tiny: the pipeline failed: `height` and `width` have to be divisible by 8"):
        editor(IMAGE, BOX, "a cup", 0)


def test_what_the_safety_checker_blackened_is_no_candidate(tmp_path: Path) -> None:
    class Checked:
        tokenizer = None

        def set_progress_bar_config(self, **options: Any) -> None: ...

        def to(self, device: str) -> None: ...

        def __call__(self, **call: Any) -> Any:
            return type("Made", (), {"images": [call["image"]], "nsfw_content_detected": [True]})()

    config = load_editor("sd15-inpainting")
    with pytest.raises(ModelError, match="safety checker"):
        DiffusersEditor(config, "cpu", pipeline=Checked())(IMAGE, BOX, "a cup", 0)


def test_powerpaints_word_reaches_the_text_encoder(tmp_path: Path) -> None:
    """With its ten tokens in the tokenizer it runs; without them it is refused when it is loaded."""
    call = {"prompt": "{text} P_obj", "task_words": {"P_obj": 10}}
    tiny_models.inpainting_pipeline([f"P_obj_{i}" for i in range(10)]).save_pretrained(tmp_path / "with")
    with_words = sd(tmp_path, tmp_path / "with", **call)
    without = sd(tmp_path, tmp_path / "with")
    assert (np.asarray(with_words(IMAGE, BOX, "cup", 0)) != np.asarray(without(IMAGE, BOX, "cup", 0))).any()
    assert with_words._prompt("cup").count("P_obj_") == 10
    tiny_models.inpainting_pipeline().save_pretrained(tmp_path / "lacking")
    with pytest.raises(ModelError, match="tiny: the tokenizer lacks 10 of the 10 tokens"):
        sd(tmp_path, tmp_path / "lacking", **call)


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"call": {"guidance": 3}}, ConfigError, "StableDiffusionInpaintPipeline has no keyword guidance"),
        ({"pipeline": "FancyInpaintPipeline"}, ConfigError, "has no pipeline 'FancyInpaintPipeline'"),
        ({"pipeline": "UNet2DConditionModel"}, ConfigError, "UNet2DConditionModel is no pipeline"),
        ({"pipeline": "StableDiffusionPipeline"}, ConfigError, "takes no image with a mask"),
        ({"dtype": "float7"}, ConfigError, "torch has no number type 'float7'"),
        ({"weights": "checkpoints/none"}, ConfigError, "no model in checkpoints/none/"),
    ],
)
def test_what_cannot_be_loaded(tmp_path: Path, weights: Path, settings: Any, error: type, message: str) -> None:
    settings = {"pipeline": "StableDiffusionInpaintPipeline", "weights": str(weights)} | settings
    file = write_editor(tmp_path / "tiny.yaml", settings.pop("pipeline"), settings.pop("weights"), **settings)
    with pytest.raises(error, match=message):
        open_editor(str(file), "cpu")


def _poison(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    index = json.loads((folder / "model_index.json").read_text())
    change(index)
    (folder / "model_index.json").write_text(json.dumps(index))


def test_a_checkpoint_brings_no_code_of_its_own(tmp_path: Path) -> None:
    tiny_models.inpainting_pipeline().save_pretrained(tmp_path / "w")
    _poison(tmp_path / "w", lambda index: index.update(unet=["subprocess", "Popen"]))
    with pytest.raises(ModelError, match="takes its unet from 'subprocess'"):
        sd(tmp_path, tmp_path / "w")
    # A module beside the weights, under the name of a library that is allowed.
    _poison(tmp_path / "w", lambda index: index.update(unet=["diffusers", "UNet2DConditionModel"]))
    ran = tmp_path / "ran"
    code = f"open({str(ran)!r}, 'w')\nfrom diffusers import UNet2DConditionModel\n"
    (tmp_path / "w" / "unet" / "diffusers.py").write_text(code)
    with pytest.raises(ModelError):
        sd(tmp_path, tmp_path / "w")
    assert not ran.exists()


def test_pickled_weights_are_refused(tmp_path: Path) -> None:
    tiny_models.inpainting_pipeline().save_pretrained(tmp_path / "w", safe_serialization=False)
    for stray in (tmp_path / "w").rglob("*.safetensors"):
        stray.unlink()
    with pytest.raises(ModelError, match="cannot load"):
        sd(tmp_path, tmp_path / "w")


def test_missing_weights_are_no_random_ones(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    tiny_models.inpainting_pipeline().save_pretrained(tmp_path / "w")
    for part, file in (("unet", "diffusion_pytorch_model.safetensors"), ("text_encoder", "model.safetensors")):
        path = tmp_path / "w" / part / file
        kept = load_file(path)
        lost = dict(list(kept.items())[3:])
        save_file(lost, path, metadata={"format": "pt"})
        with pytest.raises(ModelError, match=f"the {part} of .* lacks [123] of its weights"):
            sd(tmp_path, tmp_path / "w")
        save_file(kept, path, metadata={"format": "pt"})
