"""Questions about pictures of one's own: what is answered, in which frame, and what goes on after a stop."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from typer.testing import CliRunner

import finecops
from finecops.cli.app import app
from finecops.config.find import load_dataset
from finecops.datasets.dataset import load_dataset_split
from finecops.errors import DataError, FailuresError, FinecopsError, UsageError
from finecops.grounding.folder import GroundFolder, file_of
from finecops.grounding.grounder import Grounder
from finecops.grounding.questions import Question, of_folder, of_image, of_lines, of_table
from finecops.grounding.records import GroundAnswer, Grounding
from finecops.grounding.session import Asked, Session
from finecops.grounding.words import as_line
from finecops.records import Prediction
from finecops.runs.jsonl import read_rows
from finecops.strategies.options import Options
from finecops.strategies.parts import Parts
from finecops.strategies.running import do_all, open_for
from finecops.strategies.sfa import sfa
from tests.cli.invoke import run
from tests.grounding.stub_server import Stub, serving
from tests.models.tiny import save_tiny

MINI = Path(__file__).resolve().parents[2] / "data" / "finecops-mini"
# Its first expression is of level 1, about one of few and large things.
SCENE = MINI / "images" / "test_00342.png"
# Qwen3-VL's JSON, in thousandths of the sides.
QWEN3 = '```json\n[\n\t{"bbox_2d": [100, 200, 500, 600], "label": "the dog"}\n]\n```'


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An own folder to work in, with copies of drawn scenes."""
    monkeypatch.chdir(tmp_path)
    for name in ("a.png", "b.png", "c.png"):
        (tmp_path / name).write_bytes(SCENE.read_bytes())
    return tmp_path


@pytest.fixture
def server() -> Iterator[Stub]:
    with serving(QWEN3) as stub:
        yield stub


def printed(*arguments: str, stdin: str | None = None) -> tuple[int, list[str]]:
    """Exit code and what was printed, also before an error."""
    result = CliRunner().invoke(app, list(arguments), input=stdin)
    return result.exit_code, [line for line in result.stdout.splitlines() if line]


def served(folder: Path, stub: Stub) -> str:
    """A model file for the server."""
    path = folder / "served.yaml"
    path.write_text(
        f"name: served\nkind: mllm\nbackend: openai\nweights: m\nbase_url: {stub.url}\nprompt: QWEN3VL_REC\n"
        "focus: FOCUS_PLEASE\nbox_format: json_bbox2d_rel1000\nbatch_size: 4\n"
    )
    return str(path)


