"""`finecops bench eval`: the time of `finecops eval` on large files, also compared with another script.

The whole process is timed, from its start to the table: imports are a part of what a user waits for.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from finecops.bench.processes import Ended, new_home, run_process
from finecops.bench.synthetic import Counts, SyntheticFiles, write_files
from finecops.progress import progress


@dataclass(frozen=True)
class Timing:
    """Time and memory of one command on one file."""

    what: str
    """What was run."""

    rows: int
    """Rows of the file."""

    seconds: float
    """The fastest run. Other work of the machine can only add to it."""

    cpu_seconds: float
    """Of the processor, the lowest of any run: what other work of the machine changes least."""

    peak_mib: float
    """The highest memory of any run, in MiB."""


def time_evaluation(
    folder: Path, scales: Sequence[float], script: Path | None = None, repeats: int = 3
) -> list[Timing]:
    """Time both prediction formats at every scale, and another script on the texts at the first scale.

    Args:
        folder: where the files are written.
        scales: sizes, in multiples of FineCops-Ref's test set.
        script: a script with the arguments of FineCops-Ref's `evaluation_baseline.py`.
        repeats: runs of each command, each without an index of the annotations.

    Raises:
        RunError: a process fails.
    """
    timings: list[Timing] = []
    for scale in scales:
        files = write_files(folder / f"x{scale:g}", Counts().times(scale))
        commands = {
            "finecops eval, texts": _finecops_command(files, "refexp-text", files.texts),
            "finecops eval, detections": _finecops_command(files, "mmdet-npy", files.detections),
        }
        if script is not None and scale == scales[0]:
            commands["the script, texts"] = _script_command(script, files, folder)
        runs: dict[str, list[Ended]] = {what: [] for what in commands}
        # Commands alternate, so that a slow minute of the machine meets all of them.
        turns = [turn for _ in range(repeats) for turn in commands.items()]
        for what, command in progress(turns, what=f"{files.rows} rows", unit="run"):
            with new_home() as env:
                runs[what].append(run_process(command, env))
        timings += [_timing(what, files.rows, ended) for what, ended in runs.items()]
    return timings


def _timing(what: str, rows: int, runs: Sequence[Ended]) -> Timing:
    return Timing(
        what=what,
        rows=rows,
        seconds=min(ended.seconds for ended in runs),
        cpu_seconds=min(ended.cpu_seconds for ended in runs),
        peak_mib=max(ended.peak_mib for ended in runs),
    )


def _finecops_command(files: SyntheticFiles, format_: str, predictions: Path) -> list[str]:
    command = [sys.executable, "-m", "finecops", "eval", "--annotations", str(files.annotations)]
    command += ["--predictions", str(predictions), "--format", format_]
    return [*command, "--box-format", "norm1000_list"] if format_ == "refexp-text" else command


def _script_command(script: Path, files: SyntheticFiles, folder: Path) -> list[str]:
    command = [sys.executable, str(script), "--prediction_file", str(files.texts)]
    command += ["--annotation_file", str(files.annotations), "--save_dir", str(folder / "script")]
    return [*command, "--score_type", "scores_prob_average"]
