"""Negative expressions: one change that makes an expression fit no object of its image (paper, III-B)."""
