"""Candidate Region Selection (paper, IV-B): the specialist proposes boxes, the MLLM picks one by its letter."""
