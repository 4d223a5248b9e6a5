"""What would surely stop a run, found before any model is loaded: one check per backend.

A check that passes promises nothing. One that fails saves the minutes until the run would have stopped. torch is
imported only for models that run in this process.
"""

from __future__ import annotations

import importlib.util
import logging
import re
import shutil
from pathlib import Path
from typing import Any

from finecops.config.building import BuildingModel
from finecops.config.find import resolve, resolve_weights
from finecops.config.schema import AnyModelConfig, ExtractorConfig, MllmConfig, SpecialistConfig
from finecops.config.server import own_url, server_urls
from finecops.errors import ConfigError, ModelError
from finecops.exchange.formats import FORMATS
from finecops.install import install_line
from finecops.models.checkpoint_folder import PICKLES, check_adapter, check_checkpoint
from finecops.models.hub_access import need_adapter, need_hub
from finecops.names import unknown_name

log = logging.getLogger(__name__)

# A branch or a tag can be moved to other code; a full commit hash cannot.
_COMMIT = re.compile(r"[0-9a-f]{40}")
_ANSWER_SECONDS = 5.0
"""How long a server may take to say that it is there."""


AUTO = "auto"
"""The best device there is, looked for where a model is loaded: a run without a local model needs no torch."""


def check_nothing(config: AnyModelConfig, device: str) -> None:
    """Nothing can be missing: of rules, or of a backend that finds out itself."""


def check_device(device: str) -> None:
    """Check that torch can use a device.

    Raises:
        ModelError: it cannot.
    """
    if device == AUTO:
        return
    import torch

    # An empty tensor is enough: it fails for an unknown name, a missing driver, or a missing device.
    try:
        found = torch.empty(0, device=device).device
    except (RuntimeError, AssertionError, ImportError) as error:
        raise ModelError(f"device {device!r} cannot be used: {str(error).splitlines()[0]}") from error
    if found.type == "meta":
        raise ModelError(f"device {device!r} cannot be used: it holds no numbers")


def check_transformers(config: SpecialistConfig | MllmConfig, device: str) -> None:
    """Check the device, the folder of the weights, that of an adapter, and the permission for the model's code."""
    check_device(device)
    dtype_of(config)
    remote_code(config)
    _check_weights(config.name, config.weights, config.allow_pickle, config.revision)
    if isinstance(config, MllmConfig):
        _check_adapter(config)


def _check_adapter(config: MllmConfig) -> None:
    if config.adapter is not None:
        adapter = Path(resolve_weights(config.adapter))
        if adapter.is_dir():
            check_adapter(config.name, adapter, config.allow_pickle)
        else:
            need_adapter(config.name, config.adapter)


def check_text_model(config: ExtractorConfig, device: str) -> None:
    """Check the device, and the folder of a text model in this process."""
    need_model_name(config)
    check_device(device)
    dtype_of(config)
    _check_weights(config.name, str(config.model), config.allow_pickle)


def check_parser(config: ExtractorConfig, device: str) -> None:
    """Check that spaCy and its small English model are there."""
    from finecops.models.parser_extractors import need_parser

    need_parser(config.name)


def check_mmdet(config: SpecialistConfig, device: str) -> None:
    """Check that mmdet is there, the device, the configuration's name, and the checkpoint."""
    if importlib.util.find_spec("mmdet") is None:
        raise ModelError(f"{config.name} needs mmdet: {install_line('mmdet')} (scripts/mmdet_environment.sh)")
    if config.mmdet_config is None:
        raise ConfigError(f"{config.name}: the backend mmdet needs `mmdet_config`")
    path = resolve(config.weights)
    if not path.is_file():
        raise ModelError(f"{config.name}: no checkpoint {config.weights}: OpenMMLab's model zoo has it")
    if path.suffix in PICKLES and not config.allow_pickle:
        raise ModelError(f"{config.name}: {config.weights} is a pickle; --allow-pickle loads it, tensors only")
    check_device(device)


def check_worker(config: SpecialistConfig | MllmConfig, device: str) -> None:
    """Check that a worker's variables are set, and that its program and script are there."""
    from finecops.models.worker_process import program_line

    command = program_line(config.name, config.command)
    if shutil.which(command[0]) is None:
        raise ModelError(f"{config.name}: the worker's program {command[0]} does not exist, or may not be run")
    scripts = [part for part in command[1:] if part.endswith(".py")]
    # The arguments behind the script are its own.
    if scripts and not Path(scripts[0]).is_file():
        raise ModelError(f"{config.name}: the worker's script {scripts[0]} does not exist")


