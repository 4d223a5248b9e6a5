"""Workers: short programs that follow the protocol, and programs that do not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from finecops.config.find import load_mllm, load_specialist
from finecops.config.schema import MllmConfig, SpecialistConfig
from finecops.errors import ConfigError, ModelError
from finecops.images import Picture
from finecops.models.protocols import Query, QueryGroup, Question, QuestionGroup
from finecops.models.worker import WorkerModel
from finecops.models.worker_process import PROGRAMS
from finecops.runs.specification import ImageGroup
from finecops.stages.mllm import MllmStage
from finecops.stages.specialist import SpecialistStage
from tests.conftest import make_sample

HEAD = f"import sys; sys.path.insert(0, {str(PROGRAMS)!r})\n"
SERVE = HEAD + "from loop import serve\n"
IMAGE = Picture(Image.new("RGB", (100, 80)))


def program(tmp_path: Path, body: str) -> tuple[str, ...]:
    path = tmp_path / "worker.py"
    path.write_text(body)
    return (sys.executable, str(path))


def specialist(command: tuple[str, ...], **changes: Any) -> SpecialistConfig:
    config = load_specialist("mdetr").model_copy(update={"command": command, "start_seconds": 20.0})
    return config.model_copy(update=changes)


def mllm(command: tuple[str, ...], **changes: Any) -> MllmConfig:
    config = load_mllm("cogvlm").model_copy(update={"command": command, "box_format": "norm1000_paren"})
    return config.model_copy(update=changes)


def detect(model: WorkerModel, *texts: str) -> list[Any]:
    (found,) = model.detect([QueryGroup(IMAGE, tuple(Query(text) for text in texts))])
    return found


def test_the_template_answers_every_task(tmp_path: Path) -> None:
    command = (sys.executable, "template.py")
    (found,) = detect(WorkerModel(specialist(command)), "a car")
    np.testing.assert_allclose(found.xyxy, [[25, 20, 75, 60]])
    model = WorkerModel(mllm(command))
    sample = make_sample("a", width=100, height=80)
    path = tmp_path / "a.png"
    IMAGE.pixels.save(path)
    (row,) = MllmStage(model, model.config, None, "mean_prob")([ImageGroup(path, (sample,))])  # type: ignore[arg-type]
    assert row.boxes == ((25.0, 20.0, 75.0, 60.0),)
    assert row.scores is None
    ((scores,),) = model.choose([QuestionGroup(IMAGE, (Question("Which?", ("A", "B")),))])
    assert scores.probabilities == (0.5, 0.5)


@pytest.mark.parametrize(
    ("name", "output"),
    [
        ("prints", "print('loading'); print('{\"a\": 1}')"),
        ("answers twice", ""),
    ],
)
def test_other_output_and_repeated_answers_are_ignored(tmp_path: Path, name: str, output: str) -> None:
    body = (
        "import json, sys\n"
        f"{output}\n"
        "print(json.dumps({'ready': True, 'protocol': 1}), flush=True)\n"
        "for line in sys.stdin:\n"
        "    n = json.loads(line)['id']\n"
        "    print('thinking', flush=True)\n"
        "    answer = json.dumps({'id': n, 'answers': [{'boxes': [[0, 0, n, n]], 'scores': [0.5]}]})\n"
        "    print(answer, flush=True); print(answer.replace(f'{n}, {n}', '99, 99'), flush=True)\n"
    )
    model = WorkerModel(specialist(program(tmp_path, body)))
    # The repeated answer to the first request must not become the answer to the second.
    assert [detect(model, "x")[0].xyxy.tolist() for _ in range(3)] == [[[0, 0, n, n]] for n in (1, 2, 3)]


def test_a_worker_that_dies_is_started_again(tmp_path: Path) -> None:
    body = SERVE + (
        "import os\n"
        "def answer(task, image, queries):\n"
        "    if any(q['text'] == 'poison' for q in queries):\n"
        "        print('out of memory', file=sys.stderr); sys.stderr.flush(); os._exit(3)\n"
        "    return [{'boxes': [[1, 2, 3, 4]], 'scores': [0.5]} for q in queries]\n"
        "serve(answer)\n"
    )
    model = WorkerModel(specialist(program(tmp_path, body)))
    found = detect(model, "a", "poison", "b")
    assert [item.status for item in found] == ["box", "failed", "box"]
    assert "ended with code 3" in str(found[1].reason)
    assert "out of memory" in str(found[1].reason)


def test_a_worker_that_hangs_is_killed(tmp_path: Path) -> None:
    body = SERVE + "import time\ndef answer(*a):\n    time.sleep(60)\nserve(answer)\n"
    (found,) = detect(WorkerModel(specialist(program(tmp_path, body), timeout_seconds=0.5)), "a")
    assert found.status == "failed"
    assert "no answer within 0.5 s" in str(found.reason)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("import sys; sys.exit('no weights')", "no weights"),
        ("import time; time.sleep(60)", "was not ready within 1 s"),
        ('print(\'{"ready": true, "protocol": 9}\', flush=True); input()', "protocol 9"),
    ],
)
def test_a_worker_that_does_not_start_is_an_error(tmp_path: Path, body: str, message: str) -> None:
    # Only of one that never gets ready is the limit reached; the others have as long as a busy machine may need.
    seconds = 1.0 if "1 s" in message else 20.0
    model = WorkerModel(specialist(program(tmp_path, body), start_seconds=seconds))
    with pytest.raises(ModelError, match=message):
        model.process.ask({})


def test_a_worker_that_never_answers_is_not_started_again(tmp_path: Path) -> None:
    model = WorkerModel(specialist(program(tmp_path, "raise SystemExit(1)")))
    notes = [str(detect(model, "x")[0].reason) for _ in range(4)]
    assert "ended with code 1" in notes[0]
    assert "was started 3 times and gave no answer" in notes[3]


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ("[]", "gave 0 answers to 1 queries"),
        ("[{'boxes': [[5, 5, 1, 1]], 'scores': [0.5]}]", "wrong order"),
        ("[{'boxes': [[1, 1, 5, 5]], 'scores': [0.5, 0.1]}]", "1 boxes and 2 scores"),
        ("[{'boxes': [[1, 1, 5]], 'scores': [0.5]}]", "boxes.0.3"),
        ("[{'boxes': [[1, 1, 5, float('inf')]], 'scores': [0.5]}]", "finite"),
        ("[{'boxs': []}]", "boxs: Extra inputs"),
        ("[{'error': 'too dark'}]", "too dark"),
        ("1 / 0", "ZeroDivisionError"),
        ("[{'text': 'a car'}]", "gave no boxes"),
    ],
)
def test_an_invalid_answer_is_a_failure_with_its_reason(tmp_path: Path, answers: str, message: str) -> None:
    command = program(tmp_path, SERVE + f"serve(lambda task, image, queries: {answers})\n")
    (found,) = detect(WorkerModel(specialist(command)), "a")
    assert found.status == "failed"
    assert message in str(found.reason)
    path = tmp_path / "a.png"
    IMAGE.pixels.save(path)
    model = WorkerModel(specialist(command))
    stage = SpecialistStage(model, specialist(command), None)
    (row,) = stage([ImageGroup(path, (make_sample("a", width=100, height=80),))])
    assert row.status == "failed"
    assert message in str(row.reason)


def test_an_unset_variable_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MDETR_PYTHON", raising=False)
    with pytest.raises(ConfigError, match="set MDETR_PYTHON"):
        WorkerModel(load_specialist("mdetr"))


YOLO = """
import types
class T(list):
    def tolist(self): return list(self)
