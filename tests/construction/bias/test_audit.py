"""The audit of a small dataset with planted tells, and the command that prints it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from finecops.config.dataset_schema import DatasetConfig
from finecops.construction.bias.audit import audit_dataset
from finecops.construction.bias.box_sources import find_boxes
from finecops.construction.bias.image_features import image_features
from finecops.datasets.dataset import Dataset
from finecops.records import Negative, Sample
from tests.cli.invoke import run
from tests.construction.bias.builders import biased_pairs

COUNT = 24


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    """Positives with two negatives each: an expression that has a word of its own, and an image that is brighter."""
    samples = []
    for i, pair in enumerate(biased_pairs(COUNT, telling=0.9)):
        for name, level in ((f"{i}.png", 90), (f"e{i}.png", 200)):
            Image.new("RGB", (40, 30), (level + i, 80, 80)).save(tmp_path / name)
        positive = Sample(
            id=str(i),
            dataset="toy",
            split="test",
            image=f"{i}.png",
            width=40,
            height=30,
            expression=pair.positive,
            truth="box",
            box=(2 + i % 5, 2, 22 + i % 5, 22),
            level=1,
        )
        text = Negative(kind="text", type="replace_object", level=1, positive_id=str(i))
        image = Negative(kind="image", type="swap_attribute", level=1, positive_id=str(i))
        absent = {"truth": "absent", "box": None}
        samples += [
            positive,
            positive.model_copy(update={**absent, "id": f"t{i}", "expression": pair.negative, "negative": text}),
            positive.model_copy(update={**absent, "id": f"i{i}", "image": f"e{i}.png", "negative": image}),
        ]
    config = DatasetConfig(name="toy", root=tmp_path, image_folders=(".",), splits={}, preset="", get="")
    return Dataset(config, "test", tmp_path, (), "", samples, ())


def test_planted_tells_are_found_and_nothing_else(dataset: Dataset) -> None:
    (dataset.root / "e3.png").unlink()
    audit = audit_dataset(dataset, find_boxes(dataset), {"image": image_features})
    assert [(one.kind, one.type) for one in audit.types] == [("text", "replace_object"), ("image", "swap_attribute")]
    values = {one.kind: {reader: score.auroc for reader, score in one.readers.items()} for one in audit.types}
    assert {kind: sorted(found) for kind, found in values.items()} == {
        "text": ["box", "words", "words_all", "writing"],
        "image": ["box", "image", "words_all"],
    }
    assert values["text"]["words"] > 75
    assert values["text"]["words_all"] == values["text"]["words"]
    assert values["image"]["image"] > 90
    # Texts and boxes of negative images are those of their positives: nobody can tell.
    assert values["image"]["words_all"] <= 50
    assert values["image"]["box"] <= 50
    assert (audit.types[1].readers["image"].positives, audit.types[1].readers["image"].negatives) == (COUNT, COUNT - 1)
    assert audit.types[0].for_negatives
    assert [guess.name for guess in audit.guesses][:2] == ["any box", "largest box"]
    assert audit.guesses[0].value == 100
    assert ["1 of 48 images cannot be read" in note for note in audit.notes] == [True]


def test_no_image_is_opened_unless_asked(dataset: Dataset) -> None:
    for path in dataset.root.glob("*.png"):
        path.unlink()
    audit = audit_dataset(dataset, find_boxes(dataset))
    assert not audit.notes
    assert "image" not in audit.types[1].readers


@pytest.fixture
def pairs_file(tmp_path: Path) -> Path:
    rows = {
        pair.id: {"filename": pair.group, "caption": pair.positive, "negative_caption": pair.negative}
        for pair in biased_pairs(40, telling=0.5)
    }
    path = tmp_path / "object.json"
    path.write_text(json.dumps(rows))
    return path


def test_the_command_on_a_list_of_pairs(pairs_file: Path) -> None:
    code, text = run("data", "bias", "--pairs", str(pairs_file), "--json")
    assert code == 0
    (audit,) = json.loads(text[text.index("{") :])["audits"]
    assert audit["types"][0]["readers"]["words"]["auroc"] > 60
    assert {"zebra", "piano"} & set(audit["types"][0]["for_negatives"])


@pytest.mark.parametrize(
    "given",
    [
        pytest.param(("blind", "--target", "75"), marks=pytest.mark.slow, id="blind"),
        pytest.param(("adversarial", "--scorer", "words"), id="adversarial"),
    ],
)
def test_the_command_refines_and_writes_what_is_kept(
    pairs_file: Path, tmp_path: Path, given: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("finecops.construction.bias.dropping.STEP", 0.2)
    out = tmp_path / "kept.json"
    code, text = run("data", "bias", "--pairs", str(pairs_file), "--refine", *given, "--out", str(out))
    assert code == 0, text
    kept, all_ = json.loads(out.read_text()), json.loads(pairs_file.read_text())
    assert kept.items() <= all_.items()
    assert 0 < len(kept) < len(all_)
    assert f" {len(kept)} " in text
    assert max(len(line) for line in text.splitlines() if line.startswith("  ")) <= 80


def test_a_target_that_is_not_reached_is_said_and_fails(tmp_path: Path) -> None:
    path = tmp_path / "few.csv"
    path.write_text("positive,negative\n" + "a cat,a dog\n" * 3)
    code, text = run("data", "bias", "--pairs", str(path), "--refine", "blind")
    assert code == 1
    assert "few: the target of 58 is not reached: fewer than 10 images" in text


@pytest.mark.slow
def test_the_command_on_a_split(tmp_path: Path) -> None:
    code, text = run("data", "bias", "finecops-mini:val", "--no-images")
    assert code == 0
    assert "Blind guesses on 480 positives" in text
    assert max(len(line) for line in text.splitlines() if line.startswith("  ")) <= 80


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ((), "name a dataset"),
        (("finecops-mini", "--pairs", "a.json"), "give one of them"),
        (("finecops-mini", "--out", "a.json"), "--out does not go with an audit of a dataset"),
        (("finecops-mini", "--device", "cpu"), "it goes with --image-model"),
        (("finecops-mini", "--no-images", "--image-model", "x"), "give one of them"),
        (("--pairs", "a.json", "--no-images"), "--no-images does not go with an audit of --pairs"),
        (("--pairs", "a.json", "--refine", "blind", "--scorer", "ngram"), "it goes with --refine adversarial"),
        (("--pairs", "a.json", "--refine", "adversarial", "--device", "cpu"), "a --scorer with weights"),
        (("--pairs", "a.json", "--refine", "adversarial", "--scorer", "ngram:x"), "has no weights"),
        (("--pairs", "a.json", "--refine", "adversarial", "--scorer", "vera"), "needs weights"),
        (("--pairs", "a.json", "--refine", "adversarial", "--scorer", "ngrm"), "did you mean 'ngram'"),
        (("--pairs", "a.json", "--refine", "adversarial", "--scorer", "words", "--scorer", "words"), "twice"),
        (("--pairs", "a.json", "--refine", "magic"), "unknown refinement"),
        (("finecops-mini", "--refine", "blind"), "one split is refined at a time"),
        (("finecops-mini", "--candidates", "a.jsonl"), "of one split"),
        (("finecops-mini:val", "--refine", "blind", "--out", "a.csv"), "a .json file"),
    ],
)
def test_wrong_usage(given: tuple[str, ...], message: str) -> None:
    code, text = run("data", "bias", *given)
    assert code == 2
    assert message in " ".join(text.split())