def check_replay(config: SpecialistConfig | MllmConfig, device: str) -> None:
    """Check that the file of predictions is there, in a format that is known."""
    if config.file_format not in FORMATS:
        raise ConfigError(f"{config.name}: {unknown_name('file_format', str(config.file_format), FORMATS)}")
    if not resolve(config.weights).is_file():
        raise ModelError(
            f"{config.name} replays {config.weights}, which does not exist: make it with the model's own code "
            f"(docs/models), or name your file: {config.name}@FILE"
        )


def check_server(config: MllmConfig | ExtractorConfig, device: str) -> None:
    """Check that the `openai` package and the key are there, and that the server answers and takes the key."""
    if isinstance(config, ExtractorConfig):
        need_model_name(config)
    need_openai(config.name)
    if isinstance(config, MllmConfig) and config.serve is not None:
        _check_served(config, config.serve)
        return
    from finecops.models.openai_client import key_of
    from finecops.models.server_client import ask_each

    # Imported late: it looks at backends, which look here.
    from finecops.models.server_status import state_of

    urls = server_urls(config)
    key = key_of(config.name, own_url(config), config.api_key_env)
    for url, listed in zip(urls, ask_each([(url, key) for url in urls], _ANSWER_SECONDS), strict=True):
        if isinstance(listed, ModelError):
            instead = "or leave it out" if len(urls) > 1 else "or set base_url (--base-url)"
            raise ModelError(f"{config.name}: {listed}: start it, {instead}")
        # Whatever else the status is: a server answers. Not every one has a list of models.
        if listed.status in (401, 403):
            raise ModelError(f"{config.name}: {url} refuses the key: {config.api_key_env} must hold one that it knows")
        state = state_of(config, url, listed)
        if not state.good:
            # Not refused: some servers have models that they do not list.
            log.warning("%s: %s", config.name, state.said)


def _check_served(config: MllmConfig, program: str) -> None:
    """Check that the program is there, and what it shall serve."""
    from finecops.models.server_command import need_program

    need_program(config.name, program)
    remote_code(config)
    _check_weights(config.name, config.weights, config.allow_pickle, config.revision)
    _check_adapter(config)


def remote_code(config: AnyModelConfig) -> bool:
    """Whether code from the Hub may run. It may only if the model needs it, the user allows it and a commit is pinned.

    Raises:
        ModelError: the model needs it, and it is not allowed or no commit is pinned.
    """
    if isinstance(config, ExtractorConfig) or not config.remote_code:
        return False
    if not config.trust_remote_code:
        raise ModelError(
            f"{config.name} runs code from {config.weights}: read that code, then give --trust-remote-code "
            "(and pin `revision`)"
        )
    if config.revision is None or not _COMMIT.fullmatch(config.revision):
        raise ModelError(f"{config.name}: pin `revision` to a commit (40 hexadecimal digits) to run code from the Hub")
    return True


def dtype_of(config: AnyModelConfig | BuildingModel) -> Any:
    """The number type of a configuration: torch's, or the text `auto`.

    Raises:
        ConfigError: torch has no such type.
    """
    import torch

    if config.dtype == "auto":
        return "auto"
    dtype = getattr(torch, config.dtype, None)
    if not isinstance(dtype, torch.dtype) or not dtype.is_floating_point:
        raise ConfigError(f"{config.name}: dtype: torch has no number type {config.dtype!r} for weights")
    return dtype


def need_openai(name: str) -> None:
    """Check that the `openai` package is there.

    Raises:
        ModelError: it is not.
    """
    if importlib.util.find_spec("openai") is None:
        raise ModelError(f"{name} needs the openai package: {install_line('openai')}")


def need_model_name(config: ExtractorConfig) -> None:
    """Check that an extractor names its model.

    Raises:
        ConfigError: it does not.
    """
    if config.model is None:
        raise ConfigError(f"extractor {config.name} names no model")


def _check_weights(name: str, weights: str, allow_pickle: bool, revision: str | None = None) -> None:
    where = resolve_weights(weights)
    if Path(where).is_dir():
        check_checkpoint(name, Path(where), allow_pickle)
        return
    need_hub(name, weights, where, revision)
