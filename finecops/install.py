"""The line that installs what is missing, as it fits how finecops was installed."""

from __future__ import annotations

import os
from pathlib import Path

_PROJECT = Path(__file__).resolve().parents[1]


def is_checkout() -> bool:
    """Whether finecops is used where it is developed (`pip install -e .`), and not from a wheel."""
    return (_PROJECT / "pyproject.toml").is_file()


def mini_line() -> str:
    """What brings the small models and the small benchmark here: they lie in the repository, and beside a wheel in a
    package of their own (`finecops.config.companion`)."""
    if (_PROJECT / ".git").exists():
        return "they are a part of the repository: `git checkout -- checkpoints data/finecops-mini` brings them back"
    return "the wheel of finecops-mini has them (33 MB): install it, too"


def install_line(extra: str) -> str:
    """The command that installs an extra of finecops.

    In a checkout (`pip install -e .`) it names the checkout: `.` where it is the working directory. Elsewhere finecops
    was installed from a wheel, and the package is named.
    """
    if not is_checkout():
        return f"pip install 'finecops[{extra}]'"
    try:
        here = os.path.samefile(_PROJECT, os.curdir)
    except OSError:
        here = False
    return f"pip install -e '{'.' if here else _PROJECT}[{extra}]'"
