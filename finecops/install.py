"""The line that installs an extra, as it fits how finecops was installed."""

from __future__ import annotations

import os
from pathlib import Path

_PROJECT = Path(__file__).resolve().parents[1]


def install_line(extra: str) -> str:
    """The command that installs an extra of finecops.

    In a checkout (`pip install -e .`) it names the checkout: `.` where it is the working directory. Elsewhere finecops
    was installed from a wheel, and the package is named.
    """
    if not (_PROJECT / "pyproject.toml").is_file():
        return f"pip install 'finecops[{extra}]'"
    try:
        here = os.path.samefile(_PROJECT, os.curdir)
    except OSError:
        here = False
    return f"pip install -e '{'.' if here else _PROJECT}[{extra}]'"
