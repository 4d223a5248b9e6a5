"""When a run ends: what is said of the stages that come later."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from finecops.config.home import home
from finecops.runs.pace import FEWEST, remember_pace, seconds_of
from finecops.runs.runner import StageReport
from finecops.strategies.options import Options
from finecops.strategies.parts import Parts
from finecops.strategies.sfa import sfa


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Paces of other tests are none of these tests'."""
    monkeypatch.setenv("FINECOPS_HOME", str(tmp_path / "home"))


def test_paces_are_remembered_by_what_makes_a_stage_slow() -> None:
    (merge,) = sfa(Parts(Options(both=True)))
    targets, routes, specialist, mllm, _ = merge.walk()
    assert seconds_of([(routes, 100)]) is None
    remember_pace(routes, 200, 10.0)
    assert seconds_of([(routes, 100)]) == pytest.approx(5.0)
    # One that is not known makes the sum unknown; a stage without a model takes no time.
    assert seconds_of([(routes, 100), (mllm, 100)]) is None
    assert seconds_of([(routes, 100), (merge, 10**6)]) == pytest.approx(5.0)
    # Another threshold, another device.
    (other,) = sfa(Parts(Options(both=True, score_threshold=0.5)))
    assert seconds_of([(list(other.walk())[1], 100)]) is None
    # The first rows of a stage are slower than the others.
    remember_pace(targets, FEWEST - 1, 10.0)
    assert seconds_of([(targets, 100)]) is None
    remember_pace(specialist, 100, 0.0)
    assert seconds_of([(specialist, 100)]) is None


@pytest.mark.parametrize("content", ["", "[]", '{"a": "b"}', "{", '{"a": -1}'])
def test_a_broken_file_of_paces_is_no_matter(content: str) -> None:
    (home() / "cache").mkdir(parents=True)
    (home() / "cache" / "paces.json").write_text(content)
    (merge,) = sfa(Parts(Options(both=True)))
    _, routes, *_ = merge.walk()
    assert seconds_of([(routes, 100)]) is None
    remember_pace(routes, 200, 10.0)
    assert seconds_of([(routes, 100)]) == pytest.approx(5.0)


def test_a_bar_says_which_stage_of_the_run_it_is_and_when_the_run_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from finecops.runs import runner
    from finecops.strategies.running import do_all, open_for

    said: list[tuple[str, str]] = []
    original = runner.progress

    def recorded(**about: object) -> object:
        bar = original(**about)
        set_postfix = bar.set_postfix_str

        def note(text: str, refresh: bool) -> None:
            said.append((str(about["what"]), text))
            set_postfix(text, refresh)

        bar.set_postfix_str = note
        return bar

    monkeypatch.setattr(runner, "progress", recorded)
    monkeypatch.setattr("finecops.runs.pace.FEWEST", 1)
    for name in ("first", "second"):
        said.clear()
        parts = Parts(Options(limit=6, run=str(tmp_path / name)))
        specs = sfa(parts)
        do_all(open_for(parts), specs)
        titles = list(dict.fromkeys(title for title, _ in said))
        # The specialist answers each batch after the router.
        assert titles == ["targets (1 of 5)", "routes and specialist (2 of 5)", "mllm (4 of 5)", "sfa (5 of 5)"]
        # The first time nothing is known of the stages after it.
        before = "stage ends" if name == "first" else "ends"
        assert re.fullmatch(rf"{before} \d\d:\d\d", said[0][1]), said[0]
        assert re.fullmatch(r"ends \d\d:\d\d", said[-1][1])


def test_a_line_says_of_how_many_rows_its_time_is() -> None:
    def report(made_now: int) -> StageReport:
        return StageReport(rows=60, failed=0, made_now=made_now, seconds=2.0, gflops_per_sample=None)

    assert report(60).pace == "2.0 s, 30.0 samples/s"
    # Continued, or made beside another stage and timed in some batches alone.
    assert report(16).pace == "16 of them in 2.0 s, 8.0 samples/s"
