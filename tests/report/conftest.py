"""One browser for the tests of pages."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from finecops.bench.browser import browser
from finecops.errors import FinecopsError


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """A running Chromium; without one the tests are skipped, or fail where they must not be skipped."""
    context = browser()
    try:
        found = context.__enter__()
    except FinecopsError as error:
        if os.environ.get("FINECOPS_NO_SKIP"):
            pytest.fail(str(error))
        pytest.skip(f"NOT CHECKED: {error}")
    yield found
    context.__exit__(None, None, None)
