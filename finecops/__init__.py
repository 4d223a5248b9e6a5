"""Referring expression comprehension by a specialist and a multimodal language model together."""

__version__ = "0.1.0"