def photo(path: Path, wh: tuple[int, int], orientation: int = 1, mode: str = "RGB") -> Path:
    """A JPEG: its upper left quarter, as stored, is red."""
    image = Image.new("RGB", wh, "navy")
    image.paste("red", (0, 0, wh[0] // 2, wh[1] // 2))
    exif = Image.Exif()
    exif[0x0112] = orientation
    image.convert(mode).save(path, exif=exif)
    return path


def test_the_pipeline_gives_the_rows_of_a_run(tmp_path: Path) -> None:
    parts = Parts(Options(both=True, limit=8, run=str(tmp_path / "run"), batch_size=64))
    specs = sfa(parts)
    run_ = open_for(parts)
    do_all(run_, specs)
    asked = [
        Question(sample.id, run_.dataset.image_path(sample), sample.image, sample.expression) for sample in run_.samples
    ]
    found = list(Grounder("sfa", Options(batch_size=64)).ask(asked))
    wanted = {row.sample_id: row for row in read_rows(tmp_path / "run" / "sfa.jsonl", Prediction)}
    assert len(found) == len(wanted) == 8
    assert any(row.boxes for row in wanted.values())
    for answer in found:
        row = wanted[answer.id]
        assert answer.answers["sfa"].row.model_copy(update={"sample_id": answer.id}) == row
        assert answer.box == (row.boxes[0] if row.boxes else None)
        assert answer.model == {"specialist": "mini-gdino", "mllm": "mini-qwen2vl"}[row.source]


# orientation → the upright size, and where the upper left quarter of the stored picture is then
FRAMES = {1: ((120, 80), (0, 0)), 3: ((120, 80), (1, 1)), 6: ((80, 120), (1, 0)), 8: ((80, 120), (0, 1))}


@pytest.mark.parametrize("orientation", FRAMES)
def test_boxes_and_pictures_are_in_the_frame_that_a_person_sees(
    photos: Path, server: Stub, orientation: int, caplog: pytest.LogCaptureFixture
) -> None:
    (width, height), (right, down) = FRAMES[orientation]
    path = photo(photos / "p.jpg", (120, 80), orientation)
    model = ("--by", "mllm", "--mllm", served(photos, server), "--no-focus")
    code, text = run("ground", "p.jpg", "the dog", *model, "--json")
    assert code == 0, text
    found = Grounding.model_validate_json(text)
    assert (found.width, found.height) == (width, height)
    assert found.box == pytest.approx((width * 0.1, height * 0.2, width * 0.5, height * 0.6))
    # What the model saw was upright too.
    (seen,) = server.pictures
    assert seen.size == (width, height)
    corner = (width // 4 + right * width // 2, height // 4 + down * height // 2)
    assert seen.convert("RGB").getpixel(corner)[0] > 200  # type: ignore[index]
    with Image.open("p.grounded.png") as drawn:
        assert drawn.width == width
        assert drawn.height > height
        inside = (corner[0] + width // 8, corner[1] + height // 8)
        assert drawn.getpixel(inside)[0] > 200  # type: ignore[index]
    assert path.exists()


def test_a_cmyk_photograph_is_asked_and_drawn(photos: Path, server: Stub) -> None:
    photo(photos / "print.jpg", (64, 48), mode="CMYK")
    code, text = run("ground", "print.jpg", "the dog", "--by", "mllm", "--mllm", served(photos, server), "--no-focus")
    assert code == 0, text
    assert "6.4 9.6 32.0 28.8" in text
    with Image.open("print.grounded.png") as drawn:
        red, _, blue = drawn.convert("RGB").getpixel((4, 4))  # type: ignore[misc]
        assert red > 200 > blue


@pytest.mark.slow
def test_a_photograph_of_forty_megapixels(photos: Path, server: Stub) -> None:
    photo(photos / "large.jpg", (7728, 5152), 6)
    code, text = run("ground", "large.jpg", "the dog", "--by", "all", "--mllm", served(photos, server), "--json")
    assert code == 0, text
    found = Grounding.model_validate_json(text)
    assert (found.width, found.height) == (5152, 7728)
    assert found.answers["mllm"].box == pytest.approx((515.2, 1545.6, 2576.0, 4636.8))
    with Image.open("large.grounded.png") as drawn:
        assert max(drawn.size) < 2000


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "usual"), [("qwen2_5_vl", "qwen2.5-vl-7b"), ("qwen3_vl", "qwen3-vl-8b")])
def test_models_of_the_real_classes_look_at_a_photograph(photos: Path, kind: str, usual: str) -> None:
    photo(photos / "p.jpg", (1600, 1200), 6)
    text = (Path(__file__).resolve().parents[2] / "configs" / "models" / f"{usual}.yaml").read_text()
    own = text.replace("max_new_tokens: 256", "max_new_tokens: 5").replace("dtype: bfloat16", "dtype: float32")
    (photos / "own.yaml").write_text(re.sub("(?m)^name: .*$", "name: own", own))
    model = f"own.yaml@{save_tiny(kind, photos / kind)}"
    code, lines = printed("ground", "p.jpg", "the dog", "--by", "all", "--mllm", model, "--json")
    found = Grounding.model_validate_json(lines[-1])
    assert (found.width, found.height) == (1200, 1600)
    # Random weights write no box: what is proved is that the picture gets there and the reply comes back.
    assert found.answers["mllm"].status in ("box", "unparsed")
    assert found.answers["mllm"].row.reply is not None
    assert found.answers["crs"].row.letters is not None
    assert code == 0


def test_sentences_of_a_folder_are_cleaned_as_those_of_an_image(photos: Path) -> None:
    for found in (of_folder(photos, [" the\nkite "]), of_image(photos / "a.png", [" the\nkite "])):
        assert found[0].sentence == "the kite"


def test_everybody_side_by_side(photos: Path) -> None:
    code, text = run("ground", "a.png", "the large ball", "--by", "all")
    assert code == 0
    everybody = ["specialist", "mllm", "sfa", "crs"]
    first = [line.split()[0] for line in text.splitlines() if line.strip()]
    assert [name for name in first if name in everybody] == everybody
    assert "why      SFA: the router found" in text
    found = finecops.ground("a.png", "the large ball", by="all")
    assert set(found.answers) == {"specialist", "mllm", "sfa", "crs"}
    assert found.candidates is not None
    assert found.answers["crs"].row.letters is not None
    assert found.target is not None
    assert found.target.phrase == "large ball"


def test_several_sentences_have_their_own_pictures_and_nothing_is_overwritten(photos: Path) -> None:
    before = (photos / "a.png").read_bytes()
    code, text = run("ground", "a.png", "the kite", "the car", "--by", "specialist")
    assert code == 0
    assert (photos / "a.grounded.png").exists()
    assert (photos / "a.2.grounded.png").exists()
    assert (photos / "a.png").read_bytes() == before
    assert text.count("picture") == 2
    # What was drawn is no question of the folder.
    assert [question.id for question in of_folder(photos, ["the kite"])] == ["a.png", "b.png", "c.png"]


def test_a_folder_goes_on_where_it_was_stopped(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    original = Grounder._answered

    def counted(self: Grounder, questions: list[Question]) -> Iterator[Grounding]:
        for found in original(self, questions):
            if len(asked) == 2:
                raise KeyboardInterrupt
            asked.append(found.id)
            yield found

    monkeypatch.setattr(Grounder, "_answered", counted)
    command = ("ground", ".", "the kite", "--by", "specialist", "--no-draw", "-b", "2", "--out", "answers")
    code, _ = printed(*command)
    assert code != 0
    kept = (photos / "answers" / "answers.jsonl").read_text()
    assert len(kept.splitlines()) == 2
    # A killed process leaves half a line.
    with (photos / "answers" / "answers.jsonl").open("a") as file:
        file.write('{"version":1,"id":"c.p')
    asked.clear()
    code, text = run(*command)
    assert code == 0
    assert asked == ["c.png"]
    assert [line.split()[0] for line in text.splitlines()] == ["a.png", "b.png", "c.png"]
    assert (photos / "answers" / "answers.jsonl").read_text().startswith(kept)
    # With other models these would be other answers.
    code, text = run("ground", ".", "the kite", "--by", "specialist", "--no-focus", "--no-draw", "--out", "answers")
    assert (code, "other settings" in text) == (1, True)
    # No folder of somebody else's is written into.
    (photos / "mine").mkdir()
    (photos / "mine" / "letter.txt").touch()
    code, text = run("ground", ".", "the kite", "--out", "mine")
    assert (code, "is not empty" in text) == (1, True)


def test_a_table_with_boxes_has_iou_and_a_broken_image_a_reason(photos: Path, caplog: pytest.LogCaptureFixture) -> None:
    (photos / "broken.png").write_bytes(SCENE.read_bytes()[:-100])
    dataset = load_dataset_split(load_dataset("finecops-mini"))
    sample = next(sample for sample in dataset.samples if sample.positive and sample.image.endswith(SCENE.name))
    x1, y1, x2, y2 = sample.box or ()
    (photos / "list.csv").write_text(
        f'image,sentence,x1,y1,x2,y2\na.png,"{sample.expression}",{x1},{y1},{x2},{y2}\nbroken.png,the car,1,1,9,9\n'
    )
    command = ("ground", "list.csv", "--boxes", "xyxy", "--json", "--by", "mllm", "--out", "o")
    code, lines = printed(*command)
    first, second = map(Grounding.model_validate_json, lines)
    assert first.iou is not None
    assert first.iou > 0.5
    # Ids of a table are numbers: the line for people names the image too.
    assert as_line(first).startswith(f"{first.id} a.png  [")
    assert first.truth == sample.box
    assert Path(first.picture or "").exists()
    assert (second.status, second.box) == ("failed", None)
    assert "broken.png cannot be read" in (second.reason or "")
    assert code == 1
    # It is asked again, and is whole now.
    (photos / "broken.png").write_bytes(SCENE.read_bytes())
    code, text = run(*command)
    assert code == 0
    assert '"status":"failed"' not in text


def test_answers_come_before_later_questions_are_asked(photos: Path) -> None:
    given: list[str] = []

    def questions() -> Iterator[Question]:
        for name in ("a.png", "b.png", "c.png"):
            given.append(name)
            yield of_image(Path(name), ["the kite"])[0]

    answers = Grounder("specialist", Options(batch_size=1)).ask(questions())
    next(answers)
    assert given == ["a.png"]


LINES = {
    '{"image": "a.png", "sentence": "the kite", "id": "x"}': ("x", "the kite", None),
    '{"file_name": "a.png", "caption": "the kite"}': ("1", "the kite", None),
    "a.png\tthe kite": ("1", "the kite", None),
    "a.png": ("1", "", "neither a JSON object nor an image"),
    '{"image": 3, "sentence": "the kite"}': ("1", "", "no image or no sentence"),
    '{"image": "a.png"': ("1", "", "JSON"),
    "nothing.png\tthe kite": ("1", "the kite", "no such file: nothing.png"),
    "a.png\t ": ("1", "", "a sentence is empty"),
    "[1]": ("1", "", "neither"),
    '{"image": "a.png", "sentence": "x", "id": null}': ("1", "", "its id is neither"),
}


@pytest.mark.parametrize("line", LINES)
def test_every_line_of_standard_input_has_its_question(photos: Path, line: str) -> None:
    (question,) = of_lines(iter(["\n", line + "\n"]))
    id_, sentence, fault = LINES[line]
    assert (question.id, question.sentence) == (id_, sentence)
    assert (question.fault is None) == (fault is None)
    assert (fault or "") in (question.fault or "")


def test_lines_are_answered_one_by_one(photos: Path) -> None:
    arguments = ("ground", "-", "--by", "specialist", "--no-draw", "--json")
    code, lines = printed(*arguments, stdin="a.png\tthe kite\nnothing\n")
    found = [json.loads(line) for line in lines]
    assert [row["status"] for row in found] == ["box", "failed"]
    assert code == 1


WRONG: dict[str, tuple[tuple[str, ...], int, str]] = {
    "two of CRS": (("a.png", "x", "--by", "all", "--slow", "crs"), 2, "--slow crs does not go with --by all"),
    "no sentence": (("a.png",), 2, "what shall be found"),
    "an empty sentence": (("a.png", " "), 2, "a sentence is empty"),
    "images of the shell": (("a.png", "b.png", "the kite"), 2, "b.png is an image, not a sentence"),
    "a list with another ending": (("list.txt",), 2, "ends in .csv, .tsv or .jsonl"),
    "a place for no picture": (("a.png", "x", "--no-draw", "--out", "o"), 2, "leave out one"),
    "no such file": (("d.png", "x"), 1, "no such file: d.png"),
    "no such table": (("d.csv",), 1, "d.csv"),
    "sentences of a table": (("list.csv", "the kite"), 2, "its sentences are in it"),
    "boxes of an image": (("a.png", "x", "--boxes", "xyxy"), 2, "--boxes goes with a table"),
    "an unknown strategy": (("a.png", "x", "--by", "both"), 2, "unknown strategy 'both'"),
    "an option nobody uses": (("a.png", "x", "--topk", "3"), 2, "--topk: not used"),
    "an unknown model": (("a.png", "x", "--mllm", "qwen9"), 1, "unknown mllm 'qwen9'"),
    "not an image": (("list.txt", "x"), 1, "question failed"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_said_in_a_line(photos: Path, name: str) -> None:
    (photos / "list.csv").write_text("image,sentence\na.png,x\n")
    (photos / "list.txt").write_text("no picture")
    arguments, code, message = WRONG[name]
    found = run("ground", *arguments)
    assert found[0] == code
    assert message in found[1]


def test_with_all_strategies_an_option_of_one_of_them_is_of_use() -> None:
    Grounder("all", Options(topk=3, slow="mllm"))
    with pytest.raises(UsageError, match="--orders"):
        Grounder("all", Options(orders=3))


def test_models_of_a_drawn_world_say_so_once(photos: Path, server: Stub, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        run("ground", "a.png", "the kite", "--no-draw")
    said = [record.getMessage() for record in caplog.records if "know nothing but" in record.getMessage()]
    assert len(said) == 1
    # A server beside the small router would leave the routing to it.
    assert "--by mllm --mllm" in said[0]
    assert said[0].startswith("mini-gdino, mini-qwen2vl know")
    assert "drawn scenes of finecops-mini" in said[0]
    assert "--preset paper" in said[0]
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        run("ground", "a.png", "x", "--by", "mllm", "--mllm", served(photos, server), "--no-focus", "--no-draw")
    assert "nothing but" not in caplog.text


def test_a_model_that_replays_a_file_answers_by_the_questions_ids(photos: Path) -> None:
    boxes = {f"q{n}": [n, 2, 30, 40] for n in range(5)}
    rows = [{"sample_id": i, "status": "box", "boxes": [b], "scores": [0.7], "source": "x"} for i, b in boxes.items()]
    (photos / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (photos / "old.yaml").write_text(
        "name: old\nkind: specialist\nbackend: replay\nweights: rows.jsonl\nfile_format: finecops\nscore: probability\n"
    )
    asked = [{"id": id_, "image": "a.png", "sentence": "the kite"} for id_ in boxes]
    (photos / "list.jsonl").write_text("\n".join(map(json.dumps, asked)))
    options = Options(specialist="old.yaml", focus=False, batch_size=2)
    # More questions than a batch has: an answer belongs to its question, not to its place in a batch.
    found = list(Grounder("specialist", options).ask(of_table(Path("list.jsonl"), None)))
    assert {one.id: list(one.box or ()) for one in found} == boxes
    assert (found[0].score, found[0].model) == (0.7, "old")


def test_two_questions_of_one_id_are_both_answered(photos: Path) -> None:
    questions = [Question("x", photos / "a.png", "a.png", sentence) for sentence in ("the kite", "the car")]
    found = list(Grounder("specialist", Options(preset="mini")).ask(questions))
    assert [(one.id, one.sentence, one.status) for one in found] == [("x", "the kite", "box"), ("x", "the car", "box")]


def test_a_process_that_waits_for_a_folder_leaves_its_file_alone(photos: Path) -> None:
    specs = Grounder("specialist").specs
    first = GroundFolder(photos / "o", specs)
    with first.locked():
        # Half a line is one that is being written.
        (photos / "o" / "answers.jsonl").write_text('{"version":1,"id":"a')
        second = GroundFolder(photos / "o", specs)
        with pytest.raises(FinecopsError, match="another process"), second.locked():
            pass
        assert (photos / "o" / "answers.jsonl").read_text() == '{"version":1,"id":"a'


def test_a_question_that_was_changed_is_asked_again_and_its_old_answer_goes(photos: Path) -> None:
    command = ("ground", "list.csv", "--boxes", "xyxy", "--json", "--by", "specialist", "--no-draw", "--out", "o")
    heading = "image,sentence,x1,y1,x2,y2\n"
    (photos / "list.csv").write_text(heading + "a.png,the kite,1,1,9,9\nb.png,the kite,1,1,9,9\n")
    assert printed(*command)[0] == 0
    (photos / "list.csv").write_text(heading + "a.png,the kite,1,1,9,9\nb.png,the kite,40,1,90,90\n")
    code, lines = printed(*command)
    assert code == 0
    assert [Grounding.model_validate_json(line).truth for line in lines] == [(1, 1, 9, 9), (40, 1, 90, 90)]
    # One answer a question, the same that was printed.
    assert (photos / "o" / "answers.jsonl").read_text().splitlines() == lines


def test_another_picture_under_the_same_name_is_asked_about_again(photos: Path) -> None:
    command = ("ground", ".", "the kite", "--by", "specialist", "--json", "--no-draw", "--out", "o")
    before = [Grounding.model_validate_json(line) for line in printed(*command)[1]]
    content = (MINI / "images" / "test_00665.png").read_bytes()
    (photos / "b.png").write_bytes(content)
    # The same picture, copied anew; a PNG ends before what follows it.
    os.utime(photos / "c.png", (1, 1))
    after = [Grounding.model_validate_json(line) for line in printed(*command)[1]]
    assert [one == other for one, other in zip(before, after, strict=True)] == [True, False, True]
    assert after[1].file is not None
    assert after[1].file.sha256 == hashlib.sha256(content).hexdigest()
    # As large as it was.
    (photos / "b.png").write_bytes(content[:-1] + b"\0")
    os.utime(photos / "b.png", (1, 1))
    assert printed(*command)[1][1] != after[1].model_dump_json()


def test_a_queue_in_the_place_of_a_picture_ends_and_is_a_failure(photos: Path) -> None:
    os.mkfifo(photos / "q.png")
    (photos / "list.csv").write_text("image,sentence\nq.png,the kite\na.png,the kite\n")
    _, lines = printed("ground", "list.csv", "--json", "--by", "specialist", "--no-draw", "--out", "o")
    found = [Grounding.model_validate_json(line) for line in lines]
    # Rows that cannot be asked come last.
    assert [(one.status, one.file is None) for one in found] == [("box", False), ("failed", True)]
    assert file_of(photos / "q.png") is None


def test_images_of_one_name_have_pictures_of_their_own(photos: Path) -> None:
    (photos / "d").mkdir()
    (photos / "d" / "a.png").write_bytes(SCENE.read_bytes())
    (photos / "a.jpg").write_bytes(SCENE.read_bytes())
    lines = "".join(f"{name}\tthe kite\n" for name in ("a.png", "d/a.png", "a.jpg"))
    code, found = printed("ground", "-", "--by", "specialist", "--json", "--out", "o", stdin=lines)
    assert code == 0
    assert len({json.loads(line)["picture"] for line in found}) == 3
    assert len(list((photos / "o").iterdir())) == 3


def test_an_image_of_a_long_name_has_a_picture(photos: Path) -> None:
    (photos / "d").mkdir()
    # 240 bytes, as a name may have 255.
    (photos / "d" / f"{'文' * 80}.png").write_bytes(SCENE.read_bytes())
    code, _ = printed("ground", "d", "the kite", "--by", "specialist", "--out", "o")
    assert code == 0
    assert [path.suffix for path in (photos / "o" / "pictures").iterdir()] == [".png"]


def test_a_stage_that_always_fails_stops_the_command_whatever_the_others_do(
    photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    grounder = Grounder("specialist", Options(preset="mini"))
    (found,) = grounder.ask([Question("1", photos / "a.png", "a.png", "the kite")])
    failed = Prediction(sample_id="1", status="failed", source="mllm", reason="connection refused")
    down = GroundAnswer(status="failed", box=None, score=None, score_kind=None, model="m", row=failed)
    both = found.model_copy(update={"answers": {**found.answers, "mllm": down}})
    session = Session(grounder, None, draw=False, retry="changed")
    question = Question("1", photos / "a.png", "a.png", "the kite")
    monkeypatch.setattr(session, "_in_turn", lambda *_: (Asked(question, both) for _ in range(200)))
    answered = []
    with pytest.raises(FailuresError, match="mllm: 64 answers in a row failed: connection refused"):
        answered.extend(session._answers([], None, ahead=True))
    # The last one was told, too.
    assert len(answered) == 64


def test_models_are_loaded_once_for_calls_of_the_same_kind(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[Any] = []
    from finecops.stages import specialist

    original = specialist.load_specialist_model
    monkeypatch.setattr(specialist, "load_specialist_model", lambda *a: loaded.append(a) or original(*a))
    for sentence in ("the kite", "the car"):
        assert finecops.ground("a.png", sentence, by="specialist", preset="mini").status == "box"
    assert len(loaded) == 1
    several = finecops.ground("a.png", ["the kite", "the car"], by="specialist", preset="mini")
    assert [found.sentence for found in several] == ["the kite", "the car"]
    with pytest.raises(DataError, match="no such file"):
        finecops.ground("d.png", "x")


def test_what_is_wrong_in_a_call_is_said_as_in_a_command(photos: Path) -> None:
    with pytest.raises(DataError, match="is a folder"):
        finecops.ground(photos, "x")
    with pytest.raises(UsageError, match="unknown option 'topkk'; did you mean 'topk'"):
        finecops.ground("a.png", "x", topkk=3)
    with pytest.raises(UsageError, match="topk: Input should be less than or equal to 25"):
        finecops.ground("a.png", "x", by="crs", topk=99)


def test_a_detector_and_an_mllm_alone() -> None:
    assert hasattr(finecops.load_specialist("mini-gdino", device="cpu"), "detect")
    assert hasattr(finecops.load_mllm("mini-qwen2vl", device="cpu"), "choose")
    with pytest.raises(FinecopsError, match="unknown mllm"):
        finecops.load_mllm("nothing")


def test_rows_of_a_table_that_make_no_sense_are_answered_with_their_fault(photos: Path) -> None:
    (photos / "list.jsonl").write_text('{"image": "a.png", "sentence": "x"}\n{"image": "../../etc", "sentence": "x"}\n')
    good, bad = of_table(Path("list.jsonl"), None)
    assert good.fault is None
    assert bad.id == "list.jsonl: line 2"
    assert "leads out" in (bad.fault or "")


def test_a_folder_of_answers_belongs_to_one_process(photos: Path) -> None:
    specs = Grounder("specialist").specs
    folder = GroundFolder(photos / "o", specs)
    other = GroundFolder(photos / "o", specs)
    with folder.locked(), pytest.raises(FinecopsError, match="another process"), other.locked():
        pass
