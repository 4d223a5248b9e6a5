"""The command that serves a model's checkpoint: which program, and with which arguments.

`finecops.serving` starts it. To add a program, enter a function in `_COMMANDS`, and its name in
`finecops.config.server.PROGRAMS`.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from finecops.config.find import resolve_weights
from finecops.config.served import Served
from finecops.errors import ModelError

_VARIABLES: Final = {"vllm": "FINECOPS_VLLM"}
"""By program: the environment variable that may say where it is."""
_TOP_LOGPROBS: Final = 20
"""As many alternatives of a token as are asked for."""
_GPU_SHARE: Final = "0.85"
"""Of a GPU's memory, for the server: the rest is for the detector, which may be on the same one."""
_RANKS: Final = (8, 16, 32, 64, 128, 256, 320, 512)
"""The ranks of adapters that vLLM makes room for."""


def need_program(name: str, program: str) -> str:
    """The path of a program that serves models.

    It is looked for where its variable says, else beside this Python, else where the shell would find it.

    Raises:
        ModelError: it is not installed.
    """
    variable = _VARIABLES[program]
    given = os.environ.get(variable, "").strip()
    beside = Path(sys.executable).parent / program
    found = shutil.which(given or str(beside)) or (None if given else shutil.which(program))
    if found is None:
        where = f"{variable}={given} is no program" if given else f"{program} is not installed here"
        raise ModelError(
            f"{name}: --serve {program}: {where}. `pip install {program}`, in an environment of its own if need be "
            f"({variable}=/path/to/{program} then says where), or name servers that run: --servers URL"
        )
    return found


def lacks_program(name: str, program: str) -> str | None:
    """What is missing of a program; None: nothing."""
    try:
        need_program(name, program)
    except ModelError:
        return f"{program} is not installed"
    return None


def command_for(served: Served, adapters: Sequence[str], has_gpu: bool) -> list[str]:
    """The arguments of a server, the program first, without its place (host and port).

    Args:
        served: what is served.
        adapters: LoRA adapters, folders or Hub ids, beside the model itself.
        has_gpu: whether the server has GPUs.
    """
    return _COMMANDS[served.program](served, adapters, has_gpu)


def place_for(port: int) -> list[str]:
    """The arguments that say where a server listens: on this machine alone."""
    return ["--host", "127.0.0.1", "--port", str(port)]


def environment_for(program: str, key: str) -> dict[str, str]:
    """Variables for a server: its key, which other users of this machine do not see there, and no statistics."""
    # Another program has variables of its own.
    assert program == "vllm"
    return {"VLLM_API_KEY": key, "VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1"}


def _vllm(served: Served, adapters: Sequence[str], has_gpu: bool) -> list[str]:
    command = ["vllm", "serve", _here(served.weights), "--served-model-name", served.weights]
    command += ["--dtype", served.dtype, "--max-logprobs", str(_TOP_LOGPROBS)]
    # Memory is kept for one image a request, and none for videos.
    command += ["--limit-mm-per-prompt", json.dumps({"image": 1, "video": 0})]
    # A line for each request would make a log of gigabytes.
    command += ["--uvicorn-log-level", "warning"]
    # Without it vLLM looks for pickles where there is nothing else.
    command += [] if served.allow_pickle else ["--load-format", "safetensors"]
    command += ["--revision", served.revision] if served.revision is not None else []
    command += ["--trust-remote-code"] if served.trust_remote_code else []
    command += ["--gpu-memory-utilization", _GPU_SHARE] if has_gpu else []
    command += ["--tensor-parallel-size", str(served.gpus_each)] if served.gpus_each > 1 else []
    if adapters:
        command += ["--enable-lora", "--max-lora-rank", str(_rank_for(adapters))]
        command += ["--lora-modules", *(f"{adapter}={_here(adapter)}" for adapter in adapters)]
    return [*command, *served.args]


def _here(weights: str) -> str:
    """A folder's whole path, or the id on the Hub."""
    found = Path(resolve_weights(weights))
    return str(found.absolute()) if found.is_dir() else weights


def _rank_for(adapters: Sequence[str]) -> int:
    """The smallest of the possible ranks that the adapters fit into; of one that is not here, the usual 16."""
    needed = 16
    for adapter in adapters:
        path = Path(resolve_weights(adapter)) / "adapter_config.json"
        if path.is_file():
            found = json.loads(path.read_text()).get("r")
            needed = max(needed, found) if isinstance(found, int) else needed
    return next((rank for rank in _RANKS if rank >= needed), _RANKS[-1])


_COMMANDS: Mapping[str, Callable[[Served, Sequence[str], bool], list[str]]] = {"vllm": _vllm}
