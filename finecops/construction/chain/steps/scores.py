"""Stage `scores`: what the scorers say of edited images and of texts; thresholds come later, in `chosen`."""

from __future__ import annotations