class YOLOWorld:
    def __init__(self, weights): assert weights == "yolov8x-worldv2.pt"
    def set_classes(self, names): self.names = names
    def predict(self, path, conf, iou, verbose):
        assert self.names == ["tree"]
        return [types.SimpleNamespace(boxes=types.SimpleNamespace(xyxy=T([[1, 2, 30, 40]]), conf=T([0.75])))]
sys.modules["ultralytics"] = types.SimpleNamespace(YOLOWorld=YOLOWorld)
"""
MDETR = """
import torch
class Tokens:
    def char_to_token(self, row, at): return 1 if at < 4 else 2
class Mdetr(torch.nn.Module):
    def forward(self, pixels, texts, encode_and_save, memory_cache=None):
        if encode_and_save:
            return {"tokenized": Tokens()}
        logits = torch.full((1, 2, 256), -9.0)
        logits[0, 0, 2], logits[0, 1, 1] = 5.0, 9.0
        return {"pred_logits": logits, "pred_boxes": torch.tensor([[[0.5, 0.5, 0.2, 0.5], [0.1, 0.1, 0.2, 0.2]]])}
torch.hub.load = lambda source, entry, pretrained: Mdetr()
"""
COGVLM = """
import types, torch, transformers
class Tokenizer:
    eos_token_id = 2
    pieces = {3: "[[250,", 4: "250,750,", 5: "750]]", 2: "</s>"}
    from_pretrained = classmethod(lambda cls, name: cls())
    def decode(self, ids): return "".join(self.pieces[i] for i in ids)
