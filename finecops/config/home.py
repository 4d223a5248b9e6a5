"""The user's folder: downloaded data and models, the user's own configurations, stored paths.

The variable `FINECOPS_HOME` sets it. Without it, the folder is where the operating system keeps an application's data.
"""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

VARIABLE = "FINECOPS_HOME"
"""The environment variable that names the folder."""


def home() -> Path:
    """The user's folder. It may not exist."""
    chosen = os.environ.get(VARIABLE)
    # Without `appauthor=False`, Windows would nest the folder in one of the same name.
    return Path(chosen).expanduser() if chosen else platformdirs.user_data_path("finecops", appauthor=False)
