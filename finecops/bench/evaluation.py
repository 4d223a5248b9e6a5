"""How long `finecops eval` takes on a file, start of the process to the table; and against another script."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

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
        for _ in range(repeats):
            for what, command in commands.items():
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
    begun = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        said = process.stderr.read()
        process.wait()
    seconds = time.perf_counter() - begun
    if process.returncode:
        raise RunError(f"{' '.join(command)} failed: {said.decode(errors='replace').strip()[-400:]}")
    return seconds, _peak_of(command)


def _peak_of(command: Sequence[str]) -> float:
    """Peak MiB of a process, by running it once more under a parent that reads what its children used."""
    reader = (
        "import resource, subprocess, sys\n"
        "subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)\n"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    done = subprocess.run([sys.executable, "-c", reader, *command], capture_output=True, text=True, check=True)
    return int(done.stdout) / (1024 if sys.platform != "darwin" else 1024 * 1024)
