"""`finecops doctor`: what is installed, what is missing, and the command that repairs it."""

from __future__ import annotations

import importlib
import importlib.util
import platform
import re
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib import metadata
from urllib.parse import urlsplit

from finecops.config.find import load_dataset, load_model, names
from finecops.config.schema import ExtractorConfig, MllmConfig
from finecops.datasets.places import splits_here
from finecops.errors import ConfigError
from finecops.install import install_line
from finecops.models.server_status import is_behind_server, server_states
from finecops.version import __version__

_MODULES = {
    "pyyaml": "yaml",
    "pillow": "PIL",
    "scikit-learn": "sklearn",
    "onedl-mmcv": "mmcv",
    "onedl-mmdetection": "mmdet",
    "onedl-mmengine": "mmengine",
}
"""Package → the module that it installs, where the names differ."""
# A line of the package's metadata: name, extras of its own, version, and the extra of finecops that asks for it.
_REQUIREMENT = re.compile(r"^([A-Za-z0-9_.-]+)(\[[^]]*\])?.*?(?:extra == ['\"]([^'\"]+)['\"])?$")


@dataclass(frozen=True)
class Finding:
    """A line of the report."""

    what: str
    """What was examined."""

    state: str
    """What was found."""

    good: bool = True
    """False where finecops cannot work like this."""

    fix: str | None = None
    """The command that repairs or completes it."""


def examine() -> Iterator[Finding]:
    """All findings, the most basic first."""
    yield Finding("finecops", __version__)
    yield Finding("Python", f"{platform.python_version()} on {platform.system()} {platform.machine()}")
    required, extras = _requirements()
    for name in required:
        version = _version(name)
        fix = None if version else f"pip install '{name}'"
        yield Finding(name, version or "missing", good=version is not None, fix=fix)
    yield from _torch_findings()
    for extra, packages in extras.items():
        missing = [name for name in packages if _version(name) is None]
        state = f"lacks {', '.join(missing)}" if missing else "complete"
        # Good also when it is missing: it is optional.
        yield Finding(f"extra {extra}", state, fix=install_line(extra) if missing else None)
    yield from _server_findings()
    yield from _dataset_findings()


def _server_findings() -> Iterator[Finding]:
    """Whether the servers of configured models answer, a line per server. None has to."""
    found: list[MllmConfig | ExtractorConfig] = []
    for name in names("models"):
        # A broken file is named by `finecops models list`.
        with suppress(ConfigError):
            config = load_model(name)
            if is_behind_server(config):
                found.append(config)
    said: dict[str, list[str]] = {}
    for config, state in zip(found, server_states(found), strict=True):
        said.setdefault(state.url, []).append(f"{config.name}: {state.said}")
    for url, sentences in said.items():
        states = {sentence.partition(": ")[2] for sentence in sentences}
        # Without an answer, all models of a server say the same.
        shared = f"{states.pop()} ({', '.join(sentence.partition(': ')[0] for sentence in sentences)})"
        yield Finding(f"server {urlsplit(url).netloc}", shared if not states else "; ".join(sentences))


def _dataset_findings() -> Iterator[Finding]:
    """Which datasets are here; one file of any split is enough."""
    for name in names("datasets"):
        config = load_dataset(name)
        yield Finding(
            f"dataset {name}", str(config.root) if splits_here(config) else "not here: a run on it says what to fetch"
        )


def _requirements() -> tuple[list[str], dict[str, list[str]]]:
    """Packages that finecops needs, and those of each extra; nothing where finecops is not installed as a package."""
    required: list[str] = []
    extras: dict[str, list[str]] = {}
    try:
        lines = metadata.requires("finecops") or []
    except metadata.PackageNotFoundError:
        return [], {}
    for line in lines:
        match = _REQUIREMENT.match(line.strip())
        if match is None:
            continue
        name, _, extra = match.groups()
        if extra is None:
            required.append(name)
        # The extra "dev" names finecops itself with other extras; neither it nor "docs" is for users.
        elif name != "finecops" and extra not in ("dev", "docs"):
            extras.setdefault(extra, []).append(name)
    return required, extras


def _version(name: str) -> str | None:
    """The version of an installed package; None if it is missing."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        # Built from source or put on the path, a module has no metadata but works.
        module = _MODULES.get(name.lower(), name.replace("-", "_"))
        return "from elsewhere" if importlib.util.find_spec(module) is not None else None


def _torch_findings() -> Iterator[Finding]:
    """The devices, and whether torch and torchvision were built for each other."""
    try:
        import torch
    except ImportError as error:
        yield Finding("devices", f"torch does not import: {error}", good=False, fix="pip install torch torchvision")
        return
    devices = ["cpu"]
    if torch.cuda.is_available():
        for i in range(torch.cuda.device_count()):
            properties = torch.cuda.get_device_properties(i)
            devices.append(f"cuda:{i} {properties.name}, {properties.total_memory / 1024**3:.0f} GiB")
    if torch.backends.mps.is_available():
        devices.append("mps")
    yield Finding("devices", "; ".join(devices) + f"; {torch.get_num_threads()} threads")
    try:
        # Importing its operators fails where torchvision was built for another torch; importing torchvision alone
        # works.
        importlib.import_module("torchvision.ops")
    except (ImportError, RuntimeError, AttributeError) as error:
        reason = str(error).splitlines()[0]
        fix = f"{sys.executable} -m pip install --upgrade torch torchvision"
        yield Finding("torchvision with torch", f"they do not fit each other: {reason}", good=False, fix=fix)
