"""Whether the Hugging Face Hub can be reached, asked once; and its retries, said once.

Without it, huggingface_hub would ask for each of a model's files again and again, for minutes, with a line a try.
"""

from __future__ import annotations

import logging
from functools import lru_cache
from pathlib import Path
from typing import Final

from finecops.errors import ModelError

log = logging.getLogger(__name__)

_SECONDS: Final = 5.0
"""How long the Hub may take to answer."""
_RETRYING: Final = "huggingface_hub.utils._http"
"""The logger that says each try."""


@lru_cache(maxsize=1)
def hub_answers() -> bool:
    """Whether the Hub, or the mirror in `HF_ENDPOINT`, answers at all; False where `HF_HUB_OFFLINE` is set."""
    from huggingface_hub import constants, get_session

    if constants.HF_HUB_OFFLINE:
        return False
    try:
        get_session().head(constants.ENDPOINT, timeout=_SECONDS)
    # Each version has errors of another HTTP library; whatever it is, the Hub did not answer.
    except Exception as error:
        log.debug("the Hub does not answer", exc_info=error)
        return False
    return True


def only_downloaded(where: str, revision: str | None = None, file: str = "config.json") -> bool:
    """Whether a model is taken as it was downloaded, since the Hub does not answer. A folder needs no Hub."""
    if Path(where).is_dir() or not is_downloaded(where, revision, file):
        return False
    if hub_answers():
        return False
    _say_once(where)
    return True


@lru_cache(maxsize=64)
def _say_once(where: str) -> None:
    # Configuration, processor and weights are asked for one after the other.
    log.info("the Hub is not asked: %s is used as it was downloaded", where)


def is_downloaded(where: str, revision: str | None = None, file: str = "config.json") -> bool:
    """Whether a model's configuration is in the cache of huggingface_hub; its other files may be or not.

    Args:
        where, revision: the model on the Hub.
        file: its configuration; a pipeline of diffusers has a `model_index.json`.

    Raises:
        HFValidationError: it is no id.
    """
    from huggingface_hub import try_to_load_from_cache

    return isinstance(try_to_load_from_cache(where, file, revision=revision), str)


def need_hub(
    name: str,
    weights: str,
    where: str,
    revision: str | None = None,
    file: str = "config.json",
    advice: str | None = None,
) -> None:
    """Check that a model is downloaded, or can be.

    Args:
        name, weights: the model as its configuration calls it, for the message.
        where, revision, file: as for `is_downloaded`.
        advice: what to do where the Hub does not answer; None: what helps with a specialist or an MLLM.

    Raises:
        ModelError: it is neither.
    """
    from huggingface_hub import constants
    from huggingface_hub.errors import HFValidationError

    try:
        downloaded = is_downloaded(where, revision, file)
    except HFValidationError as error:
        raise ModelError(f"{name}: {weights} is neither a folder nor the id of a model on the Hub") from error
    if downloaded:
        return
    if constants.HF_HUB_OFFLINE:
        raise ModelError(f"{name}: {weights} is not downloaded yet, and HF_HUB_OFFLINE is set")
    if not hub_answers():
        folder = f"checkpoints/{weights.rpartition('/')[2]}"
        usual = (
            f"Put the weights into {folder}/, name a mirror in HF_ENDPOINT, or use --preset mini (small models that "
            "are included)"
        )
        raise ModelError(
            f"{name}: {weights} is not downloaded yet, and {constants.ENDPOINT} does not answer. {advice or usual}"
        )


def need_adapter(name: str, adapter: str) -> None:
    """Check that an adapter that is no folder is downloaded, or can be.

    Raises:
        ModelError: it is neither.
    """
    from huggingface_hub import constants, try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    no_folder = f"{name}: there is no folder {adapter}/ with an adapter"
    # The Hub's oldest models have ids without a user; adapters are younger.
    if adapter.count("/") != 1:
        raise ModelError(f"{no_folder}, and adapters of the Hub are named USER/NAME")
    try:
        cached = try_to_load_from_cache(adapter, "adapter_config.json")
    except HFValidationError as error:
        raise ModelError(f"{no_folder}, and it is no id of the Hub") from error
    if isinstance(cached, str):
        return
    if constants.HF_HUB_OFFLINE:
        raise ModelError(f"{no_folder}, it is not downloaded yet, and HF_HUB_OFFLINE is set")
    if not hub_answers():
        raise ModelError(f"{no_folder}, it is not downloaded yet, and {constants.ENDPOINT} does not answer")


class RetriesOnce(logging.Filter):
    """For a handler: of the Hub's retries, a line that says that it tries again; the others go."""

    def __init__(self) -> None:
        super().__init__()
        self._said = False

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is shown."""
        if record.name != _RETRYING or ("etry" not in str(record.msg) and "thrown while" not in str(record.msg)):
            return True
        if self._said:
            return False
        self._said = True
        record.msg, record.args = "the Hub does not answer, trying again (--verbose shows each try)", None
        return True


def use_own_log() -> None:
    """Send what huggingface_hub logs to the program's log alone: it would stand there twice."""
    # It configures itself when it is imported.
    import huggingface_hub.utils.logging as hub_logging

    logger = hub_logging.get_logger("huggingface_hub")
    for handler in list(logger.handlers):
        logger.removeHandler(handler)
    logger.propagate = True
