"""From scene graphs to a benchmark: paths, levels, expressions, negatives, image edits, files."""
