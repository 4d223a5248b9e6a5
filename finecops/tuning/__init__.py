"""Tuning an MLLM to choose candidates (paper, IV-B): data, exports, the linter, LoRA training."""
