"""Referring expression comprehension by a specialist and a multimodal language model together."""

__version__ = "0.2.0"
