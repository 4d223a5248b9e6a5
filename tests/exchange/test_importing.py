"""`finecops import`: published prediction files become runs that evaluation reads."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from finecops.errors import DataError, RunError
from finecops.evaluation.evaluate import evaluate
from finecops.evaluation.reading import RunData
from finecops.exchange.importing.formats import import_files
from finecops.exchange.importing.published import ImportOptions
from finecops.records import Prediction
from finecops.runs.manifest import read_manifest

TRUE = [10.0, 10.0, 50.0, 50.0]
NONE = ImportOptions()
REPLIES = ImportOptions(box_format="json_bbox2d_rel1000")


def lines(path: Path, rows: list[Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return path


def ref_adv(number: int, box: Any, error: str | None = "", **changes: Any) -> dict[str, Any]:
    return {
        "row_idx": number,
        "file_name": f"{number:012}.jpg",
        "normal_caption": f"thing {number}",
        "use_negation": bool(number % 2),
        "gt_bbox_xyxy": TRUE,
        "pred_box_xyxy_first": box,
        "first_iou": 0.0,
        "parse_error": error,
        "model_full_name": "Qwen/Qwen3-VL-8B-Instruct",
        "prompt_id": "cot",
    } | changes


def forum(number: int, greedy: Any, **changes: Any) -> dict[str, Any]:
    return {"row_idx": number, "expression": f"thing {number}", "gt_bbox_xyxy": TRUE, "greedy_box": greedy} | changes


def imported(
    format_: str, paths: list[Path], out: Path, options: ImportOptions = NONE
) -> dict[str, dict[str, Prediction]]:
    """The rows of each stage of the run."""
    import_files(format_, paths, out, options)
    run = RunData(out)
    return {name: dict(run.rows(name, Prediction)) for name in run.answering()}


def statuses(rows: dict[str, Prediction]) -> list[str]:
    return [row.status for row in rows.values()]


def test_ref_adv_with_every_outcome(tmp_path: Path) -> None:
    rows = [
        ref_adv(0, [10.0, 10.0, 50.0, 40.0]),
        ref_adv(1, [], "no_bbox_found"),
        ref_adv(2, None, "empty_response"),
        # The server gave no reply: that is no answer that could not be parsed.
        ref_adv(3, [], "backend_error"),
        # A box of no area is what the model said.
        ref_adv(4, [0.0, 0.0, 0.0, 0.0]),
        ref_adv(5, [], None),
    ]
    found = imported("ref-adv", [lines(tmp_path / "a.jsonl", rows)], tmp_path / "run")
    (answers,) = found.values()
    assert list(found) == ["qwen3-vl-8b-instruct-cot"]
    assert statuses(answers) == ["box", "unparsed", "unparsed", "failed", "box", "unparsed"]
    assert [row.reason for row in answers.values()][1:4] == ["no_bbox_found", "empty_response", "backend_error"]
    run = RunData(tmp_path / "run")
    (stage,) = run.methods()
    assert (stage.entry.label, stage.entry.failed) == ("Qwen3-VL-8B-Instruct cot", 1)
    assert {s.truth for s in run.samples} == {"box"}
    assert [s.tuple_type for s in run.samples[:2]] == ["no_negation", "negation"]
    # Nobody knows how large the images are.
    assert {(s.width, s.height) for s in run.samples} == {(0, 0)}
    value = next(v for v in evaluate(stage.samples, stage.answers, None).values if v.metric == "precision@1")
    assert (value.value, value.n) == (pytest.approx(100 / 6), 6)


def test_run_json_says_what_was_imported_from_which_file(tmp_path: Path) -> None:
    path = lines(tmp_path / "a.jsonl", [ref_adv(0, TRUE)])
    imported("ref-adv", [path], tmp_path / "run")
    manifest = read_manifest(tmp_path / "run")
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    assert manifest.imported is not None
    assert [dict(file) for file in manifest.imported] == [
        {"format": "ref-adv", "name": "a.jsonl", "sha256": sha256, "rows": 1, "sizes": "unknown"}
    ]
    (entry,) = manifest.stages.values()
    assert entry.answering is not None
    assert (entry.answering.method, entry.answering.model) == ("file", "Qwen/Qwen3-VL-8B-Instruct")
    assert entry.settings["imported"] == {
        "format": "ref-adv",
        "file": "a.jsonl",
        "sha256": sha256,
        "prompt_id": "cot",
    }
    assert (manifest.dataset.name, manifest.prompts_sha256) == ("ref-adv-s", "")


def test_several_models_are_several_methods_and_a_row_that_one_lacks_is_missing(tmp_path: Path) -> None:
    a = lines(tmp_path / "a.jsonl", [ref_adv(0, TRUE), ref_adv(1, TRUE)])
    b = lines(tmp_path / "b.jsonl", [ref_adv(1, TRUE, prompt_id="direct"), ref_adv(2, [], "x", prompt_id="direct")])
    made = import_files("ref-adv", [a, b], tmp_path / "run", NONE)
    assert made.methods == {
        "qwen3-vl-8b-instruct-cot": {"box": 2, "missing": 1},
        "qwen3-vl-8b-instruct-direct": {"box": 1, "unparsed": 1, "missing": 1},
    }
    assert [s.id for s in RunData(tmp_path / "run").samples] == ["0", "1", "2"]


def test_forums_two_boxes_are_two_methods(tmp_path: Path) -> None:
    path = tmp_path / "refcocoplus_testA" / "gemma.jsonl"
    rows = [
        forum(0, TRUE, zoom_box=[0, 0, 1, 1]),
        forum(7, None),
        forum(8, TRUE),
        forum(9, TRUE, zoom_box=None, sample_boxes=[TRUE]),
    ]
    made = import_files("forum", [lines(path, rows)], tmp_path / "run", NONE)
    assert made.dataset == ("refcocoplus", "testA")
    assert made.methods == {"gemma-greedy": {"box": 3, "unparsed": 1}, "gemma-zoom": {"box": 1, "unparsed": 3}}
    assert [note.partition(": ")[2] for note in made.notes] == [
        "sample_boxes of 1 rows are left out",
        "3 of 4 rows have no zoom_box: unparsed",
    ]
    run = RunData(tmp_path / "run")
    assert run.rows("gemma-greedy", Prediction)["7"].boxes == ()
    assert {s.image for s in run.samples} == {""}


def test_forum_without_zoom_is_one_method_and_names_the_benchmark_of_its_folder(tmp_path: Path) -> None:
    path = lines(tmp_path / "refadv" / "qwen.jsonl", [forum(0, TRUE, use_negation=True)])
    made = import_files("forum", [path], tmp_path / "run", NONE)
    assert (made.dataset, list(made.methods)) == (("ref-adv-s", "test"), ["qwen-greedy"])
    assert RunData(tmp_path / "run").samples[0].tuple_type == "negation"


def own_record(number: int, truth: str = "box", **changes: Any) -> dict[str, Any]:
    negative = {"negative_kind": "text", "negative_type": "flip", "negative_level": 2, "positive_id": "0"}
    return {
        "id": str(number),
        "file_name": "a.png",
        "expression": f"thing {number}",
        "truth": truth,
        "box": TRUE if truth == "box" else None,
        "width": 100,
        "height": 80,
        "level": 2,
        "tuple_type": None,
        **(negative if truth == "absent" else {}),
    } | changes


def logged(number: int, reply: Any, **values: Any) -> dict[str, Any]:
    return {"doc_id": number, "filtered_resps": reply, "input": "Locate it.", "target": "x"} | values


def test_a_log_of_lmms_eval_has_the_samples_and_the_replies(tmp_path: Path) -> None:
    rows = [
        logged(0, '[{"bbox_2d": [100, 125, 500, 625]}]', finecops_precision_at_1=own_record(0)),
        logged(1, ['{"bbox_2d": null}'], finecops_precision_at_1=own_record(1, "absent")),
        logged(2, "I see it.", finecops_precision_at_1=own_record(2)),
        # What lmms-eval writes where there was no reply.
        logged(3, "None", finecops_precision_at_1=own_record(3, "absent")),
        logged(4, [], finecops_precision_at_1=own_record(4)),
    ]
    path = lines(tmp_path / "org__model" / "20260101_000000_samples_finecops_mini_val.jsonl", rows)
    made = import_files("lmms-eval", [path], tmp_path / "run", REPLIES)
    assert made.dataset[0] == "finecops_mini_val"
    run = RunData(tmp_path / "run")
    answers = dict(run.rows("org-model", Prediction))
    assert statuses(answers) == ["box", "reject", "unparsed", "unparsed", "failed"]
    assert answers["0"].boxes == ((10.0, 10.0, 50.0, 50.0),)
    assert (answers["0"].prompt, answers["2"].reply) == ("Locate it.", "I see it.")
    negative = run.samples[1].negative
    assert negative is not None
    assert (run.samples[1].truth, negative.type, negative.positive_id) == ("absent", "flip", "0")


def test_boxes_in_shares_are_on_a_grid_and_keep_their_iou(tmp_path: Path) -> None:
    value = {"answer": "thing", "pred": [0, 0, 0, 0], "ann_id": "1", "bbox": [0.1, 0.2, 0.5, 0.6]}
    path = lines(tmp_path / "m" / "samples_refcoco_bbox_rec_val.jsonl", [logged(0, "[0.1, 0.2, 0.5, 0.4]")])
    path = lines(path, [logged(0, "[0.1, 0.2, 0.5, 0.4]", refcoco_IoU=value)])
    for other in ("pixel_list", "float_square"):
        with pytest.raises(DataError, match=f"shares of the sides, which those of {other} are not"):
            import_files("lmms-eval", [path], tmp_path / "run", ImportOptions(box_format=other))
    import_files("lmms-eval", [path], tmp_path / "run", ImportOptions(box_format="norm1_list"))
    run = RunData(tmp_path / "run")
    (sample,) = run.samples
    assert sample.box == pytest.approx((100, 200, 500, 600))
    assert run.rows("m", Prediction)["0"].boxes[0] == pytest.approx((100, 200, 500, 400))
    assert read_manifest(tmp_path / "run").imported[0].sizes == "per mille"  # type: ignore[index]


def test_pixels_without_the_size_of_the_image(tmp_path: Path) -> None:
    value = {"answer": ["thing", "it"], "pred": [], "pred_boxes": [], "bbox": [10, 10, 1500, 50]}
    path = lines(
        tmp_path / "m" / "samples_refcoco_grounding.jsonl",
        [logged(0, "[10, 10, 1500, 50]", refcoco_grounding_IoU=value)],
    )
    answers = imported("lmms-eval", [path], tmp_path / "run", ImportOptions(box_format="pixel_list"))["m"]
    assert answers["0"].boxes == ((10.0, 10.0, 1500.0, 50.0),)
    assert RunData(tmp_path / "run").samples[0].expression == "thing / it"
    for other, message in (
        ("json_bbox2d_rel1000", "does not say how large the image is"),
        ("json_bbox2d_abs_resized", "pixels of the image that the model saw"),
        ("nonsense", "there are: norm1000_paren"),
        (None, "--box-format NAME must say"),
    ):
        with pytest.raises(DataError, match=message):
            import_files("lmms-eval", [path], tmp_path / "other", ImportOptions(box_format=other))


def table(path: Path, rows: list[dict[str, Any]]) -> Path:
    text = "\t".join(rows[0]) + "\n"
    for row in rows:
        text += "\t".join('"' + str("" if v is None else v).replace('"', '""') + '"' for v in row.values()) + "\n"
    path.write_text(text, encoding="utf-8")
    return path


def asked(index: Any, prediction: Any, **columns: Any) -> dict[str, Any]:
    return {"index": index, "question": "Locate\tit.", "prediction": prediction} | columns


def test_a_table_of_vlmevalkit_has_the_samples_and_the_replies(tmp_path: Path) -> None:
    replies = ('{"bbox_2d": [100, 125, 500, 625]}', "", "Failed to obtain answer via API.")
    rows = [asked(i, reply, record=json.dumps(own_record(i))) for i, reply in enumerate(replies)]
    path = table(tmp_path / "Qwen3-VL-8B_finecops_mini.tsv", rows)
    found = imported("vlmevalkit", [path], tmp_path / "run", ImportOptions("mini", "json_bbox2d_rel1000", "Qwen"))
    assert statuses(found["qwen"]) == ["box", "unparsed", "failed"]
    (first, *_) = RunData(tmp_path / "run").samples
    assert (first.id, first.box, first.level, first.width, first.dataset) == ("0", tuple(TRUE), 2, 100, "mini")


def test_groundingme_and_refcoco_of_vlmevalkit(tmp_path: Path) -> None:
    size = {"width": 100, "height": 80.0}
    rows = [
        asked("a", '{"bbox_2d": [10, 10, 50, 50]}', answer="[10, 10, 50, 50]", subtask_l1="Spatial", **size),
        asked("b", '{"bbox_2d": null}', answer="[0, 0, 0, 0]", subtask_l1="Rejection", **size),
    ]
    path = tmp_path / "m_GroundingME.json"
    path.write_text(json.dumps(rows))
    answers = imported("vlmevalkit", [path], tmp_path / "g", ImportOptions(box_format="json_bbox2d_rel1000"))["m"]
    assert statuses(answers) == ["box", "reject"]
    assert [(s.truth, s.tuple_type) for s in RunData(tmp_path / "g").samples] == [
        ("box", "spatial"),
        ("absent", "rejection"),
    ]
    corners = dict(zip(("bbox_x1", "bbox_y1", "bbox_x2", "bbox_y2"), TRUE, strict=True))
    path = table(tmp_path / "m_RefCOCO.tsv", [asked("RefCOCO_val_1", "[10, 10, 50, 50]", **corners, **size)])
    imported("vlmevalkit", [path], tmp_path / "r", ImportOptions(box_format="pixel_list"))
    assert RunData(tmp_path / "r").samples[0].box == tuple(TRUE)


def test_an_excel_file_is_read_like_the_others(tmp_path: Path) -> None:
    from openpyxl import Workbook

    book = Workbook()
    replies = ("[10, 10, 50, 50]", None)
    rows = [asked(i, reply, record=json.dumps(own_record(i))) for i, reply in enumerate(replies)]
    book.active.append(list(rows[0]))
    for row in rows:
        book.active.append(list(row.values()))
    book.save(tmp_path / "m_mini.xlsx")
    answers = imported(
        "vlmevalkit", [tmp_path / "m_mini.xlsx"], tmp_path / "run", ImportOptions(box_format="pixel_list")
    )
    assert statuses(answers["m"]) == ["box", "unparsed"]


@pytest.mark.parametrize(
    ("format_", "row", "message"),
    [
        ("ref-adv", forum(0, TRUE), "no file_name, .* this one has: row_idx, expression"),
        ("forum", ref_adv(0, TRUE), "no expression, greedy_box"),
        ("ref-adv", "[1]", "JSON object per line, not list"),
        ("ref-adv", "{", "a.jsonl:1: not JSON"),
        ("ref-adv", ref_adv(0, [1, 2, 3]), "four numbers xyxy are meant"),
        ("ref-adv", ref_adv(0, [1, 2, 3, "4"]), "four numbers xyxy are meant"),
        ("ref-adv", ref_adv(0, [1, 2, 3, 1e400]), "not a finite number"),
        ("ref-adv", ref_adv(0, TRUE, "no_bbox_found"), "a box and the parse_error"),
        ("ref-adv", ref_adv(0, TRUE, gt_bbox_xyxy=None), "the true box is meant"),
        ("ref-adv", ref_adv(0, TRUE, gt_bbox_xyxy=[50, 50, 10, 10]), "has no area"),
        ("ref-adv", ref_adv(0, TRUE, file_name="../../x.jpg"), "leads out"),
        ("ref-adv", ref_adv(True, TRUE), "row_idx is True"),
        ("ref-adv", ref_adv(0, TRUE, model_full_name="x" * 5000), "has 5000 characters; a name is meant"),
        ("ref-adv", ref_adv(0, TRUE, normal_caption=" "), "a text is meant"),
        ("forum", forum(0, "no"), "greedy_box is 'no'"),
        ("lmms-eval", logged(0, "x", exact_match=1.0), "a task without true boxes"),
        ("lmms-eval", logged(0, 7, finecops_precision_at_1=own_record(0)), "the reply is meant"),
        (
            "lmms-eval",
            logged(0, "x", finecops_precision_at_1=own_record(0, box=None)),
            "truth is 'box' and box is None",
        ),
        ("lmms-eval", logged(0, "x", finecops_precision_at_1=own_record(0, width=0)), "a number of pixels"),
        ("lmms-eval", logged(0, "x", finecops_precision_at_1=own_record(0, file_name="../a")), "leads out"),
        ("lmms-eval", logged(0, "x", finecops_precision_at_1=own_record(0, level=10**30)), "a level from 1 on"),
        ("lmms-eval", {"doc_id": 0}, "no filtered_resps"),
    ],
)
def test_another_layout_is_refused_with_what_was_found(tmp_path: Path, format_: str, row: Any, message: str) -> None:
    path = lines(tmp_path / "a.jsonl", [row])
    with pytest.raises(DataError, match=message):
        import_files(format_, [path], tmp_path / "run", REPLIES)
    assert not (tmp_path / "run").exists()


def test_tables_of_another_kind_are_refused(tmp_path: Path) -> None:
    cases = {
        "m_a.pkl": "A pickle can run any code",
        "m_a.txt": "a .xlsx, .tsv, .csv or .json file",
        "m_b.xlsx": "no Excel file",
        "m_b.json": "not JSON",
    }
    for name, message in cases.items():
        (tmp_path / name).write_text("x")
        with pytest.raises(DataError, match=message):
            import_files("vlmevalkit", [tmp_path / name], tmp_path / "run", REPLIES)
    for record, message in (("", "record is ''"), ("[1]", "record is"), ("{", "no JSON"), ("{}", "has no id")):
        odd = table(tmp_path / "m_d.tsv", [asked(0, "x", record=record)])
        with pytest.raises(DataError, match=message):
            import_files("vlmevalkit", [odd], tmp_path / "run", REPLIES)
    short = tmp_path / "m_c.tsv"
    short.write_text("index\tquestion\tprediction\n1\tx\n")
    with pytest.raises(DataError, match="row 2 has another number of cells"):
        import_files("vlmevalkit", [short], tmp_path / "run", REPLIES)


def test_files_that_do_not_go_together_are_refused(tmp_path: Path) -> None:
    one = lines(tmp_path / "a.jsonl", [ref_adv(0, TRUE)])
    twice = lines(tmp_path / "b.jsonl", [ref_adv(0, TRUE), ref_adv(0, TRUE)])
    two = lines(tmp_path / "c.jsonl", [ref_adv(0, TRUE), ref_adv(1, TRUE, prompt_id="direct")])
    other = lines(tmp_path / "d.jsonl", [ref_adv(0, TRUE, prompt_id="direct", normal_caption="else")])
    empty = lines(tmp_path / "e.jsonl", [])
    blank = lines(tmp_path / "f.jsonl", [""])
    for paths, message in (
        ([one, one], "two methods are called"),
        ([twice], "a second row for '0'"),
        ([two], "a file has one model"),
        ([one, other], "another expression than in the files before: 'else' instead of 'thing 0'"),
        ([empty], "is empty"),
        ([blank], "is empty"),
        ([tmp_path / "gone.jsonl"], "no prediction file"),
    ):
        with pytest.raises(DataError, match=message):
            import_files("ref-adv", paths, tmp_path / "run", NONE)
    a = lines(tmp_path / "refadv" / "a.jsonl", [forum(0, TRUE)])
    b = lines(tmp_path / "refcoco_val" / "a.jsonl", [forum(0, TRUE)])
    with pytest.raises(DataError, match="a run has one benchmark"):
        import_files("forum", [a, b], tmp_path / "run", NONE)


def test_a_folder_that_holds_something_is_refused(tmp_path: Path) -> None:
    path = lines(tmp_path / "a.jsonl", [ref_adv(0, TRUE)])
    imported("ref-adv", [path], tmp_path / "run")
    before = (tmp_path / "run" / "run.json").read_bytes()
    with pytest.raises(RunError, match="is there already"):
        import_files("ref-adv", [path], tmp_path / "run", NONE)
    assert (tmp_path / "run" / "run.json").read_bytes() == before
