"""Which samples are in a one-file report, and that it is never larger than asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from finecops.errors import RunError
from finecops.evaluation.cases import Cases, run_cases
from finecops.evaluation.reading import RunData
from finecops.report.page.build import write_report
from finecops.report.page.sample import first_groups, in_turns
from finecops.report.page.settings import ReportSettings
from tests.builders_runs import make_run
from tests.conftest import make_negative, make_sample
from tests.report.page.builders import Markup, add_images


def test_every_stratum_is_among_the_first(tmp_path: Path) -> None:
    # 40 of one kind, and one each of three others.
    samples = [make_sample(f"p{i}") for i in range(40)]
    samples += [make_sample("hard", level=3), make_sample("edited"), make_negative("n", "edited", kind="image")]
    groups = in_turns(Cases(samples, []))
    assert sorted(s.id for group in groups for s in group) == sorted(s.id for s in samples)
    first = {s.id for group in groups[:3] for s in group}
    assert {"hard", "edited", "n"} < first
    assert groups != in_turns(Cases(samples, []), seed=1)
    assert groups == in_turns(Cases(samples, []))


def test_pairs_stay_together_and_nobody_is_lost(tmp_path: Path) -> None:
    cases = run_cases(RunData(make_run(tmp_path / "run", unknown=1)))
    groups = in_turns(cases)
    assert {tuple(s.id for s in group) for group in groups} == {(f"p{i}", f"n{i}") for i in range(20)} | {("u0",)}
    # In the order of the data.
    chosen = [s.id for s in first_groups(groups, 3, cases.samples)]
    assert chosen == [s.id for s in cases.samples if s.id in chosen]
    # Negatives of each other, which no benchmark should have.
    odd = [make_negative("a", "b"), make_negative("b", "a")]
    assert sorted(s.id for group in in_turns(Cases(odd, [])) for s in group) == ["a", "b"]


def test_the_file_is_as_small_as_asked(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    add_images(run, tmp_path / "data", [f"{kind}{i}.png" for kind in "pn" for i in range(20)])

    def written(max_mb: float | None) -> tuple[int, int, str]:
        settings = ReportSettings(runs=(str(run),), single=True, max_mb=max_mb, out=tmp_path / "r.html", metrics="p1")
        found = write_report(settings)
        assert found.size == found.page.stat().st_size
        return found.size, found.shown, found.page.read_text()

    everything, shown, html = written(None)
    assert shown == 40
    assert "All 40 samples are in this file." in Markup(html).text
    # Room for the page and some of the samples, but not for all.
    limit = (everything - 8_000) / 1e6
    size, shown, html = written(limit)
    assert size <= limit * 1e6
    assert 0 < shown < 40
    assert f"{shown} of 40 samples are in this file" in Markup(html).text
    with pytest.raises(RunError, match="tables and charts alone take"):
        written(0.005)
    # What was there is still there.
    assert (tmp_path / "r.html").read_text() == html