class Model(torch.nn.Module):
    from_pretrained = classmethod(lambda cls, name, **more: cls())
    def build_conversation_input_ids(self, tokenizer, query, history, images, template_version):
        assert template_version == "base" and "answer in" in query
        ids = torch.tensor([7, 8])
        return {"input_ids": ids, "token_type_ids": ids, "attention_mask": ids, "images": [torch.zeros(3, 4, 4)]}
    def generate(self, input_ids, **more):
        answer = torch.tensor([[3, 4, 5, 2]])
        scores = [torch.full((1, 9), 0.0).index_fill(1, token, 20.0) for token in answer[0].split(1)]
        return types.SimpleNamespace(sequences=torch.cat([input_ids, answer], 1), scores=scores)
transformers.LlamaTokenizer, transformers.AutoModelForCausalLM = Tokenizer, Model
"""


def with_stand_in(tmp_path: Path, program_name: str, stand_in: str) -> tuple[str, ...]:
    """A command that runs a program of finecops, with a stand-in for the package of its model."""
    start = f"sys.argv = [{program_name!r}]; import runpy\n"
    run = f"runpy.run_path({str(PROGRAMS / program_name)!r}, run_name='__main__')\n"
    return program(tmp_path, HEAD + stand_in + start + run)


FOCUSED = Query("the tree to the left of a car", "tree", (4, 8))


def test_yolo_world_asks_for_the_target(tmp_path: Path) -> None:
    model = WorkerModel(specialist(with_stand_in(tmp_path, "yolo_world.py", YOLO), max_boxes=5))
    ((found,),) = model.detect([QueryGroup(IMAGE, (FOCUSED,))])
    assert found.xyxy.tolist() == [[1, 2, 30, 40]]
    assert found.scores == (0.75,)


def test_mdetr_scores_the_expression_or_the_target(tmp_path: Path) -> None:
    model = WorkerModel(specialist(with_stand_in(tmp_path, "mdetr.py", MDETR), start_seconds=60.0))
    ((plain, focused),) = model.detect([QueryGroup(IMAGE, (Query(FOCUSED.text), FOCUSED))])
    np.testing.assert_allclose(plain.xyxy[0], [0, 0, 20, 16], atol=1e-4)  # token 1, "the", has the highest probability
    np.testing.assert_allclose(focused.xyxy[0], [40, 20, 60, 60], atol=1e-4)  # token 2 is the target
    assert focused.scores[0] > 0.9 > 0.1 > focused.scores[1]


def test_cogvlm_gives_text_with_probabilities(tmp_path: Path) -> None:
    config = mllm(with_stand_in(tmp_path, "cogvlm.py", COGVLM), box_format="norm1000_bracket2", start_seconds=60.0)
    path = tmp_path / "a.png"
    IMAGE.pixels.save(path)
    sample = make_sample("a", width=100, height=80)
    (row,) = MllmStage(WorkerModel(config), config, None, "mean_prob")([ImageGroup(path, (sample,))])
    assert row.reply == "[[250,250,750,750]]"
    assert row.boxes == ((25.0, 20.0, 75.0, 60.0),)
    assert row.scores is not None
    assert row.scores[0] == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("path", sorted(PROGRAMS.glob("*.py")), ids=lambda path: path.stem)
def test_every_program_compiles_and_states_what_was_tested(path: Path) -> None:
    subprocess.run([sys.executable, "-m", "py_compile", str(path)], check=True)
    if path.stem != "loop":
        assert "Run here:" in path.read_text()
