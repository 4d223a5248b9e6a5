"""Arguments for the program that serves a model: which ones are not the user's to give, and which change answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

_GPUS: Final = ("--tensor-parallel-size", "-tp")
_TAKEN: Final[Mapping[str, str]] = {
    **dict.fromkeys(
        ("--port", "--host", "--api-key", "--served-model-name", "--lora-modules", "--model"),
        "finecops sets it itself, leave it out",
    ),
    "--config": "give the arguments themselves",
    "--revision": "`revision` in the model's file",
    "--trust-remote-code": "finecops' own --trust-remote-code",
    **dict.fromkeys(_GPUS, "`gpus_per_server`"),
    **dict.fromkeys(("--data-parallel-size", "-dp"), "there is a server for each GPU already"),
}
"""Arguments that are refused, and what there is instead."""
_SHORTEST: Final = 5
"""Programs take beginnings of an argument's name for it. Shorter ones are the beginnings of many."""
_HARMLESS: Final = frozenset(
    {
        "--gpu-memory-utilization",
        "--max-num-seqs",
        "--max-num-batched-tokens",
        "--max-model-len",
        "--swap-space",
        "--cpu-offload-gb",
        "--uvicorn-log-level",
        "--disable-log-stats",
        "--enable-log-requests",
        "--disable-log-requests",
        "--download-dir",
    }
)
"""Arguments that concern memory, speed and logs."""


def _named(args: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """Each argument with its values, as they stand; the name without a value."""
    found: list[list[str]] = []
    for part in args:
        # A negative number is a value.
        if (part.startswith("-") and not part[1:2].isdigit()) or not found:
            found.append([])
        found[-1].append(part)
    for parts in found:
        yield parts[0].partition("=")[0].replace("_", "-"), parts


def args_faults(args: Sequence[str]) -> list[str]:
    """What is wrong with arguments, as sentences.

    >>> args_faults(["--dtype", "float16", "--port=80"])
    ['`serve_args`: --port: finecops sets it itself, leave it out']
    """
    faults = []
    for name, _ in _named(args):
        meant = next((one for one in _TAKEN if one == name or (len(name) >= _SHORTEST and one.startswith(name))), None)
        if not name.startswith("-"):
            faults.append(f"`serve_args`: {name!r} is no argument (--name, or --name=value)")
        elif meant is not None:
            faults.append(f"`serve_args`: {name}: {_TAKEN[meant]}")
    return faults


def args_that_change_answers(args: Sequence[str]) -> list[str]:
    """The arguments without those that concern memory, speed and logs.

    >>> args_that_change_answers(["--max-num-seqs", "8", "--dtype", "float16"])
    ['--dtype', 'float16']
    """
    return [part for name, parts in _named(args) if name not in _HARMLESS for part in parts]


def gpus_and_others(args: Sequence[str]) -> tuple[int | None, list[str]]:
    """On how many GPUs each server shall be, by its own arguments (None: they say nothing), and the others.

    >>> gpus_and_others(["--tensor-parallel-size", "2", "--seed=1"])
    (2, ['--seed=1'])
    """
    gpus, others = None, list[str]()
    for name, parts in _named(args):
        value = parts[1] if len(parts) == 2 else parts[0].partition("=")[2]
        if name in _GPUS and value.isdecimal():
            gpus = int(value)
        else:
            others += parts
    return gpus, others


def server_faults(given: Mapping[str, object]) -> list[str]:
    """Which of a model's settings about its servers do not fit each other, as sentences."""
    places = [key for key in ("base_url", "servers", "serve") if given.get(key)]
    faults = [f"`{places[0]}` and `{places[1]}` do not go together"] if len(places) > 1 else []
    if given.get("backend") != "openai":
        faults += [f"`{key}` is for models behind a server (`backend: openai`)" for key in places if key != "base_url"]
    args = given.get("serve_args")
    # A list that holds other things has a fault of its own.
    texts = [part for part in args if isinstance(part, str)] if isinstance(args, list | tuple) else []
    return [*faults, *args_faults(texts)]
