"""GPU hours for the paper's tables: the counts, the arithmetic, what is refused, and the table of the document."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest

from finecops.config.find import load_dataset, load_mllm, load_specialist
from finecops.evaluation.paper_hours import BATCH, GPUS, STEP_SECONDS, Gpu, Need, Pass, paper_needs, paper_test_sets
from finecops.evaluation.shapes import QWEN2_VL_7B

PROJECT = Path(__file__).resolve().parents[2]
EVERYTHING = ("finecops-ref", "ref-adv", "ref-reasoning")


@pytest.fixture(scope="module")
def script() -> ModuleType:
    """`scripts/gpu_hours.py` as a module; it is not part of the package."""
    spec = importlib.util.spec_from_file_location("gpu_hours", PROJECT / "scripts" / "gpu_hours.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def printed(script: ModuleType, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    script.main(arguments)
    return capsys.readouterr().out


def rows_of(script: ModuleType, capsys: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, float]]:
    found: list[dict[str, float]] = json.loads(printed(script, capsys, "--as", "json", *arguments))["rows"]
    return found


def by_table(*names: str) -> dict[str, Need]:
    return {need.name.split(":")[0]: need for need in paper_needs(names)}


def test_samples_are_those_of_the_releases() -> None:
    release = load_dataset("finecops-ref").release
    assert release is not None
    split = release.splits["test"]
    fine = paper_test_sets()["finecops-ref"]
    assert (fine.positives, fine.negatives) == (
        split.positives,
        (split.negative_texts or 0) + (split.negative_images or 0),
    )
    # 3,704 adversarial expressions of Ref-Adv, and Ref-Reasoning's 34,609.
    assert [paper_test_sets()[name].everything for name in EVERYTHING] == [27926, 3704, 34609]


@pytest.mark.parametrize(
    ("table", "samples", "specialist", "mllm", "tuning"),
    [
        ("III, IV, V, VI", 27926, 27926, 27926, 0),
        ("VI", 38313, 38313, 38313, 0),
        ("VI, VII", 47918, 47918, 47918, 0),
        ("VI, IX", 47918, 47918, 0, 0),
        ("VI, X, XI", 47918, 47918 + 10_000, 47918, 10_000),
        # CRS twice and the baseline; candidates of the negatives and of one of the two kinds of rows.
        ("VIII", 27926, 18321 + 12_500, 3 * 27926, 2 * 12_500),
        ("IX", 47918, 0, 0, 0),
        # 2k, 4k, 6k, 8k, 12k and FineCops-Ref's 10k.
        ("X", 47918, 42_000, 6 * 47918, 42_000),
        ("XI", 47918, 30_000, 3 * 47918, 30_000),
    ],
)
def test_passes_of_a_table(table: str, samples: int, specialist: int, mllm: int, tuning: int) -> None:
    need = by_table(*EVERYTHING)[table]
    assert need.samples == samples
    assert (need.count("specialist"), need.count("mllm"), need.count("tuning")) == (specialist, mllm, tuning)


def test_without_a_test_set_its_rows_are_left_out() -> None:
    assert list(by_table("ref-adv")) == ["VI", "VI, VII", "VI, IX", "VI, X, XI", "IX", "X", "XI"]
    assert list(by_table("finecops-ref")) == [
        "III, IV, V, VI",
        *list(by_table("ref-adv"))[1:4],
        "VIII",
        "IX",
        "X",
        "XI",
    ]


WEIGHTS = QWEN2_VL_7B.read_for_a_token * 2
TOY = Gpu(peak=100e12, float32=10e12, bandwidth=1e12)


@pytest.mark.parametrize(
    ("one", "gpu", "share", "seconds"),
    [
        (Pass("specialist", 5e12), TOY, 1.0, 0.5),
        (Pass("specialist", 5e12), TOY, 0.5, 1.0),
        (Pass("mllm", 5e12), TOY, 0.5, 0.1),
        (Pass("tuning", 5e12), TOY, 1.0, 0.05),
        # Ten tokens: bound by reading the weights, by the launch of kernels, by their own operations.
        (Pass("mllm", 5e12, 1e11, 10), TOY, 0.1, 0.5 + 10 * WEIGHTS / 1e11 / BATCH),
        (Pass("mllm", 5e12, 1e11, 10), TOY, 1.0, 0.05 + 10 * STEP_SECONDS / BATCH),
        (Pass("mllm", 5e12, 9e13, 10), TOY, 1.0, 0.05 + 0.9),
    ],
)
def test_seconds_of_a_pass(one: Pass, gpu: Gpu, share: float, seconds: float) -> None:
    assert one.seconds(gpu, share) == pytest.approx(seconds)


def test_a_need_is_the_sum_of_its_passes() -> None:
    need = Need("toy", 10, ((3600, Pass("specialist", 5e12)), (7200, Pass("mllm", 5e12))), by_paper=360.0)
    assert need.operations == pytest.approx(5.4e16)
    assert need.hours(TOY, 1.0) == pytest.approx(0.5 + 0.1)
    assert need.hours(TOY, 1.0, ("specialist",)) == pytest.approx(0.5)
    # Table IX: 381 ms.
    assert need.paper_hours == pytest.approx(0.381 + 0.1)


def test_what_is_taken_of_the_models_is_what_their_files_say() -> None:
    assert load_mllm("qwen2-vl-7b").batch_size == BATCH
    assert load_mllm("qwen2-vl-7b").dtype == "bfloat16"
    assert load_specialist("mm-gdino-l").dtype == "float32"


def test_twice_the_gpus_take_half_the_hours(script: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    four, eight = (rows_of(script, capsys, "--gpus", n) for n in ("4", "8"))
    for fewer, more in zip(four, eight):
        if fewer["hours"] is None:
            # Routers whose operations are not known have the paper's time alone.
            assert fewer["detector_hours_by_paper"] == pytest.approx(47918 * (112 + 79 + 44 + 26) / 3.6e6)
        else:
            assert fewer["hours_divided"] == pytest.approx(2 * more["hours_divided"])
            assert fewer["hours"] == more["hours"] == pytest.approx(8 * more["hours_divided"])
    total = eight[-1]
    assert total["pflop"] == pytest.approx(sum(row["pflop"] or 0 for row in eight[:-1]))
    assert total["mllm"] == sum(row["mllm"] or 0 for row in eight[:-1])


def test_a_faster_gpu_takes_less_and_a_given_peak_counts(
    script: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    a100, h100 = rows_of(script, capsys)[-1], rows_of(script, capsys, "--gpu", "h100")[-1]
    assert h100["hours"] < a100["hours"]
    assert h100["detector_hours_by_paper"] == a100["detector_hours_by_paper"]
    own = ("--peak", "989", "--float32-peak", "67", "--bandwidth", "3350")
    assert rows_of(script, capsys, *own)[-1] == h100
    assert "hours on 1 GPU" in printed(script, capsys, "--peak", "100")
    half = rows_of(script, capsys, "--share", "0.6")[-1]
    assert half["detector_hours"] == pytest.approx(a100["detector_hours"] / 2)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--share", "0"), "--share: 0 is no finite number above 0"),
        (("--share", "30"), "--share: 30 is above 1; 0.3 is 30%"),
        (("--peak", "nan"), "--peak: nan is no finite number above 0"),
        (("--float32-peak", "-1"), "--float32-peak: -1 is no finite number above 0"),
        (("--bandwidth", "fast"), "--bandwidth: 'fast' is no number"),
        (("--gpus", "0"), "--gpus: 0 is below 1"),
        (("--gpus", "1.5"), "--gpus: '1.5' is no whole number"),
        (("--gpu", "v100"), "--gpu: invalid choice: 'v100'"),
        (("--dataset", "refcoco"), "--dataset: invalid choice: 'refcoco'"),
        (("--magic",), "unrecognized arguments: --magic"),
    ],
)
def test_wrong_options_are_refused_in_one_line(
    script: ModuleType, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str
) -> None:
    with pytest.raises(SystemExit) as stopped:
        script.main(arguments)
    message = capsys.readouterr().err
    assert stopped.value.code == 2
    assert said in message
    assert message.count("\n") == 1


def test_the_document_has_what_the_command_prints(script: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    page = (PROJECT / "docs" / "cluster.md").read_text(encoding="utf-8")
    lines = [line for line in printed(script, capsys, "--as", "markdown").splitlines() if line]
    table = [line for line in lines if line.startswith("|")]
    assert "\n".join(table) in page
    flat = " ".join(page.split())
    assert [line for line in lines[1 + len(table) :] if line not in flat] == []
    total = printed(script, capsys, "--gpu", "h100", "--as", "markdown").split("| all |")[1].split("|")
    one, eight = total[5].strip(), total[6].strip()
    assert f"`--gpu h100`: {one} hours on one, {eight} on eight" in flat
    assert set(GPUS) == {"a100", "h100"}
