"""Measuring on this machine: `finecops bench` (speed as ratios), `models check` (one model), `doctor` (packages)."""
