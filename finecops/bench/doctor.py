"""What is installed and what is missing, with the line that mends it."""

from __future__ import annotations

import importlib
import importlib.util
import platform
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata

from finecops import __version__
from finecops.config.find import load_dataset, names, resolve

_MODULES = {"pyyaml": "yaml", "pillow": "PIL", "scikit-learn": "sklearn", "onedl-mmdetection": "mmdet"}
_MODULES |= {"onedl-mmcv": "mmcv", "onedl-mmengine": "mmengine"}
_REQUIREMENT = re.compile(r"^([A-Za-z0-9_.-]+)(\[[^]]*\])?.*?(?:extra == ['\"]([^'\"]+)['\"])?$")


@dataclass(frozen=True)
class Finding:
    """A line of the report: what, how it stands, whether that is good, and the line that mends it if it is not."""

    what: str
    state: str
    good: bool = True
    mend: str | None = None


def examine() -> Iterator[Finding]:
    """Everything there is to say, most basic things first."""
    yield Finding("finecops", __version__)
    yield Finding("Python", f"{platform.python_version()} on {platform.system()} {platform.machine()}")
    required, extras = _requirements()
    for name in required:
        version = _version(name)
        yield Finding(name, version or "missing", version is not None, None if version else f"pip install '{name}'")
    yield from _torch()
    for extra, packages in extras.items():
        lacking = [name for name in packages if _version(name) is None]
        state = f"lacks {', '.join(lacking)}" if lacking else "complete"
        # What is optional is not wrong when it is not there.
        yield Finding(f"extra {extra}", state, True, f"pip install 'finecops[{extra}]'" if lacking else None)
    for name in names("datasets"):
        config = load_dataset(name)
        root = resolve(config.root)
        here = any((root / file).is_file() for files in config.splits.values() for file in files)
        state = str(config.root) if here else "not here: a run on it says what to fetch"
        yield Finding(f"dataset {name}", state)


def _requirements() -> tuple[list[str], dict[str, list[str]]]:
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
        elif name != "finecops" and extra != "dev":
            extras.setdefault(extra, []).append(name)
    return required, extras


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        module = _MODULES.get(name.lower(), name.replace("-", "_"))
        return "from elsewhere" if importlib.util.find_spec(module) is not None else None


def _torch() -> Iterator[Finding]:
    try:
        import torch
    except ImportError as error:
        yield Finding("devices", f"torch does not import: {error}", False, "pip install torch torchvision")
        return
    devices = ["cpu"]
    if torch.cuda.is_available():
        for i in range(torch.cuda.device_count()):
            found = torch.cuda.get_device_properties(i)
            devices.append(f"cuda:{i} {found.name}, {found.total_memory / 1024**3:.0f} GiB")
    if torch.backends.mps.is_available():
        devices.append("mps")
    yield Finding("devices", "; ".join(devices) + f"; {torch.get_num_threads()} threads")
    try:
        importlib.import_module("torchvision.ops")
    except (ImportError, RuntimeError, AttributeError) as error:
        said = str(error).splitlines()[0]
        mend = f"{sys.executable} -m pip install --upgrade torch torchvision"
        yield Finding("torchvision with torch", f"they do not fit each other: {said}", False, mend)
