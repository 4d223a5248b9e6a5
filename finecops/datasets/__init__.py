"""Datasets: reading annotation files into samples, choosing some samples, and checking files."""
