"""The paper's tables from a small release of FineCops-Ref, and from data that has no levels and no negatives."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from finecops.records import Route
from tests.builders_finecops_ref import change, release
from tests.builders_runs import RIGHT, WRONG, stage_entry, write_run
from tests.cli.invoke import run
from tests.conftest import make_prediction, make_sample

REF = ("--dataset", "finecops-ref", "--preset", "mini", "--device", "cpu")
TABLE_IV = "repl obj 1 | repl obj 2 | repl attr 1 | repl attr 2 | repl rel 1 | repl rel 2 | swap obj 1 | swap obj 2"
TABLE_IV += " | swap attr 1 | swap attr 2 | Avg."
TABLE_V = (
    "repl obj 1 | repl obj 2 | repl attr 1 | repl attr 2 | swap obj 1 | swap attr 1 | swap attr 2 | flip 1 | flip 2"
)
TABLE_V += " | Avg."


@pytest.fixture(scope="module")
def at(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A working directory with the release in the place where finecops-ref is looked up."""
    folder = tmp_path_factory.mktemp("release")
    release(folder / "data" / "finecops-ref")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        yield folder


def columns(text: str, title: str) -> str:
    """The columns of a printed table."""
    lines = text.splitlines()
    first = next(i for i, line in enumerate(lines) if line.startswith(title))
    return " | ".join(re.split(r" {2,}", lines[first + 1].strip()))


def test_sfa_prints_tables_3_4_and_5_with_the_published_columns(at: Path) -> None:
    code, text = run("sfa", "run", *REF)
    assert code == 0, text
    assert "finecops-ref, test, 25 samples" in text
    assert columns(text, "Precision@1 on positives") == "router L1 | router L2 | All | L1 | L2 | L3"
    assert columns(text, "Recall@1 on negative expressions") == TABLE_IV
    assert columns(text, "Recall@1 on negative images") == TABLE_V
    code, text = run("eval", "outputs/finecops-ref-mini", "--full")
    assert code == 0
    types = "0_hop | 1_hop | 2_hop | and | same_attr | same_attr_two_hop"
    assert columns(text, "Precision@1 by tuple type") == types
    assert columns(text, "AUROC on negative images") == TABLE_V.removesuffix(" | Avg.")


def test_crs_prints_them_too(at: Path) -> None:
    code, text = run("crs", "run", *REF)
    assert code == 0, text
    assert columns(text, "Precision@1 on positives") == "All | L1 | L2 | L3"
    assert columns(text, "Recall@1 on negative expressions") == TABLE_IV
    assert columns(text, "Recall@1 on negative images") == TABLE_V


def test_unknown_types_have_the_last_columns_and_a_note(at: Path, caplog: pytest.LogCaptureFixture) -> None:
    other = release(at / "other")
    path = other / "test_expression_all_coco_format.json"

    def rename(content: dict[str, list[dict[str, object]]]) -> None:
        for annotation in content["annotations"]:
            if annotation.get("negative_type") == "object":
                annotation["negative_type"] = "colour"

    change(path, rename)
    code, text = run("infer", "specialist", *REF, "--annotations", str(path), "--run", str(at / "colour"))
    assert code == 0, text
    assert "negative_type 'colour' is not known (known: object, attribute" in caplog.text
    assert "its 4 entries are kept" in caplog.text
    code, text = run("eval", str(at / "colour"))
    kept = TABLE_IV.removeprefix("repl obj 1 | repl obj 2 | ").replace("Avg.", "colour 1 | colour 2 | Avg.")
    assert columns(text, "Recall@1 on negative expressions") == kept


def plain_run(folder: Path, dataset: str) -> str:
    """A routed run of one specialist on three samples without levels: two right answers."""
    samples = [make_sample(f"p{i}", level=None) for i in range(3)]
    rows = [make_prediction(s.id, [WRONG if i == 1 else RIGHT], (0.5 + i / 10,)) for i, s in enumerate(samples)]
    found = {"boxes": (RIGHT,), "scores": (0.9,), "all_boxes": (RIGHT,), "all_scores": (0.9,)}
    routes = [Route(sample_id=s.id, status="routed", level=1 if i else 2, **found) for i, s in enumerate(samples)]
    stages = {"routes": stage_entry("routes"), "specialist": stage_entry("answers", "specialist", paper_row="MDETR")}
    return str(write_run(folder, {"samples": samples, "routes": routes, "specialist": rows}, stages, dataset))


def paper_rows(text: str) -> list[list[str]]:
    """The rows of the table beside the paper."""
    lines = text.split("Beside the paper, %\n")[1].split("\n\n")[0].splitlines()[2:]
    return [re.split(r" {2,}", line.strip()) for line in lines]


@pytest.mark.parametrize(
    ("dataset", "level_1", "level_2", "both"),
    [("ref-adv", "81.20", "67.38", "73.73"), ("ref-reasoning", "46.53", "26.62", "31.10")],
)
def test_data_without_levels_and_negatives_has_no_empty_columns(
    dataset: str, level_1: str, level_2: str, both: str, tmp_path: Path
) -> None:
    folder = plain_run(tmp_path / "run", dataset)
    code, text = run("eval", folder, "--metrics", "p1,r1,auroc,reject", "--paper", "--full")
    assert code == 0
    assert columns(text, "Precision@1 on positives") == "router L1 | router L2 | All"
    assert columns(text, "Single values") == "positives rejected"
    assert "No negatives: no AUROC" in text
    assert "Recall@1" not in text
    assert "–" not in text
    # Table VI, by the router's level.
    assert [(row[0].split(", ", 1)[1], *row[1:3], row[4]) for row in paper_rows(text)] == [
        ("precision@1, router L1", "50.00", level_1, "VI"),
        ("precision@1, router L2", "100.00", level_2, "VI"),
        ("precision@1", "66.67", both, "VI"),
    ]
