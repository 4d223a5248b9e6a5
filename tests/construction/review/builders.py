"""A small benchmark with images, votes on it, and files of votes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from finecops.config.dataset_schema import DatasetConfig
from finecops.config.find import load_dataset
from finecops.construction.conversion import annotation_file, coco_content, write_converted_file
from finecops.construction.formats import write_json
from finecops.construction.review.votes import Vote
from finecops.datasets.dataset import Dataset, load_dataset_split
from finecops.records import Negative, Sample
from tests.conftest import make_sample

LEFT, RIGHT = (10.0, 10.0, 40.0, 40.0), (60.0, 50.0, 95.0, 95.0)
THINGS = ("car", "boat", "dog", "tree", "house", "sheep")


def samples(images: int = 6) -> list[Sample]:
    """Of each image two positives; of the first one a negative expression and a negative image."""
    found = []
    for i in range(images):
        thing, other, base = THINGS[i % 6], THINGS[(i + 1) % 6], 10 * i + 100
        about: dict[str, Any] = {"image": f"{i}.png", "level": 1 + i % 3, "tuple_type": "0_hop"}
        sentence = f"the red {thing} number {i}"
        found += [
            make_sample(str(base), expression=sentence, box=LEFT, **about),
            make_sample(str(base + 1), expression=f"a striped {other} of size {i}", box=RIGHT, **about),
        ]
        text = Negative(kind="text", type="replace_object", level=1, positive_id=str(base))
        image = Negative(kind="image", type="flip", level=2, positive_id=str(base))
        words = f"the red {other} number {i}"
        found += [
            make_sample(str(base + 2), expression=words, box=None, negative=text, **about),
            make_sample(str(base + 3), expression=sentence, box=None, negative=image, **about | {"image": f"{i}n.png"}),
        ]
    return found


def benchmark(folder: Path, of: Sequence[Sample] | None = None, pictures: bool = True) -> Dataset:
    """A dataset of these samples, with a YAML file, `toy.yaml`, in its folder."""
    of = samples() if of is None else of
    config = DatasetConfig(name="toy", root=folder, image_folders=(".",), splits={}, preset="mini", get="-")
    plain = Dataset(config, "test", folder, (), "", of, ())
    write_json(folder / annotation_file("test"), coco_content(plain))
    for number, name in enumerate(dict.fromkeys(sample.image for sample in of) if pictures else ()):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (100, 100), (40 * number % 255, 90, 160)).save(folder / name)
    return load_dataset_split(load_dataset(str(write_converted_file(plain, folder, "toy", ["test"], "a test"))))


def vote(dataset: Dataset, sample_id: str, verdict: str = "keep", rater: str = "ana", **changes: Any) -> Vote:
    """A vote on a sample."""
    if verdict == "drop":
        changes.setdefault("reason", "wrong_box")
    if verdict == "fix":
        changes.setdefault("text", "the better sentence")
    about = {"dataset": dataset.config.name, "split": dataset.split, "sha256": dataset.sha256, "page": "p"}
    return Vote(sample_id=sample_id, rater=rater, verdict=verdict, **{**about, **changes})  # type: ignore[arg-type]


def votes_of(dataset: Dataset, rater: str, verdicts: str, **changes: Any) -> list[Vote]:
    """A vote on each of the first samples; verdicts: k, f, d, u, and a blank for none."""
    names = {"k": "keep", "f": "fix", "d": "drop", "u": "unsure"}
    pairs = zip(dataset.samples, verdicts)
    return [vote(dataset, sample.id, names[key], rater, **changes) for sample, key in pairs if key != " "]


def write_votes(path: Path, votes: Iterable[Vote]) -> Path:
    """A file of votes."""
    path.write_text("".join(one.model_dump_json() + "\n" for one in votes), encoding="utf-8")
    return path
