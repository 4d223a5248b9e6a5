"""Reading benchmarks into samples, choosing some of them, and checking their files."""
