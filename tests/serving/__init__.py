"""Tests of the servers that finecops starts."""
