"""Configurations: YAML files for datasets, models and presets, validated, and their fingerprints."""
