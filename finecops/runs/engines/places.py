"""Where on this machine workers are placed: the GPUs of each, and how many there are room for."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from finecops.errors import UsageError
from finecops.runs.engines.cores import THREADS, threads_here
from finecops.runs.specification import Workers

log = logging.getLogger(__name__)

_VISIBLE: Final = "CUDA_VISIBLE_DEVICES"


def gpus_here() -> list[str]:
    """The GPUs that this process may use, as `CUDA_VISIBLE_DEVICES` names them. torch is asked only if there is one."""
    named = os.environ.get(_VISIBLE)
    if named is not None:
        return [part.strip() for part in named.split(",") if part.strip() not in ("", "-1")]
    if not any(Path("/dev").glob("nvidia[0-9]*")) and not Path("/dev/kfd").exists():
        return []
    import torch

    return [str(number) for number in range(torch.cuda.device_count())]


def places(workers: Workers, device: str, gpus: Sequence[str], cores: int) -> list[Mapping[str, str]]:
    """Variables for the environment of each worker.

    The last digits of a sum depend on the number of threads, so a worker has as many as this process would have.

    Args:
        workers: what the user asked for.
        device: of the stage's models; on `cpu` no GPU is used.
        gpus, cores: what the machine has.

    Raises:
        UsageError: there are not so many GPUs.

    >>> places(Workers(), "auto", ["0", "1"], 8)
    [{'CUDA_VISIBLE_DEVICES': '0'}, {'CUDA_VISIBLE_DEVICES': '1'}]
    """
    there = [] if device == "cpu" else list(gpus)
    each = workers.gpus_each if workers.gpus_each is not None else 1.0 if there else 0.0
    shares = _shares(there, each)
    if each:
        count = workers.count or max(1, len(shares))
        if count > len(shares):
            raise UsageError(
                f"{count} workers with {each:g} GPUs each do not fit: this machine has {len(there)}"
                + (" (--gpus-per-worker 0.5 lets two share one)" if there and each == 1 else "")
            )
        return [{_VISIBLE: share} for share in shares[:count]]
    threads = threads_here(cores)
    count = workers.count or max(1, cores // threads)
    if count * threads > cores:
        log.warning(
            "%d workers with %d threads each are more than the %d cores: %s=%d gives each its own (the last digits of "
            "numbers are those of other runs with as many threads)",
            *(count, threads, cores, THREADS, max(1, cores // count)),
        )
    return [{_VISIBLE: ""} if gpus else {}] * count


def _shares(gpus: Sequence[str], each: float) -> list[str]:
    """The GPUs of each worker that there is room for."""
    if each == 0:
        return []
    if each < 1:
        return [gpu for gpu in gpus for _ in range(int(1 / each + 1e-9))]
    if each != int(each):
        raise UsageError(f"--gpus-per-worker {each:g}: a whole number, or a part of one GPU below 1")
    size = int(each)
    return [",".join(gpus[start : start + size]) for start in range(0, len(gpus) - size + 1, size)]
