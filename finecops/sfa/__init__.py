"""Slow-Fast Adaptation (paper, IV-A): extract the target, route by counting it, answer on the pathway chosen."""
