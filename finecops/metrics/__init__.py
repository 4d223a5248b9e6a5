"""Metrics: arrays in, a value with its denominator out. Definitions: `docs/metrics.md`."""
