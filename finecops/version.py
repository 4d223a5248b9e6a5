"""The version of finecops."""

__version__ = "0.2.0"
