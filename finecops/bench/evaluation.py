"""How long `finecops eval` takes on a file, start of the process to the table; and against another script."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from finecops.bench.synthetic import Counts, SyntheticFiles, write_files
from finecops.errors import RunError


@dataclass(frozen=True)
class Timing:
    """Seconds of the whole process (the fastest of some runs) and its highest memory, for a number of rows."""

    what: str
    rows: int
    seconds: float
    peak_mib: float


def time_evaluation(
    folder: Path, scales: Sequence[float], script: Path | None = None, repeats: int = 3
) -> list[Timing]:
    """Time both formats at every scale of FineCops-Ref's test set; `script` on the texts at the first scale.

    The script is one with the arguments of FineCops-Ref's `evaluation_baseline.py`. Runs of the two alternate.

    Raises:
        RunError: a process fails.
    """
    timings: list[Timing] = []
    for scale in scales:
        files = write_files(folder / f"x{scale:g}", Counts().times(scale))
        commands = {
            "finecops eval, texts": _ours(files, "refexp-text", files.texts),
            "finecops eval, detections": _ours(files, "mmdet-npy", files.detections),
        }
        if script is not None and scale == scales[0]:
            commands["the script, texts"] = _theirs(script, files, folder)
        best: dict[str, tuple[float, float]] = {}
        turns = [turn for _ in range(repeats) for turn in commands.items()]
        for what, command in tqdm(turns, desc=f"{files.rows} rows", unit="run", dynamic_ncols=True):
            seconds, peak = _run(command)
            before = best.get(what, (seconds, peak))
            best[what] = (min(seconds, before[0]), max(peak, before[1]))
        timings += [Timing(what, files.rows, *values) for what, values in best.items()]
    return timings


def _ours(files: SyntheticFiles, format_: str, predictions: Path) -> list[str]:
    command = [sys.executable, "-m", "finecops", "eval", "--annotations", str(files.annotations)]
    command += ["--predictions", str(predictions), "--format", format_]
    return [*command, "--box-format", "norm1000_list"] if format_ == "refexp-text" else command


def _theirs(script: Path, files: SyntheticFiles, folder: Path) -> list[str]:
    command = [sys.executable, str(script), "--prediction_file", str(files.texts)]
    command += ["--annotation_file", str(files.annotations), "--save_dir", str(folder / "script")]
    return [*command, "--score_type", "scores_prob_average"]


def _run(command: Sequence[str]) -> tuple[float, float]:
    """Seconds and peak MiB of a process."""
    with tempfile.TemporaryFile() as said:
        begun = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=said)
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            said.seek(0)
            raise RunError(f"{' '.join(command)} failed: {said.read().decode(errors='replace').strip()[-400:]}")
    return seconds, used.ru_maxrss / (1024 if sys.platform != "darwin" else 1024 * 1024)
