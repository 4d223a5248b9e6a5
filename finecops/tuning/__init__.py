"""Tuning an MLLM to choose among candidates (paper, IV-B): data, exports, the linter, LoRA training."""
