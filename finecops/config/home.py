"""The user's own folder of finecops: fetched data and models, configurations, remembered paths.

`FINECOPS_HOME` moves it; else it is where the operating system keeps an application's data.
"""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

VARIABLE = "FINECOPS_HOME"


def home() -> Path:
    """The user's folder. It need not exist."""
    moved = os.environ.get(VARIABLE)
    return Path(moved).expanduser() if moved else platformdirs.user_data_path("finecops", appauthor=False)
