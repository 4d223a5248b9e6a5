"""The package `finecops-mini`: the small models and the small benchmark, for a finecops that is not a checkout.

In a checkout they are files of the repository. Their paths are the same in both: `checkpoints/mini-…` and
`data/finecops-mini`.
"""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path

_MODULE = "finecops_mini"
_FOLDERS = ("data/finecops-mini", "checkpoints/mini-")


@cache
def companion() -> Path | None:
    """The folder of the installed package; None where it is not installed."""
    # The module is not imported: there is nothing to run in it.
    spec = importlib.util.find_spec(_MODULE)
    return Path(spec.origin).parent if spec is not None and spec.origin is not None else None


def is_of_companion(path: Path | str) -> bool:
    """Whether a configuration's path is one of the files that the package has."""
    return Path(path).as_posix().startswith(_FOLDERS)
